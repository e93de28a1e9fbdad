"""Spans as a trace has them, made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span, SpanEvent, SpanLink
from otel_sse.stream.chunk import CERTAIN, CONTENT, Chunk, Finding

TRACE = "0af7651916cd43dd8448eb211c80319c"
MS = 1_000_000
START = 1_790_000_000_000_000_000

Lineage = Sequence[tuple[int, int] | int | None]


def digest(text: str) -> str:
    """The digest of a chunk's text."""
    return hashlib.sha1(text.encode()).hexdigest()[:12]


def span_id(name: str) -> str:
    """A span's id, from a name that tells it from others."""
    return hashlib.sha1(name.encode()).hexdigest()[:16]


def chunk_made(seq: int, text: str, *, time_ns: int = 0, acc_len: int = 0, kind: str = CONTENT, **says: Any) -> Chunk:
    """A chunk as the recorder has it."""
    return Chunk(seq, time_ns, kind, digest(text), acc_len or seq, len(text) + 8, False, **says)


def chunks_made(texts: Iterable[str]) -> list[Chunk]:
    """Chunks of content with nothing but texts."""
    chunks, acc_len = [], 0
    for seq, text in enumerate(texts, 1):
        acc_len += len(text)
        chunks.append(chunk_made(seq, text, acc_len=acc_len))
    return chunks


def finding_made(seq: int) -> Finding:
    """A finding as the recorder has it."""
    return Finding("duplicate/replayed", CERTAIN, "emit", seq, 1, "id 7 at 1 and again")


def upstream(*names: str, meaning: str = "upstream") -> tuple[SpanLink, ...]:
    """Links to the spans with these names."""
    return tuple(SpanLink(TRACE, span_id(name), {semconv.LINK: meaning}) for name in names)


def chunk_event(
    seq: int, text: str, acc_len: int, at_ms: float, made_from: tuple[int, int] | int | None = None, **says: Any
) -> SpanEvent:
    """One `sse.chunk` event."""
    attributes: dict[str, Any] = {
        semconv.CHUNK_SEQ: seq,
        semconv.CHUNK_DIGEST: digest(text),
        semconv.CHUNK_ACC_LEN: acc_len,
        semconv.CHUNK_RAW_LEN: len(text) + 8,
        semconv.CHUNK_DONE: False,
    }
    if made_from is not None:
        first, last = (made_from, made_from) if isinstance(made_from, int) else made_from
        attributes[semconv.CHUNK_UPSTREAM_FIRST] = first
        if last != first:
            attributes[semconv.CHUNK_UPSTREAM_LAST] = last
    named = {f"sse.chunk.{name}": value for name, value in says.items()}
    return SpanEvent(semconv.CHUNK_EVENT, START + round(at_ms * MS), {**attributes, **named})


def chunk_events(
    texts: Iterable[str], at_ms: float, lineage: Lineage | None = None, step_ms: float = 10, first_seq: int = 1
) -> tuple[SpanEvent, ...]:
    """Events for pieces of content, one each `step_ms`."""
    events, acc_len = [], 0
    for n, text in enumerate(texts):
        acc_len += len(text)
        made_from = lineage[n] if lineage is not None else None
        events.append(chunk_event(first_seq + n, text, acc_len, at_ms + n * step_ms, made_from))
    return tuple(events)


def finding_event(kind: str, seq: int, at_ms: float, evidence: str = "seen") -> SpanEvent:
    """One `sse.finding` event."""
    says: dict[str, Any] = {
        semconv.FINDING_KIND: kind,
        semconv.FINDING_CERTAINTY: "certain",
        semconv.FINDING_STAGE: "any",
        semconv.FINDING_SEQ: seq,
        semconv.FINDING_EVIDENCE: evidence,
    }
    return SpanEvent(semconv.FINDING_EVENT, START + round(at_ms * MS), says)


def segment(
    name: str,
    events: Sequence[SpanEvent],
    *,
    of: str = "",
    index: int = 0,
    stream: str = "s1",
    service: str = "gateway",
    direction: str = "",
    source: str = "",
    links: tuple[SpanLink, ...] = (),
    outcome: str = "completed",
    trace: str = TRACE,
    at_ms: float = 0,
    **says: Any,
) -> Span:
    """One span of a stage.

    Args:
        name: The stage's name.
        events: Its events.
        of: Name that `span_id` makes its id from; the stage's label where "".
        says: Further attributes, with `_` for `.` and without `sse.`.
    """
    attributes: dict[str, Any] = {
        semconv.STREAM_ID: stream,
        semconv.STAGE: name,
        semconv.SEGMENT_INDEX: index,
        semconv.STREAM_CHUNKS: sum(event.name == semconv.CHUNK_EVENT for event in events),
    }
    optional = {semconv.STAGE_DIRECTION: direction, semconv.SOURCE: source, semconv.STREAM_OUTCOME: outcome}
    attributes.update({key: value for key, value in optional.items() if value})
    attributes.update({f"sse.{key.replace('_', '.')}": value for key, value in says.items()})
    times = [event.time_ns for event in events] or [START + round(at_ms * MS)]
    own = span_id(of or (f"{name}.{direction}" if direction else name))
    return Span(
        trace, own, span_id("request"), f"stream {name}", service, min(times) - 1, max(times) + 1, attributes,
        tuple(events), links,
    )  # fmt: skip
