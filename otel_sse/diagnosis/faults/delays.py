"""Late chunks, and which stage was late: bursts, silence, and chunks that were held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from otel_sse import semconv
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.fault import Fault, fault_at
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, Finding
from otel_sse.stream.kinds import BURST, DELAYED, FIRST_BYTE, STALL_CONTENT

_NS_PER_S: Final = 1e9

_BURST_GAP_NS: Final = 5_000_000
"""Chunks at most 5 ms apart are one burst; a model's chunks are 15 ms apart and more."""

_SPREAD_NS: Final = 500_000_000
"""Time over which the chunks of a burst must have come upstream to be gathered, where one burst holds the whole
answer."""

_WHOLE: Final = 0.9
"""Share of the answer's chunks that such a burst must hold."""

_LONG_SPREAD_NS: Final = 1_000_000_000
"""The same for each of several bursts. A busy event loop reads in bursts too. It seldom sleeps for a second but it may,
so several bursts are only suspected."""

_STEADY_SPREAD_NS: Final = 500_000_000
"""The same where a stage hands on the same number of chunks each time: that is a buffer's size, and no sleep."""

_STEADY_CHUNKS: Final = 4
_STEADY_BURSTS: Final = 3
"""Chunks of a burst, and bursts, that make such a number."""

_SHARE: Final = 0.5
"""Share of the answer's chunks that several bursts must hold: a buffer gathers all chunks, a hiccup only some."""

_PACKED: Final = 0.1
"""Length of a burst, as a share of the time that its chunks took upstream, at most. A longer pause ends the burst; a
shorter one, while a buffer is flushed, is the machine's."""

_MOMENTS: Final = 3
"""Different times upstream, at least 5 ms apart, that a gathered burst must come from."""

HELD_BACK_NS: Final = 15_000_000_000
"""Time that an edge may take longer for a chunk than for its quickest one: the default limit of a content stall. A
reader on a busy machine falls behind by some seconds."""

_MOST: Final = 0.5
"""Share of a silence that the stage before must have had for the silence to come from there."""


def coalesced(stream: TraceStream, up: int, down: int) -> Fault | None:
    """Return the fault that chunks came in bursts that were spaced in time upstream; None for no such fault.

    A stage that rewrites may gather chunks.

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
    return fault_at(stream, down, BURST, evidence, upstream=up, seqs=seqs, certain=bool(whole))


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
    """The one burst that holds the whole answer; empty for none."""
    if not times:
        return []
    packed_ns = int(_PACKED * (times[-1].up_ns - times[0].up_ns))
    bursts = [burst for gap_ns in (_BURST_GAP_NS, packed_ns) for burst in _bursts(times, gap_ns)]
    return [burst for burst in bursts if len(burst) >= _WHOLE * len(times) and _is_gathered(burst)][:1]


def _several(times: Sequence[_Crossed]) -> list[Sequence[_Crossed]]:
    """The long bursts of an answer that came in several; empty for none."""
    bursts = list(_bursts(times, _BURST_GAP_NS))
    least_ns = _STEADY_SPREAD_NS if _are_alike(bursts) else _LONG_SPREAD_NS
    long = [burst for burst in bursts if _is_gathered(burst) and burst[-1].up_ns - burst[0].up_ns >= least_ns]
    return long if len(long) > 1 and sum(map(len, long)) >= _SHARE * len(times) else []


def _are_alike(bursts: Sequence[Sequence[_Crossed]]) -> bool:
    """Whether all bursts but the last have the same number of chunks, and enough of them to be no chance."""
    sizes = [len(burst) for burst in bursts]
    return (
        len(sizes) >= _STEADY_BURSTS
        and len(set(sizes[:-1])) == 1
        and sizes[0] >= _STEADY_CHUNKS
        and sizes[-1] <= sizes[0]
    )


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
    """Return the numbers of the chunks for which an edge took longer than for its quickest one by more than a limit.

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
    """Return the fault that an edge held chunks back; None for no such fault.

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
    slow_reader = longest_send_ns(stream) * 2 > longest_ns
    origin = (
        "the last stage waited for its reader about as long: a slow client holds back everything" if slow_reader else ""
    )
    certain = not slow_reader and not stage.rewrites
    return fault_at(stream, down, DELAYED, evidence, upstream=up, seqs=seqs, certain=certain, origin=origin)


def longest_send_ns(stream: TraceStream) -> float:
    """Return the longest time that a stage waited for its reader to take chunks, in nanoseconds.

    Args:
        stream: The stream.
    """
    return max(_seconds(each, semconv.STREAM_SEND_TIME) for each in stream.stages) * _NS_PER_S


def silence(stream: TraceStream, position: int, finding: Finding) -> Fault:
    """Return the fault for a detector's finding of a silence, at the first stage that was silent.

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
    """Whether a chunk is the first content of a stage that has waited long for its first byte.

    Then the silence before the chunk is that wait, as seen by a stage that was opened early.
    """
    before = [chunk for chunk in stage.chunks if chunk.seq < seq]
    told = any(each.kind == FIRST_BYTE for each in stage.findings)
    return told and all(chunk.kind != CONTENT for chunk in before)


_Place = tuple[int, int]


def _first_silent(stream: TraceStream, position: int, seq: int) -> tuple[_Place, int | None, str]:
    """The first stage of a silence: go back as long as the stage before had most of it too."""
    while True:
        wait_ns = _wait_ns(stream.stages[position], seq)
        found = _parent(stream, position, seq)
        if found is None:
            return (position, seq), None, _of_first(stream, position, STALL_CONTENT)
        up, parent = found
        if _wait_ns(stream.stages[up], parent) < _MOST * wait_ns:
            label = stream.stages[up].label
            return (position, seq), up, f"{label} was not silent before it: the chunk waited between the two"
        position, seq = up, parent


def _silent(stream: TraceStream, position: int, seq: int) -> tuple[_Place, int | None, str]:
    """The stage that caused a silence: an earlier one, or a reader that asked for nothing meanwhile."""
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
    """The reader that held the previous content until a silence was over: its position, the chunk, the stage before.

    A stage that is pulled gives nothing while its reader is busy with the previous chunk. The silence is the reader's.
    """
    stage = stream.stages[position]
    earlier = [chunk for chunk in stage.chunks if chunk.seq < seq]
    # Before the first content there may be an opening; holding that is as good a sign.
    content = [chunk.seq for chunk in earlier if chunk.kind == CONTENT][-1:] or [chunk.seq for chunk in earlier]
    found = (_holder(stream, position, before, _wait_ns(stage, seq)) for before in content)
    return next((each for each in found if each is not None), None)


def _holder(stream: TraceStream, position: int, before: int, wait_ns: int) -> tuple[int, int, int] | None:
    """Of the stages that got a chunk from this one, the first that had it only when the wait was nearly over."""
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
    """The stage that waited for the first chunk: before it asked upstream, between the two, or further upstream."""
    while True:
        stage = stream.stages[position]
        ups = stream.upstream[position]
        if not ups or not stream.stages[ups[0]].chunks:
            return (position, seq), None, _of_first(stream, position, FIRST_BYTE)
        up, wait_s = ups[0], _seconds(stage, semconv.STREAM_TTFE)
        before = stream.stages[up]
        if (parent := _parent(stream, position, seq)) is not None and _waited_before(stream, (position, seq), parent):
            # It had an early chunk, such as an opening message, but the one that this chunk was made from came late.
            return _silent(stream, *parent)
        if _seconds(before, semconv.STREAM_TTFE) < _MOST * wait_s:
            between_s = (stage.first_ns - before.first_ns) / _NS_PER_S
            if before.service == stage.service and between_s < _MOST * wait_s:
                return (position, seq), up, f"spent before {before.label} was asked"
            return (position, seq), up, f"{before.label} had its first chunk in time: it waited between the two"
        position, seq = up, before.chunks[0].seq


def _waited_before(stream: TraceStream, place: _Place, parent: _Place) -> bool:
    """Whether the upstream chunk came late itself, behind another one that came in time."""
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
    """The stage and the chunk from which a chunk was made; the last one of several."""
    for up in stream.upstream[position]:
        last = stream.descents[up, position].ranges.get(seq, (0, 0))[1]
        if last in stream.stages[up].by_seq:
            return up, last
    return None


def _seconds(stage: TraceStage, name: str) -> float:
    value = stage.attributes.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
