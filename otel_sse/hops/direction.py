"""One direction of a stream on a connection: its stage, from the first message to the one that ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_sse import limits
from otel_sse.hops.messages import END, FAIL, START, Read, json_error
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes

_LAST: Final = (END, FAIL)


class Direction:
    """One direction: its stage begins with the first message and ends with an `END`, an `ERROR` or the connection.

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
        """The latest stage, open or ended."""
        self.asked_ns = 0
        """When the first message of the latest stage crossed, on `clock.now_ns`."""
        self.started = False
        """Whether a `START` has crossed: then the stage is complete only after an `END`."""
        self.ended = False
        """Whether an `END` or `ERROR` has crossed."""
        self.under_way = 0
        """Messages that were handed to the library and are not sent yet."""

    def begin(self, read: Read, time_ns: int, again: bool = False) -> StageRecord | None:
        """Return the stage of a message, begun where there is none; None where nothing is recorded any more.

        Args:
            read: What the message says.
            time_ns: When it crossed, on `clock.now_ns`.
            again: Whether it is a message again, or a late one; neither starts a stage.
        """
        record = self.record
        starts = read.mark == START and not again
        if record is not None and not starts:
            return None if record.ended else record
        if record is not None and not (self.started or record.ended):
            # Words before the START belong to its answer.
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
            # Without a START nobody says that an answer is under way, so silence is no stall.
            record.monitor.wait_freely()
        return record

    def cross(self, record: StageRecord, read: Read, time_ns: int) -> None:
        """Observe a message that has crossed. The stage stays open, also after an `END`. Never raises."""
        if read.mark in _LAST:
            self.ended = True
        if record.ended or record.failures >= limits.MAX_STAGE_ERRORS:
            return
        try:
            if read.broken:
                record.monitor.note(json_error(record.info.name, record.monitor.totals.chunks + 1), time_ns)
            if read.facts is not None:
                record.monitor.cross(read.facts, read, time_ns)
            else:
                _take(record, read, time_ns)
        except Exception as error:
            record.failed(error)

    def turn(self) -> None:
        """Take note that a message crossed the other way: what follows an answer's end is another answer, then."""
        if self.record is not None and not self.record.ended:
            self.record.monitor.turn()

    @property
    def is_open(self) -> bool:
        """Whether its stage is."""
        return self.record is not None and not self.record.ended

    def has_left(self, record: StageRecord) -> None:
        """Count one message less under way."""
        if self.latest is record:
            self.under_way -= 1

    def failed(self, record: StageRecord) -> None:
        """Count a message that could not be sent out. A stage that was begun for it and is still empty is taken back.

        Args:
            record: The stage of the message.
        """
        self.has_left(record)
        if self.record is record and not (record.monitor.totals.chunks or self.under_way or record.ended):
            self.record = self.latest = None
            self.stream.forget(record)

    def close(self, outcome: str, error_type: str = "") -> None:
        """End the open stage, if there is one. Never raises.

        Args:
            outcome: How the connection ended, or `completed`. After an `END` or `ERROR` the stage is `completed` in any
                case; after a `START` alone `completed` becomes `incomplete`.
            error_type: Class name of the exception that ended it, or "".
        """
        record, self.record = self.record, None
        if record is None or record.ended:
            return
        if self.ended:
            outcome, error_type = outcomes.COMPLETED, ""
        elif self.started:
            # A START asks for an END: an end that the content itself tells of does not count.
            record.monitor.reader_left(had_all=False)
            outcome = outcomes.INCOMPLETE if outcome == outcomes.COMPLETED else outcome
        try:
            record.close(outcome, error_type)
        except Exception as error:
            record.errors.report("close", error)


def _take(record: StageRecord, read: Read, time_ns: int) -> None:
    totals = record.monitor.totals
    before = totals.bytes
    record.take(read.item, time_ns)
    # The dialect may have read a part of the message; all of its bytes crossed.
    totals.bytes = before + read.size
