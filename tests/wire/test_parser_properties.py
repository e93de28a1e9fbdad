"""The parser against an independent reading of the standard, over arbitrary bytes in arbitrary pieces."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sse.limits import MAX_EVENT_BYTES, MAX_NAME_CHARS
from otel_sse.wire import Comment, Event, Item, Parser, Violation, encode

Sized = tuple[Item, int]


class LinesOnly(Parser):
    """The parser without its quick paths."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        self._between = self._idle = False
        return super().feed(data)

    def _feed_blocks(self, data: bytes, items: list[Item]) -> None:
        self._feed_lines(data, items)


class Reference:
    """HTML standard, 9.2.6, read once over the whole input, with what the package adds: ends, reports and caps."""

    def __init__(self, body: bytes, max_bytes: int = MAX_EVENT_BYTES, last_event_id: str = "") -> None:
        self.max_bytes = max_bytes
        self.id_buffer = self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self.found: list[tuple[Item, int]] = []  # each item with the position after its last byte
        self.begin_block()
        tail = b""
        for start, stop, ended in lines(body):
            line = body[start:stop]
            tail = b"" if ended else line[: max_bytes + 1]
            if len(line) > max_bytes:
                self.oversize_line(line, start)
            elif ended and line:
                self.line(line, stop + 1)
            elif ended:
                self.blank_line(stop + 1)
        if tail or self.open:
            self.found.append((Violation("truncated", name_of(tail) if tail else ""), len(body)))

    def begin_block(self) -> None:
        self.data: list[bytes] = []
        self.type = ""
        self.id: str | None = None
        self.block_retry_ms: int | None = None
        self.open = self.lost = False

    def oversize_line(self, line: bytes, start: int) -> None:
        self.found.append((Violation("oversize", "line"), start + self.max_bytes + 1))
        if line[: self.max_bytes + 1].startswith((b"data:", b"event:")):
            self.lose()

    def lose(self) -> None:
        self.open = self.lost = True
        self.data = []

    def line(self, line: bytes, end: int) -> None:
        text = line.decode("utf-8", "replace")
        if text.encode() != line:
            self.found.append((Violation("invalid_utf8", name_of(line)), end))
        if text[0] == ":":
            self.found.append((Comment(text[1:]), end))
        elif ":" in text:
            name, value = text.split(":", 1)
            self.field(name, value[1:] if value[:1] == " " else value, line, end)
        else:
            self.field(text, "", line, end)

    def field(self, name: str, value: str, line: bytes, end: int) -> None:
        if name == "event":
            self.open, self.type = True, value
        elif name == "data":
            self.open = True
            raw = line[5:] if line[5:6] != b" " else line[6:]
            if not self.lost and len(b"\n".join([*self.data, raw])) > self.max_bytes:
                self.lose()
                self.found.append((Violation("oversize", "event"), end))
            elif not self.lost:
                self.data.append(raw)
        elif name == "id":
            if "\0" in value:
                self.found.append((Violation("bad_id", "id"), end))
            else:
                self.open, self.id, self.id_buffer = True, value, value
        elif name == "retry":
            if set(value) <= set("0123456789") and value and len(value.lstrip("0")) < 19:
                self.open, self.retry_ms, self.block_retry_ms = True, int(value), int(value)
            else:
                self.found.append((Violation("bad_retry", "retry"), end))
        else:
            self.found.append((Violation("unknown_field", name_of(line)), end))

    def blank_line(self, end: int) -> None:
        self.last_event_id = self.id_buffer
        if self.data:
            data = "\n".join(part.decode("utf-8", "replace") for part in self.data)
            event = Event(data, self.type, self.id, self.last_event_id, self.block_retry_ms)
            self.found.append((event, end))
        elif self.type and not self.lost:
            self.found.append((Violation("no_data", self.type[:MAX_NAME_CHARS]), end))
        self.begin_block()

    @property
    def sized(self) -> list[Sized]:
        ends = [0, *(end for _, end in self.found)]
        return [(item, end - before) for (item, end), before in zip(self.found, ends, strict=False)]


def lines(body: bytes) -> Iterator[tuple[int, int, bool]]:
    """Start and stop of each line, and whether it has its end. The last one without an end may be empty."""
    start = at = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    while at < len(body):
        if body[at] in b"\r\n":
            yield start, at, True
            at += body[at : at + 2] == b"\r\n"
            start = at + 1
        at += 1
    yield start, len(body), False


def name_of(line: bytes) -> str:
    return ":" if line[:1] == b":" else line.decode("utf-8", "replace").split(":")[0][:MAX_NAME_CHARS]


TOKENS = [
    *(b"data", b"data:", b"data: ", b"event:", b"event: x", b"id:", b"id: 7", b"retry:", b"retry: 10", b"foo", b"{}"),
    *(b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\0", b"x" * 9, b"\xff"),
    *("é".encode(), "€".encode(), "😀".encode(), b"\xe2\x82", b"\xf0\x9f", b"\xed\xa0\x80"),
]
MESSAGES = [
    *(b"data: a\n\n", b"data:b\n\n", b"event: c\ndata: d\n\n", b"event:\xc3\xa9\ndata:d\n\n", b"data: \xc3\xa9\n\n"),
    *(b"data: 0123456789\n\n", b"event: 0123456789\ndata: x\n\n", b"data: a\r\n\r\n", b"data: a\r\r"),
    *(b": ping\n\n", b"id: 1\ndata: e\n\n", b"\n", b": ping\r\n\r\n", b"id: 2\r\nevent:f\r\ndata:g\r\n\r\n"),
    *(b"data: h\ndata: i\n\n", b"id:\ndata\n\n", b": \xc3\xa9\ndata: j\n\n", b"\r\n\r\n", b"\r\r", b"data: k\r\n\r"),
    *(b"event: l\n\n", b"data: m\r\n\n", b"id: n\0\r\ndata: o\r\n\r\n", b": 0123456789\r\n\r\n", b"data: p\r\r\n"),
]
PIECES = st.one_of(
    st.lists(st.sampled_from(TOKENS), max_size=12).map(b"".join),
    st.lists(st.sampled_from(MESSAGES), max_size=4).map(b"".join),
    st.binary(max_size=8),
)
BODIES = st.lists(PIECES, max_size=10)
"""Bodies as they come: each one a feed of its own, sometimes whole events."""
CAPS = st.sampled_from([8, 9, 16, 40, MAX_EVENT_BYTES])
MAKES = pytest.mark.parametrize("make", [Parser, LinesOnly])


def sized(items: list[Item]) -> list[Sized]:
    return [(item, item.size) for item in items]


def read(parser: Parser, pieces: list[bytes]) -> list[Sized]:
    found = [item for piece in pieces for item in parser.feed(piece)]
    return sized([*found, *parser.close()])


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(body)]
    return [body[start:stop] for start, stop in pairwise(edges)]


@MAKES
@given(bodies=BODIES, cap=CAPS, first_id=st.sampled_from(["", "0"]))
@settings(max_examples=250, deadline=None)
def test_the_standard_s_text_gives_the_same(make: type[Parser], bodies: list[bytes], cap: int, first_id: str) -> None:
    """Items, sizes, last event id and reconnection time are the reference's, with and without quick paths."""
    parser = make(max_bytes=cap, last_event_id=first_id)
    reference = Reference(b"".join(bodies), cap, first_id)
    assert read(parser, bodies) == reference.sized
    assert (parser.last_event_id, parser.retry_ms) == (reference.last_event_id, reference.retry_ms)


@MAKES
@given(bodies=BODIES, cap=CAPS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_items(make: type[Parser], bodies: list[bytes], cap: int, data: st.DataObject) -> None:
    """Wherever the bytes are cut, the items and their sizes are those of one feed."""
    body = b"".join(bodies)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=12))
    whole = read(make(max_bytes=cap), [body])
    assert read(make(max_bytes=cap), cut(body, cuts)) == whole
    assert read(make(max_bytes=cap), bodies) == whole


@MAKES
@given(bodies=BODIES, cap=CAPS)
@settings(max_examples=150, deadline=None)
def test_an_item_appears_at_its_last_byte(make: type[Parser], bodies: list[bytes], cap: int) -> None:
    """Fed byte by byte, each item comes with exactly the byte that completes it in the reference."""
    body = b"".join(bodies)
    parser = make(max_bytes=cap)
    seen = [(item, at + 1) for at in range(len(body)) for item in parser.feed(body[at : at + 1])]
    reference = Reference(body, cap)
    assert seen + [(item, len(body)) for item in parser.close()] == reference.found


@MAKES
@given(bodies=BODIES, cap=CAPS)
@settings(max_examples=150, deadline=None)
def test_the_sizes_add_up_at_any_time(make: type[Parser], bodies: list[bytes], cap: int) -> None:
    """After every feed and after close, the sizes of all items and `pending_bytes` are the bytes fed."""
    parser, fed, covered = make(max_bytes=cap), 0, 0
    for body in bodies:
        fed += len(body)
        covered += sum(item.size for item in parser.feed(body))
        assert covered + parser.pending_bytes == fed
    tail = parser.close()
    assert len(tail) <= 1
    assert covered + sum(item.size for item in tail) + parser.pending_bytes == fed


TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=20)
EVENTS = st.builds(Event, data=TEXT, event=st.sampled_from(["", "message", "content_block_delta", "é"]))


@MAKES
@given(events=st.lists(EVENTS, max_size=8))
@settings(max_examples=100, deadline=None)
def test_encoded_events_come_back_one_by_one_and_together(make: type[Parser], events: list[Event]) -> None:
    """Events in bodies of their own, and in one body, are read as they were written."""
    bodies = [encode(event) for event in events]
    expected = [(event, len(body)) for event, body in zip(events, bodies, strict=True)]
    assert read(make(), bodies) == expected
    assert read(make(), [b"".join(bodies)]) == expected


def test_random_bytes_never_raise_and_agree_with_the_reference() -> None:
    """Three thousand seeded random streams, in random pieces, give what the standard's text gives."""
    rng = random.Random(20261120)
    for _ in range(3_000):
        body = random_body(rng)
        cap = rng.choice([8, 12, 64, MAX_EVENT_BYTES])
        cuts = [rng.randrange(len(body) + 1) for _ in range(rng.randrange(6))]
        make = rng.choice([Parser, LinesOnly])
        assert read(make(max_bytes=cap), cut(body, cuts)) == Reference(body, cap).sized


def random_body(rng: random.Random) -> bytes:
    kind = rng.randrange(3)
    if kind == 0:
        return rng.randbytes(rng.randrange(60))
    alphabet = TOKENS if kind == 1 else [*MESSAGES, *TOKENS]
    return b"".join(rng.choices(alphabet, k=rng.randrange(25)))
