"""What both sides of an edge show: doubled, moved, changed, replaced, or whole once more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import trace_of
from otel_sse.stream.chunk import SUSPECTED
from tests.diagnosis.made_faults import (
    LINEAGE,
    PLACES,
    TOKENS,
    WORDS,
    only,
    told,
    with_fault,
)
from tests.diagnosis.made_pipeline import (
    Item,
    Stage,
    accumulated,
    changed,
    doubled,
    merged,
    once_more,
    replying,
    stream_of,
    swapped,
    whole,
    without,
)
from tests.diagnosis.made_trace import chunk_event, chunk_events, digest, finding_event, segment, upstream


@LINEAGE
@given(TOKENS, PLACES, st.data())
def test_chunks_out_of_order_are_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """Of two chunks that changed places, the one that came late is named."""
    at = data.draw(st.integers(0, len(texts) - 2))
    assume(texts[at] != texts[at + 1])
    fault = only(with_fault(texts, swapped(at), position, lineage=lineage))
    assert (fault.kind, fault.position, fault.certain) == ("reorder/moved", position, True)
    if lineage:
        assert (fault.seqs, fault.of) == ((at + 2,), (at + 1,))
    else:
        assert fault.count == 1


@LINEAGE
@given(TOKENS, PLACES, st.data())
def test_a_changed_chunk_is_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """A chunk with other content is named, with both digests."""
    at = data.draw(st.integers(0, len(texts) - 1))
    fault = only(with_fault(texts, changed(at, "\ufffd!"), position, lineage=lineage))
    assert (fault.kind, fault.position, fault.seqs) == ("corruption/changed", position, (at + 1,))
    assert digest(texts[at]) in fault.evidence
    assert digest("\ufffd!") in fault.evidence


@LINEAGE
def test_trimming_is_found_though_hardly_a_chunk_stays_the_same(lineage: bool) -> None:
    """A stage that strips every chunk has changed those that had white space, and no others."""
    texts = ["The", " cat", " sat", ".", " The", " dog", " ran", "."]
    fault = only(with_fault(texts, lambda items: [i._replace(text=i.text.strip()) for i in items], 1, lineage=lineage))
    assert (fault.kind, fault.seqs) == ("corruption/changed", (2, 3, 5, 6, 7))


@LINEAGE
@given(st.lists(st.sampled_from(WORDS), min_size=7, max_size=30), PLACES)
def test_the_whole_text_once_more_is_found(lineage: bool, texts: list[str], position: int) -> None:
    """A last chunk that was made from nothing and is as long as all before it."""
    fault = only(with_fault(texts, accumulated, position, lineage=lineage))
    assert (fault.kind, fault.position, fault.seqs) == ("duplicate/accumulated", position, (len(texts) + 1,))


@LINEAGE
@pytest.mark.parametrize("right", [merged(3), without(1, 2, 7), changed(3, "X"), replying("no"), once_more(4)])
def test_what_a_rewriting_stage_may_do_is_no_fault(lineage: bool, right: Stage) -> None:
    """Merging, dropping, changing, replacing: reported in the matrix, and nobody is accused."""
    assert diagnose(with_fault(WORDS, right, 2, lineage=lineage, rewrites=[2])).faults == ()


@LINEAGE
def test_a_rewriting_stage_that_doubles_is_at_fault(lineage: bool) -> None:
    """Handing on each chunk twice is not rewriting."""
    fault = only(with_fault(WORDS, doubled, 2, lineage=lineage, rewrites=[2]))
    assert (fault.kind, fault.position, fault.count) == ("duplicate/doubled", 2, 30)


def test_a_stage_that_is_missing_makes_everything_a_suspicion() -> None:
    """What happened in a process whose spans are not there may have been allowed there."""
    spans = [
        segment("provider", chunk_events(WORDS, 0)),
        segment("emit", chunk_events([w for w in WORDS for _ in "ab"], 50), links=upstream("elsewhere")),
    ]
    trace = trace_of(spans)
    assert trace is not None
    (stream,) = trace.streams
    found = diagnose(stream)
    assert [(fault.kind, fault.certainty) for fault in found.faults] == [("duplicate/doubled", SUSPECTED)]
    assert "emit: the stage that its chunks came from is not in the trace" in found.notes


def test_content_that_a_stage_frames_in_its_own_way_is_not_lost() -> None:
    """Where no content can be read behind a stage, but as many other chunks came, nothing can be compared."""
    own: Stage = lambda items: [Item(f"<{item.text}>", 0, "control", item.at_ms) for item in items]  # noqa: E731
    found = diagnose(stream_of(WORDS, own, lineage=False))
    assert found.faults == ()
    assert "content_of" in found.notes[0]


def test_two_paths_that_emit_one_chunk_are_named() -> None:
    """The sources of both are in what is said of it."""
    stream = stream_of(WORDS, doubled)
    for chunk in stream.stages[1].chunks:
        chunk.source = "handler" if chunk.seq % 2 else "ui-adapter"
    assert only(stream).origin == "emitted by handler and by ui-adapter"


@pytest.mark.parametrize(("channel", "kinds"), [("0/tool:0", []), ("0", ["corruption/replaced"])])
def test_a_status_in_the_place_of_a_tools_call_is_no_replacement(channel: str, kinds: list[str]) -> None:
    """What is not shown may be spoken of; what is put in the place of the answer's own text replaces it."""
    texts = ["I", " will", " look", "{", "}", "It", " rains"]
    shown: Stage = lambda items: [*items[:3], Item("[looking]", 4), *items[5:]]  # noqa: E731
    stream = stream_of(texts, shown)
    for chunk in stream.stages[0].chunks:
        chunk.channel = channel if chunk.seq in (4, 5) else "0"
    stream.stages[1].chunks[3].upstream_last = 5
    assert [fault.kind for fault in diagnose(stream).faults] == kinds


def test_a_short_answer_that_is_sent_whole_once_more_is_suspected() -> None:
    """So short a chunk may be as long as all before it by chance."""
    fault = only(stream_of(["Yes", ", ", "sir"], accumulated))
    assert (fault.kind, fault.certainty, fault.seqs) == ("duplicate/accumulated", SUSPECTED, (4,))
    assert told(stream_of(["Yes", ", ", "sir"], lambda items: [*items, Item("[1]", 0)])) == []


def test_what_a_sender_sent_after_its_end_is_not_a_repetition() -> None:
    """A stage that was let go of early goes on to send for a moment; what comes out then is not compared."""
    texts = [*WORDS[:20], *WORDS[:5]]
    stream = stream_of(texts, whole, services=2, outcomes=["abandoned", "abandoned"])
    del stream.stages[0].chunks[20:]
    assert told(stream) == [("outcome/abandoned", 1)]


def test_the_second_of_two_equal_feeds_is_told_from_the_first() -> None:
    """Where a model is asked again and says the same, what came then is of the second answer: no edge repeats."""
    first, second = chunk_events(WORDS[:10], 0), chunk_events(WORDS, 1_000)
    sent = [
        *(chunk_event(n, WORDS[n - 1], n * 7, n * 10 + 1, n) for n in range(1, 11)),
        *(chunk_event(10 + n, WORDS[n - 1], (10 + n) * 7, 1_000 + n * 10 + 1, n) for n in range(1, 31)),
    ]
    restart = finding_event("duplicate/restarted", 11, 1_200)
    trace = trace_of(
        [
            segment("provider", first, of="first", outcome="abandoned"),
            segment("provider", second, of="second"),
            segment("emit", (*sent, restart), links=upstream("first", "second")),
        ]
    )
    assert trace is not None
    (stream,) = trace.streams
    assert [len(stream.descents[up, 2].chunks) for up in (0, 1)] == [10, 30]
    assert told(stream) == [("duplicate/restarted", 2)]


ADDING = ["Hello", "!", "\n", *(f" word{number}" for number in range(30))]
"""An answer that begins with what a stage adds further on."""


def with_footer(items: list[Item]) -> list[Item]:
    """Adds a text at the end that the answer began with."""
    return [*items, Item("Hello", 1)]


def with_line_ends(items: list[Item]) -> list[Item]:
    """Adds a line end and a mark behind each tenth chunk."""
    out: list[Item] = []
    for number, item in enumerate(items, 1):
        out.append(item)
        if not number % 10:
            out += [Item("\n", 3), Item("!", 2)]
    return out


@LINEAGE
def test_one_chunk_far_behind_its_equal_is_added(lineage: bool) -> None:
    """A footer that equals the greeting is no sign that the greeting was handed on twice: it is new, and noted."""
    found = diagnose(stream_of(ADDING, with_footer, lineage=lineage))
    assert found.in_order
    assert found.notes == ("stage1: 1 chunk was added, 34; stage0 had no such",)


@LINEAGE
def test_stage_that_may_rewrite_may_add_what_equals_earlier_chunks(lineage: bool) -> None:
    """Line ends and marks are its own; a note says so, and nothing is a fault."""
    found = diagnose(stream_of(ADDING, with_line_ends, lineage=lineage, rewrites=[1]))
    assert found.in_order
    assert any("may rewrite" in note for note in found.notes)


LONG = [f" word number {n}" for n in range(20)]
"""An answer of some 270 bytes."""


def _again(pieces: int, change: Callable[[str], str]) -> Stage:
    """Hands on the whole text once more, changed a little, in so many pieces."""

    def stage(items: list[Item]) -> list[Item]:
        text = change("".join(item.text for item in items))
        size = -(-len(text) // pieces)
        return [*items, *(Item(text[n : n + size], 0) for n in range(0, len(text), size))]

    return stage


@LINEAGE
@pytest.mark.parametrize("pieces", [1, 3, 7])
@pytest.mark.parametrize("change", [str, str.strip, lambda text: text + "\n"], ids=["as it is", "stripped", "line end"])
def test_the_whole_text_again_in_other_pieces(pieces: int, change: Callable[[str], str], lineage: bool) -> None:
    """As many bytes as all before, however they are cut; stripped, or with a line end, too."""
    fault = only(stream_of(LONG, _again(pieces, change), lineage=lineage))
    assert (fault.kind, fault.certain) == ("duplicate/accumulated", True)
    assert fault.seqs == tuple(range(21, 21 + pieces))


def test_own_text_of_another_length_is_added() -> None:
    """Sources at the end are no second answer; a short text may be as long as they are."""
    sources: Stage = lambda items: [*items, Item(" Sources:", 0), Item(" [1] a book", 0)]  # noqa: E731
    assert diagnose(stream_of(LONG, sources)).faults == ()
    assert diagnose(stream_of([" one two", " three", " four."], sources)).faults == ()


def test_an_event_of_its_own_may_carry_the_whole_text() -> None:
    """Many protocols end with it: that is a note."""
    stream = stream_of(LONG, _again(1, str))
    stream.stages[1].chunks[-1].event = "final"
    found = diagnose(stream)
    assert found.in_order
    assert "and is an event of its own" in found.notes[0]


def test_lost_line_ends_are_named_as_the_cause() -> None:
    """Where each changed chunk is a byte or two shorter, its line ends are gone; others were escaped or decoded."""
    texts = [*(f"line {n}\n\n" for n in range(4)), "end"]
    stripped = only(stream_of(texts, lambda items: [item._replace(text=item.text.rstrip("\n")) for item in items]))
    assert (stripped.kind, stripped.count) == ("corruption/changed", 4)
    assert "line ends in the text were lost" in stripped.cause
    escaped = only(stream_of(texts, lambda items: [*items[:4], items[4]._replace(text="&end;")]))
    assert "decoded chunk by chunk" in escaped.cause


def test_a_chunk_of_two_channels_may_be_handed_on_as_one() -> None:
    """A chunk that begins with the end of the reasoning and goes on with text: its text alone is no change."""
    stream = stream_of(["hm", "so. Yes", " it", " is"], lambda items: [items[1]._replace(text="Yes"), *items[2:]])
    for chunk in stream.stages[0].chunks[:2]:
        chunk.channel = "0/reasoning"
    assert diagnose(stream).in_order
