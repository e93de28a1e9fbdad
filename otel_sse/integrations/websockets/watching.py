"""`watch(connection)`: one connection, without any patch."""

from __future__ import annotations

from typing import Any, TypeVar

from otel_sse.errors import must
from otel_sse.hops.messages import ChunkOf, Hooks, StreamOf
from otel_sse.integrations.websockets.owner import hooks_of, recorder_here
from otel_sse.integrations.websockets.serving import hop_of
from otel_sse.recording.recorder import Recorder

T = TypeVar("T")


def watch(connection: T, *, stream_of: StreamOf | None = None, chunk_of: ChunkOf | None = None) -> T:
    """Make both directions of a WebSocket connection stages, `ws.send` and `ws.receive`, and return it.

    The object is changed in place, its class is not. The envelope is used where the handshake's headers say that both
    ends agreed: a client of one's own adds `offered_headers()` to its handshake, a server of `websockets` has
    `accept_offer` as its `process_response`. Whoever offers or accepts must watch, else the application sees the
    envelope. A server's connection is watched in the task that serves it, where its stream and the client's trace
    become current; a Starlette `WebSocket` before it is accepted. One that is watched already is left as it is.

    Args:
        connection: A connection of `websockets` (asyncio), of aiohttp's client, or a Starlette or FastAPI `WebSocket`.
        stream_of: See `Hooks`; the application's option `stream_of` where None.
        chunk_of: See `Hooks`; the application's option `chunk_of` where None.

    Raises:
        TypeError: `connection` is none of these.
    """
    if hop_of(connection) is not None:
        return connection
    recorder = recorder_here()
    asked = hooks_of(recorder)
    watch_it = _watcher(connection)
    watch_it(connection, recorder, Hooks(stream_of or asked.stream_of, chunk_of or asked.chunk_of))
    return connection


def _watcher(connection: Any) -> Any:
    kinds = {f"{base.__module__.partition('.')[0]}.{base.__qualname__}" for base in type(connection).__mro__}
    if "websockets.Connection" in kinds:
        from otel_sse.integrations.websockets import websockets_lib

        return websockets_lib.watch
    if "aiohttp.ClientWebSocketResponse" in kinds:
        from otel_sse.integrations.websockets import aiohttp_client

        return aiohttp_client.watch
    if "starlette.WebSocket" in kinds:
        return _watch_starlette
    advice = "Pass a connection of websockets (asyncio), of aiohttp's client, or a Starlette WebSocket."
    raise TypeError(must("connection", "be a WebSocket connection", connection, advice))


def _watch_starlette(websocket: Any, recorder: Recorder, hooks: Hooks) -> None:
    from otel_sse.integrations.websockets.asgi_exchange import WebSocketExchange

    exchange = WebSocketExchange(recorder, hooks, websocket.scope, websocket._receive, websocket._send, observe=True)
    exchange.watch(websocket)
