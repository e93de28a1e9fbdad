"""The application of the demo: reads a model with the `openai` package and streams its answer on.

This is what an instrumented application looks like. All that is new in it is one line, `otel_sse.instrument(app)`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider
from pydantic import BaseModel

import otel_sse
from otel_sse.demo.fault_frames import DONE, FRAME_FAULTS
from otel_sse.demo.fault_model import HEADER, IN_THE_SIMPLE_DEMO, answered
from otel_sse.demo.fault_replies import reply
from otel_sse.demo.faults import (
    CONTENT_CHECKS,
    FIRST_BYTE_THRESHOLD_S,
    SILENCE_THRESHOLD_S,
    SIMPLE,
    full_name,
)
from otel_sse.demo.model_server import MODEL
from otel_sse.errors import must


class Question(BaseModel):
    """What is asked, and the mistake that the gateway shall make while it answers."""

    question: str
    fault: str | None = None


def build(
    model_url: str, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> FastAPI:
    """Return the gateway.

    Args:
        model_url: Where the model server is, e.g. `http://127.0.0.1:8001`.
        tracer_provider: Where spans go; the global provider where None.
        meter_provider: Where metrics go; likewise.
    """
    # The model is on loopback: a proxy that the environment names is not asked.
    http_client = DefaultAsyncHttpxClient(trust_env=False)
    model = AsyncOpenAI(base_url=f"{model_url}/v1", api_key="demo", max_retries=0, http_client=http_client)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await model.close()

    telemetry: Any = {"tracer_provider": tracer_provider, "meter_provider": meter_provider}
    app = FastAPI(title="demo gateway", lifespan=lifespan, telemetry=telemetry)
    otel_sse.instrument(
        app,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        silence_threshold=SILENCE_THRESHOLD_S,
        first_byte_threshold=FIRST_BYTE_THRESHOLD_S,
        content_checks=CONTENT_CHECKS,
    )

    @app.post("/chat")
    async def chat(asked: Question) -> StreamingResponse:
        fault = ordered(asked.fault)
        frames = answer(asked.question, fault)
        made_here = fault in FRAME_FAULTS and fault not in IN_THE_SIMPLE_DEMO
        return reply(fault, FRAME_FAULTS[fault](frames) if made_here else frames)

    async def answer(question: str, fault: str) -> AsyncIterator[str]:
        async for frame in answered(fault, lambda: asked_model(question, fault)):
            yield frame
        yield DONE

    async def asked_model(question: str, fault: str) -> AsyncIterator[str]:
        headers = {HEADER: fault} if fault in IN_THE_SIMPLE_DEMO else {}
        async with await model.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": question}],
            stream=True,
            stream_options={"include_usage": True},
            extra_headers=headers,
        ) as chunks:
            async for chunk in chunks:
                yield f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n"

    return app


def ordered(name: str | None) -> str:
    """Return the full name of the fault that a question orders; "" for none.

    Raises:
        HTTPException: The gateway can't make such a fault (422).
    """
    fault = full_name(name or "")
    if fault and fault not in SIMPLE:
        message = must("fault", f"be one of {', '.join(SIMPLE)}, or null", name, "Correct it or leave it out.")
        raise HTTPException(422, message)
    return fault
