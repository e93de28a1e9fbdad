"""Stages that are fed the bytes of one body: what kind of body it is, and the cursor that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from otel_sse.integrations.headers import NDJSON_TYPES, Headers, content_coding, is_text, stream_type
from otel_sse.iterators.cursor import OpenStage, StageCursor
from otel_sse.recording.recorder import Recorder


class Body(msgspec.Struct, frozen=True):
    """How the body of a streamed response is to be read.

    Args:
        lines: Whether it is newline-delimited JSON.
        text: Whether it is plain text, or lines or events that are sent as such.
        coding: Content coding of its bytes (`gzip`), or "".
    """

    lines: bool
    text: bool
    coding: str


def streamed_body(headers: Headers, further: tuple[str, ...]) -> Body | None:
    """Return how a response's body is to be read, or None where it is not a stream.

    Args:
        headers: The response's headers.
        further: Media types that count as streams next to text/event-stream.
    """
    kind = stream_type(headers, further)
    return Body(kind in NDJSON_TYPES, is_text(kind), content_coding(headers)) if kind else None


def body_headers(headers: Mapping[str, str]) -> Headers:
    """Return, of headers that are text, the two that say how a body is to be read, as ASGI has them."""
    names = ("content-type", "content-encoding")
    return [(name.encode(), headers[name].encode("latin-1", "replace")) for name in names if name in headers]


class ByteCursor(StageCursor):
    """One stage that is fed the bytes of one body: begun at the first read, ended once.

    Args:
        recorder: Told of internal errors.
        open_stage: Begins the stage.
        bytes_of: Turns what crosses into the bytes that are read (an encoder, a decompressor); None where it is bytes.
    """

    __slots__ = ("_begun", "_bytes_of", "_recorder")

    def __init__(
        self, recorder: Recorder, open_stage: OpenStage, bytes_of: Callable[[Any], bytes | memoryview] | None = None
    ) -> None:
        super().__init__(open_stage)
        self._recorder = recorder
        self._bytes_of = bytes_of
        self._begun = False

    def begin(self) -> None:
        """Begin the stage, the first time; where that fails, what is read is not observed."""
        if self._begun:
            return
        self._begun = True
        try:
            super().begin()
        except Exception as error:
            self._recorder.errors.report("open", error)

    def _look(self) -> None:
        record = self.record
        if record is not None:
            # The feed itself where it can be: its last parameter, the time that sending took, has a default.
            feed: Any = record.feed
            self.observe = feed if self._bytes_of is None else self._feed_bytes

    def _feed_bytes(self, item: Any, time_ns: int) -> None:
        if self.record is not None and self._bytes_of is not None:
            self.record.feed(self._bytes_of(item), time_ns, 0)
