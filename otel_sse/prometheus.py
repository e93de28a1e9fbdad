"""A Prometheus endpoint with exemplars: the public place of `PrometheusReader`.

Raises:
    MissingExtraError: On import, where the packages of the extra `prometheus` are missing.
"""

from otel_sse.errors import MissingExtraError

try:
    from otel_sse.exporters.prometheus import PrometheusReader
except ImportError as error:
    if (error.name or "").startswith("otel_sse"):
        raise
    raise MissingExtraError("otel_sse.prometheus", "prometheus") from error

__all__ = ["PrometheusReader"]
