"""Faults that only say what another fault has made of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.kinds import AFTER_DONE, CORRUPTION, DUPLICATE, GAP, GRAMMAR, MOVED, REORDER, TOOL_ARGUMENTS

_CONSEQUENT: Final = frozenset({GRAMMAR, TOOL_ARGUMENTS})
_CAUSES: Final = frozenset({DUPLICATE, GAP, REORDER, CORRUPTION})


def without_consequences(stream: TraceStream, faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults without those that follow from another one, at their stage or before it.

    A chunk that is lost, doubled or late takes an opening from its deltas, or a piece from a tool call. A policy that
    may change content may withhold the rest of a call. A stage that puts chunks out of order puts some behind the end.
    """
    unordered = {fault.position for fault in faults if fault.kind == MOVED and fault.certain}
    causes = [fault.position for fault in faults if fault.family in _CAUSES or fault.kind == AFTER_DONE]

    def follows(fault: Fault) -> bool:
        if fault.kind == AFTER_DONE:
            return fault.position in unordered
        if fault.kind not in _CONSEQUENT:
            return False
        made_here = stream.stages[fault.position].rewrites and bool(stream.upstream[fault.position])
        return made_here or any(position <= fault.position for position in causes)

    return [fault for fault in faults if not follows(fault)]
