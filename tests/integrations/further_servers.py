"""Servers that only tests of outcomes ask for: hypercorn on trio, granian. Not every environment of tests has them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any

import granian.server.embed
import hypercorn.trio
import trio
from granian.constants import Interfaces

from tests.integrations.answers import App, Receive, Scope, Send
from tests.integrations.seen import until
from tests.integrations.servers import Hypercorn, lifespan


class HypercornTrio(Hypercorn):
    """hypercorn in a thread, on trio."""

    def _run(self, descriptor: int) -> None:
        trio.run(self._serve_with, hypercorn.trio.serve, descriptor)


class Granian:
    """granian in a thread. Serves whatever application `serve` was given last."""

    def __init__(self) -> None:
        self._app: App | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._server = granian.server.embed.Server(
            self._dispatch, port=self._port, interface=Interfaces.ASGI, log_enabled=False
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(self._listens, "granian's start")

    def serve(self, app: Any) -> str:
        """Serve `app` from now on; return the address."""
        self._app = app
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop the server."""
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._server.serve())
        self._loop.close()

    def _listens(self) -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self._port)):
            return True
        return False

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        assert self._app is not None
        await self._app(scope, receive, send)
