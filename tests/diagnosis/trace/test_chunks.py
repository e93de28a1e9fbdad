"""Chunks and findings come back from a trace as they were written into it, whatever a backend cut off."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.trace.chunks import findings_of
from otel_sse.diagnosis.trace.spans import SpanEvent
from otel_sse.diagnosis.trace.stages import stages_of
from otel_sse.stream.chunk import CERTAIN, CONTENT, Finding
from otel_sse.telemetry.attributes import chunk_attributes, finding_attributes, pack_attributes
from tests.diagnosis.made_trace import MS, START, chunk_event, chunk_made, finding_event, finding_made, segment


def test_events_are_ordered_by_time_then_number() -> None:
    """Chunks that crossed at one time keep the order of their numbers."""
    events = [
        chunk_event(3, "c", 3, 0),
        chunk_event(1, "a", 1, 0),
        chunk_event(2, "b", 2, 0),
        chunk_event(4, "d", 4, -1),
    ]
    (stage,) = stages_of([segment("emit", events)])
    assert [chunk.seq for chunk in stage.chunks] == [4, 1, 2, 3]


def test_single_chunks_are_read_as_they_were_written() -> None:
    """What the recorder writes of a chunk comes back, the epoch's times in the place of the process's."""
    written = chunk_made(7, "x", kind="control", event="ping", id="9", source="b", upstream_first=3, upstream_last=5)
    event = SpanEvent(semconv.CHUNK_EVENT, START, chunk_attributes(written))
    (chunk,) = stages_of([segment("emit", [event])])[0].chunks
    assert chunk.time_ns == START
    for name in ("seq", "kind", "digest", "acc_len", "raw_len", "done", "event", "id", "source"):
        assert getattr(chunk, name) == getattr(written, name)
    assert (chunk.upstream_first, chunk.upstream_last) == (3, 5)


@pytest.mark.parametrize("ranges", [((1, 1), (2, 4), (0, 0)), ((0, 0), (0, 0), (0, 0))])
def test_packs_are_unpacked(ranges: tuple[tuple[int, int], ...]) -> None:
    """A pack gives back the chunks that went into it, with their times and what they were made from."""
    written = [
        chunk_made(11 + n, text, time_ns=5 * MS + n * 3000, upstream_first=ranges[n][0], upstream_last=ranges[n][1])
        for n, text in enumerate("abc")
    ]
    event = SpanEvent(semconv.CHUNKS_EVENT, START, pack_attributes(written))
    (stage,) = stages_of([segment("emit", [event])])
    assert [(c.seq, c.digest, c.acc_len, c.raw_len, c.kind) for c in stage.chunks] == [
        (c.seq, c.digest, c.acc_len, c.raw_len, CONTENT) for c in written
    ]
    assert [chunk.time_ns for chunk in stage.chunks] == [START, START + 3000, START + 6000]
    assert [(chunk.upstream_first, chunk.upstream_last) for chunk in stage.chunks] == list(ranges)


def test_a_pack_says_what_each_chunk_was() -> None:
    """Kind, event type, id and source come back, and chunks that have none have none."""
    told = chunk_made(2, "b", kind="heartbeat", event="ping", id="7", source="s")
    event = SpanEvent(semconv.CHUNKS_EVENT, START, pack_attributes([chunk_made(1, "a"), told]))
    (stage,) = stages_of([segment("emit", [event])])
    assert [(c.kind, c.event, c.id, c.source) for c in stage.chunks] == [
        (CONTENT, "", None, ""),
        ("heartbeat", "ping", "7", "s"),
    ]


def test_a_pack_that_was_cut_off_gives_what_is_left() -> None:
    """A backend that cuts a long attribute off loses that column's end, and nothing else."""
    says: dict[str, Any] = {semconv.PACK_FIRST_SEQ: 1, semconv.PACK_OFFSETS: "0 10 x", semconv.PACK_DIGESTS: "aa bb cc"}
    (stage,) = stages_of([segment("emit", [SpanEvent(semconv.CHUNKS_EVENT, START, says)])])
    assert [(chunk.seq, chunk.digest, chunk.acc_len) for chunk in stage.chunks] == [
        (1, "aa", 0),
        (3, "cc", 0),
        (2, "bb", 0),
    ]


def test_findings_are_read_as_they_were_written() -> None:
    """What the recorder writes of a finding comes back, in order of time."""
    finding = finding_made(2)
    events = [finding_event("later", 3, 9), SpanEvent(semconv.FINDING_EVENT, START, finding_attributes(finding))]
    (stage,) = stages_of([segment("emit", events)])
    assert stage.findings[0] == finding
    assert stage.findings[1].kind == "later"


def test_the_heartbeats_of_a_silence_come_back() -> None:
    """A finding says how many there were; an old trace, which has them in the evidence alone, says none."""
    finding = Finding("stall/content", CERTAIN, "emit", 4, evidence="20.000 s, 3 heartbeats meanwhile", heartbeats=3)
    says = finding_attributes(finding)
    assert findings_of([SpanEvent(semconv.FINDING_EVENT, START, says)]) == [finding]
    del says[semconv.FINDING_HEARTBEATS]
    (old,) = findings_of([SpanEvent(semconv.FINDING_EVENT, START, says)])
    assert (old.heartbeats, old.evidence) == (0, finding.evidence)


@pytest.mark.parametrize("value", ["3", -3, True, 2.0, 2**70])
def test_heartbeats_that_are_no_number_of_things_are_none(value: object) -> None:
    """A trace that was edited by hand can't break the reader."""
    event = SpanEvent(semconv.FINDING_EVENT, START, {semconv.FINDING_HEARTBEATS: value})  # type: ignore[dict-item]
    assert findings_of([event])[0].heartbeats == 0
