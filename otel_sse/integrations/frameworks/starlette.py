"""Starlette and FastAPI: the `body_iterator` of a streaming response, FastAPI's own server-sent events included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.frameworks.emit import emitted, text_as, with_watched


def call(
    wrapped: Callable[..., Awaitable[Any]], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Answer with a `StreamingResponse`, and watch its iterator where it is an event stream."""
    if _is_head(*args, **kwargs):
        return wrapped(*args, **kwargs)
    cursor = emitted(response.raw_headers, text_as(response.charset))
    if cursor is None:
        return wrapped(*args, **kwargs)
    return with_watched(response, "body_iterator", cursor, wrapped, args, kwargs)


def _is_head(scope: Any, *_: Any, **__: Any) -> bool:
    # It is streamed all the same, and the server throws it away.
    return bool(scope.get("method") == "HEAD")
