"""Makes everything in `grafana/` that Grafana and Prometheus read, with the names of `otel_sse.semconv`."""
