"""A recorder with a real SDK behind it, whose spans and metrics tests look at, and stages to lead chunks through."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry.clock import now_ns


def frame(number: int) -> bytes:
    """An event with content, in a shape of its own."""
    return b'data: {"content": "word %d ", "done": false}\n\n' % number


END = b'data: {"content": "", "done": true}\n\n'


@dataclass
class Bench:
    """A recorder and what came out of it."""

    recorder: Recorder
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader
    provider: TracerProvider
    meters: MeterProvider
    opened: list[StageRecord] = field(default_factory=list)

    def open(self, stage: str = "socket_write", stream_id: str = "s1", route: str = "/chat") -> StageRecord:
        record = self.recorder.open(StageInfo(StageSpec(stage), stream_id, route), now_ns())
        self.opened.append(record)
        return record

    def stream(self, chunks: int, outcome: str = "completed") -> StageRecord:
        """Send a whole stream: `chunks` events with content and the end."""
        record = self.open()
        for number in range(1, chunks + 1):
            record.feed(frame(number), now_ns(), 0)
        record.feed(END, now_ns(), 0)
        record.close(outcome)
        return record

    def spans(self, name: str = "stream socket_write") -> list[ReadableSpan]:
        """The finished segments in the order of their index, after a flush."""
        self.recorder.flush()
        found = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return sorted(found, key=lambda span: int(attributes(span)["sse.segment.index"]))

    def events(self, name: str = "sse.chunk") -> list[dict[str, Any]]:
        """The attributes of all events of a name, in order."""
        return [dict(event.attributes or {}) for span in self.spans() for event in span.events if event.name == name]

    def points(self, metric: str) -> dict[tuple[tuple[str, str], ...], Any]:
        """Data points of a metric by their sorted labels."""
        self.recorder.flush()
        return points(self.reader, metric)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def points(reader: InMemoryMetricReader, metric: str) -> dict[tuple[tuple[str, str], ...], Any]:
    data = reader.get_metrics_data()
    found: dict[tuple[tuple[str, str], ...], Any] = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for each in scope.metrics:
                if each.name == metric:
                    for point in each.data.data_points:
                        labels = tuple(sorted((key, str(value)) for key, value in (point.attributes or {}).items()))
                        found[labels] = point
    return found


class Benches:
    """Makes benches and shuts them down."""

    def __init__(self) -> None:
        self._made: list[Bench] = []

    def __call__(self, *, max_events: int | None = None, sampler: Sampler = ALWAYS_ON, **options: Any) -> Bench:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(
            span_limits=SpanLimits(max_events=max_events), sampler=sampler, shutdown_on_exit=False
        )
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        reader = InMemoryMetricReader()
        meters = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
        recorder = Recorder(Options.resolve({}, **options), provider, meters, "0")
        bench = Bench(recorder, exporter, reader, provider, meters)
        self._made.append(bench)
        return bench

    def close(self) -> None:
        for bench in self._made:
            bench.recorder.shutdown()
            bench.provider.shutdown()


def cross(record: StageRecord, *texts: str) -> None:
    """Let texts cross a stage; it begins to take plain text with the first one."""
    for text in texts:
        record.take(text, now_ns())


def upstreams(bench: Bench, *records: StageRecord) -> list[list[Any]]:
    """End stages; return for each of their chunks what it was made of, and of which source, where that was said."""
    for record in records:
        record.close("completed")
    return [
        [_made_of(event) for event in span_of(bench, record).events if event.name == "sse.chunk"] for record in records
    ]


def _made_of(event: Event) -> Any:
    found = dict(event.attributes or {})
    first = found.get("sse.chunk.upstream.first", 0)
    return (first, found["sse.chunk.source"]) if "sse.chunk.source" in found else first


def span_of(bench: Bench, record: StageRecord) -> ReadableSpan:
    """The one span of a stage that has ended."""
    (span,) = [span for span in bench.spans(f"stream {record.info.name}") if span.context == record.span_context]
    return span


def dropped(bench: Bench) -> int:
    """The counter of dropped chunks, as whoever collects metrics sees it now."""
    return int(points(bench.reader, "sse.recorder.dropped")[(("stage", "socket_write"),)].value)


def outcomes(bench: Bench) -> dict[str, int]:
    found = points(bench.reader, "sse.streams.ended")
    return {dict(labels)["outcome"]: point.value for labels, point in found.items() if point.value}


def total(bench: Bench, metric: str) -> int:
    return sum(int(point.value) for point in points(bench.reader, metric).values())


def abandon(record: StageRecord) -> None:
    """End a stage, as a destructor's request does."""
    record.close("abandoned")


def until(done: Callable[[], bool]) -> None:
    """Wait until `done()`, a minute at most."""
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.002)


class Broken(RuntimeError):
    """An error that otel_sse would have made itself."""


def fail(*_: Any) -> Any:
    raise Broken("secret text of a frame")


def failures(bench: Bench, site: str) -> int:
    """How many internal errors were counted at a site."""
    return int(points(bench.reader, "sse.internal_errors")[(("site", site),)].value)
