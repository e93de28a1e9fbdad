"""Django: the parts of a `StreamingHttpResponse` as its ASGI handler iterates them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_sse.integrations.bodies import body_headers
from otel_sse.integrations.frameworks.emit import emitted
from otel_sse.iterators.observed import ObservedAsyncIterator


def aiter_parts(wrapped: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the iterator of a streaming response's parts, watched where it is an event stream."""
    parts = wrapped(*args, **kwargs)
    cursor = emitted(body_headers(response.headers))
    return parts if cursor is None else ObservedAsyncIterator(parts, cursor)
