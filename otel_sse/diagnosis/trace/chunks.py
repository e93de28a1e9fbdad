"""Chunks and findings as a trace has them: one event each, or many chunks packed into one event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Final

from otel_sse import limits, semconv
from otel_sse.diagnosis.trace.spans import Attributes, SpanEvent, count, flag, integer, text, time
from otel_sse.stream.chunk import CONTENT, Chunk, Finding

_MAX_DIGITS: Final = 18
"""Digits of the largest number in a column. A longer one is damage."""


def chunks_of(events: Iterable[SpanEvent]) -> list[Chunk]:
    """Return the chunks that stand in events, in order of time, then number; each number once.

    Their times are nanoseconds since the epoch. A field that a source has cut off is 0 or "".

    Args:
        events: Events of one stage, in any order; those of another kind are passed over.
    """
    found: dict[int, Chunk] = {}
    for event in events:
        for chunk in _chunks(event):
            found.setdefault(chunk.seq, chunk)
    return sorted(found.values(), key=_order)


def findings_of(events: Iterable[SpanEvent]) -> list[Finding]:
    """Return the findings that stand in events, in order of time.

    Args:
        events: Events of one stage, in any order; those of another kind are passed over.
    """
    found = [event for event in events if event.name == semconv.FINDING_EVENT]
    return [_finding(event.attributes) for event in sorted(found, key=_time)]


def _order(chunk: Chunk) -> tuple[int, int]:
    return chunk.time_ns, chunk.seq


def _time(event: SpanEvent) -> int:
    return event.time_ns


def _chunks(event: SpanEvent) -> Iterator[Chunk]:
    if event.name == semconv.CHUNK_EVENT:
        yield _single(event.time_ns, event.attributes)
    elif event.name == semconv.CHUNKS_EVENT:
        yield from _packed(event.time_ns, event.attributes)


def _single(time_ns: int, says: Attributes) -> Chunk:
    first = count(says, semconv.CHUNK_UPSTREAM_FIRST)
    return Chunk(
        count(says, semconv.CHUNK_SEQ),
        time(time_ns),
        text(says, semconv.CHUNK_KIND) or CONTENT,
        text(says, semconv.CHUNK_DIGEST)[: limits.MAX_SHOWN_CHARS],
        count(says, semconv.CHUNK_ACC_LEN),
        count(says, semconv.CHUNK_RAW_LEN),
        flag(says, semconv.CHUNK_DONE),
        event=text(says, semconv.CHUNK_TYPE),
        id=text(says, semconv.CHUNK_ID) or None,
        source=text(says, semconv.CHUNK_SOURCE),
        channel=text(says, semconv.CHUNK_CHANNEL),
        upstream_first=first,
        upstream_last=max(integer(says, semconv.CHUNK_UPSTREAM_LAST, first), first),
        upstream_span=text(says, semconv.CHUNK_UPSTREAM_SPAN),
    )


_COLUMNS = (
    semconv.PACK_OFFSETS,
    semconv.PACK_DIGESTS,
    semconv.PACK_ACC_LENS,
    semconv.PACK_RAW_LENS,
    semconv.PACK_UPSTREAM,
    semconv.PACK_UPSTREAM_SPANS,
    semconv.PACK_KINDS,
    semconv.PACK_TYPES,
    semconv.PACK_IDS,
    semconv.PACK_SOURCES,
    semconv.PACK_CHANNELS,
)


def _packed(start_ns: int, says: Attributes) -> Iterator[Chunk]:
    # A backend may have cut off a column, or its end. The other columns still count.
    columns = zip_longest(*(text(says, name).split() for name in _COLUMNS), fillvalue="")
    for seq, (offset, digest, acc_len, raw_len, upstream, span, kind, event, ident, source, channel) in enumerate(
        columns, max(integer(says, semconv.PACK_FIRST_SEQ, 1), 0)
    ):
        begin, _, end = upstream.partition("-")
        first = _number(begin)
        yield Chunk(
            seq,
            time(start_ns + _number(offset) * 1000),
            kind or CONTENT,
            digest,
            _number(acc_len),
            _number(raw_len),
            False,
            event=_said(event),
            id=_said(ident) or None,
            source=_said(source),
            channel=_said(channel),
            upstream_first=first,
            upstream_last=max(_number(end), first),
            upstream_span=_said(span),
        )


def _said(word: str) -> str:
    return "" if word == "-" else word


def _number(column: str) -> int:
    return int(column) if len(column) <= _MAX_DIGITS and column.isascii() and column.isdigit() else 0


def _finding(says: Attributes) -> Finding:
    return Finding(
        text(says, semconv.FINDING_KIND)[: limits.MAX_SHOWN_CHARS],
        text(says, semconv.FINDING_CERTAINTY)[: limits.MAX_SHOWN_CHARS],
        text(says, semconv.FINDING_STAGE)[: limits.MAX_SHOWN_CHARS],
        count(says, semconv.FINDING_SEQ),
        count(says, semconv.FINDING_OF),
        text(says, semconv.FINDING_EVIDENCE),
        max(integer(says, semconv.FINDING_AMOUNT, 1), 0),
        count(says, semconv.FINDING_HEARTBEATS),
    )
