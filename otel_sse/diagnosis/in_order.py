"""Whether a trace is in order as `otel-sse trace` sees it: findings, outcomes, and stages that must be faithful.

`diagnose` judges every stage. This asks less: an application's own stage may change what it hands on.
"""

from __future__ import annotations

from typing import Final

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.trace.streams import Trace, TraceStream
from otel_sse.stream.stages import FAITHFUL

_NOT_IN_ORDER: Final = frozenset({"failed", "incomplete"})

_ALTERED: Final = (Fate.LOST, Fate.DOUBLED, Fate.MOVED)

_OTHER_CONTENT: Final = (Fate.CHANGED, Fate.REPLACED)
"""The same within one process. Two processes may have different digest keys: then nothing is equal, and nothing
changed."""


def trace_in_order(trace: Trace) -> bool:
    """Return whether all streams of a trace are in order.

    Args:
        trace: The trace.
    """
    return all(map(stream_in_order, trace.streams))


def stream_in_order(stream: TraceStream) -> bool:
    """Return whether no stage has a finding, none failed or broke off, and none altered what it must hand on as it is.

    Args:
        stream: The stream.
    """
    ended_well = not any(stage.outcome in _NOT_IN_ORDER for stage in stream.stages)
    return not stream.findings and ended_well and not any(_is_altered(stream, *edge) for edge in stream.descents)


def _is_altered(stream: TraceStream, up: int, down: int) -> bool:
    stage = stream.stages[down]
    # A policy that was declared to change nothing must hand on all as well; of other stages nobody has promised that.
    if not (stage.name in FAITHFUL or stage.direction == "out") or stage.rewrites:
        return False
    if down in stream.orphans or len(stream.upstream[down]) > 1:
        return False
    altered = _ALTERED + (_OTHER_CONTENT if stream.stages[up].service == stage.service else ())
    counts = edge_fates(stream, up, down).counts
    return any(counts[fate] for fate in altered)
