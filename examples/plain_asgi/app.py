"""An application without a framework: `instrument` returns it wrapped, and the wrapped one is served."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import otel_sse

Message = dict[str, Any]


async def stream(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for second in range(3, 0, -1):
        await send({"type": "http.response.body", "body": f"data: {second}\n\n".encode(), "more_body": True})
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})


app = otel_sse.instrument(stream)
