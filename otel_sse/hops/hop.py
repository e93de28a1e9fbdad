"""One end of one connection: puts sent messages in envelopes, takes received ones out, and observes both."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from otel_sse import limits
from otel_sse.hops import envelope
from otel_sse.hops.demultiplexer import Demultiplexer
from otel_sse.hops.envelope import Agreement, Envelope
from otel_sse.hops.lane import Lane
from otel_sse.hops.messages import END, FAIL, KEYS, START, Hooks, Message, MessageReader, Read
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.outcomes import error_type, outcome_of
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.chunk import CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.stream.stages import WS_RECEIVE, WS_SEND
from otel_sse.telemetry.clock import now_ns

CLIENT: Final = "client"
SERVER: Final = "server"

_connections = itertools.count(1)
_HEAD_CHARS: Final = 64
"""Length of a head without the stream's id and the trace context, rounded up."""
_PARTS: Final = Read("", facts=Facts(CONTROL))
"""Stands for a message in parts, of which nothing is read before its last part."""


Leaving: TypeAlias = "tuple[Lane, StageRecord | None, Read, int, int]"
"""A message that is being sent, from `seal` to `sent` or `unsent`: its lane, its stage, what it says, the time as it
was handed to the library, and its number, 0 for none."""


class Hop:
    """One end of one connection. It never raises into the application, nor changes what the application sees.

    The shell calls `seal` before it sends a message, then `sent` or `unsent`; `open` for each message that it receives;
    and `ended` once, at the end of the connection.

    Args:
        side: `client` or `server`.
        recorder: Records the streams that were not begun in this process.
        hooks: How messages are read.
        agreement: The agreement of the handshake. With None messages get no envelope, and no lineage.
        stream: The stream of the connection itself, which ends with the connection; None for a connection that was
            opened within another stream.
    """

    def __init__(
        self,
        side: str,
        recorder: Recorder,
        hooks: Hooks,
        agreement: Agreement | None = None,
        stream: Stream | None = None,
    ) -> None:
        self.agreement = agreement
        self.max_bytes = recorder.options.max_event_bytes
        """Longer messages are counted and not read."""
        self._errors = recorder.errors
        self._metrics = recorder.metrics
        self._lanes = Demultiplexer(side, recorder, agreement, stream)
        self._read = MessageReader(hooks, self.max_bytes).read
        recorder.reads_messages = True
        self._connection = next(_connections)
        self._ending: dict[Lane, int] = {}
        """Lanes with an END and a pending number: how many further messages the number may still take."""
        self._latest: object = None
        self._latest_lane: Lane | None = None
        self._cause = ("", "")
        self._over = False
        limit = 0 if agreement is None else agreement.max_bytes
        self._limit = limit
        self._small_bytes = min(envelope.SMALL_BYTES, limit - limits.MAX_ENVELOPE_BYTES if limit else 2**63)
        # An exception that was being handled before is no reason of the connection's end.
        self._before = id(sys.exc_info()[1])

    def seal(self, message: Message) -> tuple[Message, Leaving | None]:
        """Return the message to send in place of `message`, and the argument of `sent` or `unsent`."""
        try:
            if self._over:
                return message, None
            leaving = self._leave(self._read(message), message)
            if leaving is None or not leaving[4]:
                return message, leaving
            head = leaving[0].head(leaving[1], leaving[4])
        except Exception as error:
            self._errors.report("observe", error)
            return message, None
        return head + message if type(message) is str else head.encode() + cast(bytes, message), leaving

    def head(self) -> tuple[str, Leaving | None]:
        """Return the head for a message in parts, "" for none, and the argument of `sent` or `unsent`."""
        try:
            if self._over:
                return "", None
            leaving = self._leave(_PARTS, None)
            return leaving[0].head(leaving[1], leaving[4]) if leaving is not None and leaving[4] else "", leaving
        except Exception as error:
            self._errors.report("observe", error)
            return "", None

    def sent(self, leaving: Leaving | None, message: Message | None = None) -> None:
        """Observe a message that was sent.

        Args:
            leaving: From `seal` or `head`.
            message: The whole message, where it was sent in parts.
        """
        if leaving is None:
            return
        lane, record, read, time_ns, _ = leaving
        if record is None:
            return
        lane.outgoing.has_left(record)
        try:
            record.monitor.totals.send_ns += now_ns() - time_ns
            lane.cross_out(record, read if message is None else self._read(message), time_ns)
            if lane.outgoing.ended:
                lane.close_outgoing(outcomes.COMPLETED)
        except Exception as error:
            self._errors.report("observe", error)

    def unsent(self, leaving: Leaving | None, error: BaseException) -> None:
        """Take a message back, because sending it raised; a message whose send was cancelled counts as sent.

        Args:
            leaving: From `seal` or `head`.
            error: The exception.
        """
        if leaving is None:
            return
        if not isinstance(error, Exception):
            self.sent(leaving)
            return
        lane, record, number = leaving[0], leaving[1], leaving[4]
        if number and lane.outbox is not None:
            lane.outbox.failed(number)
        if record is not None:
            lane.failed(record)

    def open(self, message: Message) -> Message:
        """Observe a received message, and return it without its envelope."""
        found: Envelope | None = None
        try:
            if self.agreement is not None:
                found, message = envelope.opened(message)
            self._arrived(message, found)
        except Exception as error:
            self._errors.report("observe", error)
        return message

    def arrived(self, message: Message, found: Envelope | None) -> None:
        """Observe a received message that `parts` has taken out of its envelope.

        Args:
            message: The payload.
            found: The envelope, or None.
        """
        try:
            self._arrived(message, found)
        except Exception as error:
            self._errors.report("observe", error)

    def stream(self, stream_id: str) -> Stream | None:
        """Return the stream with this id, or None where none of its messages has crossed this connection."""
        lane = self._lanes.get(stream_id)
        return None if lane is None else lane.stream

    def stream_of(self, message: object) -> Stream | None:
        """Return the stream of a message that has crossed this connection, or None.

        Args:
            message: The message, or the dict that the application has decoded it to.
        """
        if self._latest_lane is not None and self._latest is message:
            return self._latest_lane.stream
        if isinstance(message, Mapping):
            keys = [str(message[key]) for key in KEYS if message.get(key)]
            lane = self._lanes.named(keys[0]) if keys else None
        else:
            lane = self._lanes.named(self._read(message).key) if isinstance(message, (str, bytes)) else None
        return None if lane is None else lane.stream

    def closing(self) -> None:
        """Note the exception that the application is handling as it closes the connection, if there is one."""
        error = sys.exc_info()[1]
        if error is not None and id(error) != self._before and not self._cause[0]:
            self.left_by(error)

    def left_by(self, error: BaseException) -> None:
        """Note the exception that left the application's code for this connection."""
        try:
            outcome = outcome_of(error)
            self._cause = (outcome, error_type(error) if outcome == outcomes.FAILED else "")
        except Exception as internal:
            self._errors.report("close", internal)

    def ended(self, outcome: str) -> None:
        """End all open stages. A second call changes nothing.

        Args:
            outcome: How the connection ended: `completed` after an orderly close.
        """
        self._over = True
        self._ending.clear()
        self._latest = self._latest_lane = None
        cause, name = self._cause
        self._lanes.left(broke=outcome != outcomes.COMPLETED)
        lost = outcome == outcomes.DISCONNECTED and cause != outcomes.CANCELLED
        self._lanes.close(*((cause, name) if cause and not lost else (outcome, "")))

    def _leave(self, read: Read, message: Message | None) -> Leaving | None:
        time_ns = now_ns()
        lane = self._lanes.outgoing(read)
        if lane is None:
            self._metrics.dropped(WS_SEND, 1)
            return None
        record = lane.outgoing.record
        if record is None or record.ended or read.mark is START:
            record = lane.outgoing.begin(read, time_ns)
        if record is not None:
            lane.outgoing.under_way += 1
        number = 0
        small = read.size <= self._small_bytes and read is not _PARTS
        if lane.outbox is not None and (small or self._fits(lane, record, read)):
            last = read.mark in (END, FAIL)
            named = bool(read.key) and (read.numbered or last)
            number = lane.outbox.number(self._connection, message, named, starts=read.mark is START, ends=last)
        return lane, record, read, time_ns, number

    def _fits(self, lane: Lane, record: StageRecord | None, read: Read) -> bool:
        head_bytes = _HEAD_CHARS + len(lane.stream_id) + len(lane.opening(record))
        if self._limit:
            # The size of a message in parts is not known before the last one.
            return read is not _PARTS and read.size + head_bytes <= self._limit
        return envelope.fits(read.size, head_bytes)

    def _arrived(self, message: Message, found: Envelope | None) -> None:
        time_ns = now_ns()
        read = self._read(message)
        lane = self._lanes.incoming(read, found)
        if lane is None:
            self._metrics.dropped(WS_RECEIVE, 1)
            return
        self._latest, self._latest_lane = message, lane
        if self._ending:
            self._tick()
        record = lane.received_bare(read, time_ns) if found is None else lane.received(read, found, time_ns)
        if record is None:
            return
        lane.cross_in(record, read, time_ns)
        if lane.incoming.ended:
            self._end_incoming(lane)

    def _end_incoming(self, lane: Lane) -> None:
        if lane.inbox is not None and lane.inbox.waits:
            # A pending number may come behind the END.
            self._ending.setdefault(lane, limits.MAX_LATE_CHUNKS)
        else:
            self._ending.pop(lane, None)
            lane.close_incoming(outcomes.COMPLETED)

    def _tick(self) -> None:
        for lane, left in list(self._ending.items()):
            if left > 1:
                self._ending[lane] = left - 1
            else:
                del self._ending[lane]
                lane.close_incoming(outcomes.COMPLETED)
