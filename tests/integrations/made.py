"""Small applications, each with the same answer at `GET /chat`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.requests import Request

from tests.integrations.answers import FRAMES, App, Receive, Scope, Send, body, frames, start

Parts = Callable[[], AsyncIterator[Any]]


class Gate:
    """A stream that stops after its first chunk until the test opens it."""

    def __init__(self) -> None:
        self._open = False

    def open(self) -> None:
        """Let the rest go; may be called from any thread."""
        self._open = True

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the first chunk, wait, yield the others."""
        yield FRAMES[0]
        while not self._open:
            await asyncio.sleep(0.002)
        for part in FRAMES[1:]:
            yield part


def plain_app(parts: Parts = frames) -> App:
    """Return a bare ASGI application that streams `parts`, whatever the path."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        async for part in parts():
            await send(body(part))
        await send(body(b"", more=False))

    return app


def add_chat(app: Any, parts: Parts = frames, path: str = "/chat", **response: Any) -> None:
    """Add a route that streams `parts` to a Starlette or FastAPI application."""

    async def chat(request: Request) -> StreamingResponse:
        return StreamingResponse(parts(), **{"media_type": "text/event-stream", **response})

    if isinstance(app, FastAPI):
        app.get(path)(chat)
    else:
        app.add_route(path, chat)


def fastapi_app(parts: Parts = frames, **how: Any) -> FastAPI:
    """Return a FastAPI application with `GET /chat`."""
    app = FastAPI(**how)
    add_chat(app, parts)
    return app


def starlette_app(parts: Parts = frames, **how: Any) -> Starlette:
    """Return a Starlette application with `GET /chat`."""
    app = Starlette(**how)
    add_chat(app, parts)
    return app
