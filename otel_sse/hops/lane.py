"""One stream on one connection: a stage for each direction, and the numbers of its messages."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Final

from otel_sse import limits
from otel_sse.hops.hop_edge import HopEdge
from otel_sse.hops.inbox import HopDetector, json_error
from otel_sse.hops.messages import END, FAIL, START, Read
from otel_sse.hops.outbox import Outbox
from otel_sse.hops.places import Place
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.propagation import Remote
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes

_LAST: Final = (END, FAIL)


class Half:
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
            record.close(outcome, error_type)
        except Exception as error:
            record.errors.report("close", error)


class Lane:
    """A stream on a connection.

    Args:
        stream: The stream.
        open_send: Begins the stage of what leaves.
        open_receive: Begins the stage of what comes.
        outbox: Numbers of the messages that leave; None where both ends have not agreed.
        inbox: Checks the numbers of those that come; likewise.
        name: What it is called on its connection.
        mine: Whether the stream ends with the connection.
        place: Its place among the streams that peers have begun, or None where it needs none.
        reclaim: Forgets the lane; it must not hold it.
    """

    __slots__ = (
        "__weakref__", "_place", "_reclaim", "edge", "inbox", "incoming", "introduced", "key", "mine", "name", "outbox",
        "outgoing", "remote", "stream", "stream_id", "used_ns",
    )  # fmt: skip

    def __init__(
        self,
        stream: Stream,
        open_send: Callable[[Lane], StageRecord],
        open_receive: Callable[[Lane], StageRecord],
        outbox: Outbox | None = None,
        inbox: HopDetector | None = None,
        *,
        name: str = "",
        mine: bool = False,
        place: Place | None = None,
        reclaim: Callable[[], None] | None = None,
    ) -> None:
        self._place = place
        self._reclaim = reclaim
        self.stream = stream
        self.stream_id = stream.id
        # Not the lane itself, which would hold itself: a peer may have us make thousands between two collections.
        me = weakref.proxy(self)
        self.outgoing = Half(stream, partial(open_send, me))
        self.incoming = Half(stream, partial(open_receive, me))
        self.outbox = outbox
        self.inbox = inbox
        self.edge: HopEdge | None = None
        """The edge of the stage of what comes."""
        self.name = name
        self.mine = mine
        self.introduced: object = self
        """The stage of which the other end has been told; the lane itself while it was told of none."""
        self.used_ns = 0
        """When a message of it crossed last."""
        self.remote: Remote | None = None
        """What the other end has told of it."""
        self.key = ""
        """What the application calls it, "" where that is not known."""

    def works(self) -> None:
        """Take note that a stage is about to begin."""
        if self._place is not None:
            self._place.works()

    def close(self, outcome: str, error_type: str = "") -> None:
        """End what is open in both directions, for good."""
        self.close_incoming(outcome, error_type)
        self.outgoing.close(outcome, error_type)
        if self.mine:
            self.stream.end(outcome)
        if self._place is not None:
            halves = (self.incoming.latest, self.outgoing.latest)
            self._place.leave([record for record in halves if record is not None])

    def close_outgoing(self, outcome: str) -> None:
        """End the stage of what left."""
        self.outgoing.close(outcome)
        self._rest()

    def close_incoming(self, outcome: str, error_type: str = "") -> None:
        """End the stage of what came, and say first what is missing."""
        record = self.incoming.record
        if record is not None and not record.ended and self.inbox is not None:
            for finding in self.inbox.close():
                record.monitor.note(finding, record.monitor.totals.last_chunk_ns)
        self.incoming.close(outcome, error_type)
        self._rest()

    def failed(self, record: StageRecord) -> None:
        """Take note that handing on a message raised, see `Half.failed`."""
        self.outgoing.failed(record)
        self._rest()

    @property
    def is_open(self) -> bool:
        """Whether one of its stages is."""
        return _is_open(self.incoming) or _is_open(self.outgoing)

    def _rest(self) -> None:
        if self._place is not None and self._reclaim is not None and not self.is_open:
            self._place.rests(self._reclaim)


def _is_open(half: Half) -> bool:
    return half.record is not None and not half.record.ended


def _take(record: StageRecord, read: Read, time_ns: int) -> None:
    totals = record.monitor.totals
    before = totals.bytes
    record.take(read.item, time_ns)
    # What a dialect was given may be a part of the message; the whole of it crossed.
    totals.bytes = before + read.size
