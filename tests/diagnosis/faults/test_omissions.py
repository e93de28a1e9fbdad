"""What an application leaves out on purpose, and what only looks like it."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.diagnose import Diagnosis, diagnose
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.stream.chunk import CERTAIN, COMMENT, Finding
from tests.diagnosis.made_faults import WORDS, only
from tests.diagnosis.made_pipeline import Stage, replying, stream_of, whole, without
from tests.diagnosis.made_trace import MS, chunk_event, chunk_events, segment, upstream

TWENTY = [f" word{n}" for n in range(20)]
CHOICES = [text for word in (" a", " b", " c", " d") for text in (word, word)]


def all_of(said: Diagnosis) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(fault.kind, fault.certainty, fault.seqs) for fault in said.faults]


def named(stream: TraceStream, *channels: str) -> TraceStream:
    """Give the chunks of all stages their channels, each by the chunk of the first that it was made from."""
    for position, stage in enumerate(stream.stages):
        for chunk in stage.chunks:
            first = chunk.upstream_first if position else chunk.seq
            chunk.channel = channels[first - 1] if first else ""
    return stream


@pytest.mark.parametrize(("channel", "kinds"), [("0", ["gap/lost"]), ("0/tool:0", []), ("plan", [])])
def test_an_answer_that_is_missing_whole_is_lost(channel: str, kinds: list[str]) -> None:
    """Who hands on nothing at all has not chosen another channel; the call of a tool may be all that there was."""
    said = diagnose(named(stream_of(TWENTY, lambda items: []), *[channel] * 20))
    assert [fault.kind for fault in said.faults if fault.family == "gap"] == kinds
    assert bool(said.notes) == (not kinds)


def test_a_reply_that_is_all_of_its_channel_is_lost() -> None:
    """A policy's own reply in the place of the answer is nothing of the model's that one may leave out."""
    stream = stream_of(TWENTY, whole, replying("No."), without(10), rewrites=[2], lineage=False)
    for stage in stream.stages:
        for chunk in stage.chunks:
            chunk.channel = "0/reasoning" if chunk.seq <= 10 else "1" if chunk.seq <= 15 else "2/tool"
    assert all_of(diagnose(stream)) == [("gap/reply_lost", "certain", (11,))]


def test_a_channel_with_a_comment_in_its_place_is_suspected() -> None:
    """The only chunk of a channel may be left out on purpose, but then no comment comes where it would have."""
    colon: Stage = lambda items: [  # noqa: E731
        item._replace(text="colon", kind=COMMENT, origin=0) if n == 5 else item for n, item in enumerate(items)
    ]
    stream = named(stream_of(TWENTY, colon), *["0"] * 5, "0/code", *["0"] * 14)
    comment = stream.stages[1].chunks[5]
    comment.time_ns = stream.stages[0].chunks[5].time_ns + MS
    assert all_of(diagnose(stream)) == [("gap/colon_content", "suspected", (6,))]
    comment.time_ns += 8 * MS
    again = diagnose(TraceStream(stream.stages, stream.upstream))
    assert again.faults == ()
    assert "channel 0/code, was not handed on: meant to be left out?" in again.notes[0]


def test_a_choice_whose_every_chunk_equals_its_neighbour_is_suspected() -> None:
    """A filter of repetitions takes equal choices for such; to hand on one choice alone would look the same."""
    stream = named(stream_of(CHOICES, without(1, 3, 5, 7)), *["0", "1"] * 4)
    assert all_of(diagnose(stream)) == [("gap/lost", "suspected", (2, 4, 6, 8))]


def test_what_explains_a_loss_explains_all_that_is_alike() -> None:
    """Where a piece of another channel is lost in the same way, nothing was left out on purpose."""
    texts = [*CHOICES, " e", " e"]
    stream = named(stream_of(texts, without(1, 3, 5, 7, 9)), *["0", "1"] * 4, "0", "0")
    assert all_of(diagnose(stream)) == [("gap/lost", "certain", (2, 4, 6, 8, 10))]


@pytest.mark.parametrize("texts", [[" a", " a", " b", " x", " c", " y"], [" a", " a", " b", " b"], [" a"] * 6])
def test_a_choice_that_differs_or_is_short_is_left_out(texts: list[str]) -> None:
    """One that says something else, says two words, or one word all along shows no filter."""
    lost = range(1, len(texts), 2)
    stream = named(stream_of(texts, without(*lost)), *["0", "1"] * (len(texts) // 2))
    said = diagnose(stream)
    assert said.faults == ()
    assert "channel 1, was not handed on" in said.notes[0]


@pytest.mark.parametrize("guessed", [None, 4])
@pytest.mark.parametrize("lineage", [True, False])
def test_a_choice_with_some_of_the_same_words_is_left_out(lineage: bool, guessed: int | None) -> None:
    """A chunk is one of its own channel, whatever another choice says, and whatever the stage took it for."""
    texts = [" the", " the", " cat", " cat", " sat", " on", " on", " sat", " the", " the", " mat", " rug", ".", "."]
    stream = named(stream_of(texts, without(*range(1, 14, 2))), *["0", "1"] * 7)
    for chunk in stream.stages[1].chunks:
        chunk.upstream_first = chunk.upstream_last = chunk.upstream_first if lineage else 0
    if lineage and guessed is not None:
        second = stream.stages[1].chunks[1]
        second.upstream_first = second.upstream_last = guessed
    stream.stages[1].findings = [Finding("gap/lost", CERTAIN, "emit", 4, 0, "chunk 4 did not go on")]
    said = diagnose(stream)
    assert said.faults == ()
    assert "2, 4, 6, 8 and 3 more places of stage0, its channel 1, was not handed on" in said.notes[0]


def test_channels_of_other_names_are_no_other_channels() -> None:
    """A stage that translates one format into another calls them differently; contents are the same all the same."""
    stream = named(stream_of(TWENTY, without(4), lineage=False), *["0"] * 10, *["1"] * 10)
    for chunk in stream.stages[1].chunks:
        chunk.channel = "0"
    assert all_of(diagnose(stream)) == [("gap/lost", "certain", (5,))]


def test_channel_that_is_left_out_whole_is_noted() -> None:
    """An application that shows no reasoning, wherever it comes, has lost nothing; a piece of what it shows is lost."""
    texts = ["The", " cat", "hm", " sat", "hm hm", " on", " the", " mat"]
    stream = stream_of(texts, without(2, 4, 6))
    for chunk in stream.stages[0].chunks:
        chunk.channel = "0/reasoning" if chunk.seq in (3, 5) else ""
    said = diagnose(stream)
    assert [(fault.kind, fault.seqs) for fault in said.faults] == [("gap/lost", (7,))]
    assert "channel 0/reasoning, was not handed on: meant to be left out?" in said.notes[0]


def test_a_tools_call_in_the_middle_that_is_left_out_whole_is_noted() -> None:
    """The call of a tool in the middle, of which nothing is handed on, is no loss; a piece of the text is."""
    stream = stream_of(WORDS, without(14, 15))
    for chunk in stream.stages[0].chunks[14:16]:
        chunk.channel = "0/tool:0"
    found = diagnose(stream)
    assert found.faults == ()
    assert "15-16 of stage0, its channel 0/tool:0, was not handed on" in found.notes[0]
    stream.stages[0].chunks[14].channel = ""
    again = TraceStream(stream.stages, stream.upstream)
    assert [(fault.kind, fault.seqs) for fault in diagnose(again).faults] == [("gap/lost", (15,))]


def test_a_beginning_that_is_left_out_whole_is_noted() -> None:
    """A model's reasoning that an application does not hand on is no loss."""
    found = diagnose(stream_of(WORDS, without(*range(12)), whole))
    assert found.faults == ()
    assert "1-12 of stage0, its beginning, was not handed on" in found.notes[0]
    assert only(stream_of(WORDS, without(*range(7)), whole)).kind == "gap/lost"


def agent(second: str) -> TraceStream:
    """An answer whose end (the arguments of a call) is not handed on, and what came after it from another stage."""
    spans = [
        segment("provider", chunk_events(WORDS, 0), of="first"),
        segment(second, chunk_events(["and", " more"], 1_000), of="second"),
        segment(
            "emit",
            (
                *chunk_events(WORDS[:25], 1, list(range(1, 26))),
                chunk_event(26, "and", 200, 1_001, 1, source="again"),
                chunk_event(27, " more", 210, 1_011, 2, source="again"),
            ),
            links=upstream("first", "second"),
        ),
    ]
    spans[1] = segment(second, spans[1].events, of="second", source="again")
    trace = trace_of(spans)
    assert trace is not None
    return trace.streams[0]


def test_an_end_that_is_left_out_before_a_model_is_asked_again_is_noted() -> None:
    """The arguments of a tool's call are not for the reader; what comes after them is."""
    found = diagnose(agent("provider"))
    assert found.faults == ()
    assert "26-30 of provider, its end, was not handed on" in found.notes[0]
    assert [fault.kind for fault in diagnose(agent("cache")).faults] == ["gap/lost"]


@pytest.mark.parametrize(("lost", "kinds"), [((5, 6), [("gap/lost", "suspected", (6, 7))]), ((3, 4, 5, 6), [])])
def test_one_of_two_calls_is_suspected(lost: tuple[int, ...], kinds: list[object]) -> None:
    """An application that shows no calls leaves all of them out; one whose sibling was handed on may be lost."""
    channels = ["0"] * 3 + ["0/tool:0"] * 2 + ["0/tool:1"] * 2
    stream = named(stream_of(TWENTY[:7], without(*lost)), *channels)
    assert all_of(diagnose(stream)) == kinds
