"""What a policy says itself: who made it, and whether it stands for the answer or for a piece of its own channel."""

from __future__ import annotations

from otel_sse.diagnosis.faults.replies import Reply, reply_of, stands_for_more
from otel_sse.diagnosis.trace.streams import TraceStream
from tests.diagnosis.made_pipeline import Item, Stage, changed, once_more, replying, stream_of, whole

WORDS = [f" word{n}" for n in range(12)]


def channels(stream: TraceStream, *named: str) -> TraceStream:
    """Give the first chunks of both of a policy's sides, and of all stages after it, these channels."""
    for stage in stream.stages:
        for chunk, name in zip(stage.chunks, named, strict=False):
            chunk.channel = name
    return stream


def reply(stream: TraceStream, position: int, seq: int) -> Reply:
    found = reply_of(stream, position, seq)
    assert found is not None
    return found


def test_a_reply_is_followed_back_to_the_policy_that_made_it() -> None:
    """Every stage behind it handed it on; what the model said is no reply, nor is what another stage changed."""
    stream = stream_of(WORDS, replying("No."), whole, whole, rewrites=[1])
    assert reply(stream, 3, 7).position == 1
    assert reply_of(stream, 3, 3) is None
    assert reply_of(stream_of(WORDS, replying("No."), changed(6, "No"), whole, rewrites=[1]), 3, 7) is None
    assert reply_of(stream_of(WORDS, whole), 1, 3) is None


def test_a_reply_in_the_place_of_other_channels_stands_for_more() -> None:
    """Channels that end where it begins were the answer that it came instead of."""
    stream = channels(stream_of(WORDS, replying("No."), whole, rewrites=[1], lineage=False), *"0000001", *"12222")
    assert stands_for_more(stream, reply(stream, 2, 7))


def test_a_piece_of_its_own_channel_stands_for_that() -> None:
    """A policy that masks a tool's arguments has said nothing of its own."""
    stream = stream_of(WORDS, changed(8, "***"), whole, rewrites=[1])
    channels(stream, *["0"] * 8, *["0/tool:0"] * 4)
    assert not stands_for_more(stream, reply(stream, 2, 9))


def test_channels_that_go_on_are_not_replaced() -> None:
    """A policy that holds the answer back and writes each channel anew has come instead of none of them."""
    masked: Stage = lambda items: [Item("hm ***", 0), Item("text ***", 0)]  # noqa: E731
    stream = stream_of(WORDS[:4], masked, whole, rewrites=[1], lineage=False)
    channels(stream, "0/reasoning", "0", "0", "0/reasoning")
    assert not stands_for_more(stream, reply(stream, 2, 1))


def test_what_a_policy_adds_stands_for_no_channel() -> None:
    """It was made from nothing, so nobody can have left it out for its channel."""
    added: Stage = lambda items: [*items, Item("Checked.", 0)]  # noqa: E731
    stream = stream_of(WORDS, added, whole, rewrites=[1])
    assert stands_for_more(stream, reply(stream, 2, 13))
    assert reply_of(stream_of(WORDS, once_more(3), whole, rewrites=[1]), 2, 4) is None
