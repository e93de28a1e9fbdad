"""Traces and metrics for the eye."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from otel_sse import semconv
from otel_sse.demo.chunk_rows import ChunkRow, chunk_rows, excerpt
from otel_sse.demo.figures import SAMPLED, Figure
from otel_sse.demo.trace_tree import Node
from otel_sse.stream.outcome import COMPLETED
from otel_sse.terminal.escaping import escaped

_GOOD: Final = "green"
_BAD: Final = "bold red"
_DIM: Final = "dim"


def trace_view(trace_id: str, roots: Sequence[Node]) -> RenderableType:
    """Return one trace as a tree.

    Args:
        trace_id: 32 hex digits.
        roots: What `grow` returned.
    """
    tree = Tree(Text.assemble(("trace ", _DIM), escaped(trace_id)), guide_style=_DIM)
    for root in roots:
        _add(tree, root, root.start_ns)
    return tree


def _add(tree: Tree, node: Node, origin_ns: int) -> None:
    branch = tree.add(_stage_label(node, origin_ns) if node.is_stage else _span_label(node))
    for child in node.children:
        _add(branch, child, origin_ns)


def _span_label(node: Node) -> RenderableType:
    status = node.attributes.get("http.response.status_code")
    is_request = status is not None
    style = "bold" if is_request else _DIM
    said = f"  status {escaped(status)}" if is_request else ""
    return Text.assemble((escaped(node.name), style), (f"  {_time(node.duration_s)}{said}", _DIM))


def _stage_label(node: Node, origin_ns: int) -> RenderableType:
    lines = [_stage_title(node), *(Text(line) for line in _sums(node)), *_chunk_lines(node, origin_ns)]
    return Group(*lines, *_finding_lines(node))


def _stage_title(node: Node) -> Text:
    outcome = node.attributes.get(semconv.STREAM_OUTCOME, "still open")
    found = node.attributes.get(semconv.STREAM_FINDINGS, 0)
    verdict = "no findings" if not found else f"{found} finding{'s' if found > 1 else ''}"
    return Text.assemble(
        (escaped(node.name), "bold"),
        (f"  {_time(node.duration_s)}  ", _DIM),
        (escaped(outcome), _GOOD if outcome == COMPLETED else _BAD),
        ", ",
        (verdict, _BAD if found else _GOOD),
    )


def _sums(node: Node) -> Iterator[str]:
    says = node.attributes
    chunks, content = says.get(semconv.STREAM_CHUNKS, 0), says.get(semconv.STREAM_CONTENT_CHUNKS, 0)
    pieces = f" in {node.segments} segments" if node.segments > 1 else ""
    dialect = f", {escaped(says[semconv.STREAM_DIALECT])}" if semconv.STREAM_DIALECT in says else ""
    yield f"{chunks} chunks ({content} with content), {says.get(semconv.STREAM_BYTES, 0):,} bytes{dialect}{pieces}"
    times = (
        ("first event", semconv.STREAM_TTFE),
        ("first content", semconv.STREAM_TTFC),
        ("longest pause", semconv.STREAM_MAX_INTERVAL),
    )
    yield ", ".join(f"{name} {_time(says[key])}" for name, key in times if key in says)


def _chunk_lines(node: Node, origin_ns: int) -> Iterator[Text]:
    rows = chunk_rows(node)
    marked = {finding.get(semconv.FINDING_SEQ, 0) for finding in node.findings()}
    digits = len(str(rows[-1].seq)) if rows else 1
    for row in excerpt(rows, marked):
        if isinstance(row, int):
            yield Text(f"{'...':>{digits + 6}} {row} more", _DIM)
        else:
            yield Text(_chunk(row, digits, origin_ns), "red" if row.seq in marked else _DIM)


def _chunk(row: ChunkRow, digits: int, origin_ns: int) -> str:
    after_s = (row.time_ns - origin_ns) / 1e9
    sizes = f"acc {row.acc_len:>4}  raw {row.raw_len:>3}"
    return f"chunk {row.seq:>{digits}}  {after_s:.3f} s  {escaped(row.kind):<9} {escaped(row.digest)}  {sizes}"


def _finding_lines(node: Node) -> Iterator[Text]:
    found = node.findings()
    for (kind, certainty), findings in _by_kind(found).items():
        first = findings[0]
        times = f"{len(findings)} x " if len(findings) > 1 else ""
        where = f"{'first ' if times else ''}at {first.get(semconv.FINDING_SEQ, 0)}"
        evidence = escaped(first.get(semconv.FINDING_EVIDENCE, ""))
        yield Text(f"! {times}{escaped(kind)}, {escaped(certainty)}, {where}: {evidence}", _BAD)
    counted_only = node.attributes.get(semconv.STREAM_FINDINGS, 0) - len(found)
    if counted_only > 0:
        yield Text(f"! {counted_only} more are counted, but have no event of their own", _BAD)


def _by_kind(findings: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for finding in findings:
        key = (finding.get(semconv.FINDING_KIND, "?"), finding.get(semconv.FINDING_CERTAINTY, "?"))
        groups.setdefault(key, []).append(finding)
    return groups


def _time(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds >= 0.001 else f"{seconds * 1e6:.0f} us"


def metrics_view(figures: Sequence[Figure]) -> RenderableType:
    """Return the metrics that are not 0 as a table; labels that all of them share stand above it.

    Args:
        figures: What `otel_sse.demo.figures.figures` returned.
    """
    shown = [figure for figure in figures if figure.value]
    shared = _shared_labels(shown)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("metric", no_wrap=True)
    table.add_column("labels", overflow="fold")
    table.add_column("value", no_wrap=True)
    for figure in shown:
        own = {name: value for name, value in figure.labels.items() if name not in shared}
        table.add_row(
            Text(escaped(figure.name)), _labels(own), figure.value_text(), style=_BAD if figure.name in _FAULTS else ""
        )
    title = Text.assemble(("metrics", "bold"), "  ", _labels(shared))
    zeros = len(figures) - len(shown)
    notes = [f"{zeros} more at 0: what alerts rest on exists before it first happens."]
    if any(figure.name in SAMPLED for figure in shown):
        notes.append(f"{' and '.join(SAMPLED)} are samples of all chunks.")
    return Group(title, table, *(Text(note, _DIM) for note in notes))


def _shared_labels(figures: Sequence[Figure]) -> dict[str, str]:
    sets = [set(figure.labels.items()) for figure in figures]
    return dict(sorted(set.intersection(*sets))) if sets else {}


def _labels(labels: dict[str, str]) -> Text:
    return Text(", ".join(f"{escaped(name)}={escaped(value)}" for name, value in labels.items()))


_FAULTS: Final = frozenset(
    metric.name
    for metric in (semconv.DUPLICATES, semconv.MISSING, semconv.FINDINGS, semconv.STALLS, semconv.INTERNAL_ERRORS)
)
