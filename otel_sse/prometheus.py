"""A Prometheus endpoint whose samples carry exemplars, so that a point in a graph opens its trace.

OpenTelemetry's own exporter (`opentelemetry-exporter-prometheus`) leaves exemplars out. This reader is that exporter
with the exemplars of otel_sse's metrics put back. Prometheus asks for the one format that has them, OpenMetrics, by
itself, and keeps them where it runs with `--enable-feature=exemplar-storage`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final

from opentelemetry.trace import format_span_id, format_trace_id

from otel_sse import semconv
from otel_sse.errors import MissingExtraError

try:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.metrics.export import MetricsData
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector
    from prometheus_client.samples import Exemplar as SampleExemplar
    from prometheus_client.samples import Sample
except ImportError as error:
    raise MissingExtraError("otel_sse.prometheus", "prometheus") from error

Key = tuple[str, frozenset[tuple[str, str]]]
"""A metric's Prometheus name and the labels of one of its series."""

_METRICS: Final = {metric.name: metric for metric in semconv.METRICS if metric.kind in {"counter", "histogram"}}
"""Those whose samples may have exemplars, by OpenMetrics."""

_SAMPLES: Final = {
    metric.prometheus + ("_bucket" if metric.kind == "histogram" else ""): metric for metric in _METRICS.values()
}
"""The same by the name of the sample that has them."""

_NS_PER_S: Final = 1e9


class PrometheusReader(PrometheusMetricReader):
    """OpenTelemetry's Prometheus exporter, with an exemplar on each counter and bucket of otel_sse that has one.

    An exemplar stays until a newer one takes its place, so that no scraper misses one which another has seen.

    Args:
        registry: Where the metrics are exposed.
        **settings: As of `PrometheusMetricReader`.

    Example:
        >>> provider = MeterProvider([PrometheusReader()])
        >>> app.mount("/metrics", prometheus_client.make_asgi_app())
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY, **settings: Any) -> None:
        inner = CollectorRegistry()
        super().__init__(registry=inner, **settings)
        self._exposed_by = registry
        self._collector_of_all = _WithExemplars(inner)
        registry.register(self._collector_of_all)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        self._collector_of_all.exemplars = dict(_exemplars(metrics_data))
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Take the metrics off the registry."""
        self._exposed_by.unregister(self._collector_of_all)
        super().shutdown(timeout_millis, **kwargs)


class _WithExemplars(Collector):
    """Collects what the exporter gives, and puts exemplars on it.

    Args:
        inner: The registry that the exporter writes to.
    """

    def __init__(self, inner: CollectorRegistry) -> None:
        self.exemplars: dict[Key, list[Exemplar]] = {}
        """What the collection under way has brought."""
        self._latest: dict[tuple[Key, str], SampleExemplar] = {}
        self._inner = inner
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry is not to collect before there is a meter provider."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of now."""
        # Two scrapes at once would take each other's exemplars.
        with self._lock:
            families = list(self._inner.collect())
            for family in families:
                family.samples = [self._with_exemplar(sample) for sample in family.samples]
        return families

    def _with_exemplar(self, sample: Sample) -> Sample:
        metric = _SAMPLES.get(sample.name)
        if metric is None:
            return sample
        key, bound = _key(metric, sample.labels), sample.labels.get("le", "inf")
        waiting = self.exemplars.get(key, [])
        # Buckets come from the lowest to the highest, so what an earlier one took is below this one.
        fitting = [one for one in waiting if one.value <= float(bound)]
        for one in fitting:
            waiting.remove(one)
        if fitting:
            self._latest[key, bound] = _told(max(fitting, key=lambda one: one.time_unix_nano))
        return sample._replace(exemplar=self._latest.get((key, bound)))


def _exemplars(data: MetricsData) -> Iterator[tuple[Key, list[Exemplar]]]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for found in scope.metrics:
                metric = _METRICS.get(found.name)
                if metric is None:
                    continue
                for point in found.data.data_points:
                    traced = [one for one in point.exemplars if one.trace_id]
                    yield _key(metric, point.attributes or {}), traced


def _key(metric: semconv.Metric, labels: Any) -> Key:
    # The exporter gives a label that a series lacks as "", which Prometheus takes for the same.
    return metric.prometheus, frozenset((name, str(labels[name])) for name in metric.labels if labels.get(name))


def _told(exemplar: Exemplar) -> SampleExemplar:
    labels = {"trace_id": format_trace_id(exemplar.trace_id or 0), "span_id": format_span_id(exemplar.span_id or 0)}
    return SampleExemplar(labels, exemplar.value, exemplar.time_unix_nano / _NS_PER_S)
