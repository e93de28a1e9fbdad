"""What could not be read is said, and never called in order."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.diagnosis.unread import told, unread_of
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL
from tests.diagnosis.made_pipeline import stream_of, whole

WORDS = [f" word{n}" for n in range(12)]


def says(stream: TraceStream, position: int, **attributes: Any) -> TraceStream:
    """The stream, of which one stage says more."""
    stage = stream.stages[position]
    stage.attributes = {**stage.attributes, **{getattr(semconv, name): value for name, value in attributes.items()}}
    return stream


def without_content(stream: TraceStream, position: int) -> TraceStream:
    """The stream, of which one stage's content can't be read."""
    stage = stream.stages[position]
    for chunk in stage.chunks:
        chunk.kind = CONTROL if chunk.kind == CONTENT else chunk.kind
        chunk.digest = chunk.digest[::-1]
    return says(stream, position, STREAM_CONTENT_BYTES=0)


def whys(stream: TraceStream) -> list[tuple[str, str]]:
    return [(each.stage, each.why) for each in unread_of(stream)]


def test_a_stream_that_could_be_read_is_in_order() -> None:
    """Nothing is unread, and the verdict may say so."""
    stream = stream_of(WORDS, whole)
    found = diagnose(stream)
    assert (found.unread, found.in_order, found.is_clean) == ((), True, True)
    assert found.verdict.startswith("In order")


def test_bytes_that_are_compressed_are_not_read() -> None:
    """The coding and the number of bytes are said, what the other stages show, and what is not known."""
    stream = says(stream_of(WORDS, whole, whole), 2, STREAM_ENCODING="gzip", STREAM_BYTES=419, STREAM_CONTENT_BYTES=0)
    stream.stages[2].chunks.clear()
    stream.stages[2].attributes = {**stream.stages[2].attributes, semconv.STREAM_OUTCOME: "unparsed"}
    found = diagnose(stream)
    assert whys(stream) == [(stream.stages[2].label, "its 419 bytes are compressed (gzip)")]
    assert (found.in_order, found.is_clean) == (False, True)
    assert "In order" not in found.verdict
    assert "12 chunks with content crossed" in found.verdict
    assert found.verdict.endswith("Whether chunks were lost, repeated or changed there is not known.")


@pytest.mark.parametrize("position", [0, 1])
def test_frames_of_an_unknown_form_are_not_read(position: int) -> None:
    """A stage without any content beside one that has some may hold it in a form that nobody knows."""
    stream = without_content(stream_of(WORDS, whole), position)
    ((stage, why),) = whys(stream)
    assert stage == stream.stages[position].label
    assert why.startswith("no content could be read in its ")
    assert "content_of" in why
    assert not diagnose(stream).in_order


def test_of_an_answer_that_nobody_could_read_nothing_is_known() -> None:
    """Where no stage has content, the verdict does not count chunks of it."""
    stream = without_content(without_content(stream_of(WORDS, whole), 0), 1)
    found = diagnose(stream)
    assert found.verdict.startswith("Nothing is known of this answer. Not read: ")
    assert found.verdict.endswith("changed at these stages is not known.")


def test_an_empty_answer_was_read() -> None:
    """A beginning, a usage and an end have no content, and nothing is missing in them."""
    stream = without_content(stream_of(WORDS[:3]), 0)
    (stage,) = stream.stages
    stage.chunks[-1].kind = COMPLETE
    assert unread_of(stream) == ()


def test_who_left_before_the_content_has_read_all() -> None:
    """An opening alone, of a stage that ended early, is no content in an unknown form."""
    stream = without_content(stream_of(WORDS, whole, outcomes=["completed", "disconnected"]), 1)
    del stream.stages[1].chunks[1:]
    says(stream, 1, STREAM_CHUNKS=1)
    assert unread_of(stream) == ()


def test_chunks_that_do_not_stand_in_the_trace_are_not_read() -> None:
    """With less detail only some chunks have an event; a stage that runs still is not judged so."""
    stream = stream_of(WORDS, whole)
    count = len(stream.stages[1].chunks)
    del stream.stages[1].chunks[4:]
    says(stream, 1, STREAM_CHUNKS=count)
    assert whys(stream) == [(stream.stages[1].label, f"4 of its {count} chunks stand in the trace")]
    assert unread_of(says(stream, 1, STREAM_OUTCOME="")) == ()


def test_bytes_that_are_unread_for_another_reason() -> None:
    """A stage that stopped observing has bytes that were not read."""
    stream = says(stream_of(WORDS, whole), 1, STREAM_OUTCOME="unparsed")
    assert whys(stream) == [(stream.stages[1].label, "its bytes could not be read")]
    assert told(unread_of(stream)).startswith(f"Not read: {stream.stages[1].label}: its bytes")
