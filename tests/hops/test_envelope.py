"""The line in front of a WebSocket message, and the header by which both ends agree on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.hops.envelope import (
    SMALL_BYTES,
    Agreement,
    Envelope,
    agree,
    fits,
    head,
    is_stream_id,
    is_unfinished,
    offer,
    open_bytes,
    open_text,
    opening,
)

TRACE = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
STREAM_IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
NUMBERS = st.integers(1, 2**63 - 1)


def test_the_line_is_what_the_page_shows() -> None:
    """The bytes of docs/envelope.md: a message in a stream, and the first one of a stream."""
    assert head("6f0e1b2c3d4e5f60", 3, 1_763_622_000_000_000_000) == (
        "otel-sse/1 6f0e1b2c3d4e5f60 3 1763622000000000000\n"
    )
    assert head("a", 1, 2, opening(TRACE, "vendor=x y,b=2")) == f"otel-sse/1 a 1 2 {TRACE} vendor=x y,b=2\n"
    assert head("a", 1, 2, opening()) == "otel-sse/1 a 1 2 -\n"
    assert head("a", 7, 2, "", 7) == "otel-sse/1 a 7 2\n"
    assert head("a", 7, 2, "", 1) == "otel-sse/1 a 7/1 2\n"


@given(
    STREAM_IDS,
    NUMBERS,
    NUMBERS,
    st.integers(0, 2**63 - 1),
    st.text(),
    st.sampled_from([("", ""), (TRACE, ""), (TRACE, "a=b, c=d")]),
)
def test_what_was_wrapped_comes_out(
    stream_id: str, seq: int, chunk: int, time_ns: int, payload: str, trace: tuple[str, str]
) -> None:
    """Whatever the payload is, it comes out as it went in, as text and as bytes, with what the line said."""
    line = head(stream_id, seq, time_ns, opening(*trace), chunk)
    expected = Envelope(stream_id, seq, time_ns, chunk, True, *trace)
    assert open_text(line + payload) == (expected, payload)
    raw = payload.encode("utf-8", "surrogatepass")
    assert open_bytes(line.encode() + raw) == (expected, raw)


@given(st.binary())
def test_binary_payloads_come_out(payload: bytes) -> None:
    """Binary stays binary, line feeds and marks in it too."""
    assert open_bytes(head("s", 1, 2).encode() + payload) == (Envelope("s", 1, 2, 1), payload)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "otel-sse/1",
        "otel-sse/1 ",
        "otel-sse/1 a 1 2",
        "otel-sse/1 a 1\n",
        "otel-sse/1 a x 2\nhello",
        "otel-sse/1 a 0 2\nhello",
        "otel-sse/1 a -1 2\nhello",
        "otel-sse/1 a 1 -2\nhello",
        f"otel-sse/1 a {2**63} 2\nhello",
        f"otel-sse/1 a 1/{2**63} 2\nhello",
        "otel-sse/1 a 1/0 2\nhello",
        "otel-sse/1 a 1/ 2\nhello",
        "otel-sse/1 a /1 2\nhello",
        "otel-sse/1 a 1/1/1 2\nhello",
        "otel-sse/1  1 2\nhello",
        "otel-sse/2 a 1 2\nhello",
        "otel-sse/1 a 1 2 " + "x" * limits.MAX_ENVELOPE_BYTES + "\nhello",
    ],
    ids=range(19),
)
def test_a_damaged_line_is_no_envelope(message: str) -> None:
    """A message without an envelope, or with one that can't be read, is the application's own, whole."""
    assert open_text(message) is None
    assert open_bytes(message.encode()) is None


@pytest.mark.parametrize("size", [limits.MAX_ENVELOPE_BYTES, limits.MAX_ENVELOPE_BYTES + 1])
def test_a_line_is_read_up_to_its_cap(size: int) -> None:
    """A line of 1,024 bytes is read, one of 1,025 is not."""
    line = head("a", 1, 2, opening(TRACE, ""))
    line = f"{line[:-1]} {'x' * (size - len(line) - 1)}\n"
    assert len(line) == size
    assert (open_text(line) is not None) is (size <= limits.MAX_ENVELOPE_BYTES)


def test_the_beginning_of_a_line_is_waited_for() -> None:
    """A first fragment that may still become an envelope is told from one that can't."""
    line = head("a", 1, 2).encode()
    assert all(is_unfinished(line[:length]) for length in range(len(line)))
    assert not is_unfinished(line)
    assert not is_unfinished(b"otel-ssf")
    assert not is_unfinished(b"otel-sse/1 " + b"x" * limits.MAX_ENVELOPE_BYTES)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("a", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("ü", False),
        (7, False),
    ],
)
def test_stream_ids_of_a_peer(text: object, allowed: bool) -> None:
    """1 to 64 printable ASCII characters without a space; nothing else may name a stream."""
    assert is_stream_id(text) is allowed


@pytest.mark.parametrize("limit", [1 << 16, 1 << 20, 4 << 20, 16 << 20, 10 << 20, 10**6, 10**7])
def test_no_head_lifts_a_message_over_a_limit(limit: int) -> None:
    """A message that a receiver's limit allows is still allowed with its head, or has none."""
    for size in range(limit - 200, limit + 1):
        assert not fits(size, 110) or size + 110 <= limit
    assert fits(limit - 110, 110)
    assert fits(limit + 1, 110)


def test_small_messages_always_have_a_head() -> None:
    """Up to 32 KiB nothing is in the way."""
    assert all(fits(size, 110) for size in (0, 1, SMALL_BYTES))


@pytest.mark.parametrize(
    ("value", "agreement"),
    [
        (None, None),
        ("", None),
        ("2", None),
        ("1", Agreement("1")),
        ("2, 1", Agreement("1")),
        ("1;p=3f2a9c11", Agreement("1", "3f2a9c11")),
        ("1; p=3f2a9c11; s=6f0e", Agreement("1", "3f2a9c11", "6f0e")),
        ("1;p=a b;s=" + "x" * 65, Agreement("1")),
        ("1;x=y", Agreement("1")),
        ("1;m=1000", Agreement("1", max_bytes=1000)),
        ("1;m=-1", Agreement("1")),
        ("1;m=" + "9" * 19, Agreement("1")),
        ("true", None),
    ],
)
def test_what_a_header_agrees_on(value: str | None, agreement: Agreement | None) -> None:
    """A list of versions that holds ours, whatever else it says; what names nothing is left out."""
    assert agree(value) == agreement


def test_an_offer_is_understood() -> None:
    """What one end writes the other end reads."""
    assert agree(offer("3f2a9c11", "6f0e")) == Agreement("1", "3f2a9c11", "6f0e")
    assert agree(offer("3f2a9c11")) == Agreement("1", "3f2a9c11")
    assert agree(offer("3f2a9c11", max_bytes=5)) == Agreement("1", "3f2a9c11", max_bytes=5)
