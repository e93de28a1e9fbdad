"""Which content types are event streams."""

from __future__ import annotations

import pytest

from otel_sse.wire import is_event_stream, media_type


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream",
        "TEXT/Event-Stream",
        " \ttext/event-stream \r\n",
        "text/event-stream;",
        "text/event-stream ; charset=utf-8",
        'text/event-stream;a="b;c";d',
    ],
)
def test_an_event_stream_in_any_dress(content_type: str) -> None:
    """Case, parameters and surrounding white space do not matter, as text and as bytes."""
    assert is_event_stream(content_type)
    assert is_event_stream(content_type.encode())


@pytest.mark.parametrize(
    "content_type",
    ["", "text/event-streams", "text/event-stream x", "x;text/event-stream", "text/plain", "application/x-ndjson"],
)
def test_anything_else_is_not(content_type: str) -> None:
    """Only the exact type counts, and a missing header is none."""
    assert not is_event_stream(content_type)
    assert not is_event_stream(content_type.encode())


def test_bytes_that_are_no_text_are_read_as_latin_1() -> None:
    """A header may hold any bytes; none of them raise."""
    assert not is_event_stream(b"\xff\xfe")
    assert media_type(b"Text/\xc4; x") == "text/ä"


def test_the_media_type_of_other_bodies() -> None:
    """The essence comes without parameters, in lower case."""
    assert media_type("Application/X-NDJSON; charset=utf-8") == "application/x-ndjson"
    assert media_type("") == ""
