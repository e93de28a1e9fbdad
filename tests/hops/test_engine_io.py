"""Packets of Engine.IO and Socket.IO."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.hops.engine_io import Packet, Packets
from otel_sse.hops.messages import Hooks, MessageReader, Read
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, HEARTBEAT

OPEN = '0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}'


def packets(*before: str) -> Packets:
    """The reader of a connection that has had some messages."""
    made = Packets()
    for each in before:
        made.read(each)
    return made


@pytest.mark.parametrize(
    ("message", "event", "payload"),
    [
        ('42["token","Hel"]', "token", "Hel"),
        ('42["token",{"text":"Hel"}]', "token", '{"text":"Hel"}'),
        ('42/chat,["token","Hel"]', "token", "Hel"),
        ('42/chat,17["token","Hel"]', "token", "Hel"),
        ('4217["token","Hel"]', "token", "Hel"),
        ('42["done"]', "done", None),
        ('42["token",7,null,"Hel"]', "token", "Hel"),
        ('42["gr\\u00fc\\u00df",["a"]]', "grüß", None),
    ],
)
def test_an_event_of_socket_io(message: str, event: str, payload: str | None) -> None:
    """Its name and its first argument that is an object or a text; namespace and number are skipped."""
    assert packets().read(message) == Packet(event, payload)


@pytest.mark.parametrize(
    "message", ["2", "3", "4", "42", "40", "4Hello", "0", "42 is the answer", "42[1]", '42["a', "7"]
)
def test_a_text_that_begins_like_a_packet_is_none(message: str) -> None:
    """A connection that streams plain text may say a number: only what no other protocol says tells."""
    assert packets().read(message) is None


def test_a_connection_is_engine_ios_from_its_first_packet_on() -> None:
    """Then its pings are heartbeats, its messages lose their prefix, and the rest carries nothing."""
    made = packets()
    found = [made.read(each) for each in (OPEN, "2", "3", "2probe", "4Hello", "42 is the answer", "5", "6", "1", "7")]
    assert found == [
        Packet(),
        Packet(heartbeat=True),
        Packet(heartbeat=True),
        Packet(heartbeat=True),
        Packet(payload="Hello"),
        Packet(payload="2 is the answer"),
        Packet(),
        Packet(),
        Packet(),
        None,
    ]


@pytest.mark.parametrize("before", ['40{"sid":"wZX"}', "40", '42["a"]'])
def test_socket_ios_own_packets_carry_nothing(before: str) -> None:
    """Connect, disconnect, acknowledgements and binary events."""
    made = packets(OPEN, before)
    assert [made.read(each) for each in ("40/chat,", "41", '431["ok"]', '44{"message":"no"}', '451-["f",{}]')] == [
        Packet()
    ] * 5


def read(*messages: str) -> list[Read]:
    """What the messages of one connection say."""
    reader = MessageReader(Hooks(), 1_000)
    return [reader.read(each) for each in messages]


def test_an_answer_over_socket_io_is_read_as_any_other() -> None:
    """The argument is the message; an event's name is the type of one that has none."""
    _, start, chunk, end, ping = read(
        OPEN, '42["start",{"stream_id":"7"}]', '42["chunk",{"stream_id":"7","content":"Hel"}]', '42["end","Hello"]', "2"
    )
    assert [each.mark for each in (start, chunk, end, ping)] == ["START", "CHUNK", "END", ""]
    assert (start.key, chunk.key) == ("7", "7")
    assert [each.facts and each.facts.kind for each in (start, chunk, end, ping)] == [
        CONTROL,
        CONTENT,
        COMPLETE,
        HEARTBEAT,
    ]
    assert chunk.facts is not None
    assert chunk.facts.content == "Hel"


def test_a_vendors_object_is_left_to_the_dialects() -> None:
    """So is a text, without its wrapping; a message's own type stays; sizes are those of the whole packet."""
    delta: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}
    message = f'42["message",{json.dumps(delta)}]'
    own, vendor, text, broken = read(
        '42["x",{"type":"CHUNK","content":"a"}]', message, '42["t","Hel"]', '42["t",{"a":1]]'
    )
    assert own.mark == "CHUNK"
    assert (vendor.item, vendor.size) == (json.dumps(delta), len(message))
    assert text.item == "Hel"
    assert broken.item == '42["t",{"a":1]]'
