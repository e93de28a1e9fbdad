"""Any stream is cut into what may be handed on or not, and nothing is lost at the cuts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from otel_sse.guards.units import UnitReader
from otel_sse.stage.settings import StageSettings
from otel_sse.stream.chunk import CONTENT, HEARTBEAT
from tests.guards.made import frame


def reader(**how: Any) -> UnitReader:
    """A reader of one stream."""
    return UnitReader(StageSettings(**how))


def test_plain_text_is_one_unit_each() -> None:
    """Text that is no event stands for itself."""
    made = reader()
    (unit,) = made.read("Hello")
    assert (unit.piece, unit.plain) == ("Hello", True)
    assert unit.facts is not None
    assert (unit.facts.kind, unit.facts.content) == (CONTENT, "Hello")


def test_object_is_one_unit_and_the_very_same() -> None:
    """An SDK's object is read, and handed on as it is."""
    item = {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    (unit,) = reader().read(item)
    assert unit.piece is item
    assert unit.facts is not None
    assert unit.facts.content == "Hi"


def test_event_that_comes_in_parts_waits_until_it_is_whole() -> None:
    """Nothing is handed on of half an event; the rest brings all of it."""
    made, raw = reader(), frame("Hello")
    assert not made.read(raw[:10])
    assert not made.aligned
    (unit,) = made.read(raw[10:])
    assert unit.piece == raw


def test_what_never_became_an_event_comes_at_the_end() -> None:
    """A stream that breaks off loses no byte."""
    made = reader()
    made.read(b"data: Hel")
    assert [unit.piece for unit in made.rest()] == [b"data: Hel"]
    assert made.rest() == ()


def test_text_stays_text() -> None:
    """The parts of framed text are text."""
    units = reader().read("data: ä\n\ndata: ö\n\n")
    assert [unit.piece for unit in units] == ["data: ä\n\n", "data: ö\n\n"]


def test_line_end_that_is_left_over_goes_on_at_once() -> None:
    """With CRLF an event ends at its CR, and the LF does not wait for the next event."""
    units = reader().read(b"data: a\r\n\r\n")
    assert b"".join(unit.piece for unit in units) == b"data: a\r\n\r\n"


def test_comment_keeps_the_connection_and_a_violation_is_no_event() -> None:
    """A comment counts as a heartbeat; text without framing has no facts."""
    made = reader()
    _, ping, violation = made.read(b"data: a\n\n: ping\nnonsense\n")
    assert ping.facts is not None
    assert ping.facts.kind == HEARTBEAT
    assert (violation.piece, violation.facts) == (b"nonsense\n", None)


def test_endless_event_does_not_wait_for_its_end() -> None:
    """At the cap the bytes wait, one past it they go on."""
    made = reader(max_event_bytes=64)
    assert not made.read(b"data: " + b"x" * 58)
    assert b"".join(unit.piece for unit in made.read(b"y")) == b"data: " + b"x" * 58 + b"y"


@given(
    st.lists(st.sampled_from([b"data: a", b"id: 1", b": c", b"\n", b"\r\n", b"\r", b"\n\n", b"zz"]), max_size=30),
    st.data(),
)
def test_any_split_gives_all_bytes_in_order(lines: list[bytes], data: st.DataObject) -> None:
    """Whatever the stream holds, and wherever it is cut, the pieces add up to it."""
    raw = b"data: first\n\n" + b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    made, out = reader(), b""
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        out += b"".join(unit.piece for unit in made.read(raw[start:end]))
    assert out + b"".join(unit.piece for unit in made.rest()) == raw
