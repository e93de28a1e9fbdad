"""Policies: seen going in and coming out, and otherwise as they were."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial, partialmethod
from itertools import pairwise
from typing import Any, assert_type

import pytest
from opentelemetry.trace import format_span_id

import otel_sse
from otel_sse import policies
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.telemetry.clock import now_ns
from tests.integrations.pipeline import (
    TEXTS,
    ended,
    items,
    label,
    one_to_one,
    outcomes,
    produced,
    recorder_outside,
    stages,
    upstream,
)
from tests.integrations.seen import Telemetry, labels

BOTH = ("policy.judge.in", "policy.judge.out")
CHAIN = ("provider", *BOTH, "emit")


@pytest.fixture(autouse=True)
def stream(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    """The stream of a request that is being served."""
    recorder = recorder_outside(telemetry)
    monkeypatch.setattr(registry, "_default", recorder)
    current = Stream(recorder, now_ns())
    token = enter(current)
    yield current
    leave(token)


@otel_sse.policy("judge")
async def judge(chunks: AsyncIterator[Any], request: str = "?", *, strict: bool = False) -> AsyncIterator[Any]:
    """Hand on what is asked for."""
    async for chunk in chunks:
        yield chunk


async def taken(chunks: AsyncIterator[Any]) -> list[Any]:
    """Every object of a stream."""
    return [chunk async for chunk in chunks]


async def test_policy_is_seen_on_both_sides(telemetry: Telemetry) -> None:
    """What goes in and what comes out are the very same objects, and two sides of one stage."""
    given = items()
    assert await taken(judge(produced(given))) == given
    found = stages(telemetry, *BOTH)
    went_in, came_out = (found[side] for side in BOTH)
    assert went_in.digests == came_out.digests
    assert len(went_in.digests) == len(given)
    assert one_to_one(came_out)
    assert went_in.attributes["sse.stage"] == came_out.attributes["sse.stage"] == "policy.judge"
    assert went_in.attributes["sse.stage.class"] == came_out.attributes["sse.stage.class"] == "judge"
    assert came_out.attributes["sse.stage.upstream"] == "policy.judge.in"
    assert [link.context for link in came_out.first.links] == [went_in.first.context]
    assert (went_in.outcome, came_out.outcome) == ("completed", "completed")


async def test_policy_that_speaks_before_it_pulls(telemetry: Telemetry) -> None:
    """What it says of its own was made from nothing, and its sides are not turned around."""

    @otel_sse.policy("note")
    async def note(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        yield "Note: "
        async for chunk in chunks:
            yield chunk

    assert len(await taken(note(produced()))) == len(TEXTS) + 1
    found = stages(telemetry, "policy.note.in", "policy.note.out")
    assert list(found["policy.note.in"].first.links) == []
    assert found["policy.note.out"].attributes["sse.stage.upstream"] == "policy.note.in"
    assert upstream(found["policy.note.out"]) == [(0, 0), *((seq, seq) for seq in range(1, len(TEXTS) + 1))]


def made_of(*pairs: tuple[str, list[str]]) -> Any:
    """A policy that was declared to change nothing, and what it makes of each chunk that it takes."""

    @otel_sse.policy("strict", rewrites=False)
    async def strict(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        made = iter(pairs)
        async for _ in chunks:
            for chunk in next(made)[1]:
                yield chunk

    return strict(produced([taken for taken, _ in pairs]))


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        pytest.param([("tok", ["tok"]), ("en", ["en"])], [], id="handed on"),
        pytest.param([("tok", ["TOK"]), ("en", ["en"])], [(1, 1)], id="changed"),
        pytest.param([("tok", ["TOK"]), ("en", ["EN"])], [(1, 1), (2, 2)], id="all changed"),
        pytest.param([("tok", ["tok"]), ("en", ["EN"])], [(2, 2)], id="changed at the end"),
        pytest.param([("token", ["tok", "en"]), ("s", ["s"])], [], id="cut up"),
        pytest.param([("tok", []), ("en", ["token"]), ("s", ["s"])], [], id="merged"),
        pytest.param([("a", ["A"]), ("tok", []), ("en", ["token"])], [(1, 1)], id="changed, then merged"),
    ],
)
async def test_policy_that_was_declared_to_change_nothing(
    pairs: list[tuple[str, list[str]]], found: list[tuple[int, int]], telemetry: Telemetry
) -> None:
    """One chunk in, one with other content out: a certain finding with both digests, and nothing else is one."""
    await taken(made_of(*pairs))
    ends = stages(telemetry, "policy.strict.in", "policy.strict.out")
    went_in, came_out = (ends[f"policy.strict.{side}"] for side in ("in", "out"))
    told = [dict(event.attributes or {}) for event in came_out.first.events if event.name == "sse.finding"]
    assert [(each["sse.finding.kind"], each["sse.finding.certainty"]) for each in told] == [
        ("corruption/changed", "certain")
    ] * len(found)
    evidence = [
        f"upstream chunk {of} with digest {went_in.digests[of - 1]} went on with digest {came_out.digests[seq - 1]}"
        for of, seq in found
    ]
    assert [each["sse.finding.seq"] for each in told] == [seq for _, seq in found]
    assert [each["sse.finding.evidence"] for each in told] == evidence


async def test_policy_that_may_change_content_is_not_blamed(telemetry: Telemetry) -> None:
    """By default a policy may; and a stage of which nothing was declared is not called corrupt either."""

    @otel_sse.policy("loud")
    async def loud(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        async for chunk in chunks:
            yield chunk.upper()

    async def shown(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        async for chunk in chunks:
            yield chunk + "!"

    await taken(otel_sse.observe(shown(loud(produced())), "emit"))
    found = stages(telemetry, "policy.loud.in", "policy.loud.out", "emit")
    assert [stage.attributes["sse.stream.findings"] for stage in found.values()] == [0, 0, 0]


async def test_only_what_comes_out_may_be_rewritten(telemetry: Telemetry) -> None:
    """A policy says on its way out whether it may change content; nothing changes on the way in."""
    await taken(judge(produced()))
    await taken(otel_sse.policy("pass", rewrites=False)(passing)(produced()))
    found = stages(telemetry, *BOTH, "policy.pass.in", "policy.pass.out")
    assert [name for name, stage in found.items() if stage.attributes.get("sse.stage.rewrites")] == ["policy.judge.out"]


async def passing(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Hand on every chunk."""
    async for chunk in chunks:
        yield chunk


async def merging(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    """Hold chunks back, and hand on three as one."""
    held: list[str] = []
    async for chunk in chunks:
        held.append(chunk)
        if len(held) == 3:
            yield "".join(held)
            held = []
    if held:
        yield "".join(held)


async def splitting(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    """Hand on one character after the other."""
    async for chunk in chunks:
        for character in chunk:
            yield character


async def blocking(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    """Replace one word, and leave out another."""
    async for chunk in chunks:
        if chunk == " cat":
            yield " ***"
        elif chunk != " on":
            yield chunk


LINEAGE = {
    merging: [(1, 3), (4, 6), (7, 7)],
    splitting: [(seq, seq) for seq, text in enumerate(TEXTS, 1) for _ in text],
    blocking: [(seq, seq) for seq in (1, 2, 3, 5, 6, 7)],
}


@pytest.mark.parametrize("function", LINEAGE, ids=lambda function: function.__name__)
async def test_every_chunk_knows_what_it_was_made_of(function: Any, telemetry: Telemetry) -> None:
    """Merged, split, replaced and left out: what comes out names the range it came from."""
    await taken(otel_sse.policy("judge")(function)(produced()))
    assert upstream(stages(telemetry, *BOTH)["policy.judge.out"]) == LINEAGE[function]


async def test_policies_one_after_the_other(telemetry: Telemetry) -> None:
    """A chain of policies is a chain of stages, with the latency between each two."""
    chunks: Any = otel_sse.observe(produced(), "provider")
    for name in ("a", "b"):
        chunks = otel_sse.policy(name)(passing)(chunks)
    await taken(otel_sse.observe(chunks, "emit"))
    chain = ("provider", "policy.a.in", "policy.a.out", "policy.b.in", "policy.b.out", "emit")
    found = stages(telemetry, *chain)
    assert [found[name].attributes.get("sse.stage.upstream") for name in chain] == [None, *chain[:-1]]
    assert all(one_to_one(found[name]) for name in chain[1:])
    latencies = telemetry.metric("sse.stage.latency")
    assert set(latencies) == {labels(**{"from": one, "to": other}) for one, other in pairwise(chain)}
    assert {point.count for point in latencies.values()} == {len(TEXTS)}
    assert all(0 < found[name].attributes["sse.stage.latency"] < 60 for name in chain[1:])


async def test_one_policy_twice_at_the_same_time(telemetry: Telemetry, stream: Stream) -> None:
    """Each call is watched for itself."""
    one, other = await asyncio.gather(taken(judge(produced())), taken(judge(produced())))
    assert one == other == list(TEXTS)
    registry.flush()
    spans = [span for span in telemetry.spans() if span.name == "stream policy.judge"]
    assert len(spans) == 4
    assert {(span.attributes or {})["sse.stream.chunks"] for span in spans} == {len(TEXTS)}


def test_decorated_function_keeps_what_is_known_of_it() -> None:
    """Name, documentation, signature and type are those of the function."""
    assert (judge.__name__, judge.__qualname__, judge.__doc__) == ("judge", "judge", "Hand on what is asked for.")
    assert list(inspect.signature(judge).parameters) == ["chunks", "request", "strict"]
    assert_type(judge(produced(), "x", strict=True), AsyncIterator[Any])


async def test_stream_may_be_any_argument(telemetry: Telemetry) -> None:
    """The stream is found by what it is, wherever it stands; other arguments arrive as they are."""
    seen: list[Any] = []

    @otel_sse.policy("judge")
    async def late(first: list[int], *, second: str, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        seen.extend((first, second))
        async for chunk in chunks:
            yield chunk

    first = [1]
    assert await taken(late(first, second="b", chunks=produced())) == list(TEXTS)
    assert seen[0] is first
    assert seen[1] == "b"
    assert set(outcomes(telemetry, *BOTH).values()) == {"completed"}


async def test_every_stream_is_what_goes_in(telemetry: Telemetry) -> None:
    """A policy that joins two streams is seen on both, and its chunks name the one that they came from."""

    @otel_sse.policy("judge")
    async def both(chunks: AsyncIterator[str], further: AsyncIterator[str]) -> AsyncIterator[str]:
        async for chunk in chunks:
            yield chunk
        async for chunk in further:
            yield chunk

    assert await taken(both(produced(), produced("xy"))) == [*TEXTS, "x", "y"]
    *ins, out = sorted(ended(telemetry, 3), key=lambda stage: (label(stage), -len(stage.chunks)))
    assert [len(stage.chunks) for stage in ins] == [len(TEXTS), 2]
    assert upstream(out) == [(seq, seq) for seq in (*range(1, len(TEXTS) + 1), 1, 2)]
    named = [chunk.get("sse.chunk.upstream.span") for chunk in out.chunks]
    assert named == [None] * len(TEXTS) + [format_span_id(ins[1].first.context.span_id)] * 2
    assert {stage.outcome for stage in (*ins, out)} == {"completed"}


async def test_decorator_without_parentheses(telemetry: Telemetry) -> None:
    """The policy is called as the function is, without what it is defined in."""

    @otel_sse.policy
    async def plain(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        async for chunk in chunks:
            yield chunk

    assert await taken(plain(produced())) == list(TEXTS)
    found = stages(telemetry, "policy.plain.in", "policy.plain.out")
    assert {stage.attributes["sse.stage.class"] for stage in found.values()} == {"plain"}


@pytest.mark.parametrize(("name", "error"), [(None, TypeError), (5, TypeError), ("", ValueError), (" ", ValueError)])
def test_names_that_are_none_are_refused(name: Any, error: type[Exception]) -> None:
    """At once, and in words."""
    with pytest.raises(error, match=r"^name must "):
        otel_sse.policy(name)
    with pytest.raises(error, match=r"^stage must "):
        otel_sse.observe(produced(), name)
    if name != "":
        with pytest.raises(error, match=r"^name must "):
            policies.wrap(object(), "__str__", name=name)


async def test_long_names_are_cut_off(telemetry: Telemetry) -> None:
    """A name is an attribute and a label, and 64 characters tell any two apart."""
    assert await taken(otel_sse.policy("x" * 5000)(passing)(produced())) == list(TEXTS)
    assert set(stages(telemetry, f"policy.{'x' * 64}.in", f"policy.{'x' * 64}.out"))


def test_decorated_function_is_what_it_was() -> None:
    """Whoever asks whether it is an async generator function is told so."""
    assert inspect.isasyncgenfunction(judge)
    assert inspect.isfunction(judge)


async def test_method_may_be_decorated(telemetry: Telemetry) -> None:
    """It is bound to its object as ever."""

    class Judge:
        word = "!"

        @otel_sse.policy("method")
        async def judge(self, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
            async for chunk in chunks:
                yield chunk + self.word

    assert await taken(Judge().judge(produced())) == [text + "!" for text in TEXTS]
    assert set(outcomes(telemetry, "policy.method.in", "policy.method.out").values()) == {"completed"}


async def test_call_without_a_stream_is_left_alone(telemetry: Telemetry) -> None:
    """Where nothing streams in, what comes out is seen; where nothing streams out either, nothing is."""

    @otel_sse.policy("judge")
    async def own(number: int) -> AsyncIterator[int]:
        for each in range(number):
            yield each

    assert await taken(own(2)) == [0, 1]
    assert outcomes(telemetry, "policy.judge.out") == {"policy.judge.out": "completed"}
    count: Any = len
    counted: Any = otel_sse.policy("none")(count)
    assert counted("abc") == 3


async def test_function_that_returns_a_stream_later(telemetry: Telemetry) -> None:
    """A coroutine function that gives a stream is watched as well; what else it gives comes as it is."""

    async def make(chunks: AsyncIterator[str] | None) -> Any:
        return None if chunks is None else passing(chunks)

    later: Any = otel_sse.policy("judge")(make)  # type: ignore[arg-type]
    assert await taken(await later(produced())) == list(TEXTS)
    assert await later(None) is None
    assert set(outcomes(telemetry, *BOTH).values()) == {"completed"}


class Policy:
    """A policy object that has no room for anything."""

    __slots__ = ("mark",)

    def __init__(self, mark: str = "!") -> None:
        self.mark = mark

    async def stream(self, chunks: AsyncIterator[str], mark: str = "") -> AsyncIterator[str]:
        """Mark every chunk."""
        async for chunk in chunks:
            yield f"{chunk}{mark or self.mark}"

    marked = partialmethod(stream, mark="?")

    @classmethod
    async def of_class(cls, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        """Hand on every chunk."""
        async for chunk in chunks:
            yield chunk

    @staticmethod
    async def of_none(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        """Hand on every chunk."""
        async for chunk in chunks:
            yield chunk


class Holder:
    """A policy object that holds a function."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream


WRAPPED: list[tuple[Any, str, str, str]] = [
    (Policy(), "stream", "!", "Policy"),
    (Policy(), "marked", "?", "Policy"),
    (Policy(), "of_class", "", "Policy"),
    (Policy(), "of_none", "", "Policy"),
    (Policy, "of_class", "", "Policy"),
    (Holder(partial(Policy("#").stream)), "stream", "#", "Holder"),
    (Holder(Policy("+").stream), "stream", "+", "Holder"),
]


@pytest.mark.parametrize(("policy", "method", "mark", "kind"), WRAPPED)
async def test_wrap_watches_a_method_of_any_object(
    policy: Any, method: str, mark: str, kind: str, telemetry: Telemetry
) -> None:
    """At a call site, a method of an object that is not ours is watched, and the object stays as it is."""
    before = getattr(policy, method)
    assert await taken(policies.wrap(policy, method)(produced())) == [f"{text}{mark}" for text in TEXTS]
    assert getattr(policy, method) == before or method == "marked"
    found = stages(telemetry, f"policy.{kind}.in", f"policy.{kind}.out")
    assert {stage.attributes["sse.stage.class"] for stage in found.values()} == {kind}
    assert upstream(found[f"policy.{kind}.out"]) == [(seq, seq) for seq in range(1, len(TEXTS) + 1)]


async def test_wrap_by_a_name_of_ones_own(telemetry: Telemetry) -> None:
    """The stage may be called otherwise than the class, and may have to hand chunks on as they are."""
    await taken(policies.wrap(Policy(), "of_class", name="judge", rewrites=False)(produced()))
    found = stages(telemetry, *BOTH)
    assert found["policy.judge.out"].attributes["sse.stage.class"] == "Policy"
    assert "sse.stage.rewrites" not in found["policy.judge.out"].attributes


@pytest.mark.parametrize("method", ["strem", "mark"])
def test_wrap_of_no_method_is_refused(method: str) -> None:
    """The message names the class."""
    with pytest.raises(TypeError, match=f"^method must name a method of the policy, got '{method}'. Policy has no"):
        policies.wrap(Policy(), method)


async def test_exception_of_a_policy_is_its_own(telemetry: Telemetry) -> None:
    """What a policy raises comes out as it is: it failed, and what it was reading was abandoned."""
    error = ValueError("blocked")

    @otel_sse.policy("judge")
    async def refusing(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        async for chunk in chunks:
            yield chunk
            raise error

    with pytest.raises(ValueError, match="blocked") as caught:
        await taken(otel_sse.observe(refusing(otel_sse.observe(produced(), "provider")), "emit"))
    assert caught.value is error
    del caught
    error.__traceback__ = None
    ways = outcomes(telemetry, *CHAIN)
    assert [ways[name] for name in CHAIN] == ["abandoned", "abandoned", "failed", "failed"]


async def test_exception_from_upstream_passes_through(telemetry: Telemetry) -> None:
    """What the provider raises fails every stage it passes, and the policy may catch it."""
    error = ConnectionError("gone")

    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise error

    @otel_sse.policy("judge")
    async def saving(chunks: AsyncIterator[str]) -> AsyncIterator[object]:
        try:
            async for chunk in chunks:
                yield chunk
        except ConnectionError as caught:
            yield caught

    given = otel_sse.observe(saving(otel_sse.observe(broken(), "provider")), "emit")
    assert await taken(given) == ["a", error]
    ways = outcomes(telemetry, *CHAIN)
    assert [ways[name] for name in CHAIN] == ["failed", "failed", "completed", "completed"]


class Steps:
    """Awaits that are counted, one of which may cancel its task."""

    def __init__(self, cancel_at: int = 0) -> None:
        self.count = 0
        self._cancel_at = cancel_at

    async def step(self) -> None:
        """Give way once."""
        self.count += 1
        if self.count == self._cancel_at:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        await asyncio.sleep(0)


def chain(steps: Steps) -> Any:
    """Provider, policy and emit, each of which awaits before and after each chunk."""

    async def source() -> AsyncIterator[str]:
        for text in TEXTS[:3]:
            await steps.step()
            yield text
            await steps.step()

    @otel_sse.policy("judge")
    async def slow(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        await steps.step()
        async for chunk in chunks:
            await steps.step()
            yield chunk
        await steps.step()

    async def written() -> AsyncIterator[str]:
        async for chunk in slow(otel_sse.observe(source(), "provider")):
            yield chunk

    return otel_sse.observe(written(), "emit")


async def closed_by_the_loop() -> None:
    """Let the event loop close the generators that were dropped; each that is closed drops the one behind it."""
    for _ in range(50):
        await asyncio.sleep(0)


async def drained(steps: Steps, stop_after: int = -1) -> None:
    """Pull a chain to its end, or leave it after so many chunks."""
    count = 0
    async for _ in chain(steps):
        count += 1
        if count == stop_after:
            break
        await steps.step()


STEPS = 14


async def test_chain_that_is_not_disturbed(telemetry: Telemetry) -> None:
    """The chain has as many awaits as the test below believes, and completes."""
    steps = Steps()
    await drained(steps)
    assert steps.count == STEPS
    assert set(outcomes(telemetry, *CHAIN).values()) == {"completed"}


@pytest.mark.parametrize("at", range(1, STEPS + 1))
async def test_cancelled_at_any_await(at: int, telemetry: Telemetry) -> None:
    """Wherever a task is cancelled, every stage that began has one outcome, and it says so."""
    task = asyncio.create_task(drained(Steps(cancel_at=at)))
    # Not awaited: what was raised here, and with it each frame of the chain, is to go with the task.
    await asyncio.wait([task])
    assert task.cancelled()
    del task
    gc.collect()
    await closed_by_the_loop()
    # A policy's first await comes before it reads anything.
    began = CHAIN if at > 1 else ("policy.judge.out", "emit")
    ways = outcomes(telemetry, *began)
    assert set(ways.values()) <= {"cancelled", "abandoned", "completed"}
    assert "cancelled" in ways.values() or ways["emit"] == "abandoned"


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("in_a_task", [False, True])
async def test_left_after_any_chunk(after: int, in_a_task: bool, telemetry: Telemetry) -> None:
    """Whoever breaks off leaves every stage abandoned, once."""
    leaving = drained(Steps(), stop_after=after)
    await (asyncio.create_task(leaving) if in_a_task else leaving)
    await closed_by_the_loop()
    assert outcomes(telemetry, *CHAIN) == dict.fromkeys(CHAIN, "abandoned")


@pytest.mark.parametrize("how", ["aclose", "drop"])
@pytest.mark.parametrize("where", [0, 1, 2])
async def test_left_inside(how: str, where: int, telemetry: Telemetry) -> None:
    """Each stage of a chain can be the one that is left, by closing it or by dropping it."""
    chunks: list[Any] = [otel_sse.observe(produced(), "provider")]
    chunks.append(judge(chunks[0]))
    chunks.append(otel_sse.observe(chunks[1], "emit"))
    await anext(chunks[-1])
    left: Callable[[], Any] = chunks[where].aclose
    if how == "aclose":
        await left()
    del left
    chunks.clear()
    await closed_by_the_loop()
    assert set(outcomes(telemetry, *CHAIN).values()) == {"abandoned"}
