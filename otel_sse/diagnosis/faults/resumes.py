"""A model's stream that broke off and was asked for again, while the application skips what it has sent already."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT
from otel_sse.stream.outcome import COMPLETED, UNPARSED


class Resume(msgspec.Struct, frozen=True):
    """One answer that went on from a second stage where the first had broken off.

    Args:
        first: Position of the stage that broke off.
        second: Position of the stage that went on.
        down: Position of the stage that both feed.
        skipped: Numbers, at the second stage, of the content that was not handed on again.
    """

    first: int
    second: int
    down: int
    skipped: frozenset[int]


def resumes(stream: TraceStream) -> list[Resume]:
    """Return the resumes of a stream. They are worked out once.

    Args:
        stream: The stream.
    """
    # Kept with the stream, which lies in a room below and can't know this class.
    kept: list[Resume] | None = stream.__dict__.get("resumes")
    if kept is None:
        kept = stream.__dict__["resumes"] = [
            each
            for down, ups in enumerate(stream.upstream)
            for n, second in enumerate(ups)
            for first in ups[:n]
            if (each := _resume(stream, first, second, down)) is not None
        ]
    return kept


# Worked example. `provider` hands on `The`, ` fog`, ` rose` and breaks off. Asked again it says `The`, ` fog rose`,
# ` at`, ` dawn`; `emit` has `The`, ` fog`, ` rose`, ` at`, ` dawn`. Of the second stage it lacks the first two chunks,
# 12 bytes together, and it has 12 bytes of the first stage. So these two are skipped, and none is lost.


def _resume(stream: TraceStream, first: int, second: int, down: int) -> Resume | None:
    broken, again = stream.stages[first], stream.stages[second]
    if broken.outcome in (COMPLETED, UNPARSED, "") or broken.label != again.label or again.first_ns < broken.first_ns:
        return None
    handed_on = {p.seq for p in stream.descents[first, down].flow.passages if p.first}
    sizes = stream.stages[down].content_bytes
    head = _head(again, stream.descents[second, down].flow.lost)
    if not head or not handed_on or any(seq not in sizes for seq in handed_on):
        return None
    had_bytes = sum(sizes[seq] for seq in handed_on)
    skipped_bytes = sum(again.content_bytes.get(seq, 0) for seq in head)
    return Resume(first, second, down, frozenset(head)) if had_bytes == skipped_bytes else None


def _head(stage: TraceStage, lost: Sequence[int]) -> list[int]:
    """The lost chunks with which a stage's content begins."""
    content = [chunk.seq for chunk in stage.chunks if chunk.kind == CONTENT]
    gone = set(lost)
    count = next((n for n, seq in enumerate(content) if seq not in gone), len(content))
    return content[:count]
