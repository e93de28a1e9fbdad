"""A trace's streams for the eye: the stages in order, what happened between them, and the way of one chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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
from otel_sse.terminal.tables import cell, table_of
from otel_sse.terminal.times import shown_time

_GOOD: Final = "green"
_BAD: Final = "bold red"
_DIM: Final = "dim"
_NOTED: Final = "yellow"


def traces_view(traces: Sequence[TraceSummary]) -> RenderableType:
    """Return a list of traces, one a line: the latest last, ids whole in 80 columns."""
    several = [">streams"] if any(each.streams > 1 for each in traces) else []
    table = table_of("trace", "start (UTC)", *several, ">chunks", ">findings", ">duplicates", "~route")
    for each in traces:
        streams = [str(each.streams)] if several else []
        counts = map(str, (each.chunks, each.findings, each.duplicates))
        start = shown_time(each.start_ns, "%m-%d %H:%M:%S")
        style = "" if each.in_order else "red"
        table.add_row(cell(each.id), start, *streams, *counts, cell(_route(each)), style=style)
    return table


def _route(trace: TraceSummary) -> str:
    others = f" +{len(trace.routes) - 1}" if len(trace.routes) > 1 else ""
    return escaped("".join(trace.routes[:1])) + others


def trace_view(trace: Trace) -> RenderableType:
    """Return the streams of one trace, with their stages in the order of the data."""
    title = Text.assemble(("trace ", _DIM), (escaped(trace.id), "bold"), (f"  {_when(trace.start_ns)} UTC", _DIM))
    return Group(title, *(part for stream in trace.streams for part in _stream(stream)))


def _stream(stream: TraceStream) -> Iterator[RenderableType]:
    services = {stage.service for stage in stream.stages}
    sizes = f"  {len(stream.stages)} stages in {_many(len(services), 'process', 'processes')}"
    yield Text.assemble("\n", ("stream ", _DIM), ", ".join(map(escaped, stream.ids[:_IDS])), (sizes, _DIM))
    yield _stages(stream)
    yield from (_orphan(n + 1, stream.stages[n]) for n in sorted(stream.orphans))
    yield from (_change(stream, *edge) for edge in stream.descents if _changes(edge_fates(stream, *edge)))
    yield from (_finding(n, stage, line) for n, stage in enumerate(stream.stages, 1) for line in _findings(stage))


def _stages(stream: TraceStream) -> Table:
    table = table_of(
        ">#", "process", "stage", "~>chunks", ">first", ">latency", ">longest", "~content handed on", "~outcome"
    )
    start_ns = min(stage.first_ns for stage in stream.stages)
    for n, stage in enumerate(stream.stages):
        edges = [edge_fates(stream, up, n) for up in stream.upstream[n]]
        latency = edges[0].edge.latency if edges else None
        table.add_row(
            str(n + 1),
            cell(stage.service),
            _name(stage),
            _chunk_count(stage),
            _time(stage.first_ns - start_ns) if stage.chunks else "",
            "" if latency is None else _time(latency.median_ns),
            "" if latency is None else _time(latency.max_ns) + (" *" if latency.negative else ""),
            Text("; ".join(_sums(edge) for edge in edges)),
            _outcome(stage),
        )
    return table


def _name(stage: TraceStage) -> Text:
    source = f" {escaped(stage.source)}" if stage.source else ""
    return Text.assemble(escaped(stage.label), (source, _DIM))


def _chunk_count(stage: TraceStage) -> str:
    missing = stage.total - len(stage.chunks)
    return f"{stage.total}" if not missing else f"{stage.total} ({missing} not here)"


def _outcome(stage: TraceStage) -> Text:
    if not stage.outcome:
        return Text("end not here", _NOTED)
    error = f", {escaped(stage.error_type)}" if stage.error_type else ""
    return Text(escaped(stage.outcome) + error, _GOOD if stage.outcome == COMPLETED else _BAD)


def _sums(fates: EdgeFates) -> str:
    return ", ".join(f"{fates.counts[fate]} {fate}" for fate in HANDED_ON if fates.counts[fate])


_UNTOLD: Final = (Fate.SAME, Fate.ELSEWHERE)
"""What needs no line of its own."""


def _changes(fates: EdgeFates) -> bool:
    return any(fate not in _UNTOLD for fate in fates.by_fate)


def _orphan(number: int, stage: TraceStage) -> Text:
    name = f" ({escaped(stage.upstream_name)})" if stage.upstream_name else ""
    told = f"{number} {escaped(stage.label)}: the stage that its chunks came from{name} is not in the trace"
    return Text.assemble(("! ", _NOTED), told)


def _change(stream: TraceStream, up: int, down: int) -> Text:
    fates = edge_fates(stream, up, down)
    told = [
        f"{fate} {ranges(fates.by_fate[fate])}" for fate in HANDED_ON if fate in fates.by_fate and fate not in _UNTOLD
    ]
    names = f"{up + 1} {escaped(stream.stages[up].label)} -> {down + 1} {escaped(stream.stages[down].label)}: "
    how = "" if fates.edge.recorded else (_BY_DIGEST, _DIM)
    return Text.assemble(("! ", _NOTED), names, (", ".join(told), _NOTED), how)


_BY_DIGEST: Final = "  (by digest)"

_IDS: Final = 16
"""Ids of one stream that are shown: one for each process that was not told of it."""


def _findings(stage: TraceStage) -> Iterator[str]:
    for finding in stage.findings:
        kind, certainty, evidence = map(escaped, (finding.kind, finding.certainty, finding.evidence))
        yield f"{kind}, {certainty}, at {finding.seq}: {evidence}"
    if more := stage.findings_total - len(stage.findings):
        yield f"{more} more findings are counted, but have no event of their own"


def _finding(number: int, stage: TraceStage, line: str) -> Text:
    return Text.assemble(("! ", _BAD), f"{number} {escaped(stage.label)}: ", (line, _BAD))


def chunks_view(stream: TraceStream, position: int) -> RenderableType:
    """Return the chunks of one stage.

    Args:
        stream: The stream.
        position: The stage's.
    """
    stage = stream.stages[position]
    made_from = stream.made_from(position)
    table = table_of(">chunk", ">after", "kind", "digest", ">content so far", ">bytes", "made from")
    for chunk in stage.chunks:
        after = _time(chunk.time_ns - stage.first_ns)
        sizes = str(chunk.acc_len), str(chunk.raw_len)
        origin = _made_from(stream, position, made_from.get(chunk.seq))
        what = cell(chunk.kind), cell(chunk.digest)
        table.add_row(str(chunk.seq), after, *what, *sizes, origin)
    return Group(Text.assemble("\n", ("chunks of ", _DIM), f"stage {position + 1}, ", _name(stage)), table)


def _made_from(stream: TraceStream, position: int, found: tuple[int, int, int] | None) -> str:
    if found is None:
        return ""
    up, first, last = found
    return _range(first, last) + (f" of {up + 1}" if len(stream.upstream[position]) > 1 else "")


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
        after = _time(step.since_ns) if step.chunks else ""
        place = str(step.stage + 1), cell(stage.service), _name(stage)
        table.add_row(*place, _seqs(step.chunks), after, cell(_digests(step.chunks)), _became(stream, step))
    return Group(Text.assemble("\n", ("the way of chunk ", _DIM), (str(seq), "bold"), (of, _DIM)), table)


def _seqs(chunks: Sequence[Chunk]) -> str:
    return ranges([chunk.seq for chunk in chunks])


def _digests(chunks: Sequence[Chunk]) -> str:
    digests = list(dict.fromkeys(escaped(chunk.digest) for chunk in chunks))
    return digests[0] + (f" and {len(digests) - 1} more" if len(digests) > 1 else "") if digests else ""


def _became(stream: TraceStream, step: Step) -> Text:
    if step.fate is None:
        return Text("")
    style = "" if step.fate == Fate.SAME else _BAD if step.fate in _SEVERE else _NOTED
    return Text.assemble((_words(stream, step, step.fate), style), "" if step.recorded else (_BY_DIGEST, _DIM))


_SEVERE: Final = (Fate.LOST, Fate.CUT_OFF, Fate.DOUBLED, Fate.MOVED)


def _words(stream: TraceStream, step: Step, fate: Fate) -> str:
    stage, others = stream.stages[step.stage], _range(step.first, step.last)
    outcome = escaped(stage.outcome or "its end is not here")
    words = {
        Fate.MERGED: f"merged with {others}",
        Fate.REPLACED: f"replaced, with {others}",
        Fate.SPLIT: f"split into {others}",
        Fate.DOUBLED: f"doubled: {others}",
        Fate.MOVED: "moved: out of order",
        Fate.LOST: f"lost before {escaped(stage.label)}",
        Fate.LEFT_OUT: f"left out by {escaped(stage.label)}",
        Fate.CUT_OFF: f"cut off: {escaped(stage.label)} ended before it ({outcome})",
        Fate.UNKNOWN: "not known: the trace has not all chunks of this stage, or none that can be read",
        Fate.ELSEWHERE: f"went on at another {escaped(stage.label)}",
        Fate.ADDED: "added here",
    }
    return words.get(fate, fate)


def _range(first: int, last: int) -> str:
    return "" if not first else str(first) if first == last else f"{first}-{last}"


def _time(time_ns: int) -> str:
    if abs(time_ns) >= 1_000_000_000:
        return f"{time_ns / 1e9:.3f} s"
    return f"{time_ns / 1e6:.{1 if abs(time_ns) >= 10_000_000 else 2}f} ms"


def _when(time_ns: int) -> str:
    return f"{shown_time(time_ns, '%Y-%m-%d %H:%M:%S')}.{time_ns % 1_000_000_000 // 1_000_000:03}"


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
