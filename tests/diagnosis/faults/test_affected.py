"""The chunks that a stage's findings are about."""

from __future__ import annotations

from otel_sse.diagnosis.faults.affected import concerned
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CERTAIN, Finding
from tests.diagnosis.made_pipeline import doubled, replayed, stream_of, whole, without

WORDS = [f" word{n}" for n in range(30)]


def judge(stream: TraceStream, position: int, finding: Finding) -> dict[int, int]:
    return concerned(stream, position, [finding])


def finding(kind: str, seq: int, of: int, amount: int) -> Finding:
    return Finding(kind, CERTAIN, "any", seq, of, "seen", amount)


def test_a_passage_is_told_from_its_first_chunk_on() -> None:
    """One finding tells of sixteen chunks, and the chunks that they repeat."""
    stream = stream_of(WORDS, replayed(0, 30))
    assert judge(stream, 1, finding("duplicate/restarted", 31, 1, 16)) == {30 + n: n for n in range(1, 17)}


def test_pairs_are_told_from_the_first_one_on() -> None:
    """The finding that makes a doubling certain is about the pairs before it too."""
    stream = stream_of(WORDS, doubled)
    assert judge(stream, 1, finding("duplicate/doubled", 16, 15, 8)) == {2 * n: 2 * n - 1 for n in range(1, 9)}


def test_what_is_lost_is_told_by_its_numbers_at_the_stage_before() -> None:
    """The stage that lost chunks has no number for them."""
    stream = stream_of(WORDS, without(*range(3)), whole)
    assert judge(stream, 1, finding("gap/lost", 1, 0, 3)) == {1: 0, 2: 0, 3: 0}


def test_a_finding_whose_chunks_are_not_all_there_is_about_its_own() -> None:
    """Where the trace lacks chunks, nobody guesses."""
    assert judge(stream_of(WORDS), 0, finding("duplicate/restarted", 25, 1, 16)) == {25: 1}
    assert judge(stream_of(WORDS), 0, finding("gap/lost", 5, 0, 2)) == {5: 0}


def test_a_finding_about_the_stream_is_about_no_chunk() -> None:
    """Number 0 is no chunk."""
    assert judge(stream_of(WORDS), 0, finding("protocol/unframed", 0, 0, 1)) == {}
