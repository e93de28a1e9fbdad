"""Applications under test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import otel_sse

WORDS = [f"word {n} " for n in range(12)]

Gateway = Callable[[AsyncIterator[str]], AsyncIterator[str]]


async def model() -> AsyncIterator[str]:
    """A model that says its words."""
    for word in WORDS:
        yield word


def frame(word: str) -> str:
    """One event of an answer."""
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': word}}]})}\n\n"


async def each(words: AsyncIterator[str]) -> AsyncIterator[str]:
    """Hands each word on."""
    async for word in words:
        yield frame(word)
    yield "data: [DONE]\n\n"


async def twice(words: AsyncIterator[str]) -> AsyncIterator[str]:
    """Hands each word on twice."""
    async for word in words:
        yield frame(word)
        yield frame(word)
    yield "data: [DONE]\n\n"


async def all_but_one(words: AsyncIterator[str]) -> AsyncIterator[str]:
    """Loses the fifth word."""
    async for word in words:
        if word != WORDS[4]:
            yield frame(word)
    yield "data: [DONE]\n\n"


async def without_end(words: AsyncIterator[str]) -> AsyncIterator[str]:
    """Breaks off before the end."""
    async for word in words:
        yield frame(word)


def application(gateway: Gateway = each) -> Any:
    """An application that answers `/chat/{id}` with what a gateway makes of the model's words."""

    async def chat(request: Request) -> StreamingResponse:
        words = otel_sse.observe(model(), "provider")
        return StreamingResponse(gateway(words), media_type="text/event-stream")

    return Starlette(routes=[Route("/chat/{id}", chat)])


def instrumented(gateway: Gateway = each, **options: Any) -> Iterator[Any]:
    """The same, instrumented until the test has ended."""
    app = otel_sse.instrument(application(gateway), **options)
    yield app
    otel_sse.uninstrument(app)
