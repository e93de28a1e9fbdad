"""Numbers that outlive a connection: each stream's, for each peer and direction."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from otel_sse import limits
from otel_sse.detect.hop import HopDetector
from otel_sse.lineage.hop import Outbox
from otel_sse.telemetry import fork

T = TypeVar("T")

Key = tuple[str, str, str]
"""Which end of the socket this process is (`client` or `server`), the peer's process, the stream."""


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
        """Return what is kept of a stream, or a new one. A peer without a name is never the same again."""
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

    def after_fork(self) -> None:
        """Forget all: a forked process is another peer."""
        self._kept.clear()


def _detector() -> HopDetector:
    return HopDetector("ws.receive")


outboxes: Final = Ledger(Outbox)
inboxes: Final = Ledger(_detector)
