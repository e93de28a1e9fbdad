"""The answer at `GET /chat`, in each framework's own way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI
from litestar import Litestar, get
from litestar.response import ServerSentEvent, Stream
from litestar.types import SSEData
from quart import Quart
from quart import Response as QuartResponse
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from tests.integrations.answers import PAYLOADS, frames
from tests.integrations.django_app import django_app
from tests.integrations.made import Parts, fastapi_app, plain_app, starlette_app


async def payloads() -> AsyncIterator[str]:
    """Yield the data of each event."""
    for each in PAYLOADS:
        yield each


async def litestar_events() -> AsyncIterator[SSEData]:
    """Yield the data of each event, typed as Litestar wants it."""
    async for each in payloads():
        yield each


def fastapi_events() -> FastAPI:
    """FastAPI's own server-sent events."""
    from fastapi.sse import EventSourceResponse as Events
    from fastapi.sse import ServerSentEvent as Event

    app = FastAPI()

    @app.get("/chat", response_class=Events)
    async def chat() -> Any:
        async for each in payloads():
            yield Event(raw_data=each)

    return app


def sse_starlette(parts: Callable[[], AsyncIterator[Any]] = payloads, ping_s: float = 15) -> Starlette:
    """sse-starlette's response, with a ping every `ping_s` seconds."""

    async def chat(request: Request) -> EventSourceResponse:
        return EventSourceResponse(parts(), ping=ping_s)

    return Starlette(routes=[Route("/chat", chat)])


def litestar_stream(parts: Parts = frames) -> Litestar:
    """Litestar's plain stream."""

    @get("/chat")
    async def chat() -> Stream:
        return Stream(parts(), media_type="text/event-stream")

    return Litestar([chat], openapi_config=None)


def litestar_sse() -> Litestar:
    """Litestar's server-sent events."""

    @get("/chat")
    async def chat() -> ServerSentEvent:
        return ServerSentEvent(litestar_events())

    return Litestar([chat], openapi_config=None)


def quart_app(parts: Parts = frames) -> Quart:
    """A generator as Quart's response."""
    app = Quart(__name__)

    @app.get("/chat")
    async def chat() -> QuartResponse:
        return QuartResponse(parts(), mimetype="text/event-stream")

    return app


STREAMING: dict[str, Callable[[Parts], Any]] = {
    "plain": plain_app,
    "starlette": starlette_app,
    "fastapi": fastapi_app,
    "litestar": litestar_stream,
    "quart": quart_app,
    "django": django_app,
}
"""Frameworks that stream whatever bytes they are given."""

ANSWERING: dict[str, Callable[[], Any]] = {
    **STREAMING,  # type: ignore[dict-item]
    "fastapi events": fastapi_events,
    "sse-starlette": sse_starlette,
    "litestar events": litestar_sse,
}
"""Every way to stream the answer."""
