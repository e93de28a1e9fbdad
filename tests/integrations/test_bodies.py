"""What kind of body a response has, and the cursor that reads it."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.integrations.bodies import Body, ByteCursor, body_headers, streamed_body
from otel_sse.recording.live_stream import Stream
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.integrations.answers import ANSWER, DIGESTS, FRAMES, plain
from tests.integrations.seen import Telemetry, recorder_of


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "text/event-stream; charset=utf-8"}, Body(False, False, "")),
        ({"content-type": "Text/Event-Stream", "content-encoding": "GZip"}, Body(False, False, "gzip")),
        ({"content-type": "application/x-ndjson", "content-encoding": "identity"}, Body(True, False, "")),
        ({"content-type": "text/plain; charset=utf-8"}, Body(False, True, "")),
        ({"content-type": "application/json"}, None),
        ({"content-type": "text/event-streams\\u20ac"}, None),
        ({}, None),
    ],
)
def test_kind_of_body(headers: dict[str, str], body: Body | None) -> None:
    """Media type and coding say how a body is to be read, or that it is no stream."""
    assert streamed_body(body_headers(headers), ("application/x-ndjson", "text/plain")) == body


@pytest.fixture
def stream(telemetry: Telemetry) -> Stream:
    """A stream that reports to the test's provider."""
    return Stream(recorder_of(telemetry.instrument(plain())), now_ns())


def cursor_of(stream: Stream, **how: Any) -> ByteCursor:
    """A cursor that feeds the stage `client`."""
    return ByteCursor(stream.recorder, lambda: stream.stage(StageSpec("client")), **how)


@pytest.mark.parametrize(
    ("parts", "outcome"), [(FRAMES, "completed"), (FRAMES[:-1], "abandoned"), (FRAMES[:1], "abandoned")]
)
def test_leaving_early_is_no_loss_after_the_end(
    parts: tuple[bytes, ...], outcome: str, stream: Stream, telemetry: Telemetry
) -> None:
    """Who stops after the protocol's end has all of the answer; who stops before has left it."""
    cursor = cursor_of(stream)
    cursor.begin()
    for part in parts:
        cursor.take(part, now_ns())
    cursor.end("abandoned")
    cursor.end("completed")
    cursor.take(FRAMES[0], now_ns())
    stage = telemetry.stage("client")
    assert (stage.outcome, len(stage.chunks)) == (outcome, len(parts))


def test_what_crosses_is_turned_into_bytes(stream: Stream, telemetry: Telemetry) -> None:
    """The function that it is given says what the bytes are."""
    cursor = cursor_of(stream, bytes_of=str.encode)
    cursor.begin()
    cursor.take(ANSWER.decode(), now_ns())
    cursor.end("completed")
    assert telemetry.stage("client").digests == DIGESTS


def test_a_stage_that_cannot_be_opened(stream: Stream, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried once, counted as an internal error, and nothing is raised by what follows."""
    monkeypatch.setattr("otel_sse.telemetry.internal.reraise", False)
    tried: list[int] = []

    def broken() -> Any:
        tried.append(1)
        raise LookupError("broken")

    cursor = ByteCursor(stream.recorder, broken)
    for _ in range(2):
        cursor.begin()
        cursor.take(FRAMES[0], now_ns())
    cursor.end("completed")
    assert tried == [1]
    assert telemetry.value("sse.internal_errors", site="open") == 1


def test_nothing_read_makes_no_stage(stream: Stream, telemetry: Telemetry) -> None:
    """A body that nobody reads is no stage."""
    cursor_of(stream).end("abandoned")
    assert telemetry.stages(0, "client") == []
