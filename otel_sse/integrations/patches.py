"""The patches of the whole process: made while an application is instrumented that wants them, undone without trace."""

from __future__ import annotations

from typing import Final

from otel_sse.integrations.clients import aiohttp, httpx
from otel_sse.integrations.frameworks import responses
from otel_sse.integrations.patching import GROUPS, Seam
from otel_sse.integrations.websockets import aiohttp_client, websockets_lib
from otel_sse.recording.recorder import Recorder

CLIENTS: Final = (
    Seam("httpx", "Client", httpx.SEND, httpx.send),
    Seam("httpx", "AsyncClient", httpx.SEND, httpx.send_async),
    Seam("httpx2", "Client", httpx.SEND, httpx.send),
    Seam("httpx2", "AsyncClient", httpx.SEND, httpx.send_async),
    Seam("aiohttp", "ClientRequest", "send", aiohttp.send),
    Seam("aiohttp", "ClientResponse", "start", aiohttp.start),
)
EMIT: Final = (
    Seam("starlette.responses", "StreamingResponse", "__call__", responses.call_starlette),
    Seam("sse_starlette.sse", "EventSourceResponse", "__call__", responses.call_sse_starlette),
    Seam("litestar.response.streaming", "ASGIStreamingResponse", "send_body", responses.send_litestar),
    Seam("quart.app", "Quart", "handle_request", responses.handle_quart),
    Seam("django.http.response", "StreamingHttpResponse", "__aiter__", responses.iterate_django),
)
HOPS: Final = (
    Seam("websockets.asyncio.client", "ClientConnection", "handshake", websockets_lib.client_handshake),
    Seam("websockets.asyncio.server", "ServerConnection", "handshake", websockets_lib.server_handshake),
    Seam("aiohttp", "ClientSession", aiohttp_client.CONNECT, aiohttp_client.connect),
)

_SEAMS: Final = {"clients": CLIENTS, "emit": EMIT, "websockets": HOPS}
"""Option → what it patches."""


def hold(recorder: Recorder) -> None:
    """Make the patches that a recorder's options ask for, where nobody has yet."""
    for option, seams in _SEAMS.items():
        if getattr(recorder.options, option):
            GROUPS[option].hold(recorder, seams)


def release(recorder: Recorder) -> None:
    """Undo the patches that no other recorder holds."""
    for group in GROUPS.values():
        group.release(recorder)
