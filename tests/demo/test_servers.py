from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from otel_sse.demo.servers import HOST, LoopbackServer, bind
from otel_sse.errors import OtelSSEError

pytestmark = pytest.mark.server


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


async def hello(request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


def test_a_free_port_is_used(taken: int) -> None:
    """The wanted port is used where it is free."""
    with bind(0) as first:
        wanted = first.getsockname()[1]
    with bind(wanted) as again:
        assert again.getsockname()[1] == wanted != taken


def test_a_taken_port_picks_another(taken: int) -> None:
    """Where somebody listens on the wanted port, another one is used."""
    with LoopbackServer(APP, taken) as server:
        assert server.port != taken
        assert httpx.get(server.url, trust_env=False).text == "hello"


def test_a_stopped_server_answers_no_more() -> None:
    """After the block the port is free again."""
    with LoopbackServer(APP) as server:
        port = server.port
    with bind(port) as again:
        assert again.getsockname()[1] == port


def test_an_application_that_does_not_start_is_told() -> None:
    """A failing start raises at once, with the address, and leaves no thread behind."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    server = LoopbackServer(failing)
    with pytest.raises(OtelSSEError, match=rf"server must start within 60 s, got '{server.url}'"):
        server.__enter__()
    assert not server._thread.is_alive()
