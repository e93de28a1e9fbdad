"""From the pieces of text in one event to its `Facts`."""

from __future__ import annotations

from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts

Deltas = list[tuple[str, str]]
"""`(channel, text)` pairs in the event's own order; no text is empty."""


def gather(deltas: Deltas) -> Facts:
    """Return the facts of an event that carries these deltas and nothing else.

    Neighbours on one channel are one delta. Where several channels remain, `channel` is that of the first.
    """
    if not deltas:
        return Facts(CONTROL)
    joined = deltas if len(deltas) == 1 else _join_neighbours(deltas)
    channel, content = joined[0]
    if len(joined) == 1:
        return Facts(CONTENT, content, channel)
    return Facts(CONTENT, "".join(part for _, part in joined), channel, tuple(joined))


def _join_neighbours(deltas: Deltas) -> Deltas:
    groups: list[tuple[str, list[str]]] = []
    for channel, part in deltas:
        if groups and groups[-1][0] == channel:
            groups[-1][1].append(part)
        else:
            groups.append((channel, [part]))
    return [(channel, "".join(parts)) for channel, parts in groups]
