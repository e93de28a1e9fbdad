"""The applications that are measured, and the other end of their connection: ASGI without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_START: Final = {"type": "http.response.start", "status": 200}
_STREAM: Final = (b"content-type", b"text/event-stream")
_JSON: Final = (b"content-type", b"application/json")
_ANSWER: Final = {"answer": "An answer of one sentence, as a model gives it.", "tokens": 11}


def scope() -> Scope:
    """Return the scope of a new GET request, as a server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"user-agent", b"bench"), (b"accept", b"text/event-stream")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8_000),
        "state": {},
    }


async def receive() -> Message:
    """Be a client that has sent its request whole."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    """Be a client that takes all at once."""


def stream(chunks: Iterable[bytes]) -> ASGIApp:
    """Return an application that sends chunks as fast as it can."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**_START, "headers": [_STREAM]})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def paced(chunks: Sequence[bytes], interval_s: float) -> ASGIApp:
    """Return an application that sends a chunk every `interval_s` seconds, however long each takes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        await send({**_START, "headers": [_STREAM]})
        due_s = clock()
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            due_s += interval_s
            await asyncio.sleep(max(0.0, due_s - clock()))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def waiting(chunk: bytes, release: asyncio.Event) -> ASGIApp:
    """Return an application that sends one chunk and then waits until it is released."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**_START, "headers": [_STREAM]})
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await release.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def bare_json() -> ASGIApp:
    """Return an application of two calls that answers with JSON: the least that a request can cost."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**_START, "headers": [_JSON]})
        await send({"type": "http.response.body", "body": b'{"answer":"yes"}', "more_body": False})

    return app


def starlette_json() -> ASGIApp:
    """Return a Starlette application with one route that answers with JSON."""

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse(_ANSWER)

    return Starlette(routes=[Route("/", answer)])
