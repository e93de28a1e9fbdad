"""The patches of the whole process: made while an application is instrumented that wants them, undone without trace.

A library's seams come from a function that imports what patches it, so that this is loaded where the library is.
"""

from __future__ import annotations

from typing import Final

from otel_sse.integrations.patching import GROUPS, Library, Seam
from otel_sse.recording.recorder import Recorder


def _httpx() -> tuple[Seam, ...]:
    from otel_sse.integrations.clients import httpx

    return Seam("Client", httpx.SEND, httpx.send), Seam("AsyncClient", httpx.SEND, httpx.send_async)


def _aiohttp() -> tuple[Seam, ...]:
    from otel_sse.integrations.clients import aiohttp

    return Seam("ClientRequest", "send", aiohttp.send), Seam("ClientResponse", "start", aiohttp.start)


def _starlette() -> tuple[Seam, ...]:
    from otel_sse.integrations.frameworks import responses

    return (Seam("StreamingResponse", "__call__", responses.call_starlette),)


def _sse_starlette() -> tuple[Seam, ...]:
    from otel_sse.integrations.frameworks import responses

    return (Seam("EventSourceResponse", "__call__", responses.call_sse_starlette),)


def _litestar() -> tuple[Seam, ...]:
    from otel_sse.integrations.frameworks import responses

    return (Seam("ASGIStreamingResponse", "send_body", responses.send_litestar),)


def _quart() -> tuple[Seam, ...]:
    from otel_sse.integrations.frameworks import responses

    return (Seam("Quart", "handle_request", responses.handle_quart),)


def _django() -> tuple[Seam, ...]:
    from otel_sse.integrations.frameworks import responses

    return (Seam("StreamingHttpResponse", "__aiter__", responses.iterate_django),)


def _websockets_client() -> tuple[Seam, ...]:
    from otel_sse.integrations.websockets import websockets_lib

    return (Seam("ClientConnection", "handshake", websockets_lib.client_handshake),)


def _websockets_server() -> tuple[Seam, ...]:
    from otel_sse.integrations.websockets import websockets_lib

    return (Seam("ServerConnection", "handshake", websockets_lib.server_handshake),)


def _aiohttp_websockets() -> tuple[Seam, ...]:
    from otel_sse.integrations.websockets import aiohttp_client

    return (Seam("ClientSession", aiohttp_client.CONNECT, aiohttp_client.connect),)


CLIENTS: Final = (Library("httpx", _httpx), Library("httpx2", _httpx), Library("aiohttp", _aiohttp))
EMIT: Final = (
    Library("starlette.responses", _starlette),
    Library("sse_starlette.sse", _sse_starlette),
    Library("litestar.response.streaming", _litestar),
    Library("quart.app", _quart),
    Library("django.http.response", _django),
)
HOPS: Final = (
    Library("websockets.asyncio.client", _websockets_client),
    Library("websockets.asyncio.server", _websockets_server),
    Library("aiohttp", _aiohttp_websockets),
)

_LIBRARIES: Final = {"clients": CLIENTS, "emit": EMIT, "websockets": HOPS}
"""Option → what it patches."""


def hold(recorder: Recorder) -> None:
    """Make the patches that a recorder's options ask for, where nobody has yet."""
    for option, libraries in _LIBRARIES.items():
        if getattr(recorder.options, option):
            GROUPS[option].hold(recorder, libraries)


def release(recorder: Recorder) -> None:
    """Undo the patches that no other recorder holds."""
    for group in GROUPS.values():
        group.release(recorder)
