"""What could not be read of a stream, so that nothing is known of it: of that, "in order" must not be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import count, text
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.outcome import UNPARSED

_SILENT_CHUNKS: Final = 4
"""Chunks of no known meaning from which on a stage without any content may hold some in an unknown form. An answer that
is empty has fewer: its beginning, its finish reason, its usage."""


class Unread(msgspec.Struct, frozen=True):
    """One stage that could not be read, or not whole.

    Args:
        position: Its position in the stream's stages.
        stage: Its label.
        why: What could not be read and why, without the stage's name.
    """

    position: int
    stage: str
    why: str


# Worked example. A provider has 49 chunks with content, `emit` the same; a middleware compresses what follows:
#
#   provider       49 chunks with content      read
#   emit           49 chunks with content      read
#   socket_write   no chunk, 419 bytes, gzip   unread: its 419 bytes are compressed (gzip)
#
# Where `emit` had 49 chunks of an unknown form instead: unread, no content could be read in its 49 chunks.


def unread_of(stream: TraceStream) -> tuple[Unread, ...]:
    """Return the stages of a stream that could not be read, or not whole, in the order of the data.

    Args:
        stream: The stream.
    """
    most = max(sum(chunk.kind == CONTENT for chunk in stage.chunks) for stage in stream.stages)
    found = [(n, _why(stage, most)) for n, stage in enumerate(stream.stages)]
    return tuple(Unread(n, stream.stages[n].label, why) for n, why in found if why)


def _why(stage: TraceStage, most: int) -> str:
    """Why a stage could not be read; `most` is the most chunks with content that a stage of its stream has."""
    if coding := text(stage.attributes, semconv.STREAM_ENCODING):
        return f"its {count(stage.attributes, semconv.STREAM_BYTES)} bytes are compressed ({coding})"
    if stage.outcome == UNPARSED:
        return "its bytes could not be read"
    if stage.outcome and stage.total > len(stage.chunks):
        return f"{len(stage.chunks)} of its {stage.total} chunks stand in the trace"
    unknown = sum(chunk.kind == CONTROL for chunk in stage.chunks)
    if not _has_content(stage) and unknown >= (most / 2 if most else _SILENT_CHUNKS):
        return f"no content could be read in its {len(stage.chunks)} chunks (the option content_of says where it is)"
    return ""


def _has_content(stage: TraceStage) -> bool:
    return bool(count(stage.attributes, semconv.STREAM_CONTENT_BYTES)) or any(
        chunk.kind == CONTENT for chunk in stage.chunks
    )


def told(unread: Sequence[Unread]) -> str:
    """Return what is not known because of what could not be read, as one or two sentences.

    Args:
        unread: The stages, at least one.
    """
    which = "; ".join(f"{each.stage}: {each.why}" for each in unread)
    there = "there" if len(unread) == 1 else "at these stages"
    return f"Not read: {which}. Whether chunks were lost, repeated or changed {there} is not known."
