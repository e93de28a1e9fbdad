"""The control plane: a WebSocket endpoint that sends each answer through the policy that it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

import otel_sse
from otel_sse.demo import pipeline_messages as messages
from otel_sse.demo.pipeline_policies import POLICIES

PATH = "/answers"


class AnswerError(Exception):
    """The gateway could not finish the answer."""


def build() -> FastAPI:
    """Return the control plane."""
    app = FastAPI(title="pipeline control plane")

    @app.websocket(PATH)
    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        try:
            start = messages.read(await socket.receive_text())
            await _answer(socket, start["stream_id"], start["policy"])
            await socket.close()
        except WebSocketDisconnect:
            # The gateway has left, and there is nobody to tell.
            return

    return app


async def _answer(socket: WebSocket, stream_id: str, name: str) -> None:
    if name not in POLICIES:
        await socket.send_text(messages.error(stream_id, f"policy must be one of {', '.join(POLICIES)}, got {name!r}."))
        return
    pieces = otel_sse.observe(_pieces(socket), stage="endpoint")
    try:
        async for piece in POLICIES[name](pieces):
            await socket.send_text(messages.chunk(stream_id, piece))
    except AnswerError as error:
        await socket.send_text(messages.error(stream_id, str(error)))
    else:
        await socket.send_text(messages.end(stream_id))


async def _pieces(socket: WebSocket) -> AsyncIterator[str]:
    while (message := messages.read(await socket.receive_text()))["type"] != messages.END:
        yield _content(message)


def _content(message: dict[str, Any]) -> str:
    if message["type"] == messages.ERROR:
        raise AnswerError(message["error"])
    return str(message["content"])
