"""One random answer of a framework: its streaming responses are watched where they yield, too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from random import Random
from typing import Any

from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fuzz import pieces
from tests.fuzz.cases import Own
from tests.fuzz.playing import frozen, without_ours
from tests.integrations.driver import Driver

ERRORS: tuple[Callable[[], BaseException], ...] = (
    lambda: ValueError("the prompt"), lambda: OSError("gone"), Own, asyncio.CancelledError, lambda: RuntimeError("no"),
    StopAsyncIteration, StopIteration, lambda: TypeError("no"),
)  # fmt: skip
TYPES = ("text/event-stream", "text/plain", "application/x-ndjson")


class Answer:
    """What one endpoint answers, and how its reader behaves.

    Args:
        seed: Of the whole run.
        number: Of the case.
    """

    def __init__(self, seed: object, number: int) -> None:
        self._rng = rng = Random(f"{seed}/responses/{number}")
        self._parts: list[Any] = list(pieces.split(rng, pieces.body(rng)))
        if rng.random() < 0.2:
            self._parts = [part.decode("latin-1") for part in self._parts]
        if rng.random() < 0.1:
            self._parts.insert(rng.randrange(len(self._parts)), rng.choice([None, 5, {"data": "a"}, bytearray(b"y")]))
        self._fails_at = rng.randrange(len(self._parts) + 1) if rng.random() < 0.3 else -1
        self._error = rng.choice(ERRORS)
        self._kind = rng.choice(["async", "async", "sync", "sse", "json", "bytes", "raises"])
        self._background = rng.choice([None, None, None, self._nothing, self._failing])
        self._wrapped = rng.random() < 0.2
        self._in_contrib = rng.random() < 0.15
        self._headers = pieces.response_headers(rng)
        self.seen: list[Any] = []
        self._reader: dict[str, Any] = {
            "spec_version": rng.choice(["2.3", "2.4"]),
            "method": rng.choice(["GET", "GET", "POST", "HEAD"]),
            "headers": [pieces.header(rng) for _ in range(rng.randrange(4))],
            "query_string": rng.choice(pieces.QUERIES),
        }
        if rng.random() < 0.3:
            self._reader["leaves_after"] = rng.randrange(4)
        if rng.random() < 0.3:
            self._reader["cancel_at"] = rng.randrange(1, 6)

    def app(self) -> Any:
        """Return the application."""
        kind = FastAPI if self._in_contrib else Starlette
        app = kind(routes=[Route("/{path:path}", self._endpoint, methods=["GET", "POST"])])
        if self._wrapped:
            app.add_middleware(BaseHTTPMiddleware, dispatch=self._hand_on)
        # Both would make a SERVER span, of which we tell FastAPI in the scope.
        return OpenTelemetryMiddleware(app) if self._in_contrib else app

    def asked(self, app: Any) -> list[Any]:
        """Ask an application, and return what server and application saw."""
        driver = asyncio.run(Driver(app, **self._reader).run())
        error = driver.error
        messages = [{**message} for message in driver.messages]
        for message in messages:
            if "headers" in message:
                message["headers"] = without_ours(message["headers"])
        raised = (type(error).__name__, type(getattr(error, "__cause__", None)).__name__)
        # What an application notes there of its own objects differs in where these are.
        scope = [(key, re.sub("0x[0-9a-f]+", "", repr(value))) for key, value in driver.scope.items() if key != "pause"]
        return [*map(frozen, messages), raised, *self.seen, ("scope afterwards", *scope)]

    async def _endpoint(self, request: Request) -> Response:
        response = self._answer(request)
        response.raw_headers.extend(self._headers)
        return response

    def _answer(self, request: Request) -> Response:
        self.seen.append((request.method, frozen(list(request.headers.raw)), request.url.query))
        background = None if self._background is None else BackgroundTask(self._background)
        if self._kind == "raises":
            raise self._error()
        if self._kind == "json":
            return JSONResponse([str(part) for part in self._parts], background=background)
        if self._kind == "bytes":
            whole = b"".join(part for part in self._parts if isinstance(part, bytes))
            return Response(whole, media_type=self._rng.choice(TYPES), background=background)
        if self._kind == "sse":
            return EventSourceResponse(self._yielding(), background=background)
        body: Any = self._yielding_in_a_thread() if self._kind == "sync" else self._yielding()
        return StreamingResponse(body, media_type=self._rng.choice(TYPES), background=background)

    async def _yielding(self) -> AsyncIterator[Any]:
        for at, part in enumerate([*self._parts, None]):
            if at == self._fails_at:
                raise self._error()
            if at < len(self._parts):
                try:
                    yield part
                except BaseException as error:
                    self.seen.append(("in the iterator", type(error).__name__))
                    raise

    def _yielding_in_a_thread(self) -> Iterator[Any]:
        for at, part in enumerate(self._parts):
            if at == self._fails_at:
                raise ValueError("the prompt")
            yield part

    async def _nothing(self) -> None:
        self.seen.append("in the background")

    async def _failing(self) -> None:
        raise ValueError("in the background")

    async def _hand_on(self, request: Request, call_next: Any) -> Any:
        return await call_next(request)
