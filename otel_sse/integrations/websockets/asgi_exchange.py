"""WebSocket connections of ASGI applications (Starlette, FastAPI, any other): the server's end of a hop."""

from __future__ import annotations

import logging
from typing import Any, Final

from otel_sse.errors import must
from otel_sse.hops.envelope import HEADER, agree
from otel_sse.hops.hop import SERVER, Hop
from otel_sse.hops.messages import Hooks
from otel_sse.hops.negotiation import agreed, answer, remote_context
from otel_sse.integrations.protocol import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    bytes_of,
    get,
    kind_of,
    listed,
    pairs,
)
from otel_sse.integrations.websockets.serving import ATTRIBUTE, Served, hooks_of, serve_here
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.outcomes import outcome_of
from otel_sse.recording.propagation import Entered
from otel_sse.recording.recorder import Recorder
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns

logger = logging.getLogger("otel_sse")

_NORMAL: Final = (1000, 1005)
_LOST: Final = 1006
"""Code of a connection that went away without a close."""
_HEADERS_SINCE: Final = (2, 1)
"""Version of ASGI's WebSocket specification from which on the acceptance may carry headers."""


class WebSocketExchange:
    """One WebSocket connection of an ASGI application. A fresh object for each.

    Args:
        recorder: Records its streams.
        hooks: How its messages are understood.
        scope: The connection's scope.
        receive: The server's.
        send: The server's.
        observe: Whether to make stages of messages that come without an envelope too.
    """

    def __init__(
        self, recorder: Recorder, hooks: Hooks, scope: Scope, receive: Receive, send: Send, *, observe: bool = False
    ) -> None:
        self._recorder = recorder
        self._hooks = hooks
        self._scope = scope
        self._receive = receive
        self._send = send
        headers = _headers(scope)
        self._offer = next((value for name, value in headers if name == HEADER), None)
        self._context = remote_context(headers, recorder.errors)
        offered = agree(self._offer)
        self._stream = Stream(recorder, now_ns(), self._context, "" if offered is None else offered.stream_id)
        self._served = Served(Hop(SERVER, recorder, hooks, None, self._stream) if observe else None)
        self._code: int | None = None

    async def run(self, app: ASGIApp) -> Any:
        """Call the application, with the connection's stream and trace context current."""
        outcome = outcomes.ABANDONED
        try:
            with Entered(self._stream, self._context):
                serve_here(self._served)
                returned = await app(self._scope, self.receive, self.send)
            outcome = self._outcome()
            return returned
        except BaseException as error:
            outcome = self._outcome_by(error)
            raise
        finally:
            serve_here(None)
            self._end(outcome)
            self._tell_unasked()

    def _tell_unasked(self) -> None:
        recorder = self._recorder
        if recorder.reads_messages or not any(self._hooks):
            return
        # Once is enough.
        recorder.reads_messages = True
        subject = "chunk_of" if self._hooks.chunk_of is not None else "stream_of"
        advice = "Set watch_websockets=True, or watch(websocket) in its endpoint: see docs/envelope.md."
        found = "a connection that nobody watches"
        logger.warning("%s", must(f"option {subject}", "be asked of a WebSocket's messages", found, advice))

    def watch(self, websocket: Any) -> None:
        """Stand between a Starlette `WebSocket` and its server, for the rest of the task that serves it."""
        websocket._receive, websocket._send = self.receive, self.send
        setattr(websocket, ATTRIBUTE, self._served.hop)
        Entered(self._stream, self._context).__enter__()
        serve_here(self._served)

    async def receive(self) -> Message:
        """Pass the server's messages on, unwrapped."""
        message = await self._receive()
        hop = self._served.hop
        if hop is None:
            return message
        kind = kind_of(message)
        if kind == "websocket.receive":
            key, payload = _payload(message)
            return {**message, key: hop.open(payload)} if key else message
        if kind == "websocket.disconnect":
            self._code = message.get("code", 1005)
            self._end(self._outcome())
        return message

    async def send(self, message: Message) -> None:
        """Pass the application's messages on, wrapped where both ends agreed."""
        try:
            await self._pass_on(message)
        except OSError:
            # How a server says that the client has left (ASGI's WebSocket specification 2.4).
            self._code = _LOST if self._code is None else self._code
            self._end(self._outcome())
            raise

    async def _pass_on(self, message: Message) -> None:
        kind = kind_of(message)
        hop = self._served.hop
        if kind == "websocket.accept":
            await self._send(self._accept(message))
        elif hop is None:
            await self._send(message)
        elif kind == "websocket.send":
            await self._send_sealed(hop, message)
        elif kind == "websocket.close":
            hop.closing()
            await self._send(message)
            self._code = message.get("code", 1000)
            self._end(self._outcome())
        else:
            # No message of this protocol; if the server takes it, the connection goes on.
            await self._send(message)

    def _end(self, outcome: str) -> None:
        try:
            if self._served.hop is not None:
                self._served.hop.ended(outcome)
            self._stream.end(outcome)
            self._stream.abandon()
        except Exception as error:
            self._recorder.errors.report("close", error)

    async def _send_sealed(self, hop: Hop, message: Message) -> None:
        key, payload = _payload(message)
        if not key:
            await self._send(message)
            return
        sealed, leaving = hop.seal(payload)
        try:
            await self._send({**message, key: sealed})
        except BaseException as error:
            hop.unsent(leaving, error)
            raise
        hop.sent(leaving)

    def _outcome_by(self, error: BaseException) -> str:
        try:
            if self._served.hop is not None:
                self._served.hop.left_by(error)
            return outcome_of(error)
        except Exception as internal:
            self._recorder.errors.report("close", internal)
            return outcomes.FAILED

    def _accept(self, message: Message) -> Message:
        name, value = answer()
        agreement = agreed(value, self._offer) if _takes_headers(self._scope) else None
        headers = None if agreement is None else listed(message.get("headers"))
        if headers is None:
            return message
        message = {**message, "headers": headers}
        try:
            self._served.hop = Hop(SERVER, self._recorder, self._hooks, agreement, self._stream)
            return {**message, "headers": [*headers, (name.encode(), value.encode())]}
        except Exception as error:
            self._recorder.errors.report("open", error)
            return message

    def _outcome(self) -> str:
        return outcomes.COMPLETED if self._code is None or self._code in _NORMAL else outcomes.DISCONNECTED


def exchange_of(recorder: Recorder, scope: Scope, receive: Receive, send: Send) -> WebSocketExchange:
    """Return the exchange of one connection, whose messages are understood as the application has asked."""
    every = recorder.options.watch_websockets
    return WebSocketExchange(recorder, hooks_of(recorder), scope, receive, send, observe=every)


def _headers(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs(get(scope, "headers"))]


def _payload(message: Message) -> tuple[str, Any]:
    """Under which key a message has its payload, and the payload; "" for the key where it has none that can be read."""
    for key, read in (("text", _text_of), ("bytes", bytes_of)):
        payload = get(message, key)
        if payload is not None:
            found: Any = read(payload)
            return (key, found) if found is not None else ("", None)
    return "", None


def _text_of(payload: object) -> str | None:
    try:
        return str.__str__(payload) if isinstance(payload, str) else None
    except Exception:
        return None


def _takes_headers(scope: Scope) -> bool:
    version = get(get(scope, "asgi"), "spec_version", "2.0")
    parts = str(version).split(".")
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit()) >= _HEADERS_SINCE
