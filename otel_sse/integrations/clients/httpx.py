"""httpx and httpx2: a response's byte stream as the transport has it, before anything is decoded or split.

`Client` and `AsyncClient` send every request, whatever transport it takes, through one method. The stream that it
gives its response is wrapped, so that a chunk's time is that of its read from the socket.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from otel_sse.integrations.bodies import ByteCursor
from otel_sse.integrations.clients.exchange import Exchange, exchange_with
from otel_sse.iterators.object_proxy import ObjectProxy
from otel_sse.iterators.observed import ObservedAsyncIterator, ObservedIterator
from otel_sse.stream import outcome as outcomes

SEND: Final = "_send_single_request"
"""The one way out of a client, redirects and authentication included; the same in httpx and httpx2."""


class ReadStream(ObjectProxy):
    """The byte stream of a response, watched while it is read; in all else the stream it wraps."""

    def __init__(self, stream: Any, cursor: ByteCursor) -> None:
        super().__init__(stream)
        self._self_cursor = cursor

    def __iter__(self) -> ObservedIterator:
        return ObservedIterator(iter(self.__wrapped__), self._self_cursor)

    def close(self) -> None:
        """Close the stream; who had not read it to its end has left it."""
        try:
            self.__wrapped__.close()
        finally:
            self._self_cursor.end(outcomes.ABANDONED)


class ReadAsyncStream(ObjectProxy):
    """The byte stream of a response of an async client, watched while it is read."""

    def __init__(self, stream: Any, cursor: ByteCursor) -> None:
        super().__init__(stream)
        self._self_cursor = cursor

    def __aiter__(self) -> ObservedAsyncIterator:
        return ObservedAsyncIterator(self.__wrapped__.__aiter__(), self._self_cursor)

    async def aclose(self) -> None:
        """Close the stream; who had not read it to its end has left it."""
        try:
            await self.__wrapped__.aclose()
        finally:
            self._self_cursor.end(outcomes.ABANDONED)


def send(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Send one request of a `Client`, and watch its response where that is an event stream."""
    request = _request(*args, **kwargs)
    exchange = exchange_with(request.url.host)
    if exchange is None:
        return wrapped(*args, **kwargs)
    with exchange.sending(request.headers, request.url.query):
        response = wrapped(*args, **kwargs)
    return _watched(response, exchange, ReadStream)


def send_async(
    wrapped: Callable[..., Awaitable[Any]], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Send one request of an `AsyncClient`, and watch its response where that is an event stream."""
    request = _request(*args, **kwargs)
    exchange = exchange_with(request.url.host)
    return wrapped(*args, **kwargs) if exchange is None else _send_async(wrapped, exchange, request, args, kwargs)


async def _send_async(
    wrapped: Callable[..., Awaitable[Any]],
    exchange: Exchange,
    request: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    with exchange.sending(request.headers, request.url.query):
        response = await wrapped(*args, **kwargs)
    return _watched(response, exchange, ReadAsyncStream)


def _watched(response: Any, exchange: Exchange, stream: Callable[[Any, ByteCursor], Any]) -> Any:
    cursor = exchange.reading(response.headers)
    if cursor is not None:
        response.stream = stream(response.stream, cursor)
    return response


def _request(request: Any, *_: Any, **__: Any) -> Any:
    """Return the request that a client was told to send, by position or by name."""
    return request
