"""What was late, and which stage was late: bursts, silence, and chunks that were held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from otel_sse import semconv
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.fault import COALESCED, DELAYED, FIRST_BYTE, STALL, Fault, fault_at
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, Finding

_NS_PER_S: Final = 1e9

_BURST_GAP_NS: Final = 5_000_000
"""Chunks that follow one another within 5 ms are one burst; a model's are 15 ms apart and more."""

_SPREAD_NS: Final = 500_000_000
"""Time over which the chunks of one burst that holds the whole answer came upstream, before it is called gathered."""

_WHOLE: Final = 0.9
"""Share of the chunks that such a burst has to hold."""

_LONG_SPREAD_NS: Final = 1_000_000_000
"""The same of each of several bursts. A busy event loop reads in bursts too, but does not sleep for a second; since it
may, several bursts are suspected only."""

_SHARE: Final = 0.5
"""Share of the chunks that several bursts have to hold: a buffer gathers all, a hiccup some."""

_PACKED: Final = 0.1
"""How much shorter a burst has to be than what it was upstream: a longer pause is part of no burst, however long the
answer; a shorter one within what a buffer flushes is the machine's."""

_MOMENTS: Final = 3
"""Times upstream, at least 5 ms apart, that a burst has to be gathered from."""

HELD_BACK_NS: Final = 15_000_000_000
"""Time that an edge may hold a chunk back beyond its quickest one: as long as content may be silent by default. A
reader on a busy machine falls behind by some seconds."""

_MOST: Final = 0.5
"""Share of a silence that has to be there at the stage before already, for it to come from there."""


def coalesced(stream: TraceStream, up: int, down: int) -> Fault | None:
    """Return the fault that chunks spaced in time upstream came in bursts, or None. A stage that rewrites may gather.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """
    stage = stream.stages[down]
    times = [] if stage.rewrites else _times(stream, up, down)
    whole = _whole(times)
    found = whole or _several(times)
    if not found:
        return None
    spread_ns = sum(burst[-1].up_ns - burst[0].up_ns for burst in found)
    took_ns = sum(burst[-1].down_ns - burst[0].down_ns for burst in found)
    bursts_in_words = "one burst of" if len(found) == 1 else f"{len(found)} bursts, together of"
    evidence = (
        f"{sum(map(len, found))} of {len(times)} chunks, which left {stream.stages[up].label} over "
        f"{spread_ns / _NS_PER_S:.3f} s, came in {bursts_in_words} {took_ns / _NS_PER_S:.3f} s"
    )
    seqs = tuple(crossed.seq for burst in found for crossed in burst)
    return fault_at(stream, down, COALESCED, evidence, upstream=up, seqs=seqs, certain=bool(whole))


class _Crossed(NamedTuple):
    """When a chunk was at both stages, each by its own clock."""

    seq: int
    up_ns: int
    down_ns: int


def _times(stream: TraceStream, up: int, down: int) -> list[_Crossed]:
    edge = stream.descents[up, down]
    before, after = edge.upstream.by_seq, edge.downstream.by_seq
    same = [passage for passage in edge.flow.passages if passage.fate == Fate.SAME]
    return [_Crossed(p.seq, before[p.first].time_ns, after[p.seq].time_ns) for p in same if p.first in before]


def _whole(times: Sequence[_Crossed]) -> list[Sequence[_Crossed]]:
    """The one burst that holds the whole answer, or nothing."""
    if not times:
        return []
    packed_ns = int(_PACKED * (times[-1].up_ns - times[0].up_ns))
    bursts = [burst for gap_ns in (_BURST_GAP_NS, packed_ns) for burst in _bursts(times, gap_ns)]
    return [burst for burst in bursts if len(burst) >= _WHOLE * len(times) and _is_gathered(burst)][:1]


def _several(times: Sequence[_Crossed]) -> list[Sequence[_Crossed]]:
    """The long bursts of an answer that came in several, or nothing."""
    bursts = [burst for burst in _bursts(times, _BURST_GAP_NS) if _is_gathered(burst)]
    long = [burst for burst in bursts if burst[-1].up_ns - burst[0].up_ns >= _LONG_SPREAD_NS]
    return long if len(long) > 1 and sum(map(len, long)) >= _SHARE * len(times) else []


def _bursts(times: Sequence[_Crossed], gap_ns: int) -> Iterator[Sequence[_Crossed]]:
    start = 0
    for n in range(1, len(times) + 1):
        if n == len(times) or times[n].down_ns - times[n - 1].down_ns > gap_ns:
            yield times[start:n]
            start = n


def _is_gathered(burst: Sequence[_Crossed]) -> bool:
    spread_ns = burst[-1].up_ns - burst[0].up_ns
    moments = 1 + sum(b.up_ns - a.up_ns > _BURST_GAP_NS for a, b in pairwise(burst))
    spaced = spread_ns >= _SPREAD_NS and moments >= _MOMENTS
    return spaced and burst[-1].down_ns - burst[0].down_ns <= _PACKED * spread_ns


def held_back(stream: TraceStream, up: int, down: int, limit_ns: int = HELD_BACK_NS) -> list[int]:
    """Return the numbers of the chunks that an edge held back longer than its quickest one by more than a limit.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
        limit_ns: The limit, in nanoseconds.
    """
    times = _times(stream, up, down)
    quickest_ns = min((each.down_ns - each.up_ns for each in times), default=0)
    return [each.seq for each in times if each.down_ns - each.up_ns - quickest_ns > limit_ns]


def delayed(stream: TraceStream, up: int, down: int) -> Fault | None:
    """Return the fault that an edge held chunks back, or None.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """
    seqs = held_back(stream, up, down)
    if not seqs:
        return None
    stage, before = stream.stages[down], stream.stages[up]
    times = {each.seq: each.down_ns - each.up_ns for each in _times(stream, up, down)}
    longest_ns = max(times[seq] for seq in seqs) - min(times.values())
    evidence = (
        f"{len(seqs)} chunks took up to {longest_ns / _NS_PER_S:.3f} s longer from {before.label} than the quickest, "
        f"allowed {HELD_BACK_NS / _NS_PER_S:g} s"
    )
    slow_reader = any(_seconds(each, semconv.STREAM_SEND_TIME) * 2 * _NS_PER_S > longest_ns for each in stream.stages)
    origin = (
        "the last stage waited for its reader about as long: a slow client holds back everything" if slow_reader else ""
    )
    certain = not slow_reader and not stage.rewrites
    return fault_at(stream, down, DELAYED, evidence, upstream=up, seqs=seqs, certain=certain, origin=origin)


def silence(stream: TraceStream, position: int, finding: Finding) -> Fault:
    """Return the fault that a detector's finding of a silence tells of, at the first stage that was silent.

    Args:
        stream: The stream.
        position: Position of the stage that has the finding.
        finding: A finding of the family `stall`.
    """
    seen_at = stream.stages[position].label
    first = finding.kind == FIRST_BYTE
    place, up, origin = (_first_late if first else _silent)(stream, position, finding.seq)
    evidence = f"{finding.evidence}, at {finding.seq} of {seen_at}"
    kind = FIRST_BYTE if _opens_late(stream.stages[place[0]], place[1]) else finding.kind
    return fault_at(stream, place[0], kind, evidence, upstream=up, seqs=[place[1]], origin=origin)


def _opens_late(stage: TraceStage, seq: int) -> bool:
    """Whether a chunk is the first content of a stage that had nothing at all for a long time, and then had it soon.

    The silence before it is the wait for the first byte, which a stage that was opened early saw as one.
    """
    before = [chunk for chunk in stage.chunks if chunk.seq < seq]
    told = any(each.kind == FIRST_BYTE for each in stage.findings)
    return told and all(chunk.kind != CONTENT for chunk in before)


_Place = tuple[int, int]


def _first_silent(stream: TraceStream, position: int, seq: int) -> tuple[_Place, int | None, str]:
    """Where the silence before a chunk began: back as long as the stage before had most of it too."""
    while True:
        wait_ns = _wait_ns(stream.stages[position], seq)
        found = _parent(stream, position, seq)
        if found is None:
            return (position, seq), None, _of_first(stream, position, STALL)
        up, parent = found
        if _wait_ns(stream.stages[up], parent) < _MOST * wait_ns:
            label = stream.stages[up].label
            return (position, seq), up, f"{label} was not silent before it: the chunk waited between the two"
        position, seq = up, parent


def _silent(stream: TraceStream, position: int, seq: int) -> tuple[_Place, int | None, str]:
    """Where a silence came from: from before a stage, or from a reader who asked for nothing meanwhile."""
    place, up, origin = _first_silent(stream, position, seq)
    if held := _held_by_reader(stream, *place):
        reader, chunk, before = held
        return (
            (reader, chunk),
            before,
            f"{stream.stages[before].label} was not silent: its chunk waited between the two",
        )
    return place, up, origin


def _held_by_reader(stream: TraceStream, position: int, seq: int) -> tuple[int, int, int] | None:
    """The stage that still held the content before a silence when it was over, the chunk, and the stage before it.

    A stage that is pulled gives nothing while its reader is busy with the chunk before, so its silence is the reader's.
    """
    stage = stream.stages[position]
    earlier = [chunk for chunk in stage.chunks if chunk.seq < seq]
    # Before the first content an opening may have been held, which is as good a sign.
    content = [chunk.seq for chunk in earlier if chunk.kind == CONTENT][-1:] or [chunk.seq for chunk in earlier]
    found = (_holder(stream, position, before, _wait_ns(stage, seq)) for before in content)
    return next((each for each in found if each is not None), None)


def _holder(stream: TraceStream, position: int, before: int, wait_ns: int) -> tuple[int, int, int] | None:
    """Of the stages that got a chunk from this one, the first that had it only when a wait was as good as over."""
    stage = stream.stages[position]
    for reader in range(position + 1, len(stream.stages)):
        after = stream.stages[reader]
        if position not in stream.upstream[reader] or after.service != stage.service:
            continue
        for held in sorted(stream.descents[position, reader].forward({before})):
            if after.by_seq[held].time_ns - stage.by_seq[before].time_ns >= _MOST * wait_ns:
                return reader, held, position
            if found := _holder(stream, reader, held, wait_ns):
                return found
    return None


def _first_late(stream: TraceStream, position: int, seq: int) -> tuple[_Place, int | None, str]:
    """Where the wait for the first chunk was: before the stage before was asked, between the two, or before that."""
    while True:
        stage = stream.stages[position]
        ups = stream.upstream[position]
        if not ups or not stream.stages[ups[0]].chunks:
            return (position, seq), None, _of_first(stream, position, FIRST_BYTE)
        up, wait_s = ups[0], _seconds(stage, semconv.STREAM_TTFE)
        before = stream.stages[up]
        if (parent := _parent(stream, position, seq)) is not None and _waited_before(stream, (position, seq), parent):
            # It had something early, such as the message that opens a stream, but not what this chunk was made from.
            return _silent(stream, *parent)
        if _seconds(before, semconv.STREAM_TTFE) < _MOST * wait_s:
            between_s = (stage.first_ns - before.first_ns) / _NS_PER_S
            if before.service == stage.service and between_s < _MOST * wait_s:
                return (position, seq), up, f"spent before {before.label} was asked"
            return (position, seq), up, f"{before.label} had its first chunk in time: it waited between the two"
        position, seq = up, before.chunks[0].seq


def _waited_before(stream: TraceStream, place: _Place, parent: _Place) -> bool:
    """Whether the chunk that one was made from came late itself, behind something that came in time."""
    stage, before = stream.stages[place[0]], stream.stages[parent[0]]
    chunk = before.by_seq[parent[1]]
    if chunk is before.chunks[0] or before.service != stage.service:
        return False
    wait_ns = _seconds(stage, semconv.STREAM_TTFE) * _NS_PER_S
    return _wait_ns(before, parent[1]) >= _MOST * wait_ns


def _of_first(stream: TraceStream, position: int, kind: str) -> str:
    stage = stream.stages[position]
    if position in stream.orphans or stream.upstream[position]:
        return ""
    what = "was late itself" if kind == FIRST_BYTE else "was silent itself"
    return f"{stage.label} is the first stage seen: the model, or what lies before it, {what}"


def _wait_ns(stage: TraceStage, seq: int) -> int:
    """Time between a chunk and the content before it."""
    before_ns = stage.start_ns
    for chunk in stage.chunks:
        if chunk.seq == seq:
            return chunk.time_ns - before_ns
        if chunk.kind == CONTENT:
            before_ns = chunk.time_ns
    return 0


def _parent(stream: TraceStream, position: int, seq: int) -> _Place | None:
    """Which stage and which of its chunks a chunk was made from: of several, the last."""
    for up in stream.upstream[position]:
        last = stream.descents[up, position].ranges.get(seq, (0, 0))[1]
        if last in stream.stages[up].by_seq:
            return up, last
    return None


def _seconds(stage: TraceStage, name: str) -> float:
    value = stage.attributes.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
