"""Instrumented applications whose spans go to a collector, and what was sent of each trace."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

import otel_sse
from otel_sse.demo import gateway, model_server
from otel_sse.demo.pacing import Pace
from otel_sse.demo.servers import LoopbackServer
from otel_sse.demo.span_store import SpanStore
from tests.deploy.waiting import until

RESOURCE = Resource.create({"service.name": "chat", "service.instance.id": "chat-1"})


class Application:
    """An application behind a real server.

    Args:
        url: Where it listens.
        tracers: Where its spans go.
        sent: All of them once more, as they were ended.
        released: Ends the streams that run until it is set.
    """

    def __init__(
        self, url: str, tracers: TracerProvider, sent: SpanStore, released: threading.Event | None = None
    ) -> None:
        self.url = url
        self.released = released or threading.Event()
        self._tracers = tracers
        self._sent = sent

    def ask(self, path: str = "/chat", **body: Any) -> str:
        """Ask, read the answer to its end, and return the id of its trace once all its spans are sent."""
        with httpx.stream("POST", self.url + path, json=body, timeout=120, trust_env=False) as response:
            for _ in response.iter_raw():
                pass
        trace_id = response.headers["x-trace-id"]
        # The client has its last byte before the application has returned.
        until(lambda: self._is_complete(trace_id), "the end of the request and its stages")
        assert self._tracers.force_flush()
        return trace_id

    def _is_complete(self, trace_id: str) -> bool:
        if not self._sent.is_complete(trace_id):
            return False
        # A flush shows what is still open and had not shown up.
        otel_sse.flush()
        return self._sent.is_complete(trace_id)

    def span_ids(self, trace_id: str) -> list[str]:
        """Return the ids of all spans of a trace that were sent, sorted."""
        return sorted(f"{span.context.span_id:016x}" for span in self.spans(trace_id))

    def spans(self, trace_id: str) -> list[ReadableSpan]:
        """Return all spans of a trace that were sent."""
        return self._sent.spans(trace_id)


def tracers(url: str, limits: SpanLimits | None = None) -> tuple[TracerProvider, SpanStore]:
    """Return a provider whose spans go to a collector, and where they are kept as well."""
    provider = TracerProvider(resource=RESOURCE, span_limits=limits, shutdown_on_exit=False)
    kept = SpanStore()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"), schedule_delay_millis=200))
    return provider, kept


@contextmanager
def demo(url: str, meters: MeterProvider | None = None, limits: SpanLimits | None = None) -> Iterator[Application]:
    """Run the demo's application, which makes mistakes to order, and its model; the spans go to `url`."""
    provider, kept = tracers(url, limits)
    with LoopbackServer(model_server.build(Pace(1, 0.0))) as model:
        app = gateway.build(model.url, provider, meters)
        with LoopbackServer(app) as front:
            yield Application(front.url, provider, kept)
        otel_sse.uninstrument(app)
    provider.shutdown()


@contextmanager
def counting(url: str, limits: SpanLimits | None = None, **options: Any) -> Iterator[Application]:
    """Run an application that streams what it is asked for; the spans go to `url`.

    `chunks` of `size` characters each, `pause_ms` after each of them, and a last one that comes `ends` times; where
    `early` is set, a faulty one comes first, and where `until_released` is, chunks come until `released` is set.

    It streams far faster than any model, so its recorder's queue is longer than by default.
    """
    options.setdefault("queue_size", 50_000)
    provider, kept = tracers(url, limits)
    app = FastAPI(telemetry={"tracer_provider": provider})

    released = threading.Event()

    @app.post("/chat")
    async def chat(asked: dict[str, int]) -> StreamingResponse:
        async def frames() -> AsyncIterator[str]:
            if asked.get("early"):
                yield 'Traceback (most recent call last):\n  File "app.py", line 1\ndata: {"content": "-"}\n\n'
            for number in count(1):
                if number >= asked["chunks"] and (not asked.get("until_released") or released.is_set()):
                    break
                word = f"word {number} ".ljust(asked.get("size", 0), "-")
                yield f'data: {{"content": "{word}", "done": false}}\n\n'
                await asyncio.sleep(asked.get("pause_ms", 0) / 1000)
            for _ in range(asked.get("ends", 1)):
                yield 'data: {"content": "", "done": true}\n\n'

        return StreamingResponse(frames(), media_type="text/event-stream")

    otel_sse.instrument(app, tracer_provider=provider, **options)
    with LoopbackServer(app) as front:
        yield Application(front.url, provider, kept, released)
    otel_sse.uninstrument(app)
    provider.shutdown()
