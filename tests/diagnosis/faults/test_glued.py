"""Events that were glued together are told as such, and not as a loss or a replacement."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.glued import glued
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, CONTROL
from tests.diagnosis.made_faults import only
from tests.diagnosis.made_pipeline import Item, Stage, changed, stream_of

WORDS = [f" word{n}" for n in range(12)]


def glue(first: int, last: int, kind: str, *, lineage: bool) -> TraceStream:
    """Puts the frames of some chunks into one event."""
    one: Stage = lambda items: [*items[: first - 1], Item("{}", first, kind), *items[last:]]  # noqa: E731
    stream = stream_of(WORDS, one, lineage=lineage)
    for chunk in (chunk for stage in stream.stages for chunk in stage.chunks):
        chunk.raw_len += 100
    frames = [chunk.raw_len for chunk in stream.stages[0].chunks[first - 1 : last]]
    stream.stages[1].chunks[first - 1].raw_len = sum(frames) - len(frames) + 1
    return stream


@pytest.mark.parametrize("lineage", [True, False])
@pytest.mark.parametrize("kind", [CONTENT, CONTROL])
@pytest.mark.parametrize(("first", "last"), [(5, 6), (3, 9), (1, 12)])
def test_several_frames_in_one_event_are_one_fault(first: int, last: int, kind: str, lineage: bool) -> None:
    """Whether the event reads as content or not, its bytes are those of the frames that are missing."""
    stream = glue(first, last, kind, lineage=lineage)
    assert [(each.seq, each.frames) for each in glued(stream.descents[0, 1])] == [
        (first, tuple(range(first, last + 1)))
    ]
    if (first, last, kind) != (1, 12, CONTROL):
        assert (only(stream).kind, only(stream).seqs) == ("protocol/json_error", (first,))


def test_other_chunks_in_the_place_of_some_are_not_glued() -> None:
    """A chunk that was changed, or a short one in the place of several, has not their bytes."""
    assert glued(stream_of(WORDS, changed(4, "X")).descents[0, 1]) == []
    assert glued(stream_of(WORDS, lambda items: [*items[:4], Item("[...]", 5), *items[8:]]).descents[0, 1]) == []
    assert diagnose(stream_of(WORDS)).in_order
