"""Faults of whatever sends a streaming response: it gathers the body, is cancelled, or leaves its iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi.responses import StreamingResponse

from otel_sse.demo.fault_frames import SOME

EVENT_STREAM: Final = "text/event-stream"


class GatheredResponse(StreamingResponse):
    """Gathers the body before it sends any, as a proxy that buffers does."""

    async def stream_response(self, send: Any) -> None:
        """Send all of the body at once."""
        gathered = [chunk async for chunk in self.body_iterator]
        await _start(self, send)
        for chunk in gathered:
            await _send(self, send, chunk)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class CancelledResponse(StreamingResponse):
    """Is cancelled in mid-answer, by a deadline around the task that serves it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve, until the deadline comes."""
        serving, sent = asyncio.current_task(), 0

        async def sending(message: Any) -> None:
            nonlocal sent
            await send(message)
            sent += 1
            if sent == SOME and serving is not None:
                serving.cancel()

        await super().__call__(scope, receive, sending)


class LeftResponse(StreamingResponse):
    """Leaves the loop over its iterator in mid-answer, and ends."""

    async def stream_response(self, send: Any) -> None:
        """Send some of the body."""
        count = 0
        await _start(self, send)
        async for chunk in self.body_iterator:
            count += 1
            if count == SOME:
                break
            await _send(self, send, chunk)


async def _start(response: StreamingResponse, send: Any) -> None:
    status = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    await send(status)


async def _send(response: StreamingResponse, send: Any, chunk: Any) -> None:
    body = chunk.encode(response.charset) if isinstance(chunk, str) else chunk
    await send({"type": "http.response.body", "body": body, "more_body": True})


REPLY_FAULTS: Final[dict[str, type[StreamingResponse]]] = {
    "coalesced": GatheredResponse,
    "cancel": CancelledResponse,
    "abandon": LeftResponse,
}
"""By the name in the catalogue."""


def reply(fault: str, frames: AsyncIterator[str]) -> StreamingResponse:
    """Return the response with an answer's frames, by the class that makes the fault where it is one of these."""
    return REPLY_FAULTS.get(fault, StreamingResponse)(frames, media_type=EVENT_STREAM)
