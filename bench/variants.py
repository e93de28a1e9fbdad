"""The same application with each instrumentation, every one with a provider and an exporter of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import otel_sse
from bench.apps import ASGIApp
from bench.naive import NaiveMiddleware

PLAIN: Final = "plain"
CONTRIB: Final = "contrib"
CONTRIB_QUIET: Final = "contrib, no send spans"
NAIVE: Final = "naive add_event"
ALL: Final = "ours, all"
PACKED: Final = "ours, packed"
FINDINGS: Final = "ours, findings"
OFF: Final = "ours, off"
UNSAMPLED: Final = "ours, unsampled"
SERVER: Final = "ours, all, SERVER span"

_NAIVE_EVENTS: Final = 1_000_000
"""The naive wrapper loses all but 128 events with the default limit, which would make it look cheap."""


class EncodingExporter(SpanExporter):
    """Encodes spans as OTLP does, counts the bytes and drops them."""

    def __init__(self) -> None:
        self.bytes = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        self.bytes += len(encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS


def _nothing() -> None:
    """Stand in for the flush and the close of an application that is not instrumented."""


@dataclass(slots=True)
class Variant:
    """One application as it is measured.

    Args:
        name: Its name in the tables.
        app: What is called.
        finish: Brings everything recorded so far through the exporter.
        close: Ends its threads.
        exporter: Counts the bytes encoded.
    """

    name: str
    app: ASGIApp
    finish: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing
    exporter: EncodingExporter = field(default_factory=EncodingExporter)


def make(name: str, app: ASGIApp, *, export_interval_ms: int = 5_000) -> Variant:
    """Return `app` with one instrumentation.

    Args:
        name: One of `NAMES`.
        app: The application; a Starlette object is changed in place by the variants that are ours.
        export_interval_ms: How often the batch processor exports, in milliseconds.
    """
    return PLANS[name](name, app, export_interval_ms)


def _plain(name: str, app: ASGIApp, export_interval_ms: int) -> Variant:
    return Variant(name, app)


def _contrib(**options: Any) -> Callable[[str, ASGIApp, int], Variant]:
    def plan(name: str, app: ASGIApp, export_interval_ms: int) -> Variant:
        provider, exporter = _provider(export_interval_ms)
        wrapped = OpenTelemetryMiddleware(app, tracer_provider=provider, **options)
        return Variant(name, wrapped, lambda: _flush(provider), provider.shutdown, exporter)

    return plan


def _naive(name: str, app: ASGIApp, export_interval_ms: int) -> Variant:
    provider, exporter = _provider(export_interval_ms, span_limits=SpanLimits(max_events=_NAIVE_EVENTS))
    wrapped = NaiveMiddleware(app, provider)
    return Variant(name, wrapped, lambda: _flush(provider), provider.shutdown, exporter)


def _ours(sampler: Any = None, **options: Any) -> Callable[[str, ASGIApp, int], Variant]:
    def plan(name: str, app: ASGIApp, export_interval_ms: int) -> Variant:
        provider, exporter = _provider(export_interval_ms, sampler=sampler)
        wrapped = otel_sse.instrument(app, tracer_provider=provider, **options)

        def finish() -> None:
            otel_sse.flush()
            _flush(provider)

        def close() -> None:
            otel_sse.uninstrument(wrapped)
            provider.shutdown()

        return Variant(name, wrapped, finish, close, exporter)

    return plan


def _provider(export_interval_ms: int, **options: Any) -> tuple[TracerProvider, EncodingExporter]:
    exporter = EncodingExporter()
    provider = TracerProvider(shutdown_on_exit=False, **options)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=export_interval_ms))
    return provider, exporter


def _flush(provider: TracerProvider) -> None:
    provider.force_flush()


PLANS: Final[dict[str, Callable[[str, ASGIApp, int], Variant]]] = {
    PLAIN: _plain,
    CONTRIB: _contrib(),
    CONTRIB_QUIET: _contrib(exclude_spans=["receive", "send"]),
    NAIVE: _naive,
    ALL: _ours(chunk_events="all", server_span=False),
    PACKED: _ours(chunk_events="packed", server_span=False),
    FINDINGS: _ours(chunk_events="findings", server_span=False),
    OFF: _ours(chunk_events="off", server_span=False),
    UNSAMPLED: _ours(ALWAYS_OFF, chunk_events="all", server_span=False),
    SERVER: _ours(chunk_events="all", server_span=True),
}
"""Name → how the variant is made from an application."""

NAMES: Final = tuple(PLANS)
