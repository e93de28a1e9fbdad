"""Real applications with a scrape endpoint, in a process of their own: `python -m tests.grafana.served`.

Prints one line of JSON with the address of each, and serves until its stdin ends. All of them share one meter provider:

- `gateway`: the demo's gateway, which makes a mistake where it is asked to (`{"question": ..., "fault": ...}`).
- `pipeline`: the demo's pipeline with a policy and WebSocket hops.
- `odd`: streams that are slow, that skip a number, that come faster than the recorder's queue takes, with
  a hook that can be broken. The scrape endpoint is its `/metrics/`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import make_asgi_app

import otel_sse
from otel_sse.demo import gateway, model_server, pipeline_control, pipeline_gateway
from otel_sse.demo.pacing import Pace
from otel_sse.demo.servers import LoopbackServer
from otel_sse.prometheus import PrometheusReader

TRACERS = TracerProvider()
METERS = MeterProvider([PrometheusReader()])
BURST_CHUNKS = 3_000
QUEUE_SIZE = 64


def frame(number: int, content: str = "word ") -> str:
    """An event with a number and content."""
    return "data: " + json.dumps({"content": content, "sequence_number": number}) + "\n\n"


END = 'data: {"content": "", "done": true}\n\n'


def odd() -> FastAPI:
    """An application whose streams are unusual where they are asked to be."""
    app = FastAPI()

    @app.get("/slow")
    async def slow(wait_s: float = 0.0) -> StreamingResponse:
        async def answer() -> AsyncIterator[str]:
            await asyncio.sleep(wait_s)
            yield frame(1)
            yield END

        return StreamingResponse(answer(), media_type="text/event-stream")

    @app.get("/numbered")
    async def numbered(skip: int = 0) -> StreamingResponse:
        async def answer() -> AsyncIterator[str]:
            for number in range(1, 40):
                if number != skip:
                    yield frame(number, f"word {number} ")
            yield END

        return StreamingResponse(answer(), media_type="text/event-stream")

    @app.get("/burst")
    async def burst(chunks: int = 20) -> StreamingResponse:
        async def answer() -> AsyncIterator[str]:
            # One body, so that the recorder does not get its turn between two chunks.
            yield "".join(frame(number, f"word {number} ") for number in range(1, chunks + 1)) + END

        return StreamingResponse(answer(), media_type="text/event-stream")

    return app


class Hook:
    """Ends each stream quietly, until it is broken."""

    def __init__(self) -> None:
        self.broken = False

    def __call__(self, span: object, totals: object) -> None:
        if self.broken:
            raise RuntimeError("the hook is broken")


def main() -> None:
    """Serve until stdin ends."""
    hook = Hook()
    observed = odd()

    observed.mount("/metrics", make_asgi_app())

    @observed.post("/break-hook")
    async def break_hook() -> None:
        hook.broken = True

    with ExitStack() as stack:
        model = stack.enter_context(LoopbackServer(model_server.build(Pace(chunk_delay_s=0.002))))
        front = stack.enter_context(LoopbackServer(gateway.build(model.url, TRACERS, METERS)))
        control = stack.enter_context(LoopbackServer(_instrumented(pipeline_control.build())))
        answers = control.url.replace("http", "ws") + pipeline_control.PATH
        pipeline = stack.enter_context(LoopbackServer(_instrumented(pipeline_gateway.build(model.url, answers))))
        otel_sse.instrument(
            observed, tracer_provider=TRACERS, meter_provider=METERS, queue_size=QUEUE_SIZE, on_stream_end=hook
        )
        unusual = stack.enter_context(LoopbackServer(observed))
        urls = {"gateway": front, "pipeline": pipeline, "odd": unusual}
        print(json.dumps({name: server.url for name, server in urls.items()}), flush=True)
        sys.stdin.buffer.read()
    otel_sse.shutdown()


def _instrumented(app: FastAPI) -> FastAPI:
    made: FastAPI = otel_sse.instrument(app, tracer_provider=TRACERS, meter_provider=METERS)
    return made


if __name__ == "__main__":
    main()
