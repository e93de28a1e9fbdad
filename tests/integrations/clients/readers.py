"""Every way in which an application reads a response's body, and the model server that it reads from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import anyio.to_thread
import httpx
import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tests.integrations.answers import EVENT_STREAM, FRAMES, App, Receive, Scope, Send, body, plain, start

Reader = Callable[[str], AsyncIterator[bytes]]


class Model:
    """A model server that keeps the headers of each request.

    Args:
        app: What it answers with.
    """

    def __init__(self, app: App | None = None) -> None:
        self._app = app or plain(FRAMES, EVENT_STREAM)
        self.asked: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.asked.append(dict(scope["headers"]))
        await self._app(scope, receive, send)


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one chunk over and over, until the client leaves."""
    await send(start())
    left = asyncio.ensure_future(_left(receive))
    while not left.done():
        await send(body(FRAMES[0]))
        await asyncio.sleep(0.001)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _httpx_async(library: Any, how: Callable[[Any], AsyncIterator[bytes]]) -> Reader:
    async def read(url: str) -> AsyncIterator[bytes]:
        async with library.AsyncClient() as client, client.stream("GET", url) as response:
            async for part in how(response):
                yield part

    return read


def _httpx_sync(library: Any) -> Reader:
    def parts(url: str) -> Iterator[bytes]:
        with library.Client() as client, client.stream("GET", url) as response:
            yield from response.iter_bytes()

    async def read(url: str) -> AsyncIterator[bytes]:
        iterator = parts(url)
        while (part := await anyio.to_thread.run_sync(next, iterator, None)) is not None:
            yield part

    return read


def _httpx_whole(library: Any) -> Reader:
    async def read(url: str) -> AsyncIterator[bytes]:
        async with library.AsyncClient() as client:
            yield (await client.get(url)).content

    return read


async def _lines(response: Any) -> AsyncIterator[bytes]:
    async for line in response.aiter_lines():
        yield line.encode() + b"\n"


def _aiohttp(how: Callable[[Any], AsyncIterator[bytes]]) -> Reader:
    async def read(url: str) -> AsyncIterator[bytes]:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            async for part in how(response):
                yield part

    return read


async def _each_line(response: Any) -> AsyncIterator[bytes]:
    async for line in response.content:
        yield line


async def _called(read: Callable[[], Any]) -> AsyncIterator[bytes]:
    while part := await read():
        yield part


async def _chunks(response: Any) -> AsyncIterator[bytes]:
    async for part, _ in response.content.iter_chunks():
        yield part


async def _exactly(response: Any) -> AsyncIterator[bytes]:
    with suppress(asyncio.IncompleteReadError):
        while True:
            try:
                yield await response.content.readexactly(7)
            except asyncio.IncompleteReadError as error:
                yield error.partial
                raise


async def _nowait(response: Any) -> AsyncIterator[bytes]:
    content = response.content
    while first := await content.read(1):
        yield first + content.read_nowait()


async def _whole(response: Any) -> AsyncIterator[bytes]:
    yield await response.read()


READERS: dict[str, Reader] = {
    **{
        f"{library.__name__} {name}": reader
        for library in (httpx, httpx2)
        for name, reader in {
            "aiter_bytes": _httpx_async(library, lambda response: response.aiter_bytes()),
            "aiter_bytes by 5": _httpx_async(library, lambda response: response.aiter_bytes(5)),
            "aiter_raw": _httpx_async(library, lambda response: response.aiter_raw()),
            "aiter_lines": _httpx_async(library, _lines),
            "sync": _httpx_sync(library),
            "get": _httpx_whole(library),
        }.items()
    },
    "aiohttp async for": _aiohttp(_each_line),
    "aiohttp iter_any": _aiohttp(lambda response: response.content.iter_any()),
    "aiohttp iter_chunked": _aiohttp(lambda response: response.content.iter_chunked(5)),
    "aiohttp iter_chunks": _aiohttp(_chunks),
    "aiohttp read": _aiohttp(lambda response: _called(lambda: response.content.read(9))),
    "aiohttp readany": _aiohttp(lambda response: _called(response.content.readany)),
    "aiohttp readline": _aiohttp(lambda response: _called(response.content.readline)),
    "aiohttp readuntil": _aiohttp(lambda response: _called(lambda: response.content.readuntil(b"\n\n"))),
    "aiohttp readexactly": _aiohttp(_exactly),
    "aiohttp read_nowait": _aiohttp(_nowait),
    "aiohttp whole": _aiohttp(_whole),
}
"""Library and method → a function that reads a URL with it."""

LIBRARIES = {"httpx": "httpx aiter_bytes", "httpx2": "httpx2 aiter_bytes", "aiohttp": "aiohttp iter_any"}
"""One reader of each library."""


def gateway(read: Reader, url: str, media_type: str = "text/event-stream") -> Starlette:
    """Return an application whose `GET /chat` passes on what it reads."""

    async def chat(request: Request) -> StreamingResponse:
        return StreamingResponse(read(url), media_type=media_type)

    return Starlette(routes=[Route("/chat", chat)])
