"""Quart: the iterator of a response whose body is an iterable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.bodies import body_headers
from otel_sse.integrations.frameworks.emit import emitted, text_as
from otel_sse.iterators.observed import ObservedAsyncIterator


async def handle_request(
    wrapped: Callable[..., Awaitable[Any]], app: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Let the application make its response, and watch the response's iterator where it is an event stream."""
    response = await wrapped(*args, **kwargs)
    body: Any = getattr(response, "response", None)
    # Bodies that are data or files have no such iterator, nor have responses of Flask's.
    if hasattr(body, "iter") and not _is_head(*args, **kwargs):
        cursor = emitted(body_headers(response.headers), text_as("utf-8"))
        if cursor is not None:
            body.iter = ObservedAsyncIterator(body.iter, cursor)
    return response


def _is_head(request: Any, *_: Any, **__: Any) -> bool:
    return bool(request.method == "HEAD")
