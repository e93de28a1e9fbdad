"""Connections of `aiohttp.ClientSession.ws_connect`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final

from otel_sse.hops.envelope import HEADER
from otel_sse.hops.hop import CLIENT, Hop
from otel_sse.hops.messages import Hooks, plain
from otel_sse.hops.negotiation import agreed, offered_headers
from otel_sse.integrations.websockets.owner import hooks_of, own_stream, recorder_here
from otel_sse.integrations.websockets.serving import ATTRIBUTE
from otel_sse.recording.recorder import Recorder
from otel_sse.stream import outcome as outcomes

CONNECT: Final = "_ws_connect"
"""The coroutine behind `ClientSession.ws_connect`."""

_METHODS: Final = ("receive", "send_str", "send_bytes")
_MESSAGES: Final = frozenset({"TEXT", "BINARY"})
_NORMAL: Final = 1000
_MAX_MSG_SIZE: Final = 4 << 20
"""aiohttp's own default of `max_msg_size`."""


async def connect(wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Stand in for `ClientSession._ws_connect`: offer the envelope, and watch the connection where it was accepted."""
    recorder = recorder_here()
    stream = own_stream(recorder)
    try:
        offered = offered_headers(stream.id if stream is not None else "", _max_bytes(kwargs))
        if not _is_plain(session._ws_response_class):
            offered.pop(HEADER)
        kwargs = {**kwargs, "headers": _with_headers(offered, kwargs.get("headers"))}
    except Exception as error:
        offered = {}
        recorder.errors.report("open", error)
    connection = await wrapped(*args, **kwargs)
    try:
        agreement = agreed(offered.get(HEADER), connection._response.headers.get(HEADER))
        # Where the other end knows nothing of us and no stream is under way, the socket is none of our business.
        if agreement is not None or stream is None:
            _Watched(connection, Hop(CLIENT, recorder, hooks_of(recorder), agreement, stream))
    except Exception as error:
        recorder.errors.report("open", error)
    return connection


def watch(connection: Any, recorder: Recorder, hooks: Hooks) -> None:
    """Watch a connection; the envelope is used where its handshake's headers say that both ends agreed."""
    response = connection._response
    ours, theirs = response.request_info.headers.get(HEADER), response.headers.get(HEADER)
    agreement = agreed(ours, theirs) if _is_plain(type(connection)) else None
    _Watched(connection, Hop(CLIENT, recorder, hooks, agreement, own_stream(recorder)))


class _Watched:
    """The methods of one connection that stand in for its own, on the object itself: the class is as it was."""

    def __init__(self, connection: Any, hop: Hop) -> None:
        self._hop = hop
        self._receive = connection.receive
        self._send_str = connection.send_str
        self._send_bytes = connection.send_bytes
        self._close = connection.close
        for name in (*_METHODS, "close"):
            setattr(connection, name, getattr(self, name))
        setattr(connection, ATTRIBUTE, hop)
        weakref.finalize(connection, hop.ended, outcomes.ABANDONED).atexit = False

    async def send_str(self, data: Any, *args: Any, **kwargs: Any) -> None:
        await self._sealed(self._send_str, data, isinstance(data, str), args, kwargs)

    async def send_bytes(self, data: Any, *args: Any, **kwargs: Any) -> None:
        await self._sealed(self._send_bytes, data, isinstance(data, (bytes, bytearray, memoryview)), args, kwargs)

    async def _sealed(
        self, send: Callable[..., Any], data: Any, fits: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if not fits:
            # The library will refuse it.
            await send(data, *args, **kwargs)
            return
        hop = self._hop
        sealed, leaving = hop.seal(plain(data))
        try:
            await send(sealed, *args, **kwargs)
        except BaseException as error:
            hop.unsent(leaving, error)
            raise
        hop.sent(leaving)

    async def receive(self, *args: Any, **kwargs: Any) -> Any:
        message = await self._receive(*args, **kwargs)
        if message.type.name in _MESSAGES:
            return message._replace(data=self._hop.open(plain(message.data)))
        if message.type.name in ("CLOSE", "CLOSED", "ERROR"):
            self._hop.ended(self._outcome())
        return message

    async def close(self, *args: Any, **kwargs: Any) -> bool:
        self._hop.closing()
        closed: bool = await self._close(*args, **kwargs)
        self._hop.ended(self._outcome())
        return closed

    def _outcome(self) -> str:
        code = self._receive.__self__.close_code
        return outcomes.COMPLETED if code == _NORMAL else outcomes.DISCONNECTED


def _max_bytes(kwargs: dict[str, Any]) -> int:
    # It takes what is smaller than its limit; 0 is none.
    limit = kwargs.get("max_msg_size", _MAX_MSG_SIZE)
    return max(limit - 1, 0) if isinstance(limit, int) else 0


def _with_headers(offered: dict[str, str], given: Any) -> Any:
    from multidict import CIMultiDict

    headers: Any = CIMultiDict() if given is None else CIMultiDict(given)
    for name, value in offered.items():
        headers.setdefault(name, value)
    return headers


def _is_plain(kind: type) -> bool:
    # A subclass that has its own `send_str` or `receive` would see the envelope.
    from aiohttp import ClientWebSocketResponse

    return all(getattr(kind, name) is getattr(ClientWebSocketResponse, name) for name in _METHODS)
