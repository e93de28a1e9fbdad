"""Spans in a file that `otel-sse diagnose --file` reads: the public place of `OTLPLinesExporter`.

Raises:
    MissingExtraError: On import, where the packages of the extra `otlp` are missing.
"""

from otel_sse.errors import MissingExtraError

try:
    from otel_sse.exporters.otlp_lines import OTLPLinesExporter
except ImportError as error:
    if (error.name or "").startswith("otel_sse"):
        raise
    raise MissingExtraError("otel_sse.otlp_lines", "otlp") from error

__all__ = ["OTLPLinesExporter"]
