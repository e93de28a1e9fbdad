"""Spans in memory, and when the stages that they tell of have ended."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from typing import Final

from msgspec import structs
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SDKSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.exporters.plain_spans import plain_span
from otel_sse.recording import registry
from otel_sse.recording.tasks import trio_task

_POLL_S: Final = 0.005


class Memory(SpanProcessor):
    """Keeps the spans of one recording.

    Args:
        wait_s: How long to wait at most for stages that have not ended, in seconds.
    """

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        # Whether a request is sampled is no matter here.
        self.tracer_provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(self)
        self._spans: list[ReadableSpan] = []
        self._open = 0
        self._lock = threading.Lock()

    def on_start(self, span: SDKSpan, parent_context: Context | None = None) -> None:
        """Count a stage that begins."""
        if (span.attributes or {}).get(semconv.SEGMENT_INDEX) == 0:
            with self._lock:
                self._open += 1

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span, and count a stage that has ended."""
        with self._lock:
            self._spans.append(span)
            if semconv.STREAM_OUTCOME in (span.attributes or {}):
                self._open -= 1

    def spans(self) -> list[Span]:
        """Return what has been recorded, once all stages have ended or the wait is over."""
        for _ in self._waiting():
            time.sleep(_POLL_S)
        registry.flush()
        with self._lock:
            # A test is one process, and the SDK calls it `unknown_service`.
            return [structs.replace(plain_span(span), service="") for span in self._spans]

    async def settled(self) -> None:
        """Wait until all stages have ended or the wait is over, and let others work meanwhile."""
        for _ in self._waiting():
            await (asyncio.sleep if trio_task() is None else sys.modules["trio"].sleep)(_POLL_S)

    def close(self) -> None:
        """Write out what is pending before the recording ends."""
        registry.flush()

    def _waiting(self) -> Iterator[None]:
        until_s = time.monotonic() + self.wait_s
        registry.work()
        while self._open > 0 and time.monotonic() < until_s:
            yield
            registry.work()
