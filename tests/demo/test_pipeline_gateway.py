from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from anyio import create_task_group
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

from otel_sse.demo import pipeline_messages as messages
from otel_sse.demo.pipeline_gateway import controlled
from otel_sse.demo.servers import HOST

TURNS = 5
"""Turns of the loop that closing the model's connection takes here; a client of HTTP takes some, too."""


class Model:
    """An answer that does not end, and whose connection takes a while to close."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def pieces(self) -> AsyncIterator[str]:
        """Yield one piece, and wait for ever."""
        try:
            yield "Hello"
            await asyncio.Event().wait()
        finally:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            self.closed.set()


class ControlPlane:
    """Sends back each piece that comes, and keeps the code with which the gateway closes."""

    def __init__(self) -> None:
        self.code: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def handle(self, connection: ServerConnection) -> None:
        """Serve one connection."""
        try:
            async for text in connection:
                if messages.read(text)["type"] == messages.CHUNK:
                    await connection.send(text)
        except ConnectionClosedError:
            pass
        self.code.set_result(connection.close_code)


@pytest.mark.server
async def test_a_client_that_leaves_lets_the_models_connection_be_closed() -> None:
    """A scope that cancels in every turn of the loop, as Starlette's does, keeps no connection to the model open."""
    model, control = Model(), ControlPlane()
    async with serve(control.handle, HOST, 0) as server:
        (port,) = {socket.getsockname()[1] for socket in server.sockets}
        answer = controlled(f"ws://{HOST}:{port}", "pass", model.pieces())

        async def read() -> None:
            async for message in answer:
                assert message["content"] == "Hello"
                came.set()

        came = asyncio.Event()
        async with create_task_group() as group:
            group.start_soon(read)
            await came.wait()
            group.cancel_scope.cancel()
        assert model.closed.is_set()
        # An internal error: the control plane is not to take a broken answer for a whole one.
        assert await asyncio.wait_for(control.code, 60) == 1011
