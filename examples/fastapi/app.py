"""The smallest streaming application whose every chunk stands in its trace."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

import otel_sse

app = otel_sse.instrument(FastAPI())


async def answer() -> AsyncIterator[str]:
    for word in ("One", " chunk", " at", " a", " time."):
        yield f'data: {{"content": "{word}", "done": false}}\n\n'
        await asyncio.sleep(0.05)
    yield 'data: {"content": "", "done": true}\n\n'


@app.get("/chat")
async def chat() -> StreamingResponse:
    return StreamingResponse(answer(), media_type="text/event-stream")
