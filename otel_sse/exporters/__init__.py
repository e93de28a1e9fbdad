"""Spans and metrics out of the process: lines of OTLP, Prometheus."""
