"""Nets around real iterators: what they count and log, and that they are the stream in all else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import otel_sse
from otel_sse import guards
from otel_sse.errors import ConfigurationError
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.conftest import ROOT
from tests.guards.made import ITEMS, NETS, OPENING, produced
from tests.integrations.seen import Telemetry, recorder_of


@pytest.fixture
def request_stream() -> Iterator[tuple[Telemetry, Stream]]:
    """A stream of an application that reports to a fresh provider, as the current one."""
    telemetry = Telemetry()

    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    recorder = recorder_of(telemetry.instrument(app, dedup_window_ms=200))
    stream = Stream(recorder, now_ns())
    token = enter(stream)
    yield telemetry, stream
    leave(token)
    telemetry.close()


def test_lines_in_the_reference_are_those_that_are_written(
    request_stream: tuple[Telemetry, Stream], caplog: pytest.LogCaptureFixture
) -> None:
    """The reference page shows lines with the parts that real ones have."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    frames = [f"id: {n}\ndata: t{n}\n\n" for n in range(9)]
    with caplog.at_level(logging.INFO, "otel_sse.guard"):
        list(guards.deduplicate([*frames, frames[-1]], window_ms=60_000))
        list(guards.trim_restarts([*OPENING, *OPENING], min_chars=16))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    for line in lines:
        guard, action, *fields = line.split()
        shown = next(each for each in page.splitlines() if each.startswith(f"{guard} {action} "))
        assert [part.partition("=")[0] for part in fields] == [
            part.partition("=")[0] for part in shown.split()[2:] if not part.startswith("trace_id=")
        ]


async def test_actions_are_counted_and_logged_with_seq(
    request_stream: tuple[Telemetry, Stream], caplog: pytest.LogCaptureFixture
) -> None:
    """Each action is in the metric, and a line names the chunk and the stream; no text is logged."""
    telemetry, stream = request_stream
    with caplog.at_level(logging.INFO, "otel_sse.guard"):
        for net, items in zip(NETS, ITEMS, strict=True):
            assert [item async for item in net(produced(items))] == OPENING
    assert telemetry.value("sse.guard.actions", guard="deduplicate", action="dropped") == 16
    assert telemetry.value("sse.guard.actions", guard="trim_restarts", action="trimmed") == 16
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == f"DEDUPLICATE dropped seq=2 of=1 by=content stream={stream.id}"
    assert lines[-1] == f"TRIM_RESTARTS trimmed seq=17-32 stream={stream.id}"
    assert not any("tea" in line for line in lines)


def test_actions_exist_at_zero(request_stream: tuple[Telemetry, Stream]) -> None:
    """Before anything has happened every guard's counter is there, for alerts that ask for an increase."""
    telemetry, _ = request_stream
    points = telemetry.metric("sse.guard.actions")
    assert {(dict(key)["guard"], dict(key)["action"]) for key in points} == {
        ("single_pass", "raised"),
        ("deduplicate", "dropped"),
        ("deduplicate", "kept"),
        ("trim_restarts", "trimmed"),
        ("trim_restarts", "released"),
    }
    assert {point.value for point in points.values()} == {0}


def test_window_is_the_argument_then_the_applications_then_the_environments(
    request_stream: tuple[Telemetry, Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest setting wins; outside of any request it is OTEL_SSE_DEDUP_WINDOW_MS."""
    clock = iter(range(0, 10**12, 150_000_000))
    monkeypatch.setattr("otel_sse.iterators.filter_pass.now_ns", lambda: next(clock))
    assert list(guards.deduplicate("aa", by="content")) == ["a"]
    assert list(guards.deduplicate("aa", by="content", window_ms=100)) == ["a", "a"]
    token = enter(None)  # type: ignore[arg-type]
    monkeypatch.setenv("OTEL_SSE_DEDUP_WINDOW_MS", "160")
    assert list(guards.deduplicate("aa", by="content")) == ["a"]
    monkeypatch.setenv("OTEL_SSE_DEDUP_WINDOW_MS", "140")
    assert list(guards.deduplicate("aa", by="content")) == ["a", "a"]
    monkeypatch.setenv("OTEL_SSE_DEDUP_WINDOW_MS", "soon")
    with pytest.raises(ConfigurationError, match="OTEL_SSE_DEDUP_WINDOW_MS must be a whole number of milliseconds"):
        guards.deduplicate("aa")
    leave(token)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: guards.deduplicate("", by="hash"), """by must be "identity" or "content", got 'hash'."""),
        (lambda: guards.deduplicate("", by="content", key=len), "key must be a function, with by="),
        (lambda: guards.deduplicate("", key="id"), "key must be a function"),  # type: ignore[call-overload]
        (lambda: guards.deduplicate("", window_ms=0), "window_ms must be a whole number from 1 to 60000, got 0"),
        (lambda: guards.deduplicate("", window_ms=60_001), "window_ms must be"),
        (lambda: guards.deduplicate("", window_ms=True), "window_ms must be"),
        (lambda: guards.trim_restarts("", min_chars=0), "min_chars must be a whole number from 1 to 65536, got 0"),
        (lambda: guards.trim_restarts("", min_chars=65_537), "min_chars must be"),
    ],
)
def test_arguments_that_are_not_allowed_are_named(call: Any, said: str) -> None:
    """A wrong argument is told where the net is put up, not in the middle of a stream."""
    with pytest.raises(ConfigurationError) as raised:
        call()
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("net", [guards.deduplicate, guards.trim_restarts])
def test_what_cannot_be_iterated_is_refused(net: Any) -> None:
    """Anything else is a TypeError at once."""
    with pytest.raises(TypeError, match="stream must be an iterator, got 3"):
        net(3)


def test_users_key_that_raises_costs_no_chunk(
    request_stream: tuple[Telemetry, Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the user's function, or a key that can't be one, is counted, and the chunk passes."""
    telemetry, _ = request_stream
    monkeypatch.setattr(internal, "reraise", False)
    assert list(guards.deduplicate([1, 1], key=lambda item: item["n"])) == [1, 1]
    assert list(guards.deduplicate([1, 1], key=lambda item: [])) == [1, 1]  # type: ignore[arg-type,return-value]
    assert telemetry.value("sse.internal_errors", site="guard") == 4


async def test_net_is_a_stage_that_may_leave_chunks_out() -> None:
    """In a request the trace shows the net, and nobody is accused of what it withheld."""

    async def doubling() -> Any:
        for n, word in enumerate(OPENING):
            for _ in range(2):
                yield f"id: {n}\ndata: {word}\n\n"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        words = guards.deduplicate(otel_sse.observe(doubling(), "provider"), window_ms=60_000)
        async for event in otel_sse.observe(words, "emit"):
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    watched = otel_sse.instrument(app)
    with otel_sse.testing.record() as streams:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url="http://test") as client:
            await client.get("/")
    otel_sse.uninstrument(watched)
    (stream,) = streams
    # The first two repetitions pass: an id counts once three different ones have been seen.
    assert [(stage.label, stage.total) for stage in stream.stages] == [
        ("provider", 32),
        ("guard.deduplicate", 18),
        ("emit", 18),
        ("socket_write", 18),
        ("client", 18),
    ]
    stream.assert_no_gaps()
