"""Dialects whose payload is the text itself: `plain-text` and `replicate`."""

from __future__ import annotations

from typing import Final

from otel_sse.dialects.dialect import NOTHING, TERMINAL
from otel_sse.dialects.frames import DONE_MARK, HEARTBEAT_WORDS, error_facts, is_done_mark, read_aside
from otel_sse.dialects.payload import decode, fields, name
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_END_EVENTS: Final = frozenset({"done", "complete", "completed", "end"})

_TEXT_EVENTS: Final = frozenset(
    {"message", "token", "text", "delta", "chunk", "content", "output", "answer", "completion", "data"}
)
"""Names that say no more than that a piece of the answer comes."""


class PlainText:
    """Reads events whose data is a piece of the answer. Where it ends is not said, unless an event's name does."""

    name = "plain-text"
    expects = NOTHING
    __slots__ = ()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        data = event.data
        if is_done_mark(data):
            return Facts(COMPLETE, terminal=DONE_MARK)
        if event.event and (facts := read_named(event)) is not None:
            return facts
        if data.startswith("{") and (facts := _read_frame(data, event.event)) is not None:
            return facts
        return Facts(CONTENT, data) if data else Facts(CONTROL)


class Replicate:
    """Reads `output` events, whose data is text, up to the event `done`.

    Source: Replicate documentation, "Streaming output".
    """

    name = "replicate"
    expects = TERMINAL
    __slots__ = ()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        if event.event == "output":
            return Facts(CONTENT, event.data) if event.data else Facts(CONTROL)
        if is_done_mark(event.data):
            return Facts(COMPLETE, terminal=DONE_MARK)
        return read_named(event) or Facts(CONTROL)


def read_named(event: Event) -> Facts | None:
    """Return the facts of an event whose name says what it is (a heartbeat, the end, an error), else None."""
    if event.event in HEARTBEAT_WORDS:
        return Facts(HEARTBEAT)
    if event.event in _END_EVENTS:
        return Facts(COMPLETE, terminal=event.event, finish_reason=name(fields(decode(event.data)).get("reason")))
    if event.event == "error":
        return error_facts(fields(decode(event.data)), "", event.event)
    return None


def _read_frame(data: str, event: str) -> Facts | None:
    """What a JSON object among the text is; None where it is text of the answer.

    A heartbeat, an error or an end says so. An event with a name of its own that has an object is about the stream: its
    id, how long it took. A piece of the answer can be an object, but is not named for it.
    """
    payload = decode(data)
    facts = read_aside(payload, "") if type(payload) is dict else None
    named = event and event not in _TEXT_EVENTS
    return facts if facts is not None and (named or facts.kind != CONTROL) else None


def recognise_replicate(event: Event, payload: object) -> bool:
    """Whether an event is Replicate's output: named `output`, numbered by an id, its data no JSON object."""
    return event.event == "output" and event.id is not None and type(payload) is not dict
