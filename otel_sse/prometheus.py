"""A Prometheus endpoint with exemplars: the public place of `PrometheusReader`.

Raises:
    MissingExtraError: On import, where the packages of the extra `prometheus` are missing.
"""

from otel_sse.errors import needs

with needs("prometheus", "otel_sse.prometheus"):
    from otel_sse.exporters.prometheus import PrometheusReader

__all__ = ["PrometheusReader"]
