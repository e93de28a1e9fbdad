"""What each framework's streaming response iterates, watched as the stage `emit`. Imports no framework.

Starlette and FastAPI (its own server-sent events included): `StreamingResponse.body_iterator`. sse-starlette:
`EventSourceResponse.body_iterator`, whose items are read as the events that they are sent as. Litestar:
`ASGIStreamingResponse.iterator`, which `Stream` and `ServerSentEvent` become. Quart: the iterator of a response whose
body is an iterable. Django: the parts of a `StreamingHttpResponse` as its ASGI handler iterates them.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.bodies import body_headers
from otel_sse.integrations.frameworks.emit import emitted, text_as, with_watched
from otel_sse.iterators.observed import ObservedAsyncIterator

Wrapped = Callable[..., Awaitable[Any]]


def call_starlette(wrapped: Wrapped, response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    """Answer with a `StreamingResponse`, and watch its iterator where it is an event stream."""
    if _is_head_scope(*args, **kwargs):
        return wrapped(*args, **kwargs)
    cursor = emitted(response.raw_headers, text_as(response.charset))
    if cursor is None:
        return wrapped(*args, **kwargs)
    return with_watched(response, "body_iterator", cursor, wrapped, args, kwargs)


def call_sse_starlette(
    wrapped: Wrapped, response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Answer with an `EventSourceResponse`, and watch its iterator."""
    cursor = emitted(response.raw_headers, _encoder(response.sep))
    if cursor is None:
        return wrapped(*args, **kwargs)
    return with_watched(response, "body_iterator", cursor, wrapped, args, kwargs)


def send_litestar(wrapped: Wrapped, response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    """Send the body of a streaming response, and watch its iterator where it is an event stream."""
    cursor = emitted(response.encode_headers(), text_as(response.encoding))
    if cursor is None:
        return wrapped(*args, **kwargs)
    return with_watched(response, "iterator", cursor, wrapped, args, kwargs)


async def handle_quart(wrapped: Wrapped, app: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let the application make its response, and watch the response's iterator where it is an event stream."""
    response = await wrapped(*args, **kwargs)
    body: Any = getattr(response, "response", None)
    # Bodies that are data or files have no such iterator, nor have responses of Flask's.
    if hasattr(body, "iter") and not _is_head_request(*args, **kwargs):
        cursor = emitted(body_headers(response.headers), text_as("utf-8"))
        if cursor is not None:
            body.iter = ObservedAsyncIterator(body.iter, cursor)
    return response


def iterate_django(wrapped: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the iterator of a streaming response's parts, watched where it is an event stream."""
    parts = wrapped(*args, **kwargs)
    cursor = emitted(body_headers(response.headers))
    return parts if cursor is None else ObservedAsyncIterator(parts, cursor)


def _is_head_scope(scope: Any, *_: Any, **__: Any) -> bool:
    # It is streamed all the same, and the server throws it away.
    return bool(scope.get("method") == "HEAD")


def _is_head_request(request: Any, *_: Any, **__: Any) -> bool:
    return bool(request.method == "HEAD")


def _encoder(separator: str) -> Callable[[Any], bytes]:
    encode = sys.modules["sse_starlette.sse"].ensure_bytes

    def bytes_of(item: Any) -> bytes:
        try:
            return bytes(encode(item, separator))
        except Exception:
            # The response is about to fail on it in the same way, and that is the application's to hear.
            return b""

    return bytes_of
