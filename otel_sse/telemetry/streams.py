"""The current stream: how stages of one answer find each other in one process, without a line of the user's code."""

from __future__ import annotations

import secrets
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from opentelemetry.context import Context

from otel_sse.stream.stage import StageInfo

if TYPE_CHECKING:
    from otel_sse.telemetry.recorder import Recorder, StageRecord


class Stream:
    """One streamed answer in this process.

    Made when a request arrives, before anybody knows whether it will be answered with a stream, and shared by
    reference, so that tasks and threads that copied the context still see the same one.

    Args:
        recorder: Records its stages.
        requested_ns: When the request arrived, on `clock.now_ns`.
        context: Parent of its stages' spans; None for what is current as each stage begins.
        stream_id: `sse.stream.id` where another process has given it one; else 16 hex digits, made when needed.
    """

    __slots__ = ("_id", "_loose", "context", "latest", "recorder", "requested_ns", "route")

    def __init__(
        self, recorder: Recorder, requested_ns: int, context: Context | None = None, stream_id: str = ""
    ) -> None:
        self.recorder = recorder
        self.requested_ns = requested_ns
        self.context = context
        self.route = ""
        """The route's template, once it is known."""
        self.latest: StageRecord | None = None
        """The stage that was the last to have its first chunk: upstream of the next one to have its own."""
        self._id = stream_id
        self._loose: list[StageRecord] = []

    @property
    def id(self) -> str:
        """`sse.stream.id`, the same at all stages."""
        if not self._id:
            self._id = secrets.token_hex(8)
        return self._id

    def stage(
        self,
        name: str,
        *,
        direction: str = "",
        rewrites: bool = False,
        source: str = "",
        origin: bool = False,
        last: bool = False,
        lines: bool = False,
        encoding: str = "",
    ) -> StageRecord:
        """Begin a stage of this stream and return its record.

        Args:
            name: The stage's name.
            direction: `in`, `out` or "".
            rewrites: Whether it may change content.
            source: Which adapter or path feeds it, or "".
            origin: Whether its chunks come from outside this process, so that no stage here is upstream of it.
            last: Whether no stage of this process comes after it.
            lines: Whether its bytes are newline-delimited JSON.
            encoding: Content coding that makes its bytes unreadable, or "".
        """
        info = StageInfo(name, self.id, direction, rewrites, source, self.route)
        return self.recorder.open(
            info,
            self.requested_ns,
            context=self.context,
            lines=lines,
            encoding=encoding,
            stream=self,
            origin=origin,
            last=last,
        )

    def end_with_me(self, record: StageRecord) -> None:
        """Let a stage that no iterator ends (a function called for each chunk) end as the stream does."""
        self._loose.append(record)

    def end(self, outcome: str) -> None:
        """End the stages that were to end with the stream. A second call changes nothing."""
        loose, self._loose = self._loose, []
        for record in loose:
            if not record.ended:
                self.recorder.close(record, outcome)


_current: ContextVar[Stream | None] = ContextVar("otel_sse_stream", default=None)


def current_stream() -> Stream | None:
    """Return the stream of the request that is being served, or None outside of any."""
    return _current.get()


def enter(stream: Stream) -> Token[Stream | None]:
    """Make `stream` the current one; to be undone with `leave` in the same context."""
    return _current.set(stream)


def leave(token: Token[Stream | None]) -> None:
    """Undo `enter`."""
    _current.reset(token)
