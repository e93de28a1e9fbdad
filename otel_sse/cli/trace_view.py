"""A trace's streams for the eye: the stages in order, what happened between them, and the way of one chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from otel_sse.cli.stage_view import excerpt_view, findings_view, number_range, stage_name, stream_title, totals_view
from otel_sse.diagnosis.alignment.fates import HANDED_ON, Fate
from otel_sse.diagnosis.faults.edge_fates import EdgeFates, edge_fates
from otel_sse.diagnosis.faults.fault import ranges
from otel_sse.diagnosis.path import Step
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import Trace, TraceStream
from otel_sse.sources.traces import TraceSummary
from otel_sse.stream.chunk import Chunk
from otel_sse.stream.outcome import COMPLETED
from otel_sse.terminal.escaping import escaped
from otel_sse.terminal.tables import BAD, DIM, GOOD, NOTED, cell, table_of
from otel_sse.terminal.times import shown_duration, shown_time


def traces_view(traces: Sequence[TraceSummary]) -> RenderableType:
    """Return a list of traces: the latest last, ids and routes whole in 80 columns."""
    return _Traces(traces)


class _Traces:
    """The table of traces, one a line. Where a line is too short for it, route and streams stand below the trace's id.

    Args:
        traces: The traces.
    """

    def __init__(self, traces: Sequence[TraceSummary]) -> None:
        self._traces = traces

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = _list(self._traces, below=False)
        fits = _measured(whole, console, options).maximum <= options.max_width
        yield whole if fits else _list(self._traces, below=True)


def _list(traces: Sequence[TraceSummary], *, below: bool) -> Table:
    several = [">streams"] if any(each.streams > 1 for each in traces) and not below else []
    first, last = ("~trace, route", []) if below else ("trace", ["~route"])
    table = table_of(first, "start (UTC)", *several, ">chunks", ">findings", ">duplicates", *last)
    for each in traces:
        streams = [str(each.streams)] if several else []
        counts = map(str, (each.chunks, each.findings, each.duplicates))
        start = shown_time(each.start_ns, "%m-%d %H:%M:%S")
        route = Text(_route(each))
        places = [Text.assemble(cell(each.id), "\n", _place(each))] if below else [cell(each.id)]
        style = "" if each.is_clean else "red"
        table.add_row(*places, start, *streams, *counts, *([] if below else [route]), style=style)
    return table


def _measured(table: Table, console: Console, options: ConsoleOptions) -> Measurement:
    """How long a table's lines are: at most, and at least without a word cut in two."""
    # Asked for a line of any length, because a measurement never says more than the line has.
    return Measurement.get(console, options.update(max_width=_ANY_WIDTH), table)


def _place(trace: TraceSummary) -> str:
    streams = f"{trace.streams} streams" if trace.streams > 1 else ""
    return ", ".join(filter(None, [_route(trace), streams]))


def _route(trace: TraceSummary) -> str:
    others = f" +{len(trace.routes) - 1}" if len(trace.routes) > 1 else ""
    return escaped("".join(trace.routes[:1])) + others


def trace_view(trace: Trace, *, brief: bool = False) -> RenderableType:
    """Return the streams of one trace, with their stages in the order of the data.

    Args:
        trace: The trace.
        brief: Whether to leave out what the stages add up to and an excerpt of the chunks.
    """
    title = Text.assemble(("trace ", DIM), (escaped(trace.id), "bold"), (f"  {_when(trace.start_ns)} UTC", DIM))
    return Group(title, *(part for stream in trace.streams for part in _stream(stream, brief=brief)))


def _stream(stream: TraceStream, *, brief: bool) -> Iterator[RenderableType]:
    yield stream_title(stream, _sizes(stream))
    yield _Stages(stream)
    if not brief:
        yield totals_view(stream)
    yield from (_orphan(n + 1, stream.stages[n]) for n in sorted(stream.orphans))
    yield from (_change(stream, *edge) for edge in stream.descents if _changes(edge_fates(stream, *edge)))
    yield from findings_view(stream)
    if not brief:
        yield from excerpt_view(stream)


def _sizes(stream: TraceStream) -> str:
    services = _services(stream)
    where = (escaped(services[0]) or "1 process") if len(services) == 1 else f"{len(services)} processes"
    lasted_ns = max(stage.end_ns for stage in stream.stages) - min(stage.start_ns for stage in stream.stages)
    return f"{_many(len(stream.stages), 'stage', 'stages')} in {where}, {shown_duration(lasted_ns)}"


def _services(stream: TraceStream) -> list[str]:
    return list(dict.fromkeys(stage.service for stage in stream.stages))


class _Stages:
    """The table of stages. Where a line is too short for it, the times stand in a table of their own.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: TraceStream) -> None:
        self._stream = stream

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = _stages(self._stream, [*_PLACE, *_TIMES, *_FATE])
        if _measured(whole, console, options).minimum <= options.max_width:
            yield whole
        else:
            yield _stages(self._stream, [*_PLACE, *_FATE])
            yield ""
            yield _stages(self._stream, [_PLACE[0], *_TIMES])


_ANY_WIDTH: Final = 10_000
_PLACE: Final = (">#", "process", "stage", "~>chunks")
_TIMES: Final = (">first", ">latency", ">longest")
_FATE: Final = ("~content handed on", "~outcome")


def _stages(stream: TraceStream, columns: Sequence[str]) -> Table:
    shown = [name for name in columns if name != "process" or len(_services(stream)) > 1]
    table = table_of(*shown)
    start_ns = min(stage.first_ns for stage in stream.stages)
    for n in range(len(stream.stages)):
        row = _row(stream, n, start_ns)
        table.add_row(*(row[name.lstrip("~>")] for name in shown))
    return table


def _row(stream: TraceStream, position: int, start_ns: int) -> dict[str, str | Text]:
    stage = stream.stages[position]
    edges = [edge_fates(stream, up, position) for up in stream.upstream[position]]
    latency = edges[0].edge.latency if edges else None
    return {
        "#": str(position + 1),
        "process": cell(stage.service),
        "stage": stage_name(stage),
        "chunks": _chunk_count(stage),
        "first": shown_duration(stage.first_ns - start_ns) if stage.chunks else "",
        "latency": "" if latency is None else shown_duration(latency.median_ns),
        "longest": "" if latency is None else shown_duration(latency.max_ns) + (" *" if latency.negative else ""),
        "content handed on": Text("; ".join(_sums(edge) for edge in edges)),
        "outcome": _outcome(stage),
    }


def _chunk_count(stage: TraceStage) -> str:
    missing = stage.total - len(stage.chunks)
    return f"{stage.total}" if not missing else f"{stage.total} ({missing} not here)"


def _outcome(stage: TraceStage) -> Text:
    if not stage.outcome:
        return Text("end not here", NOTED)
    error = f", {escaped(stage.error_type)}" if stage.error_type else ""
    return Text(escaped(stage.outcome) + error, GOOD if stage.outcome == COMPLETED else BAD)


def _sums(fates: EdgeFates) -> str:
    return ", ".join(f"{fates.counts[fate]} {fate}" for fate in HANDED_ON if fates.counts[fate])


_UNTOLD: Final = (Fate.SAME, Fate.ELSEWHERE)
"""What needs no line of its own."""


def _changes(fates: EdgeFates) -> bool:
    return any(fate not in _UNTOLD for fate in fates.by_fate)


def _orphan(number: int, stage: TraceStage) -> Text:
    name = f" ({escaped(stage.upstream_name)})" if stage.upstream_name else ""
    told = f"{number} {escaped(stage.label)}: the stage that its chunks came from{name} is not in the trace"
    return Text.assemble(("! ", NOTED), told)


def _change(stream: TraceStream, up: int, down: int) -> Text:
    fates = edge_fates(stream, up, down)
    told = [
        f"{fate} {ranges(fates.by_fate[fate])}" for fate in HANDED_ON if fate in fates.by_fate and fate not in _UNTOLD
    ]
    names = f"{up + 1} {escaped(stream.stages[up].label)} -> {down + 1} {escaped(stream.stages[down].label)}: "
    how = "" if fates.edge.recorded else (_BY_DIGEST, DIM)
    return Text.assemble(("! ", NOTED), names, (", ".join(told), NOTED), how)


_BY_DIGEST: Final = "  (by digest)"


def way_view(stream: TraceStream, steps: Sequence[Step], position: int, seq: int) -> RenderableType:
    """Return the way of one chunk.

    Args:
        stream: The stream.
        steps: What `diagnosis.path.way` returned.
        position: Position of the stage that the number is of.
        seq: The number.
    """
    of = f" of stage {position + 1}, {escaped(stream.stages[position].label)}"
    table = table_of(">#", "process", "stage", "~>chunk", ">after", "digest", "~what it became")
    for step in steps:
        stage = stream.stages[step.stage]
        after = shown_duration(step.since_ns) if step.chunks else ""
        place = str(step.stage + 1), cell(stage.service), stage_name(stage)
        table.add_row(*place, _seqs(step.chunks), after, cell(_digests(step.chunks)), _became(stream, step))
    return Group(Text.assemble("\n", ("the way of chunk ", DIM), (str(seq), "bold"), (of, DIM)), table)


def _seqs(chunks: Sequence[Chunk]) -> str:
    return ranges([chunk.seq for chunk in chunks])


def _digests(chunks: Sequence[Chunk]) -> str:
    digests = list(dict.fromkeys(escaped(chunk.digest) for chunk in chunks))
    return digests[0] + (f" and {len(digests) - 1} more" if len(digests) > 1 else "") if digests else ""


def _became(stream: TraceStream, step: Step) -> Text:
    if step.fate is None:
        return Text("")
    style = "" if step.fate == Fate.SAME else BAD if step.fate in _SEVERE else NOTED
    return Text.assemble((_words(stream, step, step.fate), style), "" if step.recorded else (_BY_DIGEST, DIM))


_SEVERE: Final = (Fate.LOST, Fate.CUT_OFF, Fate.DOUBLED, Fate.MOVED)


def _words(stream: TraceStream, step: Step, fate: Fate) -> str:
    stage, others = stream.stages[step.stage], number_range(step.first, step.last)
    outcome = escaped(stage.outcome or "its end is not here")
    words = {
        Fate.MERGED: f"{Fate.MERGED} with {others}",
        Fate.REPLACED: f"{Fate.REPLACED}, with {others}",
        Fate.SPLIT: f"{Fate.SPLIT} into {others}",
        Fate.DOUBLED: f"{Fate.DOUBLED}: {others}",
        Fate.MOVED: f"{Fate.MOVED}: out of order",
        Fate.LOST: f"{Fate.LOST} before {escaped(stage.label)}",
        Fate.LEFT_OUT: f"{Fate.LEFT_OUT} by {escaped(stage.label)}",
        Fate.CUT_OFF: f"{Fate.CUT_OFF}: {escaped(stage.label)} ended before it ({outcome})",
        Fate.UNKNOWN: "not known: the trace has not all chunks of this stage, or none that can be read",
        Fate.ELSEWHERE: f"went on at another {escaped(stage.label)}",
        Fate.ADDED: f"{Fate.ADDED} here",
    }
    return words.get(fate, fate)


def _when(time_ns: int) -> str:
    return f"{shown_time(time_ns, '%Y-%m-%d %H:%M:%S')}.{time_ns % 1_000_000_000 // 1_000_000:03}"


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
