"""What `otel-sse diagnose` was asked, answered: the diagnosis of one trace, or those of all that are not in order."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Group

from otel_sse.cli.diagnose_json import diagnosed_json, trace_diagnosed_json
from otel_sse.cli.diagnose_view import diagnosed_view, trace_diagnosed_view
from otel_sse.cli.shown import Shown
from otel_sse.diagnosis.diagnose import Diagnosis, diagnose
from otel_sse.diagnosis.trace.streams import Trace
from otel_sse.sources.reading import Traces


class Diagnosed(NamedTuple):
    """One trace, with the diagnosis of each of its streams."""

    trace: Trace
    found: list[Diagnosis]

    @property
    def in_order(self) -> bool:
        """Whether nothing went wrong in any of them, and all of them could be read."""
        return all(each.in_order for each in self.found)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found that went wrong in any of them."""
        return all(each.is_clean for each in self.found)


def look(source: Traces, trace_id: str, width: int) -> Shown:
    """Read traces and return what is to be said of them.

    Args:
        source: Where to read.
        trace_id: Hex digits that the trace's id begins with; "" for all traces.
        width: Columns of a line.

    Raises:
        SourceError: Nothing can be read, or it has not the trace.
    """
    if trace_id:
        return _one(diagnosed(source.trace(trace_id)), source, width)
    listed: list[Diagnosed] = []
    last: Diagnosed | None = None
    count = 0
    for trace in source.traces():
        last = diagnosed(trace)
        count += 1
        if not last.in_order:
            listed.append(last)
    if count == 1 and last is not None:
        return _one(last, source, width)
    every = [(each.trace, each.found) for each in listed]
    view = diagnosed_view(every, count) if count else Group()
    data = diagnosed_json(every, count)
    is_clean = all(each.is_clean for each in listed)
    return Shown(view, data, is_clean, source.damage(), source.notes())


def _one(each: Diagnosed, source: Traces, width: int) -> Shown:
    view = trace_diagnosed_view(each.trace, each.found, width)
    data = trace_diagnosed_json(each.trace, each.found)
    return Shown(view, data, each.is_clean, source.damage(), source.notes())


def diagnosed(trace: Trace) -> Diagnosed:
    """Return a trace with the diagnosis of each of its streams."""
    return Diagnosed(trace, [diagnose(stream) for stream in trace.streams])
