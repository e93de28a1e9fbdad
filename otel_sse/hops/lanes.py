"""Which stream a message belongs to, on one connection."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from functools import partial
from hashlib import blake2b
from typing import Final

from opentelemetry.trace import get_current_span

from otel_sse import limits
from otel_sse.hops.envelope import Agreement, Envelope, is_stream_id
from otel_sse.hops.hop_edge import HopEdge
from otel_sse.hops.inbox import HopDetector
from otel_sse.hops.lane import Lane
from otel_sse.hops.ledgers import inboxes, keys, outboxes
from otel_sse.hops.messages import START, Read
from otel_sse.hops.outbox import Outbox
from otel_sse.hops.places import places
from otel_sse.recording import propagation
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.propagation import Remote
from otel_sse.recording.recorder import Recorder, StageRecord
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns

SEND: Final = "ws.send"
"""Name of the stage of the messages that this end sends."""

RECEIVE: Final = "ws.receive"
"""Name of the stage of the messages that this end gets."""


class Lanes:
    """The streams of one connection, by their ids and by the keys that the application gives them.

    Of those that were begun for the peer a connection has `limits.MAX_CONNECTION_STREAMS`; but for the first of them
    each takes one of the process's places. Where there is no room, the least recently used goes if nothing of it is
    open or it has been idle; else the new one is not observed. What was not observed from its beginning stays so until
    it begins anew: from its middle, its numbers would look like losses.

    Args:
        side: Which end of the connection this is, `client` or `server`.
        recorder: Records the streams that nobody in this process has begun.
        agreement: What the handshake agreed on, or None.
        stream: The stream of the connection itself, which ends with it; None for a connection that was opened within
            a stream of somebody else's.
    """

    __slots__ = (
        "__weakref__", "_agreement", "_begun", "_by_id", "_by_key", "_first", "_forgot", "_recorder", "_side",
        "_stream",
    )  # fmt: skip

    def __init__(self, side: str, recorder: Recorder, agreement: Agreement | None, stream: Stream | None) -> None:
        self._side = side
        self._recorder = recorder
        self._agreement = agreement
        self._stream = stream
        self._by_id: OrderedDict[str, Lane] = OrderedDict()
        self._by_key: OrderedDict[str, Lane] = OrderedDict()
        self._begun: OrderedDict[str, Lane] = OrderedDict()
        """Those that were begun for the peer, by the names that they have in `_by_id`."""
        self._first = True
        self._forgot = False
        """Whether one had no room, or was forgotten to make room: what is not known may then be a stream's middle."""

    def get(self, stream_id: str) -> Lane | None:
        """Return the lane of a stream that has crossed this connection, by its id."""
        return self._by_id.get(stream_id)

    def named(self, key: str) -> Lane | None:
        """Return the lane of a stream that has crossed this connection, by its key."""
        return self._by_key.get(key)

    def outgoing(self, read: Read) -> Lane | None:
        """Return the lane of a message that is to leave: its key's, else that of the current stream.

        None where it is not to be observed, because too many streams are open.
        """
        key = read.key
        if key:
            known = self._by_key.get(key)
            starts = read.mark == START
            if known is not None and not (starts and known.outgoing.ended):
                return self._used(known)
            if known is not None or starts or not read.weak:
                if self._forgot and known is None and not starts:
                    return None
                again = self._again(key, read) if current_stream() is None else None
                if again is not None:
                    return self._name(self._new(again, mine=True), key)
                return self._bind(key, current_stream() or self._stream)
        return self._of(current_stream() or self._own(read))

    def incoming(self, read: Read, found: Envelope | None) -> Lane | None:
        """Return the lane of a message that has come: its envelope's, its key's, else that of the current stream.

        None where it is not to be observed, because too many streams are open.
        """
        if found is not None:
            lane = self._by_id.get(_name_of(found.stream_id))
            if lane is None or found.opens:
                lane = self._introduced(found, lane)
            if lane is not None and read.key and self._by_key.get(read.key) is not lane:
                self._name(lane, read.key)
            return lane if lane is None else self._used(lane)
        if read.key:
            known = self._by_key.get(read.key)
            if known is not None:
                return self._used(known)
            if read.mark == START or not read.weak:
                if self._forgot and read.mark != START:
                    return None
                return self._bind(read.key, current_stream() or self._stream)
        return self._of(current_stream() or self._own(read))

    def left(self, *, broke: bool) -> None:
        """Take note that the connection is over, so that the next one to this peer may go on with its streams.

        Args:
            broke: Whether it was not closed in order.
        """
        for lane in self._by_id.values():
            if lane.outbox is None:
                continue
            if broke:
                lane.outbox.broke()
            if lane.key and lane.mine and lane.outgoing.latest is not None and not lane.outgoing.ended:
                keys.of(*self._named(lane.key)).keep(lane.stream_id, lane.stream.context)

    def close(self, outcome: str, error_type: str) -> None:
        """End what is open, and forget all."""
        lanes = list(self._by_id.values())
        self._by_id.clear()
        self._by_key.clear()
        self._begun.clear()
        for lane in lanes:
            lane.close(outcome, error_type)

    def _named(self, key: str) -> tuple[str, str, str]:
        return self._side, "" if self._agreement is None else self._agreement.peer, key

    def _again(self, key: str, read: Read) -> Stream | None:
        """The stream that the application called so on a connection before this one, where it was left unfinished."""
        side, peer, _ = self._named(key)
        if not peer:
            return None
        kept = keys.of(side, peer, key)
        if not kept.stream_id:
            return None
        if read.mark == START and not outboxes.of(side, peer, kept.stream_id).goes_on:
            # Closed in order, and begun anew: another answer under the same name.
            return None
        return Stream(self._recorder, now_ns(), kept.context, kept.take())

    def _bind(self, key: str, stream: Stream | None) -> Lane | None:
        if stream is not None:
            lane = self._of(stream)
            if lane is None or not lane.key:
                return self._name(lane, key)
        recorder, context = (self._recorder, None) if stream is None else (stream.recorder, stream.context)
        return self._name(self._new(Stream(recorder, now_ns(), context), mine=True), key)

    def _name(self, lane: Lane | None, key: str) -> Lane | None:
        if lane is None:
            return None
        lane.key = lane.key or key
        self._by_key[key] = lane
        if len(self._by_key) > limits.MAX_HOP_STREAMS:
            self._by_key.popitem(last=False)
        return lane

    def _used(self, lane: Lane) -> Lane:
        if lane.mine:
            lane.used_ns = now_ns()
            if lane.name in self._begun:
                self._begun.move_to_end(lane.name)
        return lane

    def _own(self, read: Read) -> Stream:
        """The stream of the connection itself; another one where that has ended and the next one starts."""
        stream = self._stream
        lane = None if stream is None else self._by_id.get(stream.id)
        if stream is None or (read.mark == START and lane is not None and lane.outgoing.ended):
            self._stream = stream = Stream(self._recorder, now_ns())
        return stream

    def _of(self, stream: Stream) -> Lane | None:
        known = self._by_id.get(stream.id)
        return self._new(stream, mine=stream is self._stream) if known is None else self._used(known)

    def _introduced(self, found: Envelope, lane: Lane | None) -> Lane | None:
        """The lane of a stream of which the other end tells; it may have been begun here."""
        if lane is None and self._forgot and not found.opens:
            return None
        remote = propagation.read_trace(found.traceparent, found.tracestate, found.stream_id)
        if lane is None:
            lane = self._new(self._begun_there(found, remote), _name_of(found.stream_id), mine=True)
        if lane is not None:
            lane.remote = remote
        return lane

    def _begun_there(self, found: Envelope, remote: Remote) -> Stream:
        context = remote.context if remote.span.is_valid else None
        stream_id = found.stream_id if is_stream_id(found.stream_id) else ""
        stream = self._stream
        if stream is None or not stream_id or not stream.adopt(stream_id):
            return Stream(self._recorder, now_ns(), context, stream_id)
        if context is not None and _trace_of(stream) != remote.span.trace_id:
            # A socket may have been opened long before, in another trace.
            stream.context = context
        return stream

    def _new(self, stream: Stream, name: str = "", *, mine: bool) -> Lane | None:
        name = name or stream.id
        place = reclaim = None
        if mine and not self._first:
            place = places.take() if self._has_room() else None
            if place is None:
                self._forgot = True
                return None
            reclaim = partial(_forget, weakref.ref(self), name)
        numbers = () if self._agreement is None else self._numbers(name)
        lane = Lane(stream, _open_send, _open_receive, *numbers, name=name, mine=mine, place=place, reclaim=reclaim)
        self._by_id[name] = lane
        if mine:
            self._first = False
            self._begun[name] = lane
            lane.used_ns = now_ns()
        if len(self._by_id) > limits.MAX_HOP_STREAMS:
            self.forget(next(iter(self._by_id)))
        return lane

    def _numbers(self, name: str) -> tuple[Outbox, HopDetector]:
        key = self._named(name)
        return outboxes.of(*key), inboxes.of(*key)

    def _has_room(self) -> bool:
        if len(self._begun) >= limits.MAX_CONNECTION_STREAMS:
            name, oldest = next(iter(self._begun.items()))
            if oldest.is_open and now_ns() - oldest.used_ns < limits.IDLE_STREAM_NS:
                return False
            self.forget(name)
        return True

    def forget(self, name: str) -> None:
        """End a stream's stages as abandoned, and forget it."""
        lane = self._by_id.pop(name, None)
        self._begun.pop(name, None)
        if lane is None:
            return
        self._forgot = True
        for key in [key for key, each in self._by_key.items() if each is lane]:
            del self._by_key[key]
        outboxes.forget(*self._named(name))
        inboxes.forget(*self._named(name))
        lane.close(outcomes.ABANDONED)


def _forget(ref: weakref.ref[Lanes], name: str) -> None:
    lanes = ref()
    if lanes is not None:
        lanes.forget(name)


def _name_of(stream_id: str) -> str:
    # What a peer calls a stream may be as long as an envelope.
    if len(stream_id) <= limits.MAX_NAME_CHARS:
        return stream_id
    return blake2b(stream_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _open_send(lane: Lane) -> StageRecord:
    lane.works()
    stream = lane.stream
    record = stream.stage(SEND, since_ns=0 if stream.stages else lane.outgoing.asked_ns)
    record.leaves = True
    return _belongs(record, lane)


def _open_receive(lane: Lane) -> StageRecord:
    lane.works()
    # What comes back is waited for from when it was asked for.
    since_ns = lane.outgoing.asked_ns or lane.incoming.asked_ns
    record = _belongs(lane.stream.stage(RECEIVE, origin=True, since_ns=since_ns), lane)
    if lane.outgoing.latest is not None:
        # What comes back on a lane has been at the other end, so it follows what left.
        record.upstreams.append(lane.outgoing.latest)
    edge = record.monitor.edge
    if lane.inbox is not None and edge is not None:
        record.monitor.edge = lane.edge = HopEdge(edge)
        record.upstream_name = SEND
    if lane.remote is not None and lane.remote.span.is_valid:
        record.link_upstream(lane.remote.span, SEND)
    return record


def _belongs(record: StageRecord, lane: Lane) -> StageRecord:
    stream = lane.stream
    stream.end_with_me(record)
    if lane.mine and stream.context is None:
        # What comes back may be read by a task that has another context, or none.
        stream.context = record.context
    return record


def _trace_of(stream: Stream) -> int:
    return get_current_span(stream.context).get_span_context().trace_id
