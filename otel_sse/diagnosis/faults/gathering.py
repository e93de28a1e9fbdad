"""Chunks that a stage gathered: handed on as one, or in bytes that can't be read; how long the first of them waited."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.delays import longest_send_ns
from otel_sse.diagnosis.faults.fault import Fault, fault_at
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.limits import BURST_CHUNKS, BURST_SPREAD_NS
from otel_sse.stream.chunk import CONTENT
from otel_sse.stream.kinds import BURST, GATHERED

_NS_PER_S: Final = 1e9

GATHERED_NS: Final = 2_000_000_000
"""Time that the first of several chunks may wait until they go on as one. Sentences of a quick model wait for half a
second; who waits for two sees that nothing comes."""


_WHOLE: Final = 0.9
"""Share of the time in which chunks came in that bytes must have been held back."""


# Worked example. Upstream 1 to 4 cross at 0, 1, 2 and 3 s; the stage hands them on as 1 at 3.01 s.
#
#   wait      3.01 s: from the first chunk that 1 was made from
#   quickest  0.01 s: from the last one, which is what handing on takes
#   fault     coalescing/gathered at 1, whose first chunk waited 3.00 s


def gathered(stream: TraceStream, up: int, down: int) -> Fault | None:
    """Return the fault that a stage kept chunks until they went on as one; None for no such fault.

    A stage that rewrites may gather. What waited because the last stage waited for its reader is only suspected.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """
    edge = stream.descents[up, down]
    held = {} if edge.downstream.rewrites else _held_ns(edge)
    if not held:
        return None
    longest_ns = max(held.values())
    slow_reader = longest_send_ns(stream) * 2 > longest_ns
    evidence = (
        f"{len(held)} chunks were each made of several of {edge.upstream.label}, the first of which had waited for "
        f"up to {longest_ns / _NS_PER_S:.3f} s, allowed {GATHERED_NS / _NS_PER_S:g} s"
    )
    return fault_at(stream, down, GATHERED, evidence, upstream=up, seqs=sorted(held), certain=not slow_reader)


def held_unread(stream: TraceStream, up: int, down: int) -> Fault | None:
    """Return the fault that a stage whose bytes can't be read sent none while chunks came in; None for no such fault.

    What it sent is not known, but when it did is: a body that something compresses or gathers leaves at the end.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """
    before, after = stream.stages[up], stream.stages[down]
    times = [chunk.time_ns for chunk in before.chunks if chunk.kind == CONTENT]
    if after.chunks or len(times) < BURST_CHUNKS:
        return None
    spread_ns = times[-1] - times[0]
    first_ns = ((after.time_to_first_event_s or 0.0) - (before.time_to_first_event_s or 0.0)) * _NS_PER_S
    silent_ns = max((after.max_interval_s or 0.0) * _NS_PER_S, first_ns)
    longest_ns = max(later - earlier for earlier, later in pairwise(times))
    if spread_ns < BURST_SPREAD_NS or silent_ns < _WHOLE * spread_ns or longest_ns > spread_ns / 2:
        return None
    evidence = (
        f"{after.label} sent nothing for {silent_ns / _NS_PER_S:.3f} s, while {len(times)} chunks came in over "
        f"{spread_ns / _NS_PER_S:.3f} s at {before.label}; its bytes could not be read"
    )
    return fault_at(stream, down, BURST, evidence, upstream=up, count=len(times))


def _held_ns(edge: Descent) -> dict[int, int]:
    """How long the first chunk of each gathered one waited, in nanoseconds, by the number of the gathered one."""
    before, after = edge.upstream.by_seq, edge.downstream.by_seq
    handed_on = (passage for passage in edge.flow.passages if passage.fate in (Fate.SAME, Fate.REFRAMED))
    known = [passage for passage in handed_on if {passage.first, passage.last} <= before.keys()]
    # By the clocks of two hosts a chunk may come before it left. The quickest one shows what lies between them.
    quickest_ns = min((after[p.seq].time_ns - before[p.last].time_ns for p in known), default=0)
    several = (p for p in known if p.fate == Fate.REFRAMED and p.first < p.last)
    waits = {p.seq: after[p.seq].time_ns - before[p.first].time_ns - quickest_ns for p in several}
    return {seq: wait_ns for seq, wait_ns in waits.items() if wait_ns >= GATHERED_NS}
