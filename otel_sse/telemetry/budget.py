"""How many chunk events a trace may hold before its streams go on in packs."""

from __future__ import annotations

from collections import OrderedDict

from otel_sse import limits


class TraceBudget:
    """Counts the chunk events of each trace in this process. Used by the recorder's thread alone.

    Args:
        size: Chunk events a trace may have. Tempo drops a whole trace above 5,000,000 bytes, and an event is
            about 180 bytes: 10,000 leave room for several processes and for everybody else's spans.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._spent: OrderedDict[int, int] = OrderedDict()

    def take(self, trace_id: int, events: int) -> int:
        """Take events from a trace's budget; return how many of them it still had, 0 where it is used up."""
        spent = self._spent.get(trace_id, 0)
        granted = min(events, self._size - spent)
        self._spent[trace_id] = spent + granted
        self._spent.move_to_end(trace_id)
        if len(self._spent) > limits.MAX_TRACKED_TRACES:
            self._spent.popitem(last=False)
        return granted

    def give_back(self, trace_id: int, events: int) -> None:
        """Return events that were taken and not used."""
        if trace_id in self._spent:
            self._spent[trace_id] -= events
