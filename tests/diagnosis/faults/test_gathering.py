"""Chunks that a stage gathered and handed on as one."""

from __future__ import annotations

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.gathering import GATHERED_NS, gathered, held_unread
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from tests.diagnosis.made_faults import LINEAGE, WORDS, told
from tests.diagnosis.made_pipeline import merged, stream_of, whole
from tests.diagnosis.made_trace import MS, START


def gathering(every_ms: float, count: int, *, lineage: bool = True, offset_ms: float = 0.0) -> TraceStream:
    """A stage that makes one chunk of so many, which come at this pace, and hands it on a millisecond later."""
    stream = stream_of(WORDS, merged(count), whole, lineage=lineage)
    for n, chunk in enumerate(stream.stages[0].chunks):
        chunk.time_ns = START + round(n * every_ms * MS)
    last = len(stream.stages[0].chunks) - 1
    for position in (1, 2):
        for n, chunk in enumerate(stream.stages[position].chunks):
            from_ms = min((n + 1) * count - 1, last) * every_ms
            chunk.time_ns = START + round((from_ms + position + offset_ms) * MS)
    return stream


@LINEAGE
def test_chunks_that_wait_until_they_go_on_as_one_are_told(lineage: bool) -> None:
    """At the stage that gathered, with the time that the first one waited; not at the stage behind it."""
    (fault,) = diagnose(gathering(150, 15, lineage=lineage)).faults
    assert (fault.kind, fault.position, fault.upstream, fault.seqs, fault.certainty) == (
        "coalescing/gathered",
        1,
        0,
        (1, 2),
        CERTAIN,
    )
    assert "the first of which had waited for up to 2.100 s, allowed 2 s" in fault.evidence


@pytest.mark.parametrize("more_ms", [0, 1])
def test_the_limit_is_two_seconds(more_ms: int) -> None:
    """At the limit a wait is told, below it it is a sentence of a slow model."""
    every_ms = GATHERED_NS / 1e6 / 9 - (1 - more_ms)
    assert told(gathering(every_ms, 10)) == ([("coalescing/gathered", 1)] if more_ms else [])


def test_clocks_that_differ_are_no_wait() -> None:
    """An hour between two hosts' clocks is taken off: the quickest chunk shows it."""
    assert told(gathering(40, 5, offset_ms=3_600_000)) == []


def test_a_stage_that_may_rewrite_may_gather() -> None:
    """A policy that checks whole sentences has to."""
    stream = gathering(150, 15)
    stream.stages[1].attributes = {**stream.stages[1].attributes, semconv.STAGE_REWRITES: True}
    assert gathered(stream, 0, 1) is None


def unread(every_ms: float, silent_s: float, first_s: float = 0.0) -> TraceStream:
    """A stage whose bytes can't be read, and the longest time in which it sent none."""
    stream = stream_of(WORDS, whole)
    for n, chunk in enumerate(stream.stages[0].chunks):
        chunk.time_ns = START + round(n * every_ms * MS)
    before, after = stream.stages
    after.chunks.clear()
    before.attributes = {**before.attributes, semconv.STREAM_TTFE: 0.25}
    after.attributes = {
        **after.attributes,
        semconv.STREAM_OUTCOME: "unparsed",
        semconv.STREAM_ENCODING: "gzip",
        semconv.STREAM_MAX_INTERVAL: silent_s,
        semconv.STREAM_TTFE: 0.25 + first_s,
    }
    return stream


@pytest.mark.parametrize(("silent_s", "first_s"), [(2.0, 0.0), (0.0, 2.0)], ids=["behind a head", "before all"])
def test_bytes_that_can_not_be_read_have_times(silent_s: float, first_s: float) -> None:
    """A stage that sent nothing while its chunks came in kept them back, whatever it sent at the end."""
    (fault,) = diagnose(unread(40, silent_s, first_s)).faults
    assert (fault.kind, fault.position, fault.upstream, fault.count) == ("coalescing/burst", 1, 0, 30)
    assert "sent nothing for 2.000 s, while 30 chunks came in over 1.160 s" in fault.evidence


def test_bytes_that_can_not_be_read_and_come_steadily_are_no_burst() -> None:
    """Compression that flushes each chunk holds nothing back; nor does one where the model was silent itself."""
    assert told(unread(40, 0.05)) == []
    assert told(unread(1, 2.0)) == []
    stream = unread(40, 1.2)
    for chunk in stream.stages[0].chunks[1:]:
        chunk.time_ns += 5_000 * MS
    assert held_unread(stream, 0, 1) is None


def test_a_slow_reader_is_suspected() -> None:
    """Where the last stage waited for its reader as long, the stage before may have had no choice."""
    stream = gathering(150, 15)
    stream.stages[2].attributes = {**stream.stages[2].attributes, semconv.STREAM_SEND_TIME: 2.0}
    fault = gathered(stream, 0, 1)
    assert fault is not None
    assert fault.certainty == SUSPECTED
