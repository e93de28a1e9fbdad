"""Readers that come back with `Last-Event-ID`: what goes on where they stopped is a resume, all else is told."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from otel_sse import limits, semconv
from otel_sse.integrations.headers import cursor_in, last_event_id
from tests.integrations.answers import EVENT_STREAM, body, frame, plain, start
from tests.integrations.driver import call
from tests.integrations.seen import Stage, Telemetry, attributes


def events(numbers: range) -> list[bytes]:
    """Events with these numbers as ids."""
    return [b"id: %d\n" % number + frame(f"word {number}. ") for number in numbers]


def said(stage: Stage) -> list[tuple[Any, ...]]:
    """Kind, certainty and chunk of a stage's findings."""
    names = (semconv.FINDING_KIND, semconv.FINDING_CERTAINTY, semconv.FINDING_SEQ)
    found = [event.attributes or {} for span in stage.segments for event in span.events]
    return [tuple(one[name] for name in names) for one in found if semconv.FINDING_KIND in one]


def is_resumed(stage: Stage) -> bool:
    """Whether the stage's last span says so."""
    return attributes(stage.segments[-1]).get(semconv.STREAM_RESUMED) is True


@pytest.mark.parametrize(
    ("numbers", "expected", "resumed"),
    [
        (range(11, 41), [], True),
        (range(10, 41), [("duplicate/replayed", "certain", 1)], False),
        (range(1, 41), [("duplicate/replayed", "certain", 1)], False),
        (range(15, 41), [("gap/sequence", "certain", 1)], True),
    ],
    ids=["right behind", "the event itself", "all again", "later"],
)
async def test_answer_is_held_against_what_its_reader_had(
    numbers: range, expected: list[tuple[str, str, int]], resumed: bool, telemetry: Telemetry
) -> None:
    """Where it goes on right behind it is a resume, seen on the stages that lead to the reader and on the request."""

    async def answer(request: Any) -> StreamingResponse:
        return StreamingResponse(iter(events(numbers)), media_type="text/event-stream")

    app = telemetry.instrument(Starlette(routes=[Route("/chat", answer)]))
    await call(app, headers=[(b"host", b"example.org"), (b"last-event-id", b"10")])
    for name in ("emit", "socket_write"):
        assert said(telemetry.stage(name)) == expected
        assert is_resumed(telemetry.stage(name)) is resumed
    assert attributes(telemetry.request()).get(semconv.STREAM_RESUMED, False) is resumed


@pytest.mark.parametrize("value", [b"", b"9" * (limits.MAX_ID_CHARS + 1), b"\xff\x00<b>"])
async def test_header_that_names_no_event_says_nothing(value: bytes, telemetry: Telemetry) -> None:
    """An empty, endless or broken header is no reason to call an answer wrong."""
    app = telemetry.instrument(plain(events(range(1, 30)), EVENT_STREAM))
    await call(app, headers=[(b"last-event-id", value)])
    assert said(telemetry.stage()) == []


async def test_headers_that_can_be_read_once_are_left_to_the_application(telemetry: Telemetry) -> None:
    """Where a server gives an iterator, the application still finds all of it."""
    found: list[tuple[bytes, bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.extend(scope["headers"])
        await send(start(EVENT_STREAM))
        await send(body(b"".join(events(range(1, 20))), more=False))

    await call(telemetry.instrument(app, server_span=False), headers=iter([(b"last-event-id", b"10")]))
    assert found == [(b"last-event-id", b"10")]
    assert said(telemetry.stage()) == []


def test_header_is_bounded_and_read_as_utf_8() -> None:
    """The longest id that is remembered is read, one character more is not."""
    assert last_event_id([(b"Last-Event-ID", "é".encode())]) == "é"
    assert last_event_id([(b"last-event-id", b"1" * limits.MAX_ID_CHARS)]) == "1" * limits.MAX_ID_CHARS
    assert last_event_id([(b"last-event-id", b"1" * (limits.MAX_ID_CHARS + 1))]) == ""
    assert last_event_id([]) == ""


@pytest.mark.parametrize("name", ["starting_after", "from", "offset", "last_event_id", "since"])
async def test_a_cursor_in_the_query_orders_where_to_begin(name: str, telemetry: Telemetry) -> None:
    """The answer is a resume then, and no replay, although its reader had more; a parameter of another name is none."""

    async def answer(request: Any) -> StreamingResponse:
        return StreamingResponse(iter(events(range(6, 30))), media_type="text/event-stream")

    app = telemetry.instrument(Starlette(routes=[Route("/chat", answer)]))
    query = f"a=1&{name}=5&{name}=9".encode()
    await call(app, headers=[(b"host", b"example.org"), (b"last-event-id", b"10")], query_string=query)
    for stage in map(telemetry.stage, ("emit", "socket_write")):
        assert is_resumed(stage) is (name != "since")
        assert said(stage) == ([("duplicate/replayed", "certain", 1)] if name == "since" else [])


@pytest.mark.parametrize("length", [limits.MAX_ID_CHARS, limits.MAX_ID_CHARS + 1])
def test_a_cursor_that_is_longer_than_an_id_is_none(length: int) -> None:
    """At the cap it is one; a query of another type has none."""
    value = "7" * length
    assert cursor_in(f"from={value}", ("from",)) == (value if length == limits.MAX_ID_CHARS else "")
    assert cursor_in(None, ("from",)) == cursor_in(b"\xff", ("from",)) == cursor_in([], ("from",)) == ""


@pytest.mark.parametrize("length", [limits.MAX_CURSOR_QUERY_CHARS, limits.MAX_CURSOR_QUERY_CHARS + 1])
def test_a_query_that_is_too_long_is_not_looked_into(length: int) -> None:
    """At the cap the cursor is found."""
    query = "from=7&q=".ljust(length, "x").encode()
    assert cursor_in(query, ("offset", "from")) == ("7" if length == limits.MAX_CURSOR_QUERY_CHARS else "")
