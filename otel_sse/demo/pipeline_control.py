"""The control plane: a WebSocket endpoint that sends each answer through the policy that it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

import otel_sse
from otel_sse.demo import pipeline_messages as messages
from otel_sse.demo.fault_frames import AnswerFailedError
from otel_sse.demo.fault_pieces import AT_ENDPOINT, AT_POLICY, with_fault
from otel_sse.demo.fault_tasks import with_heartbeats
from otel_sse.demo.pipeline_policies import POLICIES, WITHHELD, Pieces

PATH = "/answers"

_NOTHING_YET = ""
"""In the place of a piece where none has come for a while."""


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
            await _answer(socket, start["stream_id"], start["policy"], start.get("fault", ""))
            await socket.close()
        except WebSocketDisconnect:
            # The gateway has left, and there is nobody to tell.
            return

    return app


async def _answer(socket: WebSocket, stream_id: str, name: str, fault: str) -> None:
    if name not in POLICIES:
        await socket.send_text(messages.error(stream_id, f"policy must be one of {', '.join(POLICIES)}, got {name!r}."))
        return
    pieces = otel_sse.observe(with_fault(AT_ENDPOINT, fault, _pieces(socket)), stage="endpoint")
    try:
        async for piece in _beating(fault, _policy(name, fault)(pieces)):
            if piece == _NOTHING_YET:
                await socket.send_text(messages.heartbeat(stream_id))
            # What the policy itself has made is not known to who hands on the model's pieces.
            elif fault != "blocked_reply_lost" or piece != WITHHELD:
                await socket.send_text(messages.chunk(stream_id, piece))
    except (AnswerError, AnswerFailedError) as error:
        await socket.send_text(messages.error(stream_id, str(error)))
    else:
        await socket.send_text(messages.end(stream_id))


def _beating(fault: str, pieces: Pieces) -> Pieces:
    return with_heartbeats(pieces, _NOTHING_YET) if fault == "stall" else pieces


def _policy(name: str, fault: str) -> Callable[[Pieces], Pieces]:
    """The policy, or one of the same name that makes a mistake."""
    return otel_sse.policy(name)(AT_POLICY[fault]) if fault in AT_POLICY else POLICIES[name]


async def _pieces(socket: WebSocket) -> AsyncIterator[str]:
    while (message := messages.read(await socket.receive_text()))["type"] != messages.END:
        yield _content(message)


def _content(message: dict[str, Any]) -> str:
    if message["type"] == messages.ERROR:
        raise AnswerError(message["error"])
    return str(message["content"])
