"""One direction of a stream on a connection: its stage, from the first message to the one that ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_sse import limits
from otel_sse.hops.messages import END, FAIL, START, Read, json_error
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import StageRecord
from otel_sse.stream import outcome as outcomes

_LAST: Final = (END, FAIL)


class Direction:
    """One direction: a stage that begins with its first message and ends with `END`, `ERROR` or the connection.

    Args:
        stream: The stream.
        open_stage: Begins the stage.
    """

    __slots__ = ("_open", "asked_ns", "ended", "latest", "record", "started", "stream", "under_way")

    def __init__(self, stream: Stream, open_stage: Callable[[], StageRecord]) -> None:
        self.stream = stream
        self._open = open_stage
        self.record: StageRecord | None = None
        """The stage, while it is open."""
        self.latest: StageRecord | None = None
        """The stage, open or ended."""
        self.asked_ns = 0
        """When its first message crossed."""
        self.started = False
        """Whether a `START` has come, so that an end without `END` is no complete one."""
        self.ended = False
        """Whether an `END` or `ERROR` has."""
        self.under_way = 0
        """Messages that were handed on and have not left yet."""

    def begin(self, read: Read, time_ns: int, again: bool = False) -> StageRecord | None:
        """Return the stage that a message belongs to; None where nothing is to be recorded any more.

        Args:
            read: What the message says.
            time_ns: When it crossed.
            again: Whether the message has come before, or late, so that it starts nothing.
        """
        record = self.record
        starts = read.mark == START and not again
        if record is not None and not starts:
            return None if record.ended else record
        if record is not None and not (self.started or record.ended):
            # A few words went before the answer.
            self.started = True
            record.monitor.wait_for_content(time_ns)
            return record
        if self.stream.recorder.closed:
            return None
        self.close(outcomes.COMPLETED)
        self.ended = False
        self.started = starts
        self.asked_ns = time_ns
        self.record = self.latest = record = self._open()
        self.under_way = 0
        if not read.mark:
            # Whatever a socket is used for, nobody waits for the next message as for the rest of an answer.
            record.monitor.wait_freely()
        return record

    def cross(self, record: StageRecord, read: Read, time_ns: int) -> None:
        """Observe a message that has crossed. The stage is left open."""
        if read.mark in _LAST:
            self.ended = True
        if record.ended or record.errors >= limits.MAX_STAGE_ERRORS:
            return
        try:
            if read.broken:
                record.monitor.note(json_error(record.info.name, record.monitor.totals.chunks + 1), time_ns)
            if read.facts is not None:
                record.monitor.cross(read.facts, read, time_ns)
            else:
                _take(record, read, time_ns)
        except Exception as error:
            record.recorder.failed(record, error)

    @property
    def is_open(self) -> bool:
        """Whether its stage is."""
        return self.record is not None and not self.record.ended

    def has_left(self, record: StageRecord) -> None:
        """Take note that a message is not under way any more."""
        if self.latest is record:
            self.under_way -= 1

    def failed(self, record: StageRecord) -> None:
        """Take note that handing on a message raised; a stage that nothing has crossed was begun for it, and is none.

        Args:
            record: The stage that the message was to cross.
        """
        self.has_left(record)
        if self.record is record and not (record.monitor.totals.chunks or self.under_way or record.ended):
            self.record = self.latest = None
            self.stream.forget(record)

    def close(self, outcome: str, error_type: str = "") -> None:
        """End the stage, where one is open.

        Args:
            outcome: How the connection ended, or `completed`.
            error_type: Class name of the exception that ended it, or "".
        """
        record, self.record = self.record, None
        if record is None or record.ended:
            return
        if self.ended:
            outcome, error_type = outcomes.COMPLETED, ""
        elif self.started:
            # What was begun by a message is ended by one, whatever the content in between says of an end.
            record.monitor.reader_left(had_all=False)
            outcome = outcomes.INCOMPLETE if outcome == outcomes.COMPLETED else outcome
        try:
            record.recorder.close(record, outcome, error_type)
        except Exception as error:
            record.recorder.errors.report("close", error)


def _take(record: StageRecord, read: Read, time_ns: int) -> None:
    totals = record.monitor.totals
    before = totals.bytes
    record.take(read.item, time_ns)
    # What a dialect was given may be a part of the message; the whole of it crossed.
    totals.bytes = before + read.size
