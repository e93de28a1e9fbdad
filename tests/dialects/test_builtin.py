"""The list of dialects: each by one name, in the order in which they are asked."""

from __future__ import annotations

import pytest

from otel_sse.dialects.builtin import BUILTIN
from otel_sse.dialects.dialect import FINISH, NOTHING, TERMINAL
from otel_sse.dialects.payload import decode
from otel_sse.dialects.registry import Entry
from otel_sse.wire import Event, LineParser, Parser
from tests.dialects.protocols import PROTOCOLS

ENTRIES = pytest.mark.parametrize("entry", BUILTIN, ids=[entry.name for entry in BUILTIN])


def test_each_name_stands_once() -> None:
    """A name is what users write, so that it may name one dialect alone."""
    names = [entry.name for entry in BUILTIN]
    assert len(set(names)) == len(names)


@ENTRIES
def test_a_dialect_is_what_its_entry_says(entry: Entry) -> None:
    """It has the entry's name, expects one of three things, and is made anew for each stream."""
    made = entry.factory()
    assert made.name == entry.name
    assert made.expects in (TERMINAL, FINISH, NOTHING)
    assert entry.factory() is not made


@ENTRIES
@pytest.mark.parametrize("data", ["", "null", "[]", "{}", "[DONE]", '{"a": {"b": []}}', "\ud800", "0"])
def test_reading_never_raises(entry: Entry, data: str) -> None:
    """Whatever an event holds, there are facts about it."""
    assert entry.factory().read(Event(data)).kind


def test_what_no_dialect_knows_is_plain_text() -> None:
    """The last two are asked last: any JSON, then any text, which no single event proves."""
    assert [entry.name for entry in BUILTIN[-2:]] == ["generic-json", "plain-text"]
    assert not BUILTIN[-1].recognise(Event("anything"), None)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_keys_hide_no_event_that_is_recognised(name: str) -> None:
    """An entry's keys only spare it a question: each event that it would recognise has one of them."""
    made = PROTOCOLS[name]
    parser = LineParser() if made.lines else Parser()
    for event in parser.feed(b"".join(made.bodies)):
        if isinstance(event, Event):
            payload = decode(event.data)
            for entry in BUILTIN:
                if entry.keys and entry.recognise(event, payload):
                    assert isinstance(payload, dict)
                    assert entry.keys & payload.keys(), entry.name
