"""Work that is carried where no context follows: threads, executors, and jobs whose events another request streams."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.instrumentation.threading import ThreadingInstrumentor

from otel_sse import resume_stream, stream_handle
from otel_sse.options import Options
from otel_sse.recording import registry
from tests.integrations.answers import FRAMES, plain
from tests.integrations.clients.readers import Model
from tests.integrations.seen import Stage, Telemetry, attributes
from tests.integrations.servers import Uvicorn, read_raw

Parts = asyncio.Queue[bytes | None]
Put = Callable[[bytes | None], Any]
Work = Callable[[], None]
Start = Callable[[Work], Any]


@pytest.fixture
def address(uvicorn_server: Uvicorn, model_server: Uvicorn) -> str:
    """Address of a model that answers with FRAMES."""
    return model_server.serve(Model(plain()))


@pytest.fixture
def threads_watched() -> Iterator[None]:
    """OpenTelemetry's own instrumentation of threads is active."""
    ThreadingInstrumentor().instrument()
    yield
    ThreadingInstrumentor().uninstrument()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A pool of one thread."""
    with ThreadPoolExecutor(1) as made:
        yield made


def read_model(address: str, put: Put, left_out: int = -1) -> None:
    """Read the model, and put each frame but one."""
    with httpx.Client() as client, client.stream("GET", address) as response:
        for number, line in enumerate(line for line in response.iter_lines() if line):
            if number != left_out:
                put(f"{line}\n\n".encode())
    put(None)


def resumed(handle: str, work: Work) -> None:
    """Do work on the stream of a handle."""
    with resume_stream(handle):
        work()


def put_from_thread(parts: Parts) -> Put:
    """Puts into a queue of the running loop, from whatever thread."""
    loop = asyncio.get_running_loop()
    return lambda part: loop.call_soon_threadsafe(parts.put_nowait, part)


def answer(parts: Parts) -> StreamingResponse:
    """The parts as they come, to the end."""

    async def gen() -> Any:
        while (part := await parts.get()) is not None:
            yield part

    return StreamingResponse(gen(), media_type="text/event-stream")


def chat_app(address: str, start: Start) -> FastAPI:
    """Reads the model in work that `start` starts."""
    app = FastAPI()

    @app.get("/chat")
    async def chat() -> StreamingResponse:
        parts: Parts = asyncio.Queue()
        start(partial(read_model, address, put_from_thread(parts)))
        return answer(parts)

    return app


def started(work: Work) -> None:
    """Start a bare thread."""
    threading.Thread(target=work).start()


def are_one(telemetry: Telemetry, *names: str) -> list[Stage]:
    """The stages of these names, which are one stream in one trace, each linked to the one before."""
    stages = [telemetry.stage(name) for name in names]
    assert len({stage.stream_id for stage in stages}) == 1
    assert len({stage.segments[0].context.trace_id for stage in stages}) == 1
    for before, after in pairwise(stages):
        linked = {link.context.span_id for link in after.segments[0].links if _is_upstream(link)}
        assert linked == {before.segments[0].context.span_id}
    return stages


def _is_upstream(link: Any) -> bool:
    return dict(link.attributes or {})["sse.link"] == "upstream"


def test_a_bare_thread_has_no_stream(
    telemetry: Telemetry, uvicorn_server: Uvicorn, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it reads is a stream of its own, which says that its process serves requests."""
    made = registry.new_recorder(Options(), telemetry.tracer_provider, telemetry.meter_provider)
    monkeypatch.setattr(registry, "_default", made)
    app = telemetry.instrument(chat_app(address, started))
    assert read_raw(uvicorn_server.serve(app))
    emit, client = telemetry.stage("emit"), telemetry.stage("client")
    made.shutdown()
    assert emit.stream_id == telemetry.stage().stream_id != client.stream_id
    assert client.attributes["sse.stream.no_request"] is True
    assert "sse.stream.no_request" not in emit.attributes


@pytest.mark.usefixtures("threads_watched")
def test_a_watched_thread_has_the_stream(telemetry: Telemetry, uvicorn_server: Uvicorn, address: str) -> None:
    """OpenTelemetry's instrumentation of threads takes its context along, and the stream is in it."""
    app = telemetry.instrument(chat_app(address, started))
    read_raw(uvicorn_server.serve(app))
    are_one(telemetry, "provider", "emit", "socket_write")


@pytest.mark.usefixtures("threads_watched")
def test_a_watched_executor_has_the_stream(
    telemetry: Telemetry, uvicorn_server: Uvicorn, address: str, pool: ThreadPoolExecutor
) -> None:
    """Each piece of work has the stream of the request that submitted it, whatever request started the thread."""
    app = telemetry.instrument(chat_app(address, lambda work: asyncio.get_running_loop().run_in_executor(pool, work)))
    for _ in range(2):
        read_raw(uvicorn_server.serve(app))
    both = [{stage.stream_id for stage in telemetry.stages(2, name)} for name in ("provider", "emit", "socket_write")]
    assert len(both[0]) == 2
    assert both[0] == both[1] == both[2]


@pytest.mark.usefixtures("threads_watched")
def test_the_context_is_left_as_it_was(telemetry: Telemetry, uvicorn_server: Uvicorn, address: str) -> None:
    """A client that leaves in the middle, and one that does not, leave nothing attached (see conftest)."""
    app = telemetry.instrument(chat_app(address, started))
    served = uvicorn_server.serve(app)
    read_raw(served)
    telemetry.stage()
    telemetry.settled()


def test_a_thread_resumes_by_its_handle(telemetry: Telemetry, uvicorn_server: Uvicorn, address: str) -> None:
    """The handle goes to the thread as an argument; nothing else is needed."""
    app = telemetry.instrument(chat_app(address, lambda work: started(partial(resumed, stream_handle(), work))))
    read_raw(uvicorn_server.serve(app))
    provider, *_ = are_one(telemetry, "provider", "emit", "socket_write")
    assert provider.attributes["sse.stream.carried"] is True


def jobs_app(address: str, in_task: bool) -> FastAPI:
    """`/start` starts a job that loses a chunk, `/events` streams what it makes."""
    app, jobs = FastAPI(), list[tuple[Parts, str]]()
    tasks = []

    async def read_in_task(put: Put) -> None:
        async with httpx.AsyncClient() as client, client.stream("GET", address) as response:
            number = 0
            async for line in response.aiter_lines():
                if line and (number := number + 1) != 3:
                    put(f"{line}\n\n".encode())
        put(None)

    @app.get("/start")
    async def start() -> dict[str, str]:
        parts: Parts = asyncio.Queue()
        handle = stream_handle()
        jobs.append((parts, handle))
        if in_task:
            tasks.append(asyncio.create_task(read_in_task(parts.put_nowait)))
        else:
            started(partial(resumed, handle, partial(read_model, address, put_from_thread(parts), 2)))
        return {}

    @app.get("/events")
    async def events() -> StreamingResponse:
        parts, handle = jobs.pop()
        with resume_stream(handle):
            return answer(parts)

    return app


@pytest.mark.parametrize("in_task", [True, False], ids=["task", "thread"])
def test_a_job_and_its_events_are_one_stream(
    telemetry: Telemetry, uvicorn_server: Uvicorn, address: str, in_task: bool
) -> None:
    """In the trace of the request that started it, linked with the other's; and what the job lost is found."""
    app = telemetry.instrument(jobs_app(address, in_task))
    served = uvicorn_server.serve(app)
    read_raw(served, "/start")
    body = read_raw(served, "/events")
    assert FRAMES[2] not in body
    provider, emit, written = are_one(telemetry, "provider", "emit", "socket_write")
    assert (provider.outcome, written.outcome) == ("completed", "completed")
    assert "sse.stream.read_on_chunks" not in provider.attributes
    assert [finding["sse.finding.kind"] for finding in emit.findings] == ["gap/lost"]
    begun, streamed = telemetry.requests(2)
    assert provider.segments[0].context.trace_id == begun.context.trace_id != streamed.context.trace_id
    assert streamed.context in [link.context for link in written.segments[0].links]
    assert written.segments[0].context in [link.context for link in streamed.links]
    assert attributes(streamed)["sse.stream.outcome"] == "completed"
