"""Builds the made-up events that the dialect tests read."""

from __future__ import annotations

import json
from typing import Any

from otel_sse.dialects.dialect import Dialect
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


def event(payload: object, name: str = "") -> Event:
    """Return an event whose data is `payload` as JSON."""
    return Event(json.dumps(payload, ensure_ascii=False), name)


def typed(payload: dict[str, Any]) -> Event:
    """Return an event named by the payload's own type, as many vendors do."""
    return event(payload, payload.get("type") or payload.get("event_type") or "")


def read_all(dialect: Dialect, events: list[Event]) -> list[Facts]:
    """Return the facts of all events of one stream."""
    return [dialect.read(one) for one in events]


def pairs(facts: Facts) -> list[tuple[str, str]]:
    """Return the `(channel, text)` pairs of an event, whether it has one delta or several."""
    if facts.deltas:
        return list(facts.deltas)
    return [] if facts.content is None else [(facts.channel, facts.content)]


def texts(stream: list[Facts]) -> dict[str, str]:
    """Return the whole text of each channel of a stream."""
    whole: dict[str, str] = {}
    for facts in stream:
        for channel, text in pairs(facts):
            whole[channel] = whole.get(channel, "") + text
    return whole


def kinds(stream: list[Facts]) -> list[str]:
    """Return each event's kind."""
    return [facts.kind for facts in stream]
