"""Connections of the library `websockets` (its asyncio client and server)."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final

from opentelemetry.context import attach as attach_context

from otel_sse import limits
from otel_sse.hops.envelope import HEADER, Agreement
from otel_sse.hops.hop import CLIENT, SERVER, Hop
from otel_sse.hops.messages import Hooks, plain
from otel_sse.hops.negotiation import agreed, answer, offered_headers, remote_context
from otel_sse.hops.parts import BYTES_LIKE, SealedParts, opened_parts
from otel_sse.integrations.websockets.serving import ATTRIBUTE, Served, hooks_of, own_stream, recorder_here, serve_here
from otel_sse.recording.live_stream import Stream, enter
from otel_sse.recording.recorder import Recorder
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns

_METHODS: Final = ("send", "recv", "recv_streaming")
_LIMITS: Final = ("max_message_size", "max_fragment_size", "max_size")
_NORMAL: Final = 1000
_SWITCHING: Final = 101


async def client_handshake(
    wrapped: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Stand in for `ClientConnection.handshake`: offer the envelope, and watch the connection where it was accepted."""
    recorder = recorder_here()
    stream = own_stream(recorder)
    try:
        offered = offered_headers(stream.id if stream is not None else "")
        if not _is_plain(connection):
            offered.pop(HEADER)
        args, kwargs = _with_headers(offered, *args, **kwargs)
    except Exception as error:
        offered = {}
        recorder.errors.report("open", error)
    await wrapped(*args, **kwargs)
    try:
        agreement = agreed(offered.get(HEADER), connection.response.headers.get(HEADER))
        # Where the other end knows nothing of us and no stream is under way, the socket is none of our business.
        if agreement is not None or stream is None:
            _Watched(connection, Hop(CLIENT, recorder, hooks_of(recorder), agreement, stream))
    except Exception as error:
        recorder.errors.report("open", error)


async def server_handshake(
    wrapped: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Stand in for `ServerConnection.handshake`: accept the envelope where it is offered, and watch the connection.

    It runs in the task that then calls the handler, so what is made current here is current there, and ends with it.
    """
    recorder = recorder_here()
    accepting = _Accepting(connection)
    try:
        args, kwargs = _with_response(accepting, *args, **kwargs)
    except Exception as error:
        recorder.errors.report("open", error)
    await wrapped(*args, **kwargs)
    response = connection.response
    if response is None or response.status_code != _SWITCHING:
        return
    try:
        _serve(connection, recorder, accepting.agreement, hooks_of(recorder))
    except Exception as error:
        recorder.errors.report("open", error)


async def accept_offer(connection: Any, request: Any, response: Any) -> None:
    """Accept the envelope where a client offers it: `process_response` of a `websockets` server without patches.

    Example:
        >>> async def handler(connection):
        ...     watch(connection)
        ...     async for message in connection:
        ...         await answer(message)
        >>> async with serve(handler, host, port, process_response=accept_offer) as server:
        ...     await server.serve_forever()

    Args:
        connection: The server's connection; its handler must call `watch` with it, else it sees the envelope.
        request: The client's request.
        response: What the server is about to answer; the header is added to it.
    """
    name, value = answer()
    if response.status_code == _SWITCHING and _is_plain(connection) and agreed(value, request.headers.get(HEADER)):
        response.headers[name] = value


def watch(connection: Any, recorder: Recorder, hooks: Hooks) -> None:
    """Watch a connection whose handshake is over; the envelope is used where its headers say that both ends agreed."""
    request, response = connection.request, connection.response
    ours, theirs = (request, response) if _is_client(connection) else (response, request)
    agreement = agreed(ours.headers.get(HEADER), theirs.headers.get(HEADER)) if _is_plain(connection) else None
    if _is_client(connection):
        _Watched(connection, Hop(CLIENT, recorder, hooks, agreement, own_stream(recorder)))
    else:
        _serve(connection, recorder, agreement, hooks, observe=True)


class _Accepting:
    """Answers one client's offer, behind the application's own `process_response`.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.own: Any = None
        self.agreement: Agreement | None = None

    async def process_response(self, connection: Any, request: Any, response: Any) -> Any:
        """Call the application's function, and add the header to what is sent."""
        changed = None
        if self.own is not None:
            changed = self.own(connection, request, response)
            if inspect.isawaitable(changed):
                changed = await changed
        final = response if changed is None else changed
        if final.status_code == _SWITCHING and _is_plain(self._connection):
            name, value = answer()
            self.agreement = agreed(value, request.headers.get(HEADER))
            if self.agreement is not None:
                final.headers[name] = value
        return changed


class _Watched:
    """The methods of one connection that stand in for its own, on the object itself: the class is as it was.

    They stay when patches are undone, because the other end goes on with what was agreed.
    """

    def __init__(self, connection: Any, hop: Hop) -> None:
        self._hop = hop
        self._max_bytes = hop.max_bytes
        self._send = connection.send
        self._recv = connection.recv
        self._recv_streaming = connection.recv_streaming
        self._close = connection.close
        self._frames = connection.recv_messages.frames
        self._protocol = connection.protocol
        if hop.agreement is not None:
            _make_room(self._protocol)
        for name in (*_METHODS, "close"):
            setattr(connection, name, getattr(self, name))
        setattr(connection, ATTRIBUTE, hop)
        connection.connection_lost_waiter.add_done_callback(self._lost)
        weakref.finalize(connection, hop.ended, outcomes.ABANDONED).atexit = False

    async def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(message, (str, *BYTES_LIKE)):
            await self._send_whole(message, args, kwargs)
        elif isinstance(message, (Iterable, AsyncIterable)) and not isinstance(message, Mapping):
            await self._send_parts(message, args, kwargs)
        else:
            await self._send(message, *args, **kwargs)

    async def _send_whole(self, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hop = self._hop
        sealed, leaving = hop.seal(plain(message))
        try:
            await self._send(sealed, *args, **kwargs)
        except BaseException as error:
            hop.unsent(leaving, error)
            raise
        hop.sent(leaving)

    async def _send_parts(self, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        parts = SealedParts(self._hop, self._max_bytes)
        sealed = parts.of(message) if isinstance(message, Iterable) else parts.of_async(message)
        try:
            await self._send(sealed, *args, **kwargs)
        except BaseException as error:
            self._hop.unsent(parts.leaving, error)
            raise
        parts.sent()

    async def recv(self, *args: Any, **kwargs: Any) -> Any:
        try:
            message = await self._recv(*args, **kwargs)
        except Exception:
            self._end_if_lost()
            raise
        return self._hop.open(message)

    async def recv_streaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with aclosing(self._recv_streaming(*args, **kwargs)) as parts:
            try:
                async for part in opened_parts(self._hop, parts, self._max_bytes):
                    yield part
            except Exception:
                self._end_if_lost()
                raise

    async def close(self, *args: Any, **kwargs: Any) -> None:
        self._hop.closing()
        await self._close(*args, **kwargs)
        self._hop.ended(self._outcome())

    def _lost(self, waiter: object) -> None:
        # What has come and was not read yet may still be read.
        if not len(self._frames):
            self._hop.ended(self._outcome())

    def _end_if_lost(self) -> None:
        if self._protocol.state.name == "CLOSED":
            self._hop.ended(self._outcome())

    def _outcome(self) -> str:
        protocol = self._protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        if received is None:
            return outcomes.DISCONNECTED
        if received.code == _NORMAL:
            return outcomes.COMPLETED
        closed_here = sent is not None and not protocol.close_rcvd_then_sent
        return outcomes.FAILED if closed_here else outcomes.DISCONNECTED


def _make_room(protocol: Any) -> None:
    """Let a connection take messages that are larger by an envelope than the application has allowed."""
    for name in _LIMITS:
        limit = getattr(protocol, name, None)
        if isinstance(limit, int):
            setattr(protocol, name, limit + limits.MAX_ENVELOPE_BYTES)


def _serve(
    connection: Any, recorder: Recorder, agreement: Agreement | None, hooks: Hooks, *, observe: bool = False
) -> None:
    """Make a connection's stream and trace current in the task that serves it.

    Args:
        connection: The connection.
        recorder: Records its streams.
        agreement: What the handshake agreed on.
        hooks: How its messages are understood.
        observe: Whether to make stages of messages that come without an envelope too.
    """
    context = remote_context(list(connection.request.headers.raw_items()), recorder.errors)
    stream = Stream(recorder, now_ns(), context, "" if agreement is None else agreement.stream_id)
    if context is not None:
        attach_context(context)
    enter(stream)
    if agreement is not None or observe:
        hop = Hop(SERVER, recorder, hooks, agreement, stream)
        _Watched(connection, hop)
        serve_here(Served(hop))


def _with_headers(
    offered: dict[str, str], additional_headers: Any = None, *args: Any, **kwargs: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from websockets.datastructures import Headers

    headers = Headers() if additional_headers is None else Headers(additional_headers)
    for name, value in offered.items():
        headers.setdefault(name, value)
    return (headers, *args), kwargs


def _with_response(
    accepting: _Accepting, process_request: Any = None, process_response: Any = None, *args: Any, **kwargs: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    accepting.own = process_response
    return (process_request, accepting.process_response, *args), kwargs


def _is_client(connection: Any) -> bool:
    return bool(connection.protocol.side.name == "CLIENT")


def _is_plain(connection: Any) -> bool:
    # A subclass that has its own `send` or `recv` would see the envelope.
    from websockets.asyncio.connection import Connection

    return all(getattr(type(connection), name) is getattr(Connection, name) for name in _METHODS)
