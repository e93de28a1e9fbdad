"""How a stream ended badly, and at which stage that began: a failure goes with the data, a leave against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sse.diagnosis.faults.fault import OUTCOME, Fault, fault_at
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.outcome import ABANDONED, CANCELLED, CAPPED, COMPLETED, DISCONNECTED, FAILED, INCOMPLETE, UNPARSED

RECEIVERS: Final = frozenset({"provider", "client", "ws.receive"})
"""Stages that read what another process sends: where their connection goes away, so does the data."""

BENIGN: Final = frozenset({OUTCOME + DISCONNECTED, OUTCOME + CANCELLED, OUTCOME + ABANDONED})
"""Ends that are the reader's own affair; told behind everything else."""

_WITH_DATA: Final = (FAILED, INCOMPLETE, CAPPED)
_LEFT: Final = (DISCONNECTED, CANCELLED, ABANDONED)


def ending(stream: TraceStream) -> Fault | None:
    """Return how the stream ended, where it was not completed, at the stage at which that began; None for a good end.

    Of the stages that failed or broke off the first is told, for the others got less than they should. Where a reader
    left, the last one is, for the others were cancelled in turn.
    """
    stages = stream.stages
    last = stages[-1].outcome
    broken = [n for n, stage in enumerate(stages) if _breaks(stage)]
    if last in _LEFT:
        cut = _behind_a_lost_hop(stream)
        broken = [n for n in broken if n not in cut]
    if broken:
        first = next((n for n in broken if not _brought_down(stream, n, broken)), broken[0])
        return _fault(stream, first)
    if last in (COMPLETED, UNPARSED, ""):
        # Who stops reading early and ends well has what it wanted.
        return None
    return _fault(stream, len(stages) - 1)


def _breaks(stage: TraceStage) -> bool:
    return stage.outcome in _WITH_DATA or (stage.outcome == DISCONNECTED and stage.name in RECEIVERS)


def _behind_a_lost_hop(stream: TraceStream) -> set[int]:
    """The stages that read from a hop whose other end went away without an end, and all that read from them.

    Where the client has left, whoever served it lets go of what it reads and sends: that is why the hop went away.
    """
    found: set[int] = set()
    for n, stage in enumerate(stream.stages):
        ups = stream.upstream[n]
        let_go = stage.outcome == INCOMPLETE and any(stream.stages[up].outcome in _LEFT for up in ups)
        lost = stage.name in RECEIVERS and (stage.outcome == DISCONNECTED or let_go)
        if lost or found & set(ups):
            found.add(n)
    return found


def _brought_down(stream: TraceStream, position: int, broken: Sequence[int]) -> bool:
    """Whether a stage ended badly because a later one of its own process had, which then let go of what it read.

    An answer that crosses a process twice fails there on its way back, and with it what was still on its way there.
    """
    stage = stream.stages[position]
    later = (stream.stages[n] for n in broken if n > position)
    return any(each.service == stage.service and each.end_ns < stage.end_ns for each in later)


def _fault(stream: TraceStream, position: int) -> Fault:
    stage = stream.stages[position]
    ups = stream.upstream[position]
    last = stage.chunks[-1].seq if stage.chunks else 0
    error = f", {stage.error_type}" if stage.error_type else ""
    return fault_at(
        stream,
        position,
        OUTCOME + stage.outcome,
        f"outcome {stage.outcome}{error}, after {stage.total} chunks",
        upstream=ups[0] if ups else None,
        seqs=[last] if last else [],
        origin=_origin(stream, position),
    )


def _origin(stream: TraceStream, position: int) -> str:
    ups = stream.upstream[position]
    if position in stream.orphans:
        return "the stage before it is not in the trace"
    if not ups:
        return "it is the first stage seen: the model's stream itself, or what lies before it"
    before = stream.stages[ups[0]]
    return f"{before.label} before it ended as {before.outcome or 'not known'}"
