"""The ends of WebSocket connections, by library. The public place is `otel_sse.websockets`."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Scripts import it from here, where it stood before it had a public place. On first use: most need no sockets.
    if name == "watch":
        from otel_sse.integrations.websockets.watching import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
