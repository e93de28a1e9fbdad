"""Litestar: the iterator of an `ASGIStreamingResponse`, which `Stream` and `ServerSentEvent` become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.frameworks.emit import emitted, text_as, with_watched


def send_body(
    wrapped: Callable[..., Awaitable[Any]], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Send the body of a streaming response, and watch its iterator where it is an event stream."""
    cursor = emitted(response.encode_headers(), text_as(response.encoding))
    if cursor is None:
        return wrapped(*args, **kwargs)
    return with_watched(response, "iterator", cursor, wrapped, args, kwargs)
