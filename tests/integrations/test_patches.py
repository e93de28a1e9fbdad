"""Patches of the process: made with the first application that wants them, undone with the last, never twice."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import wrapt
from django.http import StreamingHttpResponse
from litestar.response.streaming import ASGIStreamingResponse
from quart import Quart
from sse_starlette import EventSourceResponse
from starlette.responses import StreamingResponse

import otel_sse
from otel_sse.integrations.instrumentor import SSEInstrumentor
from tests.integrations.answers import ANSWER, plain
from tests.integrations.made import starlette_app
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

CLIENTS: list[tuple[type[Any], str]] = [
    (httpx.Client, "_send_single_request"),
    (httpx.AsyncClient, "_send_single_request"),
    (httpx2.Client, "_send_single_request"),
    (httpx2.AsyncClient, "_send_single_request"),
    (aiohttp.ClientRequest, "send"),
    (aiohttp.ClientResponse, "start"),
]
EMIT: list[tuple[type[Any], str]] = [
    (StreamingResponse, "__call__"),
    (EventSourceResponse, "__call__"),
    (ASGIStreamingResponse, "send_body"),
    (Quart, "handle_request"),
    (StreamingHttpResponse, "__aiter__"),
]


def methods(patched: list[tuple[type[Any], str]]) -> list[Any]:
    """What the patched classes have in their own dictionaries."""
    return [vars(owner)[name] for owner, name in patched]


def wrapped(patched: list[tuple[type[Any], str]]) -> set[bool]:
    """Whether the methods are wrapped; of a state that is whole there is but one answer."""
    return {isinstance(method, wrapt.FunctionWrapper) for method in methods(patched)}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No test begins or ends with a patch in place."""
    gc.collect()
    assert wrapped(CLIENTS + EMIT) == {False}
    yield
    gc.collect()
    assert wrapped(CLIENTS + EMIT) == {False}


def test_first_to_last() -> None:
    """Patches are there from the first application to the last, once, and then the very functions are back."""
    before = methods(CLIENTS + EMIT)
    first, second = starlette_app(), plain()
    otel_sse.instrument(first)
    once = methods(CLIENTS + EMIT)
    watched = otel_sse.instrument(second)
    otel_sse.instrument(first)
    assert all(a is b for a, b in zip(methods(CLIENTS + EMIT), once, strict=True))
    assert all(method.__wrapped__ is original for method, original in zip(once, before, strict=True))
    otel_sse.uninstrument(first)
    assert wrapped(CLIENTS + EMIT) == {True}
    otel_sse.uninstrument(watched)
    assert all(a is b for a, b in zip(methods(CLIENTS + EMIT), before, strict=True))
    otel_sse.uninstrument(first)


def test_options_choose_the_patches() -> None:
    """What no application asks for is not patched, and each option has its own patches."""
    app = otel_sse.instrument(plain(), clients=False)
    assert (wrapped(CLIENTS), wrapped(EMIT)) == ({False}, {True})
    otel_sse.uninstrument(app)
    app = otel_sse.instrument(plain(), emit=False)
    assert (wrapped(CLIENTS), wrapped(EMIT)) == ({True}, {False})
    other = otel_sse.instrument(plain(), clients=False)
    otel_sse.uninstrument(app)
    assert (wrapped(CLIENTS), wrapped(EMIT)) == ({False}, {True})
    otel_sse.uninstrument(other)


def test_not_enabled_nothing_is_patched() -> None:
    """With `enabled=False` nothing is touched."""
    otel_sse.instrument(plain(), enabled=False)
    assert wrapped(CLIENTS + EMIT) == {False}


def test_the_instrumentor_patches_too() -> None:
    """`SSEInstrumentor` makes and undoes the same patches."""
    before = methods(CLIENTS + EMIT)
    instrumentor = SSEInstrumentor()
    instrumentor.instrument(emit=False)
    try:
        assert (wrapped(CLIENTS), wrapped(EMIT)) == ({True}, {False})
    finally:
        instrumentor.uninstrument()
    assert all(a is b for a, b in zip(methods(CLIENTS + EMIT), before, strict=True))


def test_somebody_who_wrapped_after_us_stays(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Another's later patch survives; ours is inert below it, and instrumenting again does not double anything."""

    def theirs(inner: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return inner(*args, **kwargs)

    original = vars(StreamingResponse)["__call__"]
    app = starlette_app()
    try:
        telemetry.instrument(app)
        wrapper = wrapt.wrap_function_wrapper(StreamingResponse, "__call__", theirs)
        otel_sse.uninstrument(app)
        assert vars(StreamingResponse)["__call__"] is wrapper
        telemetry.instrument(app)
        assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
        assert len(telemetry.stages(1, "emit")) == 1
        otel_sse.uninstrument(app)
        assert vars(StreamingResponse)["__call__"] is wrapper
    finally:
        StreamingResponse.__call__ = original  # type: ignore[method-assign]


def test_after_shutdown_they_do_nothing(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """After `shutdown` no stage is made any more, though nothing has been uninstrumented."""
    app = telemetry.instrument(starlette_app())
    otel_sse.shutdown()
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    assert telemetry.spans() == []


def test_libraries_may_be_imported_later(run_script: Callable[..., str]) -> None:
    """Importing us imports none of them; one that is imported while patches are held is patched, later ones are not."""
    source = """
    import sys
    import otel_sse

    async def app(scope, receive, send): ...

    watched = otel_sse.instrument(app)
    assert not {"httpx", "httpx2", "aiohttp", "starlette", "quart", "django", "litestar"} & set(sys.modules)
    import httpx
    print(type(vars(httpx.Client)["_send_single_request"]).__name__)
    otel_sse.uninstrument(watched)
    import aiohttp
    print(type(vars(httpx.Client)["_send_single_request"]).__name__, type(vars(aiohttp.ClientRequest)["send"]).__name__)
    watched = otel_sse.instrument(app)
    print(type(vars(httpx.Client)["_send_single_request"]).__name__, type(vars(aiohttp.ClientRequest)["send"]).__name__)
    import httpx2
    print(type(vars(httpx2.Client)["_send_single_request"]).__name__)
    otel_sse.uninstrument(watched)
    print(type(vars(httpx2.Client)["_send_single_request"]).__name__)
    """
    assert run_script(source).split() == [
        "FunctionWrapper",
        *["function"] * 2,
        *["FunctionWrapper"] * 2,
        "FunctionWrapper",
        "function",
    ]


def test_what_patches_a_library_is_loaded_with_it(run_script: Callable[..., str]) -> None:
    """Where a library is not there, nor is what watches it, and the hop's protocol waits for a WebSocket."""
    source = """
    import sys
    from starlette.applications import Starlette
    import otel_sse

    OURS = ("clients", "frameworks", "websockets")

    def tell():
        print(*sorted(
            name.removeprefix("otel_sse.") for name in sys.modules
            if name.startswith(("otel_sse.hops.hop", *(f"otel_sse.integrations.{room}." for room in OURS)))
        ), sep=",")

    app = otel_sse.instrument(Starlette())
    tell()
    import starlette.responses, httpx
    tell()
    import websockets.asyncio.client
    print("otel_sse.integrations.websockets.websockets_lib" in sys.modules, "otel_sse.hops.hop" in sys.modules)
    patched = vars(httpx.Client)["_send_single_request"], vars(websockets.asyncio.client.ClientConnection)["handshake"]
    print(*[type(method).__name__ for method in patched])
    otel_sse.uninstrument(app)
    import aiohttp
    print("otel_sse.integrations.clients.aiohttp" in sys.modules)
    patched = vars(httpx.Client)["_send_single_request"], vars(websockets.asyncio.client.ClientConnection)["handshake"]
    print(*[type(method).__name__ for method in patched])
    """
    assert run_script(source).splitlines() == [
        "integrations.frameworks.emit,integrations.frameworks.responses",
        ",".join(
            [
                *(f"integrations.clients.{name}" for name in ("coding", "exchange", "httpx", "propagation")),
                *(f"integrations.frameworks.{name}" for name in ("emit", "responses")),
            ]
        ),
        "True True",
        "FunctionWrapper FunctionWrapper",
        "False",
        "function function",
    ]


def test_what_watches_websockets_is_loaded_before_a_server_serves(run_script: Callable[..., str]) -> None:
    """A server starts the application first, so that no WebSocket has anything to load; never without the option."""
    source = """
    import asyncio, sys
    from starlette.applications import Starlette
    import otel_sse

    async def start(app):
        told = asyncio.Queue()
        told.put_nowait({"type": "lifespan.startup"})
        told.put_nowait({"type": "lifespan.shutdown"})
        async def send(message):
            print(message["type"], "otel_sse.hops.hop" in sys.modules)
        await app({"type": "lifespan"}, told.get, send)

    for options in ({"websockets": False}, {}):
        app = otel_sse.instrument(Starlette(), **options)
        print("otel_sse.hops.hop" in sys.modules)
        asyncio.run(start(app))
        otel_sse.uninstrument(app)
    """
    assert run_script(source).splitlines() == [
        "False",
        "lifespan.startup.complete False",
        "lifespan.shutdown.complete False",
        "False",
        "lifespan.startup.complete True",
        "lifespan.shutdown.complete True",
    ]
