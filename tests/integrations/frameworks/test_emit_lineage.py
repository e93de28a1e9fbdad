"""provider → emit → socket_write: one chunk followed through an application that makes frames of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from itertools import chain
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI, OpenAI
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request

from otel_sse.wire import Event, Parser
from tests.integrations.answers import DIGESTS, EVENT_STREAM, FRAMES, WORDS, App, Receive, Scope, Send, body, plain
from tests.integrations.made import fastapi_app, plain_app
from tests.integrations.seen import Stage, Telemetry
from tests.integrations.servers import Uvicorn

STAGES = ("provider", "emit", "socket_write")


def ask(url: str) -> dict[str, Any]:
    """What the openai clients are told."""
    return {"base_url": url, "api_key": "-", "max_retries": 0}


QUESTION: Any = {"model": "m", "messages": [{"role": "user", "content": "?"}], "stream": True}


def reframed(text: str) -> str:
    """The application's own frame."""
    return f"data: {json.dumps({'text': text})}\n\n"


async def words(url: str) -> AsyncIterator[str]:
    """What the model says, through openai's async client."""
    async with AsyncOpenAI(**ask(url)) as client:
        async for chunk in await client.chat.completions.create(**QUESTION):
            yield chunk.choices[0].delta.content or ""


def gateway(url: str, times: int = 1) -> FastAPI:
    """Return an application that says each of the model's words in a frame of its own, `times` times."""
    app = FastAPI()

    async def frames() -> AsyncIterator[str]:
        async for word in words(url):
            for _ in range(times):
                yield reframed(word)
        yield "data: [DONE]\n\n"

    @app.get("/chat")
    async def chat() -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    return app


def upstreams(stage: Stage) -> list[tuple[int, int] | None]:
    """Of each chunk of a stage the upstream range that it was made from."""
    found: list[tuple[int, int] | None] = []
    for chunk in stage.chunks:
        first = chunk.get("sse.chunk.upstream.first")
        found.append(None if first is None else (first, chunk.get("sse.chunk.upstream.last", first)))
    return found


def one(*seqs: int) -> list[tuple[int, int] | None]:
    """Chunks that each were made from one chunk upstream."""
    return [(seq, seq) for seq in seqs]


def run(app: Any, telemetry: Telemetry, server: Uvicorn) -> tuple[list[Event], list[Stage]]:
    """Ask the application, instrumented, once; return the events that came and the three stages."""
    answer = httpx.get(server.serve(telemetry.instrument(app)) + "/chat").content
    events = [item for item in Parser().feed(answer) if isinstance(item, Event)]
    return events, [telemetry.stage(name) for name in STAGES]


def test_three_stages_line_up(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """Re-framed chunks have the digests of the model's, each knows which it was made from, one trace, no findings."""
    app = gateway(model_server.serve(plain(FRAMES, EVENT_STREAM)))
    events, stages = run(app, telemetry, uvicorn_server)
    provider, emit, written = stages
    assert [event.data for event in events] == [*(json.dumps({"text": word}) for word in WORDS), "[DONE]"]
    assert [stage.digests for stage in stages] == [DIGESTS] * 3
    assert upstreams(provider) == [None] * 5
    assert upstreams(emit) == upstreams(written) == one(1, 2, 3, 4, 5)
    assert [stage.outcome for stage in stages] == ["completed"] * 3
    assert len({stage.stream_id for stage in stages}) == 1
    assert {stage.first.context.trace_id for stage in stages} == {telemetry.request().context.trace_id}
    assert [stage.attributes["sse.stream.dialect"] for stage in stages] == [
        "openai-chat",
        "generic-json",
        "generic-json",
    ]
    assert [stage.attributes["sse.stream.findings"] for stage in stages] == [0, 0, 0]
    assert [stage.attributes.get("sse.stage.upstream") for stage in stages] == [None, "provider", "emit"]
    assert [link.context.span_id for link in emit.first.links] == [provider.first.context.span_id]
    assert [link.context.span_id for link in written.first.links] == [emit.first.context.span_id]
    times = [[event.timestamp for event in stage.events] for stage in stages]
    assert all(a <= b <= c for a, b, c in zip(*times, strict=True))
    telemetry.settled()


def test_with_the_sync_client_in_a_thread(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """A sync generator, which Starlette runs in threads, with openai's sync client gives the same."""
    url = model_server.serve(plain(FRAMES, EVENT_STREAM))
    app = FastAPI()

    def frames() -> Any:
        with OpenAI(**ask(url)) as client:
            for chunk in client.chat.completions.create(**QUESTION):
                yield reframed(chunk.choices[0].delta.content or "")  # type: ignore[union-attr,unused-ignore]
        yield "data: [DONE]\n\n"

    @app.get("/chat")
    def chat() -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    _, stages = run(app, telemetry, uvicorn_server)
    assert [stage.digests for stage in stages] == [DIGESTS] * 3
    assert [upstreams(stage) for stage in stages[1:]] == [one(1, 2, 3, 4, 5)] * 2
    assert [stage.outcome for stage in stages] == ["completed"] * 3


def doubling_model() -> App:
    """A model server that says everything twice."""
    return plain([*chain.from_iterable((frame, frame) for frame in FRAMES[:-1]), FRAMES[-1]], EVENT_STREAM)


def test_the_model_doubled_it(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """What came twice from the model was emitted and written once each: no chunk has two that were made from it."""
    events, stages = run(gateway(model_server.serve(doubling_model())), telemetry, uvicorn_server)
    assert len(events) == 9
    assert [len(stage.chunks) for stage in stages] == [9, 9, 9]
    assert upstreams(stages[1]) == upstreams(stages[2]) == one(*range(1, 10))


def test_the_application_doubled_it(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """Two emitted chunks were made from each of the model's, and one was written for each of those."""
    app = gateway(model_server.serve(plain(FRAMES, EVENT_STREAM)), times=2)
    events, stages = run(app, telemetry, uvicorn_server)
    assert len(events) == 9
    assert [len(stage.chunks) for stage in stages] == [5, 9, 9]
    assert upstreams(stages[1]) == one(1, 1, 2, 2, 3, 3, 4, 4, 5)
    assert upstreams(stages[2]) == one(*range(1, 10))


class Doubling:
    """Pure ASGI middleware that sends each body twice."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def twice(message: Any) -> None:
            await send(message)
            if message.get("body", b"").startswith(b'data: {"'):
                await send(body(message["body"]))

        await self._app(scope, receive, twice)


class DoublingResponse(BaseHTTPMiddleware):
    """Starlette's own kind of middleware, with an iterator around the response's."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        """Serve one request."""
        response = await call_next(request)
        parts = response.body_iterator

        async def twice() -> AsyncIterator[bytes]:
            async for part in parts:
                yield part
                if part.startswith(b'data: {"'):
                    yield part

        response.body_iterator = twice()
        return response


@pytest.mark.parametrize("middleware", [Doubling, DoublingResponse])
def test_the_framework_doubled_it(
    middleware: Callable[..., Any], telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """What was emitted once and written twice was doubled between the two, by a middleware."""
    app = gateway(model_server.serve(plain(FRAMES, EVENT_STREAM)))
    app.add_middleware(middleware)
    events, stages = run(app, telemetry, uvicorn_server)
    assert len(events) == 9
    assert [len(stage.chunks) for stage in stages] == [5, 5, 9]
    assert upstreams(stages[1]) == one(1, 2, 3, 4, 5)
    assert upstreams(stages[2]) == one(1, 1, 2, 2, 3, 3, 4, 4, 5)


def test_frames_that_merge_and_drop(telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn) -> None:
    """An application that says the first word alone and the rest at once: the range says from which chunks."""
    url = model_server.serve(plain(FRAMES, EVENT_STREAM))
    app = FastAPI()

    async def frames() -> AsyncIterator[str]:
        said = words(url)
        yield reframed(await anext(said))
        yield reframed("".join([word async for word in said]))
        yield "data: [DONE]\n\n"

    @app.get("/chat")
    async def chat() -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    _, (provider, emit, written) = run(app, telemetry, uvicorn_server)
    assert len(provider.chunks) == 5
    assert upstreams(emit)[0] == (1, 1)
    first, last = upstreams(emit)[1] or (0, 0)
    assert (first, last >= 4) == (2, True)
    assert upstreams(written) == one(1, 2, 3)


@pytest.mark.parametrize("rewrites", [True, False])
def test_application_that_filters_says_so(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn, rewrites: bool
) -> None:
    """What the application's own code leaves out is a loss, and no finding with `emit_rewrites`."""
    url = model_server.serve(plain(FRAMES, EVENT_STREAM))
    app = FastAPI()

    async def frames() -> AsyncIterator[str]:
        async for word in words(url):
            if word != WORDS[1]:
                yield reframed(word)

    @app.get("/chat")
    async def chat() -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    httpx.get(uvicorn_server.serve(telemetry.instrument(app, emit_rewrites=rewrites)) + "/chat")
    emit = telemetry.stage("emit")
    assert len(emit.chunks) == len(WORDS) - 1
    assert emit.attributes["sse.stream.findings"] == (0 if rewrites else 1)


@pytest.mark.parametrize("rewrites", [True, False])
@pytest.mark.parametrize("kind", ["bare", "no emit"])
def test_application_without_emit_that_filters_says_so(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn, rewrites: bool, kind: str
) -> None:
    """`emit_rewrites` is of the application's own code, which lies before `socket_write` where there is no `emit`."""
    url = model_server.serve(plain(FRAMES, EVENT_STREAM))

    async def frames() -> AsyncIterator[bytes]:
        async for word in words(url):
            if word != WORDS[1]:
                yield reframed(word).encode()

    app = plain_app(frames) if kind == "bare" else fastapi_app(frames)
    httpx.get(uvicorn_server.serve(telemetry.instrument(app, emit_rewrites=rewrites, emit=kind == "bare")) + "/chat")
    written = telemetry.stage()
    assert len(written.chunks) == len(WORDS) - 1
    assert written.attributes["sse.stream.findings"] == (0 if rewrites else 1)
    assert written.attributes.get("sse.stage.rewrites", False) is rewrites


def test_with_emit_the_framework_changes_nothing(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """Behind `emit` lies the framework and not the application's own code, so that `emit_rewrites` is not of it."""
    url = model_server.serve(plain(FRAMES, EVENT_STREAM))

    async def frames() -> AsyncIterator[bytes]:
        async for word in words(url):
            yield reframed(word).encode()

    app = telemetry.instrument(fastapi_app(frames), emit_rewrites=True)
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.stage("emit").attributes["sse.stage.rewrites"] is True
    assert "sse.stage.rewrites" not in telemetry.stage().attributes


def test_what_came_twice_already_is_no_proof_against_who_hands_it_on(
    telemetry: Telemetry, uvicorn_server: Uvicorn, model_server: Uvicorn
) -> None:
    """The stage that says each word twice is certain of it; the one behind it, which hands on what it got, is not."""
    frames = [f'data: {{"choices":[{{"index":0,"delta":{{"content":"w{n}"}}}}]}}\n\n'.encode() for n in range(40)]
    app = gateway(model_server.serve(plain(frames, EVENT_STREAM)), times=2)
    _, stages = run(app, telemetry, uvicorn_server)
    told = [[each["sse.finding.certainty"] for each in stage.findings] for stage in stages]
    assert (told[0], set(told[1]), set(told[2])) == ([], {"certain"}, {"suspected"})
