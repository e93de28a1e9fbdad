"""aiohttp's client: the reader of a response, at the calls by which bytes leave it for the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.bodies import ByteCursor
from otel_sse.integrations.clients.exchange import Exchange, exchange_with
from otel_sse.iterators.object_proxy import ObjectProxy
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns


class ReadContent(ObjectProxy):
    """A response's `content`, watched while it is read; in all else the `StreamReader` it wraps.

    What calls the reader's own methods (`iter_any`, `iter_chunked`, `async for`) is given this one to call, so that
    bytes are seen once, whichever way they take.
    """

    def __init__(self, reader: Any, cursor: ByteCursor) -> None:
        super().__init__(reader)
        self._self_cursor = cursor
        self._self_interrupted = False

    async def read(self, n: int = -1) -> Any:
        """See `StreamReader.read`."""
        return await self._self_crossing(self.__wrapped__.read(n))

    async def readany(self) -> Any:
        """See `StreamReader.readany`."""
        return await self._self_crossing(self.__wrapped__.readany())

    async def readline(self, **how: Any) -> Any:
        """See `StreamReader.readline`."""
        return await self._self_crossing(self.__wrapped__.readline(**how))

    async def readuntil(self, *args: Any, **how: Any) -> Any:
        """See `StreamReader.readuntil`."""
        return await self._self_crossing(self.__wrapped__.readuntil(*args, **how))

    async def readchunk(self) -> Any:
        """See `StreamReader.readchunk`."""
        return await self._self_crossing(self.__wrapped__.readchunk())

    async def readexactly(self, n: int) -> Any:
        """See `StreamReader.readexactly`."""
        return await self._self_crossing(self.__wrapped__.readexactly(n))

    def read_nowait(self, n: int = -1) -> Any:
        """See `StreamReader.read_nowait`."""
        self._self_cursor.begin()
        data = self.__wrapped__.read_nowait(n)
        self._self_crossed(data)
        return data

    def __aiter__(self) -> Any:
        return type(self.__wrapped__).__aiter__(self)

    def iter_any(self) -> Any:
        """See `StreamReader.iter_any`."""
        return type(self.__wrapped__).iter_any(self)

    def iter_chunked(self, n: int) -> Any:
        """See `StreamReader.iter_chunked`."""
        return type(self.__wrapped__).iter_chunked(self, n)

    def iter_chunks(self) -> Any:
        """See `StreamReader.iter_chunks`."""
        return type(self.__wrapped__).iter_chunks(self)

    def set_exception(self, *args: Any, **kwargs: Any) -> None:
        """Take what the response says here when it is closed or released: who reads it reads no further."""
        try:
            self.__wrapped__.set_exception(*args, **kwargs)
        finally:
            self._self_cursor.end(outcomes.CANCELLED if self._self_interrupted else outcomes.ABANDONED)

    async def _self_crossing(self, reading: Awaitable[Any]) -> Any:
        cursor: ByteCursor = self._self_cursor
        cursor.begin()
        try:
            data = await reading
        except asyncio.CancelledError:
            # One read was given up, most often by a timeout of its own; what the reader holds may be read later.
            self._self_interrupted = True
            raise
        except asyncio.IncompleteReadError as error:
            self._self_crossed(error.partial)
            raise
        except BaseException as error:
            cursor.end_by(error)
            raise
        self._self_crossed(data[0] if type(data) is tuple else data)
        return data

    def _self_crossed(self, data: bytes) -> None:
        self._self_interrupted = False
        if data:
            self._self_cursor.take(data, now_ns())
        if self.__wrapped__.at_eof():
            self._self_cursor.end(outcomes.COMPLETED)

    def __del__(self) -> None:
        try:
            cursor: ByteCursor = self._self_cursor
        except (AttributeError, ValueError):
            return
        cursor.drop()


def send(
    wrapped: Callable[..., Awaitable[Any]], request: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Send a `ClientRequest`, with the trace context in its headers."""
    exchange = exchange_with(request.url.host or "")
    return wrapped(*args, **kwargs) if exchange is None else _send(wrapped, exchange, request, args, kwargs)


async def _send(
    wrapped: Callable[..., Awaitable[Any]],
    exchange: Exchange,
    request: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    with exchange.sending(request.headers, request.url.raw_query_string):
        return await wrapped(*args, **kwargs)


def start(
    wrapped: Callable[..., Awaitable[Any]], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Let a `ClientResponse` read its head, and watch its content where that is an event stream."""
    # The request's head has just been written, so that this is when the answer was asked for.
    exchange = exchange_with(response.url.host or "")
    return wrapped(*args, **kwargs) if exchange is None else _start(wrapped, exchange, response, args, kwargs)


async def _start(
    wrapped: Callable[..., Awaitable[Any]],
    exchange: Exchange,
    response: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    decoded = _decodes(response)
    asked = getattr(response, "request_info", None)
    if asked is not None:
        exchange.asks(asked.headers, response.url.raw_query_string)
    started = await wrapped(*args, **kwargs)
    cursor = exchange.reading(response.headers, decoded=decoded)
    if cursor is not None:
        response.content = ReadContent(response.content, cursor)
    return started


def _decodes(response: Any) -> bool:
    # The session undoes the coding as bytes arrive, unless it was made with auto_decompress=False. Asked before the
    # response is started: one that is there at once lets go of its session.
    return bool(getattr(getattr(response, "_session", None), "auto_decompress", True))
