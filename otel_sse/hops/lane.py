"""One stream on one connection: a stage for each direction, and the numbers of its messages."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from time import time_ns as wall_ns
from typing import Final

from otel_sse.hops import envelope
from otel_sse.hops.direction import Direction
from otel_sse.hops.envelope import Envelope
from otel_sse.hops.hop_edge import HopEdge
from otel_sse.hops.inbox import Inbox
from otel_sse.hops.messages import START, Read
from otel_sse.hops.outbox import Outbox
from otel_sse.hops.quota import Place
from otel_sse.recording import propagation
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.propagation import Remote
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import WS_RECEIVE, WS_SEND

_SEND: Final = StageSpec(WS_SEND, outbound=True)
_RECEIVE: Final = StageSpec(WS_RECEIVE, origin=True)

_NOTHING: Final = object()
"""Stands for a stage while the other end knows of none, not even that there is none."""


class Lane:
    """A stream on a connection.

    Args:
        stream: The stream.
        outbox: Numbers sent messages; None where the handshake has agreed on nothing.
        inbox: Checks the numbers of received messages; None likewise.
        name: Its name on the connection.
        mine: Whether the stream ends with the connection.
        place: Its place in the quota of streams that peers begin, or None where it needs none.
        reclaim: Forgets the lane; it must not hold it.
    """

    __slots__ = (
        "__weakref__", "_place", "_reclaim", "edge", "inbox", "incoming", "introduced", "key", "mine", "name", "outbox",
        "outgoing", "remote", "stream", "stream_id", "used_ns",
    )  # fmt: skip

    def __init__(
        self,
        stream: Stream,
        outbox: Outbox | None = None,
        inbox: Inbox | None = None,
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
        # A proxy, so that the lane does not hold itself: a peer can make thousands between two runs of the collector.
        me = weakref.proxy(self)
        self.outgoing = Direction(stream, partial(_open_send, me))
        self.incoming = Direction(stream, partial(_open_receive, me))
        self.outbox = outbox
        self.inbox = inbox
        self.edge: HopEdge | None = None
        """The edge of the receiving stage."""
        self.name = name
        self.mine = mine
        self.introduced: object = _NOTHING
        """The sending stage that the other end knows; None where it knows that nothing is recorded."""
        self.used_ns = 0
        """When its latest message crossed, on `clock.now_ns`."""
        self.remote: Remote | None = None
        """The sender's span, as an envelope named it."""
        self.key = ""
        """The application's key for the stream, or ""."""

    def opening(self, record: StageRecord | None) -> str:
        """Return the end of a head: the trace context of a stage, or "" where the other end knows the stage.

        Args:
            record: The sending stage, or None where nothing is recorded.
        """
        if self.introduced is record:
            return ""
        return envelope.opening(*(() if record is None else propagation.trace_of(record.span_context)))

    def head(self, record: StageRecord | None, number: int) -> str:
        """Return the head of a message that is sent now. From here on the other end counts as knowing its stage.

        Args:
            record: See `opening`.
            number: The message's number.
        """
        chunk = number if record is None else record.monitor.totals.chunks + self.outgoing.under_way
        opening = self.opening(record)
        self.introduced = record
        return envelope.head(self.stream_id, number, wall_ns(), opening, chunk)

    def received_bare(self, read: Read, time_ns: int) -> StageRecord | None:
        """Return the stage of a received message without an envelope. Its chunks have no upstream.

        Args:
            read: What the message says.
            time_ns: When it came.
        """
        record = self.incoming.begin(read, time_ns)
        if self.edge is not None:
            self.edge.arrived(0, 0, ())
        return record

    def received(self, read: Read, found: Envelope, time_ns: int) -> StageRecord | None:
        """Check the number of a received message, note the findings, and return the stage of the message.

        Args:
            read: What the message says.
            found: Its envelope.
            time_ns: When it came.
        """
        inbox = self.inbox
        if inbox is None:  # pragma: no cover - a connection that has agreed has numbers
            return self.incoming.begin(read, time_ns)
        record = self.incoming.record
        if record is None or record.ended or read.mark is START:
            record = self.incoming.begin(read, time_ns, found.seq <= inbox.last)
        seq = 0 if record is None else record.monitor.totals.chunks + 1
        findings = inbox.check(seq, found.seq, found.opens)
        if record is None:
            return None
        if findings:
            for finding in findings:
                if finding.seq != seq:
                    record.monitor.note(finding, time_ns)
            findings = tuple(finding for finding in findings if finding.seq == seq)
        if self.edge is not None:
            self.edge.arrived(found.chunk, wall_ns() - found.time_ns, findings)
        return record

    def cross_in(self, record: StageRecord, read: Read, time_ns: int) -> None:
        """Observe a message that was received, see `Direction.cross`."""
        _cross(self.incoming, self.outgoing, record, read, time_ns)

    def cross_out(self, record: StageRecord, read: Read, time_ns: int) -> None:
        """Observe a message that was sent, see `Direction.cross`."""
        _cross(self.outgoing, self.incoming, record, read, time_ns)

    def works(self) -> None:
        """Mark the lane's place as working, because a stage is about to begin."""
        if self._place is not None:
            self._place.works()

    def close(self, outcome: str, error_type: str = "") -> None:
        """End the open stages of both directions, and give the lane's place back.

        Args:
            outcome: How the connection ended.
            error_type: Class name of the exception that ended it, or "".
        """
        self.close_incoming(outcome, error_type)
        self.outgoing.close(outcome, error_type)
        if self.mine:
            self.stream.end(outcome)
        if self._place is not None:
            directions = (self.incoming.latest, self.outgoing.latest)
            self._place.leave([record for record in directions if record is not None])

    def close_outgoing(self, outcome: str) -> None:
        """End the sending stage."""
        self.outgoing.close(outcome)
        self._rest()

    def close_incoming(self, outcome: str, error_type: str = "") -> None:
        """Report the missing numbers, and end the receiving stage."""
        record = self.incoming.record
        if record is not None and not record.ended and self.inbox is not None:
            for finding in self.inbox.close():
                record.monitor.note(finding, record.monitor.totals.last_chunk_ns)
        self.incoming.close(outcome, error_type)
        self._rest()

    def failed(self, record: StageRecord) -> None:
        """Count a message that could not be sent, see `Direction.failed`."""
        self.outgoing.failed(record)
        self._rest()

    @property
    def is_open(self) -> bool:
        """Whether one of its stages is open."""
        return self.incoming.is_open or self.outgoing.is_open

    def _rest(self) -> None:
        if self._place is not None and self._reclaim is not None and not self.is_open:
            self._place.rests(self._reclaim)


def _cross(this: Direction, other: Direction, record: StageRecord, read: Read, time_ns: int) -> None:
    totals = record.monitor.totals
    heartbeats = totals.heartbeats
    this.cross(record, read, time_ns)
    if totals.heartbeats == heartbeats:
        other.turn()


def _open_send(lane: Lane) -> StageRecord:
    lane.works()
    stream = lane.stream
    record = stream.stage(_SEND, since_ns=0 if stream.order.stages else lane.outgoing.asked_ns)
    return _belongs(record, lane)


def _open_receive(lane: Lane) -> StageRecord:
    lane.works()
    # A reply is waited for since its question was sent.
    since_ns = lane.outgoing.asked_ns or lane.incoming.asked_ns
    record = _belongs(lane.stream.stage(_RECEIVE, since_ns=since_ns), lane)
    if lane.outgoing.latest is not None:
        # A reply on a lane comes from the other end, so the sending stage is upstream of it.
        record.upstreams.append(lane.outgoing.latest)
    edge = record.monitor.edge
    if lane.inbox is not None and edge is not None:
        record.monitor.edge = lane.edge = HopEdge(edge)
        record.upstream_name = WS_SEND
    if lane.remote is not None and lane.remote.span.is_valid:
        record.link_upstream(lane.remote.span, WS_SEND)
    return record


def _belongs(record: StageRecord, lane: Lane) -> StageRecord:
    stream = lane.stream
    stream.end_with_me(record)
    if lane.mine and stream.context is None:
        # Another task may read the reply, with another context or with none.
        stream.context = record.context
    return record
