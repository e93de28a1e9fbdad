"""sse-starlette: the iterator of its `EventSourceResponse`, whose items are read as the events they are sent as."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.frameworks.emit import emitted, with_watched


def call(
    wrapped: Callable[..., Awaitable[Any]], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Answer with an `EventSourceResponse`, and watch its iterator."""
    cursor = emitted(response.raw_headers, _encoder(response.sep))
    if cursor is None:
        return wrapped(*args, **kwargs)
    return with_watched(response, "body_iterator", cursor, wrapped, args, kwargs)


def _encoder(separator: str) -> Callable[[Any], bytes]:
    encode = sys.modules["sse_starlette.sse"].ensure_bytes

    def bytes_of(item: Any) -> bytes:
        try:
            return bytes(encode(item, separator))
        except Exception:
            # The response is about to fail on it in the same way, and that is the application's to hear.
            return b""

    return bytes_of
