"""Which responses are watched, and what becomes of each of their messages."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from opentelemetry.trace import get_tracer

from otel_sse.integrations.headers import NDJSON_TYPES
from tests.integrations.answers import (
    ANSWER,
    DIGESTS,
    DONE,
    EVENT_STREAM,
    FRAMES,
    Message,
    Receive,
    Scope,
    Send,
    body,
    digest,
    plain,
    start,
)
from tests.integrations.driver import call
from tests.integrations.seen import Telemetry, attributes


def messages_app(*messages: Message) -> Any:
    """An application that sends exactly these messages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


@pytest.mark.parametrize(
    "value",
    [
        b"text/event-stream",
        b"Text/Event-Stream",
        b"text/event-stream; charset=utf-8",
        b"TEXT/EVENT-STREAM;charset=UTF-8; boundary=x",
        b"text/event-stream ; q=1",
    ],
)
async def test_an_event_stream_is_known_by_its_type(value: bytes, telemetry: Telemetry) -> None:
    """text/event-stream counts in any case and with any parameters."""
    app = telemetry.instrument(plain(FRAMES, (b"content-type", value)))
    assert (await call(app)).body == ANSWER
    assert telemetry.stage().digests == DIGESTS


async def test_header_names_count_in_any_case(telemetry: Telemetry) -> None:
    """A server's application that writes `Content-Type` in capitals is understood."""
    app = telemetry.instrument(plain(FRAMES, (b"X-Other", b"1"), (b"Content-Type", b"text/event-stream")))
    await call(app)
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize(
    "headers",
    [
        ((b"content-type", b"application/json"),),
        ((b"content-type", b"text/event-streams"),),
        ((b"content-type", b"application/x-ndjson"),),
        ((b"content-type", b""),),
        ((b"x-other", b"text/event-stream"),),
    ],
)
async def test_other_responses_are_left_alone(headers: Any, telemetry: Telemetry) -> None:
    """A response of another type has no stage; its messages go through as the very objects they were."""
    sent = [start(*headers), body(FRAMES[0]), body(FRAMES[1], more=False)]
    driver = await call(telemetry.instrument(messages_app(*sent)))
    assert all(a is b for a, b in zip(sent, driver.messages, strict=True))
    telemetry.request()
    assert telemetry.segments() == []
    telemetry.settled()


async def test_further_types_can_be_streams(telemetry: Telemetry) -> None:
    """With `content_types` newline-delimited JSON is a stream too, and is read line by line."""
    lines = [b'{"content": "one"}\n', b'{"content": ', b'"two"}\n{"content": "three", "done": true}\n']
    app = telemetry.instrument(
        plain(lines, (b"content-type", b"Application/X-NDJSON; charset=utf-8")), content_types=("application/x-ndjson",)
    )
    assert (await call(app)).body == b"".join(lines)
    stage = telemetry.stage()
    assert stage.digests == [digest("one"), digest("two"), digest("three")]
    assert stage.outcome == "completed"
    assert "application/x-ndjson" in NDJSON_TYPES


async def test_further_types_that_are_not_lines_are_read_as_events(telemetry: Telemetry) -> None:
    """Another type of the user's own, in whatever case a response names it, is read as an event stream."""
    app = telemetry.instrument(plain(FRAMES, (b"content-type", b"text/X-Ours")), content_types=("text/x-ours",))
    await call(app)
    assert telemetry.stage().digests == DIGESTS


async def test_head_has_no_stage(telemetry: Telemetry) -> None:
    """A HEAD request gets an event stream's headers and no body, so nothing is watched or added."""
    app = telemetry.instrument(messages_app(start(EVENT_STREAM), body(b"", more=False)))
    assert (await call(app, method="HEAD")).headers == [EVENT_STREAM]
    telemetry.request()
    assert telemetry.segments() == []


async def test_headers_may_come_as_an_iterator(telemetry: Telemetry) -> None:
    """Headers that can be read but once reach the server whole, of a stream and of any other response."""
    for kind, stages in ((b"text/plain", 0), (b"text/event-stream", 1)):
        header = (b"content-type", kind)
        sent = {"type": "http.response.start", "status": 200, "headers": iter([header, (b"x-more", b"1")])}
        driver = await call(telemetry.instrument(messages_app(sent, body(ANSWER, more=False))))
        assert driver.headers[:2] == [header, (b"x-more", b"1")]
        assert len(telemetry.stages(stages)) == stages


async def test_a_response_without_headers_is_left_alone(telemetry: Telemetry) -> None:
    """ASGI allows a start without headers; it is no stream."""
    sent = [{"type": "http.response.start", "status": 204}, body(b"", more=False)]
    driver = await call(telemetry.instrument(messages_app(*sent)))
    assert driver.messages[0] is sent[0]
    assert telemetry.segments() == []


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_bodies_may_be_any_bytes(kind: Any, telemetry: Telemetry) -> None:
    """A body goes through as the object it is, and is read whether it is bytes or a view of some."""
    sent = [start(), *(body(kind(part)) for part in FRAMES), body(kind(b""), more=False)]
    driver = await call(telemetry.instrument(messages_app(*sent)))
    assert all(a is b for a, b in zip(sent[1:], driver.messages[1:], strict=True))
    assert telemetry.stage().digests == DIGESTS


async def test_several_events_in_a_body_share_its_time(telemetry: Telemetry) -> None:
    """Bodies with several events each: every event is a chunk, and those of one body have one time."""
    parts = [b"".join(FRAMES[:2]), b"".join(FRAMES[2:])]
    await call(telemetry.instrument(plain(parts)))
    stage = telemetry.stage()
    assert stage.digests == DIGESTS
    times = [event.timestamp for event in stage.events]
    assert [len(list(group)) for _, group in itertools.groupby(times)] == [2, 3]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
async def test_bodies_may_be_cut_anywhere(size: int, telemetry: Telemetry) -> None:
    """Events, and characters of several bytes, that are cut over bodies are put together again."""
    parts = [ANSWER[at : at + size] for at in range(0, len(ANSWER), size)]
    driver = await call(telemetry.instrument(plain(parts)))
    assert [message["body"] for message in driver.messages[1:-1]] == parts
    stage = telemetry.stage()
    assert stage.digests == DIGESTS
    assert sum(chunk["sse.chunk.raw_len"] for chunk in stage.chunks) == len(ANSWER)


async def test_the_last_body_may_carry_events(telemetry: Telemetry) -> None:
    """Events of the last body count, and the totals on the request's span have them."""
    await call(telemetry.instrument(messages_app(start(), body(FRAMES[0]), body(FRAMES[1] + DONE, more=False))))
    assert telemetry.stage().digests == [DIGESTS[0], DIGESTS[1], DIGESTS[-1]]
    request = attributes(telemetry.request())
    assert request["sse.stream.chunks"] == 3
    assert request["sse.stream.outcome"] == "completed"


async def test_the_time_is_read_before_the_send(telemetry: Telemetry) -> None:
    """A send that takes 50 ms lies after the chunk's time, and is kept on the chunk and in the stage's sum."""
    driver = await call(telemetry.instrument(plain(FRAMES[:2])), send_s=0.05)
    stage = telemetry.stage()
    for event, sent_ns in zip(stage.events, driver.send_times_ns, strict=False):
        assert event.timestamp <= sent_ns - 49_000_000
    assert [chunk["sse.chunk.send_time"] >= 0.05 for chunk in stage.chunks] == [True, True]
    assert stage.attributes["sse.stream.send_time"] >= 0.15


async def test_a_quick_send_is_not_worth_an_attribute(telemetry: Telemetry) -> None:
    """A send below a millisecond stands in the stage's sum only."""
    await call(telemetry.instrument(plain()))
    stage = telemetry.stage()
    assert any("sse.chunk.send_time" not in chunk for chunk in stage.chunks)
    assert stage.attributes["sse.stream.send_time"] > 0


@pytest.mark.parametrize(
    "extra",
    [
        {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]},
        {"type": "http.response.push", "path": "/a.css", "headers": []},
        {"type": "http.response.debug", "info": {}},
    ],
)
async def test_messages_before_the_start_pass(extra: Message, telemetry: Telemetry) -> None:
    """What an application sends before the start goes through as it is, in its place."""
    driver = await call(telemetry.instrument(messages_app(extra, start(), body(ANSWER, more=False))))
    assert driver.messages[0] is extra
    assert telemetry.stage().digests == DIGESTS


async def test_trailers_pass_in_order(telemetry: Telemetry) -> None:
    """Trailers come after the last body, untouched; the stream was complete before them."""
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}
    sent = [start(EVENT_STREAM, trailers=True), body(ANSWER, more=False), trailers]
    driver = await call(telemetry.instrument(messages_app(*sent)))
    assert all(a is b for a, b in zip(sent[1:], driver.messages[1:], strict=True))
    assert telemetry.stage().outcome == "completed"
    telemetry.settled()


@pytest.mark.parametrize(
    ("messages", "chunks"),
    [
        ([{"type": "http.response.pathsend", "path": "/var/answer"}], 0),
        ([{"type": "http.response.zerocopysend", "file": 3}], 0),
        ([{"type": "http.response.zerocopysend", "file": 3, "more_body": True}, body(DONE, more=False)], 1),
        ([body(FRAMES[0]), {"type": "http.response.zerocopysend", "file": 3, "more_body": False}], 1),
    ],
)
async def test_bytes_that_the_server_reads_itself(messages: list[Any], chunks: int, telemetry: Telemetry) -> None:
    """Path send and zero copy send go through untouched; as their bytes were not seen, the outcome is unparsed."""
    driver = await call(telemetry.instrument(messages_app(start(), *messages)))
    assert all(a is b for a, b in zip(messages, driver.messages[1:], strict=True))
    stage = telemetry.stage()
    assert stage.outcome == "unparsed"
    assert len(stage.chunks) == chunks
    assert attributes(telemetry.request())["sse.stream.outcome"] == "unparsed"
    telemetry.settled()


@pytest.mark.parametrize(
    "extra", [body(FRAMES[0], more=False), {"type": "http.response.pathsend", "path": "/var/answer"}]
)
async def test_what_comes_after_the_last_body_passes(extra: Message, telemetry: Telemetry) -> None:
    """What an application sends after its last body is the server's to judge; it changes nothing in the trace."""
    app = telemetry.instrument(messages_app(start(), body(ANSWER, more=False), extra))
    # A span that does not end with the last body, as contrib's does, could still be written on.
    tracer = get_tracer("test", tracer_provider=telemetry.tracer_provider)
    with tracer.start_as_current_span("request"):
        driver = await call(app)
    assert driver.messages[-1] is extra
    assert telemetry.stage().digests == DIGESTS
    request = next(attributes(span) for span in telemetry.spans() if span.name == "request")
    assert request["sse.stream.chunks"] == len(DIGESTS)
    assert request["sse.stream.outcome"] == "completed"
