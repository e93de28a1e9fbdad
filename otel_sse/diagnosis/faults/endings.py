"""How a stream ended badly, and at which stage: a failure spreads with the data, a cancellation against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sse.diagnosis.faults.fault import Fault, fault_at
from otel_sse.diagnosis.faults.resumes import resumes
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT
from otel_sse.stream.kinds import OUTCOME_ABANDONED, OUTCOME_CANCELLED, OUTCOME_DISCONNECTED, of_outcome
from otel_sse.stream.outcome import ABANDONED, CANCELLED, CAPPED, COMPLETED, DISCONNECTED, FAILED, INCOMPLETE, UNPARSED
from otel_sse.stream.stages import RECEIVERS

BENIGN: Final = frozenset({OUTCOME_DISCONNECTED, OUTCOME_CANCELLED, OUTCOME_ABANDONED})
"""Ends that the reader caused itself; they are reported after every other fault."""

_WITH_DATA: Final = (FAILED, INCOMPLETE, CAPPED)
_LEFT: Final = (DISCONNECTED, CANCELLED, ABANDONED)


def ending(stream: TraceStream) -> Fault | None:
    """Return how the stream ended if it was not completed, at the stage where that began; None for a good end.

    Of the stages that failed or broke off, the first is reported: those after it only got less data. If a reader left,
    the last stage is reported: those before it were cancelled in turn.
    """
    stages = stream.stages
    last = stages[-1].outcome
    resumed = {each.first for each in resumes(stream)}
    broken = [n for n, stage in enumerate(stages) if _breaks(stage) and n not in resumed]
    if last in _LEFT:
        cut = _behind_a_lost_hop(stream)
        broken = [n for n in broken if n not in cut]
    if broken:
        first = next((n for n in broken if not _brought_down(stream, n, broken)), broken[0])
        return _fault(stream, first)
    if last in (COMPLETED, UNPARSED, ""):
        # A reader that stops early and ends well has what it wanted, unless it says that this was the answer's end.
        return _made_up(stream)
    return _fault(stream, len(stages) - 1)


def _made_up(stream: TraceStream) -> Fault | None:
    """Return the suspicion that a stage broke the answer off and wrote an end of its own; None for none.

    Its upstream stage was left while content came, and saw no end.
    """
    for up, down in stream.descents:
        before, after = stream.stages[up], stream.stages[down]
        left = before.outcome == ABANDONED and not any(chunk.done for chunk in before.chunks)
        ends = [chunk for chunk in after.chunks if chunk.done]
        if left and ends and before.chunks[-1:] and before.chunks[-1].kind == CONTENT and _is_source(stream, up, down):
            origin = f"{after.label} left it in the middle, and the end at {ends[0].seq} is of its own making"
            return _fault(stream, up, certain=False, origin=origin)
    return None


def _is_source(stream: TraceStream, up: int, down: int) -> bool:
    """Whether the last content before a stage's end came from one upstream stage, among several."""
    edge = stream.descents[up, down]
    content = [chunk for chunk in stream.stages[down].chunks if chunk.kind == CONTENT]
    handed_on = {passage.seq for passage in edge.flow.passages if passage.first}
    others = {p.seq for (a, b), each in stream.descents.items() if b == down and a != up for p in each.flow.passages}
    latest = next((chunk.seq for chunk in reversed(content) if chunk.seq in handed_on | others), 0)
    return latest in handed_on


def _breaks(stage: TraceStage) -> bool:
    return stage.outcome in _WITH_DATA or (stage.outcome == DISCONNECTED and stage.name in RECEIVERS)


def _behind_a_lost_hop(stream: TraceStream) -> set[int]:
    """The stages that read from a hop that broke off, and all stages that read from these.

    When the client has left, the process that served it closes its own connections: that is why the hop broke off.
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
    """Whether a stage ended badly because a later stage of its own process had failed before it.

    An answer may cross a process twice. If it fails on its way back, the process also closes its stages on the way
    there.
    """
    stage = stream.stages[position]
    later = (stream.stages[n] for n in broken if n > position)
    return any(each.service == stage.service and each.end_ns < stage.end_ns for each in later)


def _fault(stream: TraceStream, position: int, *, certain: bool = True, origin: str = "") -> Fault:
    stage = stream.stages[position]
    ups = stream.upstream[position]
    last = stage.chunks[-1].seq if stage.chunks else 0
    error = f", {stage.error_type}" if stage.error_type else ""
    return fault_at(
        stream,
        position,
        of_outcome(stage.outcome),
        f"outcome {stage.outcome}{error}, after {stage.total} chunks",
        upstream=ups[0] if ups else None,
        certain=certain,
        seqs=[last] if last else [],
        origin=origin or _origin(stream, position),
    )


def _origin(stream: TraceStream, position: int) -> str:
    ups = stream.upstream[position]
    if position in stream.orphans:
        return "the stage before it is not in the trace"
    if not ups:
        return "it is the first stage seen: the model's stream itself, or what lies before it"
    before = stream.stages[ups[0]]
    return f"{before.label} before it ended as {before.outcome or 'not known'}"
