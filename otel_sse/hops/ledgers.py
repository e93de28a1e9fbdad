"""What outlives a connection, for each peer and end: the numbers of each stream, and its key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, get_current_span, set_span_in_context

from otel_sse import limits
from otel_sse.hops.inbox import Inbox
from otel_sse.hops.outbox import Outbox
from otel_sse.recording import fork
from otel_sse.stream.stages import WS_RECEIVE

T = TypeVar("T")

Key = tuple[str, str, str]
"""Our end of the connection (`client` or `server`), the peer's process, and the stream's id or key."""


class Ledger(Generic[T]):
    """The latest `limits.MAX_HOP_STREAMS` of one kind; the least recently used goes first.

    Args:
        make: Makes a new one.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: OrderedDict[Key, T] = OrderedDict()
        fork.watch(self)

    def of(self, side: str, peer: str, stream_id: str) -> T:
        """Return the entry of a stream, made where there is none.

        Args:
            side: `client` or `server`.
            peer: Name of the peer's process; for "" nothing is kept, because no later connection can be to the same.
            stream_id: The stream's id or key.
        """
        if not peer:
            return self._make()
        key = (side, peer, stream_id)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._make()
            while len(self._kept) > limits.MAX_HOP_STREAMS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    def forget(self, side: str, peer: str, stream_id: str) -> None:
        """Forget a stream, if it is known."""
        self._kept.pop((side, peer, stream_id), None)

    def after_fork(self) -> None:
        """Forget all, because a forked process is another peer."""
        self._kept.clear()


def _inbox() -> Inbox:
    return Inbox(WS_RECEIVE)


class Kept:
    """An unfinished stream of a key, from one connection to the next."""

    __slots__ = ("context", "stream_id")

    def __init__(self) -> None:
        self.stream_id = ""
        """"" for none."""
        self.context: Context | None = None
        """Parent of its stages' spans."""

    def keep(self, stream_id: str, context: Context | None) -> None:
        """Keep a stream that a connection left unfinished."""
        self.stream_id = stream_id
        # A span holds all its events, so only its context is kept.
        span = NonRecordingSpan(get_current_span(context).get_span_context())
        self.context = None if context is None else set_span_in_context(span, context)

    def take(self) -> str:
        """Return the stream's id, the first time; "" for every further connection."""
        stream_id, self.stream_id = self.stream_id, ""
        return stream_id


outboxes: Final = Ledger(Outbox)
inboxes: Final = Ledger(_inbox)
keys: Final = Ledger(Kept)
