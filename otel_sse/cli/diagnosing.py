"""What `otel-sse diagnose` was asked, answered: the diagnosis of one trace, or those of all that are not in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rich.console import RenderableType

from otel_sse import semconv
from otel_sse.cli.diagnose_json import diagnosed_json, trace_diagnosed_json
from otel_sse.cli.diagnose_view import diagnosed_view, trace_diagnosed_view
from otel_sse.cli.exit_codes import FINDINGS, INPUT, OK
from otel_sse.cli.tracing import trace_in
from otel_sse.lineage.diagnosis import Diagnosis, diagnose
from otel_sse.lineage.spans import Span
from otel_sse.lineage.trace import Trace, trace_of
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles


class TraceSource(Protocol):
    """Where traces are read from."""

    def trace(self, wanted: str) -> Trace:
        """Return one trace by its id, or by how that begins.

        Raises:
            SourceError: It is not there, or nothing can be read.
        """

    def traces(self) -> Iterator[Trace]:
        """Yield all traces, at least one.

        Raises:
            SourceError: There is none, or nothing can be read.
        """

    def damage(self) -> SourceError | None:
        """Return what could not be read of what was asked for, or None."""


class FileSource:
    """Traces in files. All of a file's stages are held at once, where all of its traces are asked for.

    Args:
        paths: The files.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._files = OtlpFiles(paths)

    def trace(self, wanted: str) -> Trace:
        """Return the trace whose id begins so."""
        return trace_in(self._files, wanted)

    def traces(self) -> Iterator[Trace]:
        """Yield all traces of the files, in order of their starts."""
        by_trace: dict[str, list[Span]] = {}
        for span in self._files.spans():
            if semconv.STAGE in span.attributes:
                by_trace.setdefault(span.trace_id, []).append(span)
        if not by_trace:
            raise self._files.damage() or self._files.nothing()
        for spans in sorted(by_trace.values(), key=lambda group: min(span.start_ns for span in group)):
            trace = trace_of(spans)
            assert trace is not None, "a group of stage spans has at least one stage"
            yield trace

    def damage(self) -> SourceError | None:
        """Return the damaged lines of the last reading."""
        return self._files.damage()


class Diagnosed(NamedTuple):
    """One trace, with the diagnosis of each of its streams."""

    trace: Trace
    found: list[Diagnosis]

    @property
    def in_order(self) -> bool:
        """Whether nothing went wrong in any of them."""
        return all(each.in_order for each in self.found)


class Shown(NamedTuple):
    """What there is to see.

    Args:
        view: For the eye.
        data: For programs.
        in_order: Whether nothing went wrong.
        damage: What could not be read, or None.
    """

    view: RenderableType
    data: dict[str, Any]
    in_order: bool
    damage: SourceError | None

    @property
    def exit_code(self) -> int:
        """0, 1 where something is not in order, 3 where a part could not be read."""
        return INPUT if self.damage is not None else OK if self.in_order else FINDINGS


def look(source: TraceSource, trace_id: str, width: int) -> Shown:
    """Read traces and return what is to be said of them.

    Args:
        source: Where to read.
        trace_id: Hex digits that the trace's id begins with; "" for all traces.
        width: Columns of a line.

    Raises:
        SourceError: Nothing can be read, or it has not the trace.
    """
    if trace_id:
        return _one(_diagnosed(source.trace(trace_id)), source, width)
    damaged: list[Diagnosed] = []
    last: Diagnosed | None = None
    count = 0
    for trace in source.traces():
        last = _diagnosed(trace)
        count += 1
        if not last.in_order:
            damaged.append(last)
    if count == 1 and last is not None:
        return _one(last, source, width)
    every = [(each.trace, each.found) for each in damaged]
    return Shown(diagnosed_view(every, count), diagnosed_json(every, count), not damaged, source.damage())


def _one(each: Diagnosed, source: TraceSource, width: int) -> Shown:
    view = trace_diagnosed_view(each.trace, each.found, width)
    return Shown(view, trace_diagnosed_json(each.trace, each.found), each.in_order, source.damage())


def _diagnosed(trace: Trace) -> Diagnosed:
    return Diagnosed(trace, [diagnose(stream) for stream in trace.streams])
