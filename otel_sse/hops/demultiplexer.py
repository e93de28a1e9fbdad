"""Which stream a message belongs to, on one connection."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from functools import partial
from hashlib import blake2b

from opentelemetry.trace import get_current_span

from otel_sse import limits
from otel_sse.hops.envelope import Agreement, Envelope, is_stream_id
from otel_sse.hops.inbox import Inbox
from otel_sse.hops.lane import Lane
from otel_sse.hops.ledgers import inboxes, keys, outboxes
from otel_sse.hops.messages import START, Read
from otel_sse.hops.outbox import Outbox
from otel_sse.hops.quota import peer_streams
from otel_sse.recording import propagation
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.propagation import Remote
from otel_sse.recording.recorder import Recorder
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns


class Demultiplexer:
    """The streams of one connection, by their ids and by the keys that the application gives them.

    A message belongs to the first of these that there is: the stream of its envelope, the stream of its key, the
    current stream of the task, the stream of the connection itself.

    A connection has room for `limits.MAX_CONNECTION_STREAMS` that were begun for the peer. Each of them but the first
    also takes a place of the process's quota. A full connection forgets its least recently used stream, if that has no
    open stage or was idle for `limits.IDLE_STREAM_NS`; else the new stream is not observed. A stream that was not
    observed from its beginning stays unobserved until it begins anew: seen from its middle, its first numbers would be
    reported as losses.

    Args:
        side: Which end of the connection this is, `client` or `server`.
        recorder: Records the streams that were not begun in this process.
        agreement: What the handshake agreed on, or None.
        stream: The stream of the connection itself, which ends with the connection; None for a connection that was
            opened within another stream.
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
        """The lanes that were begun for the peer, by their names in `_by_id`, the least recently used first."""
        self._first = True
        self._forgot = False
        """Whether a stream had no room or was forgotten: from then on an unknown key may be the middle of a stream."""

    def get(self, stream_id: str) -> Lane | None:
        """Return the lane of a stream that has crossed this connection, by its id."""
        return self._by_id.get(stream_id)

    def named(self, key: str) -> Lane | None:
        """Return the lane of a stream that has crossed this connection, by its key."""
        return self._by_key.get(key)

    def outgoing(self, read: Read) -> Lane | None:
        """Return the lane of a message that is about to be sent; None where too many streams are open to observe it."""
        key = read.key
        if not key or (read.response and current_stream() is not None):
            return self._unnamed(read)
        known = self._by_key.get(key)
        starts = read.mark == START
        if known is not None and not (starts and known.outgoing.ended):
            return self._used(known)
        if known is None and not starts:
            if read.weak:
                return self._unnamed(read)
            if self._forgot:
                return None
        again = self._again(key, read) if current_stream() is None else None
        if again is not None:
            return self._name(self._new(again, mine=True), key)
        return self._bind(key, current_stream() or self._stream)

    def incoming(self, read: Read, found: Envelope | None) -> Lane | None:
        """Return the lane of a message that has come; None where too many streams are open to observe it.

        Args:
            read: What the message says.
            found: Its envelope, or None.
        """
        if found is not None:
            lane = self._by_id.get(_name_of(found.stream_id))
            if lane is None or found.opens:
                lane = self._introduced(found, lane)
            if lane is not None and read.key and self._by_key.get(read.key) is not lane:
                self._name(lane, read.key)
            return lane if lane is None else self._used(lane)
        if not read.key or (read.response and current_stream() is not None):
            return self._unnamed(read)
        known = self._by_key.get(read.key)
        if known is not None:
            return self._used(known)
        if read.mark != START:
            if read.weak:
                return self._unnamed(read)
            if self._forgot:
                return None
        return self._bind(read.key, current_stream() or self._stream)

    def left(self, *, broke: bool) -> None:
        """Keep what the next connection to this peer needs to continue unfinished streams. Call it before `close`.

        Args:
            broke: Whether the connection ended without an orderly close.
        """
        for lane in self._by_id.values():
            if lane.outbox is None:
                continue
            if broke:
                lane.outbox.broke()
            if lane.key and lane.mine and lane.outgoing.latest is not None and not lane.outgoing.ended:
                keys.of(*self._named(lane.key)).keep(lane.stream_id, lane.stream.context)

    def close(self, outcome: str, error_type: str) -> None:
        """End all open stages, and forget all lanes.

        Args:
            outcome: How the connection ended.
            error_type: Class name of the exception that ended it, or "".
        """
        lanes = list(self._by_id.values())
        self._by_id.clear()
        self._by_key.clear()
        self._begun.clear()
        for lane in lanes:
            lane.close(outcome, error_type)

    def _named(self, key: str) -> tuple[str, str, str]:
        return self._side, "" if self._agreement is None else self._agreement.peer, key

    def _again(self, key: str, read: Read) -> Stream | None:
        """The unfinished stream of this key on an earlier connection to the peer, None for none."""
        side, peer, _ = self._named(key)
        if not peer:
            return None
        kept = keys.of(side, peer, key)
        if not kept.stream_id:
            return None
        if read.mark == START and not outboxes.of(side, peer, kept.stream_id).goes_on:
            # After an orderly close a START is another answer under the same key.
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
        """The stream of the connection itself; a new one where a message starts another answer after its end."""
        stream = self._stream
        lane = None if stream is None else self._by_id.get(stream.id)
        if stream is None or (read.mark == START and lane is not None and lane.outgoing.ended):
            self._stream = stream = Stream(self._recorder, now_ns())
        return stream

    def _unnamed(self, read: Read) -> Lane | None:
        """The lane of a message without a key: that of the current stream, else of the connection's own."""
        return self._of(current_stream() or self._own(read))

    def _of(self, stream: Stream) -> Lane | None:
        known = self._by_id.get(stream.id)
        return self._new(stream, mine=stream is self._stream) if known is None else self._used(known)

    def _introduced(self, found: Envelope, lane: Lane | None) -> Lane | None:
        """The lane of a stream that an envelope names; the stream may have been begun in this process."""
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
            # The connection may have been opened long before, in another trace.
            stream.context = context
        return stream

    def _new(self, stream: Stream, name: str = "", *, mine: bool) -> Lane | None:
        name = name or stream.id
        place = reclaim = None
        if mine and not self._first:
            place = peer_streams.take() if self._has_room() else None
            if place is None:
                self._forgot = True
                return None
            reclaim = partial(_forget, weakref.ref(self), name)
        numbers = () if self._agreement is None else self._numbers(name)
        lane = Lane(stream, *numbers, name=name, mine=mine, place=place, reclaim=reclaim)
        self._by_id[name] = lane
        if mine:
            self._first = False
            self._begun[name] = lane
            lane.used_ns = now_ns()
        if len(self._by_id) > limits.MAX_HOP_STREAMS:
            self.forget(next(iter(self._by_id)))
        return lane

    def _numbers(self, name: str) -> tuple[Outbox, Inbox]:
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
        """End the stages of a stream as abandoned, and forget its lane and its numbers. Safe for an unknown name."""
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


def _forget(ref: weakref.ref[Demultiplexer], name: str) -> None:
    found = ref()
    if found is not None:
        found.forget(name)


def _name_of(stream_id: str) -> str:
    # A peer's name for a stream may be as long as an envelope; 64 characters are the most that we keep of it.
    if len(stream_id) <= limits.MAX_NAME_CHARS:
        return stream_id
    return blake2b(stream_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _trace_of(stream: Stream) -> int:
    return get_current_span(stream.context).get_span_context().trace_id
