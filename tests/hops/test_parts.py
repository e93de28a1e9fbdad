"""Messages that come in parts."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from otel_sse.hops.hop import CLIENT, Hop
from otel_sse.hops.messages import Hooks
from otel_sse.hops.parts import SealedParts, _Whole, opened_parts
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.hops.ends import Ends
from tests.integrations.websockets.peers import Stages

MAX_BYTES = 1_000

PARTS: list[Any] = [
    ["a", "bc", ""],
    [b"a", b"\xff", b"c"],
    ["", "behind an empty one"],
    [bytearray(b"a"), memoryview(b"b")],
]


async def coming(parts: Sequence[Any]) -> AsyncIterator[Any]:
    """Yield parts, as a library does."""
    for part in parts:
        yield part


def joined(parts: Sequence[Any]) -> str | bytes:
    """One message of its parts."""
    return "".join(parts) if isinstance(parts[0], str) else b"".join(parts)


@pytest.mark.parametrize("part", ["ab", b"ab", "ü"])
def test_small_parts_take_no_more_than_what_they_say(part: Any) -> None:
    """A message of 100,000 parts is kept in little more than its bytes, and comes out as it was."""
    count = 100_000
    parts = [part[:1] + part[1:] for _ in range(count)]
    tracemalloc.start()
    whole = _Whole(1 << 20)
    for each in parts:
        whole.add(each)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4 * count
    assert whole.message() == part * count


@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (1, False)])
def test_a_message_is_kept_up_to_its_bytes(more: int, is_kept: bool) -> None:
    """Of one that is longer nothing is kept, whatever follows."""
    whole = _Whole(4)
    for part in ("üü", *["x"] * more):
        whole.add(part)
    assert whole.message() == ("üü" if is_kept else None)
    assert bytes(whole._kept) == ("üü".encode() if is_kept else b"")


def test_nothing_and_a_mixture() -> None:
    """No part is no message, an empty one is, and text beside bytes makes bytes."""
    whole = _Whole(4)
    assert whole.message() is None
    whole.add("")
    assert whole.message() == ""
    whole.add(b"a")
    whole.add("b")
    assert whole.message() == b"ab"


@pytest.mark.parametrize("how", ["at once", "later"])
@pytest.mark.parametrize("parts", PARTS)
async def test_parts_arrive_as_they_were_given(parts: list[Any], how: str, ends: Ends, stages: Stages) -> None:
    """Only the first one is sealed, and the whole message is one chunk at both ends."""
    sealing = SealedParts(ends.client, MAX_BYTES)
    sealed = [*sealing.of(parts)] if how == "at once" else [part async for part in sealing.of_async(coming(parts))]
    sealing.sent()
    assert [a is b for a, b in zip(sealed, parts, strict=True)] == [False] + [True] * (len(parts) - 1)
    assert sealed[0][:9] in ("otel-sse/", b"otel-sse/")
    opened = [part async for part in opened_parts(ends.server, coming(sealed), MAX_BYTES)]
    assert opened == parts
    ends.end()
    send, receive = stages.all()
    assert (len(send.chunks), receive.lineage) == (1, [1])


@pytest.mark.parametrize("parts", PARTS)
async def test_envelope_that_is_cut_is_put_together(parts: list[Any], ends: Ends, stages: Stages) -> None:
    """A library may cut a message anywhere, also within the line in front of it."""
    whole = joined([*SealedParts(ends.client, MAX_BYTES).of(parts)])
    cut = [whole[at : at + 1] for at in range(len(whole))]
    assert joined([part async for part in opened_parts(ends.server, coming(cut), MAX_BYTES)]) == joined(parts)
    ends.end()
    assert stages.one("ws.receive").lineage == [1]


@pytest.mark.parametrize("parts", [["otel-sse/1 an envelope that ", "never ends"], ["otel-", "sse is fine"], ["o"], []])
async def test_message_that_only_begins_like_an_envelope_is_the_applications(
    parts: list[str], ends: Ends, stages: Stages
) -> None:
    """All of it comes out, at its end at the latest, and is a chunk without lineage."""
    opened = [part async for part in opened_parts(ends.server, coming(parts), MAX_BYTES)]
    assert "".join(opened) == "".join(parts)
    ends.end()
    assert stages.one("ws.receive").lineage == [0]


async def test_parts_stay_as_they_are_where_nothing_was_agreed(recorder: Recorder, stages: Stages) -> None:
    """They are still observed, as one message."""
    hop = Hop(CLIENT, recorder, Hooks(), None, Stream(recorder, now_ns()))
    sealing, parts = SealedParts(hop, MAX_BYTES), ["a", "b"]
    assert [a is b for a, b in zip(sealing.of(parts), parts, strict=True)] == [True, True]
    sealing.sent()
    assert [part async for part in opened_parts(hop, coming(parts), MAX_BYTES)] == parts
    hop.ended("completed")
    assert [len(stage.chunks) for stage in stages] == [1, 1]


def test_part_that_the_library_refuses_passes_untouched(ends: Ends) -> None:
    """The error is the library's, and the next part that is one is sealed."""
    sealed = [*SealedParts(ends.client, MAX_BYTES).of([5, "a"])]
    assert sealed[0] == 5
    assert sealed[1].endswith("\na")


def test_parts_that_were_never_sent_give_their_number_back(ends: Ends) -> None:
    """The next message has it."""
    sealing = SealedParts(ends.client, MAX_BYTES)
    first = next(sealing.of(["a", "b"]))
    ends.client.unsent(sealing.leaving, OSError())
    again = next(SealedParts(ends.client, MAX_BYTES).of(["a", "b"]))
    assert [text.split(" ")[2] for text in (first, again)] == ["1", "1"]
