"""A stream through made-up stages that are seen one and all, with one of them at fault, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from otel_sse import semconv
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.lineage import Crossings, claim
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, HEARTBEAT, Chunk, Finding
from tests.diagnosis.made_trace import MS, START, digest

STEP_MS = 30
LATENCY_MS = 1


class Item(NamedTuple):
    """What a stage hands on: its text, and the number of the chunk upstream that it truly was (0 for none)."""

    text: str
    origin: int
    kind: str = CONTENT
    at_ms: float | None = None


Stage = Callable[[list[Item]], list[Item]]
"""Takes what came in, with its own numbers as origins, and returns what it hands on."""


def whole(items: list[Item]) -> list[Item]:
    """Hands on everything as it is."""
    return items


def doubled(items: list[Item]) -> list[Item]:
    """A A B B."""
    return [each for item in items for each in (item, item)]


def once_more(at: int) -> Stage:
    """Hands on one chunk twice."""
    return lambda items: [*items[: at + 1], *items[at:]]


def lagging(behind: int) -> Stage:
    """A B A C B C: a second path lags behind."""

    def stage(items: list[Item]) -> list[Item]:
        out: list[Item] = []
        for n, item in enumerate(items):
            out.append(item)
            if n >= behind:
                out.append(items[n - behind])
        return [*out, *items[len(items) - behind :]]

    return stage


def replayed(start: int, end: int) -> Stage:
    """Hands on a run once more right behind itself."""
    return lambda items: [*items[:end], *items[start:]]


def restarted(at: int) -> Stage:
    """Begins again after so many chunks, and goes on to the end."""
    return lambda items: [*items[:at], *items]


def twice(items: list[Item]) -> list[Item]:
    """Is iterated twice."""
    return [*items, *items]


def without(*places: int) -> Stage:
    """Loses chunks."""
    return lambda items: [item for n, item in enumerate(items) if n not in places]


def swapped(at: int) -> Stage:
    """Hands on a chunk after the next one."""
    return lambda items: [*items[:at], items[at + 1], items[at], *items[at + 2 :]]


def changed(at: int, text: str) -> Stage:
    """Changes one chunk."""
    return lambda items: [item._replace(text=text) if n == at else item for n, item in enumerate(items)]


def accumulated(items: list[Item]) -> list[Item]:
    """Hands on the whole text once more, in one chunk."""
    return [*items, Item("".join(item.text for item in items if item.kind == CONTENT), 0)]


def merged(count: int) -> Stage:
    """Puts so many chunks into one."""

    def stage(items: list[Item]) -> list[Item]:
        groups = [items[n : n + count] for n in range(0, len(items), count)]
        return [Item("".join(item.text for item in group), group[0].origin) for group in groups]

    return stage


def replying(text: str) -> Stage:
    """Puts a reply of its own in the place of the answer's second half."""
    return lambda items: [*items[: len(items) // 2], Item(text, 0)]


def framed(items: list[Item]) -> list[Item]:
    """Adds what frames need: an opening, a heartbeat in the middle, usage and an end."""
    middle = len(items) // 2
    return [
        Item("role", 0, CONTROL),
        *items[:middle],
        Item("ping", 0, HEARTBEAT),
        *items[middle:],
        Item("usage", 0, CONTROL),
        Item("[DONE]", 0, COMPLETE),
    ]


def stream_of(
    texts: Sequence[str],
    *stages: Stage,
    lineage: bool = True,
    rewrites: Sequence[int] = (),
    services: int = 1,
    outcomes: Sequence[str] = (),
    findings: Sequence[tuple[int, Finding]] = (),
) -> TraceStream:
    """Lead texts through stages, and return the stream as a trace has it.

    Args:
        texts: What the first stage hands on.
        stages: What each further stage does.
        lineage: Whether chunks carry which ones they were made from.
        rewrites: Positions of the stages that may rewrite.
        services: How many processes share the stages.
        outcomes: The stages' outcomes; `completed` where there is none.
        findings: Findings of detectors, each with the position of its stage.
    """
    items = [Item(text, 0, at_ms=n * STEP_MS) for n, text in enumerate(texts)]
    made = [_stage(0, items, {}, lineage=False)]
    for position, stage in enumerate(stages, 1):
        arrived = [item._replace(origin=seq) for seq, item in enumerate(items, 1)]
        items = stage(arrived)
        made.append(_stage(position, items, {}, lineage=lineage))
    for position, one in enumerate(made):
        outcome = outcomes[position] if position < len(outcomes) else "completed"
        one.service = f"process-{position * services // len(made)}"
        one.findings = [finding for at, finding in findings if at == position]
        one.attributes = {
            semconv.STREAM_OUTCOME: outcome,
            semconv.STREAM_CHUNKS: len(one.chunks),
            semconv.STAGE_REWRITES: position in rewrites,
        }
    return TraceStream(made, [(n - 1,) if n else () for n in range(len(made))])


def _stage(position: int, items: Sequence[Item], attributes: dict[str, Any], *, lineage: bool) -> TraceStage:
    chunks: list[Chunk] = []
    acc_len, last_ms = 0, 0.0
    for seq, item in enumerate(items, 1):
        size = len(item.text.encode()) if item.kind == CONTENT else 0
        acc_len += size
        last_ms = max(last_ms + 0.1, -1 if item.at_ms is None else item.at_ms + position * LATENCY_MS)
        made_from = item.origin if lineage else 0
        chunks.append(
            Chunk(
                seq,
                START + round(last_ms * MS),
                item.kind,
                digest(item.text),
                acc_len,
                size + 8,
                item.kind == COMPLETE,
                upstream_first=made_from,
                upstream_last=made_from,
            )
        )
    return TraceStage(
        name=f"stage{position}",
        direction="",
        service="",
        stream_id="s1",
        source="",
        span_ids=(f"{position:016x}",),
        upstream_ids=(f"{position - 1:016x}",) if position else (),
        upstream_name=f"stage{position - 1}" if position else "",
        start_ns=START,
        end_ns=START + 1,
        attributes=attributes,
        chunks=chunks,
        findings=[],
    )


def claimed(stream: TraceStream, *, ahead: bool = False, rewrites: Sequence[int] = ()) -> TraceStream:
    """Put the lineage on a stream's chunks that stages of one process record, in the place of the true one.

    Args:
        stream: From `stream_of` with lineage.
        ahead: Whether each stage has all of its input before it hands on anything; else it pulls chunk by chunk.
        rewrites: Positions of the stages that may rewrite.
    """
    for position in range(1, len(stream.stages)):
        waiting = list(stream.stages[position - 1].chunks)
        crossings = Crossings()
        for chunk in stream.stages[position].chunks:
            while waiting and (ahead or waiting[0].seq <= max(chunk.upstream_first, 1)):
                crossings.add(waiting.pop(0))
            chunk.upstream_first = chunk.upstream_last = 0
            if not crossings.claim_next(chunk):
                claim(chunk, crossings, (), position in rewrites)
    return stream
