"""Everything that a user may run under trio, run under the real trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import pytest
import trio

import otel_sse
import otel_sse.integrations.verbs.normalize as module
from otel_sse import guards
from otel_sse.errors import StreamReusedError
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.integrations.answers import DIGESTS, FRAMES, Receive, Scope, Send, body, plain, start
from tests.integrations.pipeline import TEXTS, ended, one_to_one, outcomes, produced, recorder_outside, stages
from tests.integrations.seen import Telemetry, attributes
from tests.integrations.servers import Uvicorn


@pytest.fixture(autouse=True)
def default(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Records what is outside of any request."""
    monkeypatch.setattr(module, "_streams", WeakKeyDictionary())
    recorder = recorder_outside(telemetry)
    monkeypatch.setattr(registry, "_default", recorder)
    return recorder


async def then_waits(texts: tuple[str, ...] = TEXTS[:2]) -> AsyncIterator[str]:
    """Yield a beginning, then nothing for ever."""
    for text in texts:
        yield text
    await trio.sleep_forever()


async def read(stream: Any, taken: list[Any], enough: Callable[[], object] = lambda: None) -> None:
    """Read a stream; `enough` is called with each piece."""
    async for each in stream:
        taken.append(each)
        enough()


def cancelled_after(count: int, stream: Any) -> list[Any]:
    """What was read of a stream in a scope that is cancelled once so many pieces have come."""
    taken: list[Any] = []

    async def main() -> None:
        with trio.CancelScope() as scope:

            def enough() -> None:
                if len(taken) == count:
                    scope.cancel()

            await read(stream, taken, enough)

    trio.run(main)
    return taken


def test_observed_stream_is_completed(telemetry: Telemetry) -> None:
    """What is read to its end is completed, and the very same."""
    taken: list[Any] = []
    trio.run(read, otel_sse.observe(produced(), stage="mine"), taken)
    assert taken == list(TEXTS)
    assert outcomes(telemetry, "mine") == {"mine": "completed"}


def test_observed_stream_is_cancelled(telemetry: Telemetry) -> None:
    """A scope that is cancelled around a loop cancels its stage."""
    assert cancelled_after(2, otel_sse.observe(then_waits(), stage="mine")) == list(TEXTS[:2])
    assert outcomes(telemetry, "mine") == {"mine": "cancelled"}


def test_policy_is_seen_on_both_sides(telemetry: Telemetry) -> None:
    """A policy's chunks are tied to those that it took, and both sides end as it does."""

    @otel_sse.policy("pass", rewrites=False)
    async def passing(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        async for each in chunks:
            await trio.lowlevel.checkpoint()
            yield each

    taken: list[Any] = []
    trio.run(read, passing(produced()), taken)
    found = stages(telemetry, "policy.pass.in", "policy.pass.out")
    assert {one.outcome for one in found.values()} == {"completed"}
    assert one_to_one(found["policy.pass.out"])


def test_policy_is_cancelled_on_both_sides(telemetry: Telemetry) -> None:
    """Cancellation goes through a policy to what it reads."""

    @otel_sse.policy("pass")
    async def passing(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        async for each in chunks:
            yield each

    cancelled_after(2, passing(then_waits()))
    assert set(outcomes(telemetry, "policy.pass.in", "policy.pass.out").values()) == {"cancelled"}


def test_failure_in_a_nursery_beside_a_cancellation_is_a_failure(telemetry: Telemetry) -> None:
    """A generator whose nursery fails, and with it cancels what else is in it, has failed by its own exception."""

    async def breaking() -> AsyncIterator[str]:
        yield TEXTS[0]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise KeyError("mine")

    with pytest.raises(BaseExceptionGroup):
        trio.run(read, otel_sse.observe(breaking(), stage="mine"), [])
    (stage,) = ended(telemetry, 1)
    assert (stage.outcome, stage.attributes["error.type"]) == ("failed", "KeyError")


def test_pull_that_is_given_up_leaves_the_stage_open(telemetry: Telemetry) -> None:
    """`move_on_after` around a pull, as for a heartbeat, ends nothing where the iterator goes on."""

    class Slow:
        def __init__(self) -> None:
            self._texts = list(TEXTS)
            self._waits = True

        def __aiter__(self) -> Slow:
            return self

        async def __anext__(self) -> str:
            waits, self._waits = self._waits, False
            if waits:
                await trio.sleep_forever()
            if not self._texts:
                raise StopAsyncIteration
            return self._texts.pop(0)

    async def main() -> list[str]:
        chunks = aiter(otel_sse.observe(Slow(), stage="mine"))
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(chunks)
        return [each async for each in chunks]

    assert trio.run(main) == list(TEXTS)
    assert outcomes(telemetry, "mine") == {"mine": "completed"}


def test_guards_work(telemetry: Telemetry) -> None:
    """A second loop is refused, and doubled chunks are withheld."""

    async def main() -> list[Any]:
        once = guards.single_pass(produced())
        taken: list[Any] = []
        await read(once, taken)
        with pytest.raises(StreamReusedError) as refused:
            await read(once, [])
        assert "_run.py" not in str(refused.value)
        numbered = [{"id": f"e{n}", "content": text} for n, text in enumerate(TEXTS)]
        doubled = [each for one in numbered for each in (one, one)]
        await read(guards.deduplicate(produced(doubled), key=itemgetter("id")), taken)
        return taken

    taken = trio.run(main)
    assert taken[: len(TEXTS)] == list(TEXTS)
    assert [each["content"] for each in taken[len(TEXTS) :]] == list(TEXTS)


async def in_turn(one: Callable[[], Awaitable[None]], other: Callable[[], Awaitable[None]]) -> None:
    """Run two tasks at once."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(other)


def test_stages_of_two_tasks_are_told_apart(default: Recorder) -> None:
    """Who opened a stage is the task, so that two paths at once within one stream are not taken for one."""
    stream = Stream(default, now_ns())
    openers: list[object] = []

    async def open_one() -> None:
        record = stream.stage(StageSpec("mine"))
        openers.append(record.opened_in)
        record.discard()
        await trio.lowlevel.checkpoint()

    token = enter(stream)
    trio.run(in_turn, open_one, open_one)
    leave(token)
    assert len(set(openers)) == 2


def test_normalize_outside_of_requests_keeps_tasks_apart(telemetry: Telemetry) -> None:
    """The calls of one task are a stream of their own, which ends with the task."""

    @otel_sse.normalize
    def upper(text: str) -> str:
        return text.upper()

    async def call() -> None:
        for text in TEXTS[:3]:
            upper(text)
            await trio.lowlevel.checkpoint()

    trio.run(in_turn, call, call)
    found = ended(telemetry, 2)
    assert len({stage.stream_id for stage in found}) == 2
    assert [(stage.outcome, len(stage.chunks)) for stage in found] == [("completed", 3)] * 2


@pytest.mark.parametrize(
    ("crossed", "ends", "outcome"),
    [
        (len(FRAMES), "by itself", "completed"),
        (1, "left", "abandoned"),
        (1, "cancelled", "cancelled"),
        (len(FRAMES), "left", "completed"),
        (len(FRAMES), "cancelled", "completed"),
    ],
)
# httpx leaves generators of its own to the garbage collector, watched or not, and trio tells of each.
@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
def test_httpx_client_reads_a_stream(
    crossed: int, ends: str, outcome: str, uvicorn_server: Uvicorn, telemetry: Telemetry
) -> None:
    """An answer that is read with httpx is the stage `client`, whole or not, however it is let go of."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"".join(FRAMES[:crossed])))
        if ends != "by itself":
            while (await receive())["type"] != "http.disconnect":
                pass
        await send(body(b"", more=False))

    async def main() -> None:
        address, taken = uvicorn_server.serve(app), b""
        with trio.CancelScope() as scope:
            async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", address + "/chat") as response:
                async for part in response.aiter_raw():
                    taken += part
                    if taken == b"".join(FRAMES[:crossed]) and ends != "by itself":
                        if ends == "left":
                            break
                        scope.cancel()

    telemetry.instrument(plain())
    trio.run(main)
    (stage,) = ended(telemetry, 1)
    assert (stage.first.name, stage.outcome, stage.digests) == (
        "stream client",
        outcome,
        DIGESTS[:crossed],
    )


async def request(app: Any, receive: Receive, send: Send) -> None:
    """Serve one request."""
    scope: Scope = {
        "type": "http", "method": "GET", "path": "/chat", "raw_path": b"/chat", "headers": [], "query_string": b"",
        "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip
    await app(scope, receive, send)


@pytest.mark.parametrize(("crossed", "outcome"), [(2, "cancelled"), (len(FRAMES), "completed")])
def test_request_that_is_cancelled(crossed: int, outcome: str, telemetry: Telemetry) -> None:
    """A request's task that is cancelled leaves a stage that is cancelled, or completed behind the answer's end."""
    scopes: list[trio.CancelScope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for part in FRAMES[:crossed]:
            await send(body(part))
        scopes[0].cancel()
        await trio.sleep_forever()

    async def send(message: Any) -> None:
        await trio.lowlevel.checkpoint()

    async def main() -> None:
        with trio.CancelScope() as scope:
            scopes.append(scope)
            await request(telemetry.instrument(app), trio.sleep_forever, send)

    trio.run(main)
    assert telemetry.stage().outcome == outcome
    assert attributes(telemetry.request())["sse.stream.outcome"] == outcome
    telemetry.settled()


def test_lifespan_starts_and_stops(telemetry: Telemetry) -> None:
    """An application's lifespan runs through, and a stream that has ended meanwhile is written."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    answered: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await plain()(scope, receive, send)
            return
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})

    async def receive() -> Any:
        await trio.lowlevel.checkpoint()
        return messages.pop(0)

    async def send(message: Any) -> None:
        answered.append(message["type"])

    async def main() -> None:
        watched = telemetry.instrument(app)
        await request(watched, receive, send)
        await watched({"type": "lifespan"}, receive, send)

    trio.run(main)
    assert answered[-2:] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert telemetry.stage().outcome == "completed"


def test_recording_of_tests_waits(sse_streams: Any) -> None:
    """A test's recording can be waited for."""

    async def main() -> None:
        await read(otel_sse.observe(produced(), stage="mine"), [])
        await sse_streams.settled()

    trio.run(main)
    sse_streams.assert_outcome("completed")
