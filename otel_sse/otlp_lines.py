"""Spans in a file that `otel-sse diagnose --file` reads: the public place of `OTLPLinesExporter`.

Raises:
    MissingExtraError: On import, where the packages of the extra `otlp` are missing.
"""

from otel_sse.errors import needs

with needs("otlp", "otel_sse.otlp_lines"):
    from otel_sse.exporters.otlp_lines import OTLPLinesExporter

__all__ = ["OTLPLinesExporter"]
