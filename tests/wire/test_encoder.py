"""The encoder is the parser's inverse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sse.wire import Comment, Event, Parser, encode, encode_comment, encode_retry

ANY = st.characters(exclude_categories=["Cs"])
DATA = st.text(ANY, max_size=40).map(lambda text: text.replace("\r", ""))
TYPE = st.text(ANY, max_size=10).map(lambda text: text.replace("\r", "").replace("\n", ""))
ID = TYPE.map(lambda text: text.replace("\0", ""))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Every event that can be encoded: data without a CR, `last_event_id` as a new parser sees it."""
    id_ = draw(st.none() | ID)
    retry_ms = draw(st.none() | st.integers(0, 10**18 - 1))
    return Event(draw(DATA), draw(TYPE), id_, id_ or "", retry_ms)


@given(event=events())
@settings(max_examples=300, deadline=None)
def test_an_encoded_event_is_parsed_as_it_was(event: Event) -> None:
    """parse(encode(e)) == e, at once and with nothing left over."""
    body = encode(event)
    parser = Parser()
    assert parser.feed(body) == [event]
    assert (parser.pending_bytes, parser.close()) == (0, [])
    assert b"\r" not in body


@given(many=st.lists(events(), max_size=6))
@settings(max_examples=100, deadline=None)
def test_events_one_after_the_other(many: list[Event]) -> None:
    """Concatenated events come back in order, with their bytes, each with the last id so far."""
    last_id, expected = "", []
    for event in many:
        last_id = last_id if event.id is None else event.id
        expected.append((Event(event.data, event.event, event.id, last_id, event.retry_ms), len(encode(event))))
    items = Parser().feed(b"".join(map(encode, many)))
    assert [(item, item.size) for item in items] == expected


def test_the_bytes_of_an_event() -> None:
    """Fields that are not set are not sent; an empty id is sent, because it resets the last one."""
    assert encode(Event("x")) == b"data: x\n\n"
    assert encode(Event("")) == b"data: \n\n"
    assert encode(Event(" a\nb", "t", "7", retry_ms=10)) == b"id: 7\nretry: 10\nevent: t\ndata:  a\ndata: b\n\n"
    assert encode(Event("x", id="")) == b"id: \ndata: x\n\n"


def test_a_cr_in_data_becomes_a_line_end() -> None:
    """LF, CRLF and CR all split data, so what is parsed has LF; other separators are left alone."""
    assert Parser().feed(encode(Event("a\rb\r\nc\nd\r"))) == [Event("a\nb\nc\nd\n")]
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g"
    assert Parser().feed(encode(Event(text))) == [Event(text)]


@pytest.mark.parametrize(
    "event",
    [
        *(Event("x", "a\nb"), Event("x", "a\r"), Event("x", id="\n"), Event("x", id="a\rb"), Event("x", id="a\0")),
        *(Event("x", retry_ms=-1), Event("x", retry_ms=10**18)),
    ],
)
def test_what_sse_cannot_carry_is_refused(event: Event) -> None:
    """A type or id with a line end, an id with NUL and a reconnection time out of range raise, each named."""
    with pytest.raises(ValueError, match=r"^(event|id|retry_ms) must .*, got "):
        encode(event)


def test_half_a_surrogate_pair_is_refused() -> None:
    """Text that is no Unicode text has no bytes."""
    with pytest.raises(UnicodeEncodeError):
        encode(Event("\ud800"))
    with pytest.raises(UnicodeEncodeError):
        encode_comment("\ud800")


def test_a_nul_in_a_type_is_carried() -> None:
    """Only an id forbids NUL."""
    assert Parser().feed(encode(Event("x", "a\0"))) == [Event("x", "a\0")]


@given(text=st.text(ANY, max_size=30))
@settings(max_examples=100, deadline=None)
def test_a_comment_is_parsed_line_by_line(text: str) -> None:
    """Each line of the text is a comment, unchanged, and nothing but the blank line follows."""
    parser = Parser()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert parser.feed(encode_comment(text)) == [Comment(line) for line in lines]
    assert (parser.pending_bytes, parser.close()) == (1, [])


def test_the_bytes_of_a_comment() -> None:
    """The text follows the colon without a space of our own."""
    assert encode_comment(" ping") == b": ping\n\n"
    assert encode_comment("") == b":\n\n"
    assert encode_comment("a\r\nb") == b":a\n:b\n\n"


def test_a_reconnection_time_alone() -> None:
    """It is set without an event, within the range that the parser accepts."""
    parser = Parser()
    assert parser.feed(encode_retry(0)) == []
    assert parser.retry_ms == 0
    parser.feed(encode_retry(10**18 - 1))
    assert parser.retry_ms == 10**18 - 1
    for retry_ms in (-1, 10**18):
        with pytest.raises(ValueError, match="retry_ms must be 0 or more milliseconds"):
            encode_retry(retry_ms)
