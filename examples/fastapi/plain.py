"""The same application without a line of otel_sse: `opentelemetry-instrument` or the environment instrument it."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def answer() -> AsyncIterator[str]:
    for word in ("One", " chunk", " at", " a", " time."):
        yield f'data: {{"content": "{word}", "done": false}}\n\n'
        await asyncio.sleep(0.05)
    yield 'data: {"content": "", "done": true}\n\n'


@app.get("/chat")
async def chat() -> StreamingResponse:
    return StreamingResponse(answer(), media_type="text/event-stream")
