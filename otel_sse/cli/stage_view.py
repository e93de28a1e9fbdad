"""What a stream and each of its stages say themselves, for the eye: names, sums, findings and chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_sse.diagnosis.efficiency import sizes_of
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.terminal.escaping import escaped
from otel_sse.terminal.tables import BAD, DIM, cell, table_of
from otel_sse.terminal.times import shown_duration

_FIRST: Final = 3
_LAST: Final = 2
_MARKED: Final = 3
"""Rows of an excerpt: the first chunks, the last ones, and those that a finding is about."""


_IDS: Final = 16
"""Ids of one stream that are shown: one for each process that was not told of it."""


def stream_title(stream: TraceStream, more: str = "") -> Text:
    """Return the line above a stream: its ids, its route, and what else there is to say of it."""
    said = "".join(f"  {each}" for each in (escaped(stream.route), more) if each)
    return Text.assemble("\n", ("stream ", DIM), ", ".join(map(escaped, stream.ids[:_IDS])), (said, DIM))


def stage_name(stage: TraceStage) -> Text:
    """Return the name of a stage, with the adapter or path that feeds it."""
    source = f" {escaped(stage.source)}" if stage.source else ""
    return Text.assemble(escaped(stage.label), (source, DIM))


def totals_view(stream: TraceStream) -> RenderableType:
    """Return what each stage adds up to, also where its chunks are not in the trace."""
    table = table_of(">#", ">bytes", ">content", "~dialect", ">first event", ">first content", ">pause", ">spans")
    for number, stage in enumerate(stream.stages, 1):
        sizes = sizes_of(stage)
        table.add_row(
            str(number),
            f"{sizes.raw_bytes:,}",
            f"{sizes.content_bytes:,}",
            cell(stage.dialect),
            _seconds(stage.time_to_first_event_s),
            _seconds(stage.time_to_first_content_s),
            _seconds(stage.max_interval_s),
            str(len(stage.span_ids)),
        )
    return Group("", table)


def _seconds(time_s: float | None) -> str:
    return "" if time_s is None else shown_duration(round(time_s * 1e9))


def findings_view(stream: TraceStream) -> Iterator[Text]:
    """Yield a line for each kind of finding at each stage, with the first one's evidence."""
    for number, stage in enumerate(stream.stages, 1):
        for line in _findings(stage):
            yield Text.assemble(("! ", BAD), f"{number} {escaped(stage.label)}: ", (line, BAD))


def _findings(stage: TraceStage) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in stage.findings:
        groups.setdefault((finding.kind, finding.certainty), []).append(finding)
    for found in groups.values():
        kind, certainty, evidence = map(escaped, (found[0].kind, found[0].certainty, found[0].evidence))
        times, where = (f"{len(found)} x ", "first at") if len(found) > 1 else ("", "at")
        yield f"{times}{kind}, {certainty}, {where} {found[0].seq}: {evidence}"
    more = stage.findings_total - len(stage.findings)
    if more == 1:
        yield "1 more finding is counted, but has no event of its own"
    elif more:
        yield f"{more} more findings are counted, but have no event of their own"


def chunks_view(stream: TraceStream, position: int) -> RenderableType:
    """Return the chunks of one stage.

    Args:
        stream: The stream.
        position: The stage's.
    """
    return _chunks(stream, position, stream.stages[position].chunks, set())


def excerpt_view(stream: TraceStream) -> Iterator[RenderableType]:
    """Yield some chunks of the first stage that has a finding, else of the last stage; nothing where it has none."""
    position = next((n for n, stage in enumerate(stream.stages) if stage.findings), len(stream.stages) - 1)
    stage = stream.stages[position]
    marked = {finding.seq for finding in stage.findings}
    if stage.chunks:
        yield _chunks(stream, position, excerpt(stage.chunks, marked), marked)


def excerpt(chunks: Sequence[Chunk], marked: set[int]) -> list[Chunk | int]:
    """Return the chunks worth showing: the first, the last, some marked ones, and how many are left out between them.

    Args:
        chunks: Chunks in order.
        marked: Numbers of chunks that must be seen; the first three of them are.
    """
    seqs = [chunk.seq for chunk in chunks]
    chosen = {*seqs[:_FIRST], *seqs[max(len(seqs) - _LAST, 0) :], *sorted(marked & set(seqs))[:_MARKED]}
    shown: list[Chunk | int] = []
    left_out = 0
    for chunk in chunks:
        if chunk.seq in chosen:
            shown.extend([left_out, chunk] if left_out else [chunk])
            left_out = 0
        else:
            left_out += 1
    return shown


def _chunks(stream: TraceStream, position: int, rows: Sequence[Chunk | int], marked: set[int]) -> RenderableType:
    stage = stream.stages[position]
    made_from = stream.made_from(position)
    table = table_of(">chunk", ">after", "kind", "digest", ">content so far", ">bytes", "made from")
    for row in rows:
        if isinstance(row, int):
            table.add_row("...", f"{row} more", style=DIM)
        else:
            origin = _made_from(stream, position, made_from.get(row.seq))
            _add(table, stage, row, origin, BAD if row.seq in marked else "")
    return Group(Text.assemble("\n", ("chunks of ", DIM), f"stage {position + 1}, ", stage_name(stage)), table)


def _add(table: Table, stage: TraceStage, chunk: Chunk, origin: str, style: str) -> None:
    after = shown_duration(chunk.time_ns - stage.first_ns)
    what = cell(chunk.kind), cell(chunk.digest)
    table.add_row(str(chunk.seq), after, *what, str(chunk.acc_len), str(chunk.raw_len), origin, style=style)


def _made_from(stream: TraceStream, position: int, found: tuple[int, int, int] | None) -> str:
    if found is None:
        return ""
    up, first, last = found
    return number_range(first, last) + (f" of {up + 1}" if len(stream.upstream[position]) > 1 else "")


def number_range(first: int, last: int) -> str:
    """Return numbers of neighbours in words; "" for none."""
    return "" if not first else str(first) if first == last else f"{first}-{last}"
