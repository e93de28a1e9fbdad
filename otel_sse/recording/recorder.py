"""The recorder of one application: begins its stages, with its settings and its providers."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec
from opentelemetry import trace as trace_api
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse import semconv
from otel_sse.options import Options
from otel_sse.recording.background import FLUSH_TIMEOUT_S, Background
from otel_sse.recording.journal import Journal
from otel_sse.recording.settings import check_dialect, check_provider, segment_settings, stage_settings
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stage import StageMonitor
from otel_sse.stream.stage import StageInfo
from otel_sse.telemetry.budget import TraceBudget
from otel_sse.telemetry.clock import Anchor
from otel_sse.telemetry.emission import span_event
from otel_sse.telemetry.instruments import meter_of, watch_waiting
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.logs import ChunkLog
from otel_sse.telemetry.metrics import Metrics
from otel_sse.telemetry.segments import SegmentWriter, start_segment

SITES: Final = ("open", "observe", "close", "record", "hook", "guard")
"""Where an internal error can happen, the label of `sse.internal_errors`."""

_NO_BUDGET: Final = 2**63
"""Chunk events that a trace may have in tests, where nobody stores it."""


class Recorder:
    """Records the streams of one instrumented application. Its thread starts with the first stream.

    It begins single stages. Their stream ties them to each other (`live_stream.Stream.stage`).

    Args:
        options: The settings.
        tracer_provider: Where spans go; the global provider where None, also if that is set later.
        meter_provider: Where metrics go; likewise.
        version: Version of the instrumentation scope.

    Raises:
        ConfigurationError: A provider is none, or the dialect is not known or makes none.
    """

    def __init__(
        self,
        options: Options,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        version: str = "",
    ) -> None:
        check_provider("tracer_provider", tracer_provider, "get_tracer")
        check_provider("meter_provider", meter_provider, "get_meter")
        self.options = options
        meter = meter_of(version, meter_provider)
        self.metrics = Metrics(meter)
        self.metrics.start_internal_errors(SITES)
        self.metrics.start_guards()
        self.errors = InternalErrors(self.metrics.internal_error)
        self._tracer = trace_api.get_tracer(semconv.SCOPE, version, tracer_provider)
        self._stage_settings = stage_settings(options)
        # A dialect's unknown name must raise here, where somebody set it, and not in the first stream.
        check_dialect(self._stage_settings)
        self._segment_settings = segment_settings(options, self._tracer, version)
        self._own = (self._tracer, self._segment_settings)
        self._digest_name = "blake2b" if options.digest_key else "sha1"
        self.background = Background(options, self.metrics, self.errors, partial(watch_waiting, meter, meter_provider))
        """The recorder's thread, and what waits for it."""
        self.reads_messages = False
        """Whether messages of WebSockets are read for it, so that hooks on these are asked."""

    def divert(self, tracer_provider: TracerProvider | None) -> None:
        """Give another provider the spans of stages that begin from now on, with an event for each chunk. For tests.

        Args:
            tracer_provider: The provider; None for the recorder's own again, with its own detail.
        """
        self._tracer, self._segment_settings = self._own
        if tracer_provider is not None:
            self._tracer = trace_api.get_tracer(semconv.SCOPE, "", tracer_provider)
            self._segment_settings = msgspec.structs.replace(
                self._segment_settings,
                tracer=self._tracer,
                emit=span_event,
                budget=TraceBudget(_NO_BUDGET),
                detail="all",
                on_span=True,
            )

    def open(self, info: StageInfo, requested_ns: int, context: Context | None = None) -> StageRecord:
        """Begin a stage. Its span starts now.

        Args:
            info: The stage.
            requested_ns: When its chunks were asked for, on `clock.now_ns`.
            context: Has the span's parent; the current context where None.

        Returns:
            The record: call its `feed` or `take` for each chunk, and its `close` once.
        """
        context = get_current() if context is None else context
        anchor = Anchor.read()
        span = start_segment(self._tracer, info, 0, context, anchor.wall_ns)
        if info.spec.encoding:
            # Unreadable bytes make no chunks, so this is the only segment.
            span.set_attribute(semconv.STREAM_ENCODING, info.spec.encoding)
        background = self.background
        # A trace that is not sampled gets no events, so it has no journal. Checks and metrics go on.
        journal = None
        if span.is_recording():
            journal = Journal(self.options.queue_size, background.writer.room, self.metrics.dropped, info.label)
        monitor = StageMonitor(info, self._stage_settings, requested_ns, journal)
        record = StageRecord(
            info=info,
            monitor=monitor,
            span=span,
            context=context,
            journal=journal,
            segments=SegmentWriter(
                self._segment_settings, info, context, span, anchor, monitor.totals, anchor.monotonic_ns
            ),
            request_span=trace_api.get_current_span(context),
            errors=self.errors,
            on_end=background.end,
            end_later=background.end_later,
            feed=monitor.feed,
            take=monitor.take,
            log=self._chunk_log(info, span, monitor),
        )
        background.begin(record)
        return record

    def _chunk_log(self, info: StageInfo, span: trace_api.Span, monitor: StageMonitor) -> ChunkLog | None:
        if not ChunkLog.is_on():
            return None
        log = ChunkLog(info, span.get_span_context(), self._digest_name, self.options.log_first)
        monitor.on_chunk = log.chunk
        return log

    @property
    def closed(self) -> bool:
        """Whether `shutdown` has been called. Nobody should begin a stage any more."""
        return self.background.closed

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Have everything written that has crossed, and wait; see `Background.flush`."""
        return self.background.flush(timeout_s)

    def shutdown(self) -> None:
        """Have everything written, and stop; see `Background.shutdown`."""
        self.background.shutdown()
