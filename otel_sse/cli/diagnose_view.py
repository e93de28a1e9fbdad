"""Diagnoses for the eye: the chunk by stage matrix, the verdict, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_sse.cli.stage_view import stream_title
from otel_sse.diagnosis.alignment.fates import DAMAGE, GONE, Fate
from otel_sse.diagnosis.diagnose import Diagnosis, late_places
from otel_sse.diagnosis.efficiency import sizes_of, slowest_of
from otel_sse.diagnosis.faults.fault import Fault, ranges
from otel_sse.diagnosis.matrix import Matrix, matrix_of
from otel_sse.diagnosis.matrix_text import GridCell, grid
from otel_sse.diagnosis.trace.streams import Trace, TraceStream
from otel_sse.diagnosis.unread import told
from otel_sse.stream.outcome import COMPLETED
from otel_sse.terminal.escaping import MESSAGE_CHARS, escaped
from otel_sse.terminal.tables import BAD, DIM, GOOD, NOTED, cell, table_of
from otel_sse.terminal.times import shown_duration

_INDENT: Final = 2

_SIGNS: Final = (
    f"= the {Fate.SAME}",
    f"~ {Fate.REWRITTEN} by a stage that may",
    "% cut anew",
    "+ made here",
    f"- {Fate.LEFT_OUT}",
    "? not known",
)
"""The signs that stand in the matrix in the place of numbers, each before its words."""


def diagnosed_view(found: Sequence[tuple[Trace, Sequence[Diagnosis]]], count: int) -> RenderableType:
    """Return the list of traces that are not in order or could not be read, one line each, and how many are in order.

    Args:
        found: These, with the diagnosis of each of their streams.
        count: How many there are in all.
    """
    clear = count - len(found)
    said = Text(f"{clear} of {count} traces {'is' if clear == 1 else 'are'} in order.", GOOD if clear == count else BAD)
    if not found:
        return said
    unread = sum(all(each.is_clean for each in diagnoses) for _, diagnoses in found)
    if unread:
        said.append(f" Of {unread} it is not known: not all could be read.", NOTED)
    table = table_of("trace", "~route", "~stage", "~kind", ">chunks", ">more")
    for trace, diagnoses in found:
        for stream, each in zip(trace.streams, diagnoses, strict=True):
            if each.culprit is not None:
                row = cell(trace.id), cell(stream.route), *map(cell, _line(each.culprit))
                table.add_row(*row, str(len(each.faults) - 1))
            elif each.unread:
                where = cell(trace.id), cell(stream.route), cell(each.unread[0].stage)
                table.add_row(*where, "not read", "", "")
    return Group(table, said)


def _line(fault: Fault) -> tuple[str, str, str]:
    doubt = "" if fault.certain else " (suspected)"
    return escaped(fault.stage), escaped(fault.kind) + doubt, str(fault.count)


def trace_diagnosed_view(trace: Trace, found: Sequence[Diagnosis], width: int) -> RenderableType:
    """Return one trace, stream by stream.

    Args:
        trace: The trace.
        found: The diagnosis of each of its streams.
        width: Columns of a line.
    """
    title = Text.assemble(("trace ", DIM), (escaped(trace.id), "bold"))
    parts = [p for s, d in zip(trace.streams, found, strict=True) for p in _stream(s, d, width)]
    return Group(title, *parts)


def _stream(stream: TraceStream, found: Diagnosis, width: int) -> Iterator[RenderableType]:
    yield stream_title(stream)
    yield _stages(stream, found)
    yield _matrix(matrix_of(stream, late_places(stream, found.faults)), width)
    yield from _slowest(stream)
    yield Text.assemble("\n", (escaped(found.verdict, MESSAGE_CHARS), _style(found)))
    if found.faults and found.unread:
        yield Text.assemble(("warning: ", NOTED), escaped(told(found.unread), MESSAGE_CHARS))
    for number, fault in enumerate(found.faults, 1):
        yield from _fault(number, fault)
    for note in found.notes:
        yield Text.assemble(("note: ", NOTED), escaped(note, MESSAGE_CHARS))


def _style(found: Diagnosis) -> str:
    if found.faults:
        return BAD
    return NOTED if found.unread else GOOD


def _stages(stream: TraceStream, found: Diagnosis) -> Table:
    blamed = {fault.position for fault in found.faults}
    table = table_of(">#", "process", "stage", ">chunks", ">bytes", ">content", ">latency", "outcome")
    for n, stage in enumerate(stream.stages):
        outcome = Text(escaped(stage.outcome or "end not here"), GOOD if stage.outcome == COMPLETED else BAD)
        name = Text(escaped(stage.label), BAD if n in blamed else "")
        sizes = sizes_of(stage)
        table.add_row(
            str(n + 1),
            cell(stage.service),
            name,
            str(sizes.chunks),
            str(sizes.raw_bytes),
            str(sizes.content_bytes),
            _latency(stream, n),
            outcome,
        )
    return table


def _latency(stream: TraceStream, position: int) -> str:
    edges = [stream.descents[up, position].latency for up in stream.upstream[position]]
    return shown_duration(edges[0].median_ns) if edges and edges[0] is not None else ""


def _slowest(stream: TraceStream) -> Iterator[Text]:
    if (slowest := slowest_of(stream)) is not None:
        label = escaped(stream.stages[slowest.position].label)
        median, every = shown_duration(slowest.median_ns), shown_duration(slowest.all_ns)
        told = f"slowest step: {slowest.position + 1} {label}, {median} a chunk by the median, of {every} in all"
        yield Text(told, DIM)


def _matrix(matrix: Matrix, width: int) -> RenderableType:
    lines = grid(matrix, width - 2)
    if not lines:
        return Text("\nNo chunk with content stands in the trace.", DIM)
    head = tuple(GridCell(str(column.number), Fate.SAME) for column in matrix.columns)
    widths = [max(len(cells[n].text) for cells in (head, *(line.cells for line in lines))) for n in range(len(head))]
    text = Text("\n")
    text.append("  ".join(cell.text.rjust(size) for cell, size in zip(head, widths, strict=True)), DIM)
    for line in lines:
        text.append("\n")
        for n, (shown_cell, size) in enumerate(zip(line.cells, widths, strict=True)):
            text.append("  " if n else "")
            text.append(
                shown_cell.text.rjust(size), BAD if shown_cell.mark in DAMAGE else _STYLES.get(shown_cell.mark, "")
            )
        text.rstrip()
        text.append(" !" if any(cell.mark in DAMAGE for cell in line.cells) else "", BAD)
    shown = {cell.text for line in lines for cell in line.cells}
    if used := [words for words in _SIGNS if words[0] in shown]:
        text.append(f"\n{', '.join(used)}", DIM)
    text.no_wrap = True
    return text


_STYLES: Final = {
    **dict.fromkeys(GONE, DIM),
    **dict.fromkeys((Fate.REWRITTEN, Fate.REFRAMED, Fate.ADDED), NOTED),
}


def _fault(number: int, fault: Fault) -> Iterator[RenderableType]:
    where = f" at {ranges(fault.seqs)}" if fault.seqs else ""
    kind, certainty, stage = map(escaped, (fault.kind, fault.certainty, fault.stage))
    title = f"{kind}, {certainty}, {fault.position + 1} {stage}{where}"
    yield Text.assemble("\n", (f"{number} ", DIM), (title, BAD))
    lines = Table.grid(padding=(0, 1))
    lines.add_column(no_wrap=True, style=DIM)
    lines.add_column(overflow="fold")
    for name, text in (
        ("seen", fault.seen),
        # The verdict says it of the first fault.
        ("from", fault.origin if number > 1 else ""),
        ("cause", fault.cause),
        ("look at", fault.where_to_look),
    ):
        if text:
            lines.add_row(name, Text(escaped(text, MESSAGE_CHARS)))
    yield Padding(lines, (0, 0, 0, _INDENT))
