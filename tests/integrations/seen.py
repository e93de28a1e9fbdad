"""What the OpenTelemetry SDK was given: stages, requests and metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind

import otel_sse
from otel_sse.integrations.apps import _recorder_of
from otel_sse.recording.recorder import Recorder

_LIMIT_S = 60.0

SOCKET_WRITE = "socket_write"
"""The stage that most tests are about; an application that is instrumented has others as well."""


def until(condition: Callable[[], Any], what: str, limit_s: float = _LIMIT_S, *, pause_s: float = 0.002) -> Any:
    """Return the condition's value once it is true, asked again after each pause; fail after a minute, or the limit."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {limit_s} s")
        time.sleep(pause_s)
    return value


class Stage:
    """One stage of one stream as it was exported: its segments in order."""

    def __init__(self, segments: list[ReadableSpan]) -> None:
        self.segments = sorted(segments, key=lambda span: int(attributes(span)["sse.segment.index"]))
        self.first = self.segments[0]
        self.attributes = attributes(self.segments[-1])

    @property
    def outcome(self) -> str:
        """The one outcome; it must stand on the last segment and on no other."""
        outcomes = [attributes(span).get("sse.stream.outcome") for span in self.segments]
        assert outcomes[:-1] == [None] * (len(outcomes) - 1)
        return str(outcomes[-1])

    @property
    def events(self) -> list[Any]:
        """The chunk events of all segments, in order."""
        return [event for span in self.segments for event in span.events if event.name == "sse.chunk"]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The attributes of all chunk events, in order."""
        return [dict(event.attributes or {}) for event in self.events]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The attributes of all finding events, in order."""
        events = [event for span in self.segments for event in span.events if event.name == "sse.finding"]
        return [dict(event.attributes or {}) for event in events]

    @property
    def digests(self) -> list[str]:
        """The digests of all chunks, in order."""
        return [chunk["sse.chunk.digest"] for chunk in self.chunks]

    @property
    def stream_id(self) -> str:
        """The stream's id."""
        return str(self.attributes["sse.stream.id"])

    @property
    def parent_id(self) -> int | None:
        """Span id of the parent; all segments must have the same one."""
        parents = {span.parent.span_id if span.parent else None for span in self.segments}
        assert len(parents) == 1
        return parents.pop()


class Telemetry:
    """A fresh provider, the applications that report to it, and what they reported."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self._apps: list[Any] = []
        self._recorders: list[Recorder] = []

    def instrument(self, app: Any, **options: Any) -> Any:
        """Instrument an application; it is uninstrumented at the test's end."""
        app = otel_sse.instrument(
            app, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options
        )
        self._apps.append(app)
        self._recorders.append(recorder_of(app))
        return app

    def spans(self) -> list[ReadableSpan]:
        """All spans exported so far."""
        return list(self.exporter.get_finished_spans())

    def segments(self, name: str = SOCKET_WRITE) -> list[ReadableSpan]:
        """All segments of all stages of a name exported so far."""
        return [span for span in self.spans() if span.name == f"stream {name}"]

    def stages(self, count: int = 1, name: str = SOCKET_WRITE) -> list[Stage]:
        """Wait until `count` stages of a name have ended; return them, in the order of their ends.

        There must not be more.
        """
        until(lambda: len(self._ended(name)) >= count, f"the end of {count} stages {name}")
        otel_sse.flush()
        ended = self._ended(name)
        assert len(ended) == count
        return [
            Stage(
                [
                    each
                    for each in self.segments(name)
                    if attributes(each)["sse.stream.id"] == attributes(last)["sse.stream.id"]
                ]
            )
            for last in ended
        ]

    def stage(self, name: str = SOCKET_WRITE) -> Stage:
        """Wait for the one stage of a name."""
        return self.stages(1, name)[0]

    def requests(self, count: int = 1) -> list[ReadableSpan]:
        """Wait until `count` SERVER spans have ended; return them. There must not be more."""
        until(lambda: len(self._servers()) >= count, f"the end of {count} requests")
        assert len(self._servers()) == count
        return self._servers()

    def request(self) -> ReadableSpan:
        """Wait for the one SERVER span."""
        return self.requests(1)[0]

    def metric(self, name: str) -> dict[tuple[tuple[str, str], ...], Any]:
        """Data points of a metric by their sorted labels."""
        otel_sse.flush()
        data = self.reader.get_metrics_data()
        found: dict[tuple[tuple[str, str], ...], Any] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        for point in metric.data.data_points:
                            found[labels(**(point.attributes or {}))] = point
        return found

    def value(self, name: str, **of: str) -> Any:
        """Value of the metric's data point with these labels and no others; 0 where there is none."""
        point = self.metric(name).get(labels(**of))
        return 0 if point is None else point.value

    def settled(self) -> None:
        """Assert that soon nothing is left of any stream: no pending record, no stream counted as open."""
        # A client has its last byte before the application has returned, and a stream ends when it has.
        for recorder in self._recorders:
            until(partial(getattr, recorder.background, "idle"), "the end of all streams")
        assert [point.value for point in self.metric("sse.streams.active").values() if point.value] == []

    def close(self) -> None:
        """Uninstrument every application and shut the providers down."""
        for app in self._apps:
            otel_sse.uninstrument(app)
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()

    def _ended(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.segments(name) if "sse.stream.outcome" in attributes(span)]

    def _servers(self) -> list[ReadableSpan]:
        return [span for span in self.spans() if span.kind is SpanKind.SERVER]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


def labels(**of: Any) -> tuple[tuple[str, str], ...]:
    """Return labels as the key that `Telemetry.metric` uses."""
    return tuple(sorted((name, str(value)) for name, value in of.items()))


def recorder_of(app: Any) -> Recorder:
    """Return the recorder of an instrumented application."""
    recorder = _recorder_of(app)
    assert recorder is not None
    return recorder
