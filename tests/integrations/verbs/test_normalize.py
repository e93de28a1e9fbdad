"""The stage `normalize`: one function, chunk by chunk."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type
from weakref import WeakKeyDictionary

import anyio
import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

import otel_sse
import otel_sse.integrations.verbs.normalize as module
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.integrations.answers import WORDS, frame
from tests.integrations.pipeline import TEXTS, ended, one_to_one, produced, recorder_outside, stages, upstream
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


@pytest.fixture(autouse=True)
def default(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Records what is outside of any request."""
    monkeypatch.setattr(module, "_streams", WeakKeyDictionary())
    recorder = recorder_outside(telemetry)
    monkeypatch.setattr(registry, "_default", recorder)
    return recorder


@pytest.fixture
def stream(default: Recorder) -> Iterator[Stream]:
    """The stream of a request that is being served."""
    current = Stream(default, now_ns())
    token = enter(current)
    yield current
    leave(token)


class BadChunk(ValueError):
    """A chunk that can't be turned."""


@otel_sse.normalize
def upper(chunk: str) -> str | None:
    """Turn one chunk into another."""
    if chunk == " sat":
        raise BadChunk("sat is secret")
    return None if chunk == "." else chunk.upper()


def findings(stage: Any) -> list[dict[str, Any]]:
    """The findings of a stage."""
    return [dict(event.attributes) for span in stage.segments for event in span.events if event.name == "sse.finding"]


def test_results_are_the_chunks_of_the_stage(stream: Stream, telemetry: Telemetry) -> None:
    """Each result is a chunk that knows which chunk it was made of; None is none, and is no fault."""
    given = [text for text in TEXTS if text != " sat"]
    made = [upper(chunk) for chunk in otel_sse.observe(iter(given), "provider")]
    assert made == ["THE", " CAT", " ON", " THE", " MAT", None]
    stream.end("completed")
    stage = stages(telemetry, "provider", "normalize")["normalize"]
    assert upstream(stage) == [(seq, seq) for seq in range(1, 6)]
    assert stage.attributes["sse.stage.rewrites"] is True
    assert stage.attributes["sse.stage.class"] == "upper"
    assert (stage.outcome, findings(stage)) == ("completed", [])


def test_failure_is_counted_with_its_reason(stream: Stream, telemetry: Telemetry) -> None:
    """A chunk that can't be turned is a finding that names the exception's class, and the exception is untouched."""
    made = [upper(chunk) for chunk in TEXTS[:2]]
    with pytest.raises(BadChunk, match=r"^sat is secret$") as caught:
        upper(TEXTS[2])
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    made.append(upper(TEXTS[3]))
    stream.end("completed")
    stage = stages(telemetry, "normalize")["normalize"]
    assert len(stage.chunks) == len(made) == 3
    (finding,) = findings(stage)
    assert finding == {
        "sse.finding.kind": "protocol/normalize_failed",
        "sse.finding.certainty": "certain",
        "sse.finding.stage": "normalize",
        "sse.finding.seq": 0,
        "sse.finding.evidence": "BadChunk",
    }
    count = telemetry.value("sse.findings", stage="normalize", kind="protocol/normalize_failed", certainty="certain")
    assert count == 1
    assert "secret" not in repr([span.to_json() for span in telemetry.spans()])


@pytest.mark.parametrize("first", [False, True])
def test_what_gives_no_chunk_is_not_what_the_next_one_was_made_of(
    stream: Stream, telemetry: Telemetry, first: bool
) -> None:
    """A chunk that failed or was dropped on purpose is named, and the one behind it was made of its own."""
    given = [" sat", "a", ".", "b"] if first else ["a", " sat", ".", "b"]
    for chunk in otel_sse.observe(iter(given), "callback"):
        with contextlib.suppress(BadChunk):
            upper(chunk)
    stream.end("completed")
    stage = stages(telemetry, "callback", "normalize")["normalize"]
    assert upstream(stage) == ([(2, 2), (4, 4)] if first else [(1, 1), (4, 4)])
    (finding,) = findings(stage)
    assert finding["sse.finding.evidence"] == f"BadChunk at upstream chunk {1 if first else 2}"


def test_decorator_with_parentheses(stream: Stream, telemetry: Telemetry) -> None:
    """It is the same one; what is no function is refused in words."""

    @otel_sse.normalize()
    def same(chunk: str) -> str:
        return chunk

    assert same("a") == "a"
    stream.end("completed")
    assert len(stages(telemetry, "normalize")["normalize"].chunks) == 1
    with pytest.raises(TypeError, match=r"^function must be a function, got 'upper'"):
        otel_sse.normalize("upper")  # type: ignore[call-overload]


async def test_async_function(stream: Stream, telemetry: Telemetry) -> None:
    """A coroutine function is watched as well; cancelling it is no failure of the chunk's."""

    @otel_sse.normalize
    async def later(chunk: str) -> str:
        await asyncio.sleep(0)
        if chunk == "x":
            raise BadChunk
        return chunk

    assert inspect.iscoroutinefunction(later)
    assert [await later(chunk) for chunk in "ab"] == ["a", "b"]
    with pytest.raises(BadChunk):
        await later("x")
    task = asyncio.create_task(later("c"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stream.end("completed")
    stage = stages(telemetry, "normalize")["normalize"]
    assert (len(stage.chunks), len(findings(stage))) == (2, 1)


def test_the_very_objects_go_in_and_come_out(stream: Stream) -> None:
    """Arguments and results are not copied."""
    seen: list[object] = []
    made = object()

    @otel_sse.normalize
    def keep(self: object, *, chunk: object) -> object:
        seen.extend((self, chunk))
        return made

    one, two = object(), object()
    assert keep(one, chunk=two) is made
    assert [id(each) for each in seen] == [id(one), id(two)]


def test_decorated_function_keeps_what_is_known_of_it() -> None:
    """Name, documentation, signature and type are those of the function; a method stays one."""
    assert (upper.__name__, upper.__doc__) == ("upper", "Turn one chunk into another.")
    assert list(inspect.signature(upper).parameters) == ["chunk"]
    assert_type(upper("a"), str | None)

    class Adapter:
        @otel_sse.normalize
        def turn(self, chunk: str) -> str:
            return chunk * 2

    assert Adapter().turn("a") == "aa"


def test_two_functions_are_two_stages(stream: Stream, telemetry: Telemetry) -> None:
    """Functions one after the other are stages one after the other."""
    first, second = otel_sse.normalize(str.strip), otel_sse.normalize(str.title)
    for chunk in TEXTS:
        second(first(chunk))
    stream.end("completed")
    one, two = ended(telemetry, 2)
    assert two.attributes["sse.stage.upstream"] == one.attributes["sse.stage"] == "normalize"
    assert one_to_one(two)


@pytest.mark.server
def test_stage_ends_with_its_request(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """In a request the stage stands between its neighbours and ends as the answer does; in a worker thread too."""
    turn = otel_sse.normalize(lambda chunk: frame(chunk.upper()))

    async def chat() -> StreamingResponse:
        async def answer() -> AsyncIterator[bytes]:
            async for chunk in otel_sse.observe(produced(WORDS), "provider"):
                yield await anyio.to_thread.run_sync(turn, chunk)

        return StreamingResponse(answer(), media_type="text/event-stream")

    app = FastAPI()
    app.get("/chat")(chat)
    httpx.get(uvicorn_server.serve(telemetry.instrument(app, flush_interval_seconds=0.01, clients=False)) + "/chat")
    found = stages(telemetry, "provider", "normalize", "emit", "socket_write")
    assert len({stage.stream_id for stage in found.values()}) == 1
    assert all(one_to_one(found[name]) for name in ("normalize", "emit", "socket_write"))
    assert found["normalize"].outcome == found["socket_write"].outcome
    assert found["normalize"].attributes["sse.stage.class"].endswith("<lambda>")


async def test_outside_of_any_stream_a_task_is_one(telemetry: Telemetry) -> None:
    """The calls of one task are a stream, which ends with the task."""

    async def work() -> None:
        for chunk in TEXTS[:2]:
            upper(chunk)
            await asyncio.sleep(0)

    async def wait() -> None:
        upper("a")
        await asyncio.sleep(60)

    tasks = [asyncio.create_task(each()) for each in (work, work, wait)]
    await asyncio.wait(tasks[:2])
    tasks[2].cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    found = ended(telemetry, 3)
    assert sorted((len(stage.chunks), stage.outcome) for stage in found) == [
        (1, "cancelled"),
        (2, "completed"),
        (2, "completed"),
    ]
    assert len({stage.stream_id for stage in found}) == 3


def test_outside_of_any_task_a_thread_is_one(default: Recorder, telemetry: Telemetry) -> None:
    """The calls of one thread are a stream, which ends when otel_sse is shut down."""
    upper("a")
    upper("b")
    thread = threading.Thread(target=upper, args=("c",))
    thread.start()
    thread.join()
    default.shutdown()
    assert sorted((len(stage.chunks), stage.outcome) for stage in ended(telemetry, 2)) == [
        (1, "abandoned"),
        (2, "abandoned"),
    ]


def test_after_a_shutdown_a_new_stream_begins(
    default: Recorder, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread's stream whose recorder is gone is not gone on with."""
    upper("a")
    default.shutdown()
    later = recorder_outside(telemetry)
    monkeypatch.setattr(registry, "_default", later)
    upper("b")
    later.shutdown()
    assert len(ended(telemetry, 2)) == 2


def test_nothing_to_observe_with(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the settings say that nothing is to be recorded, the function works as before."""
    monkeypatch.setattr(registry, "_default", recorder_outside(telemetry, enabled=False))
    assert upper("a") == "A"
    with pytest.raises(BadChunk):
        upper(" sat")
    assert ended(telemetry, 0) == []


@pytest.mark.parametrize("broken", ["called", "take", "note"])
def test_internal_error_is_not_the_applications(
    broken: str, stream: Stream, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where observing fails, the function's result and its exceptions are what they were."""
    monkeypatch.setattr(internal, "reraise", False)

    def fail(*args: Any) -> None:
        raise RuntimeError("ours")

    upper("b")
    if broken == "called":
        monkeypatch.setattr(Stream, "called", fail)
    elif broken == "take":
        monkeypatch.setattr(next(iter(stream._called.values())), "take", fail)
    else:
        monkeypatch.setattr("otel_sse.stage.StageMonitor.note", fail)
    assert upper("a") == "A"
    with pytest.raises(BadChunk) as caught:
        upper(" sat")
    assert caught.value.__context__ is None
    sites = {"called": "open", "take": "observe", "note": "observe"}
    assert telemetry.value("sse.internal_errors", site=sites[broken]) >= 1


def test_task_that_is_over_is_forgotten() -> None:
    """No task is kept alive by having called a function."""

    async def work() -> None:
        upper("a")

    asyncio.run(work())
    gc.collect()
    assert len(module._streams) == 0
