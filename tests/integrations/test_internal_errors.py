"""Errors inside otel_sse: the application and its client never learn of them, we do."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

import otel_sse
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import SITES, Recorder
from otel_sse.stage.checks import Checks
from otel_sse.stage.monitor import StageMonitor
from otel_sse.stream.facts import Facts
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.segments import SegmentWriter
from otel_sse.wire import Event, Parser
from tests.integrations.answers import ANSWER, DIGESTS, DONE, body, frame, plain, start
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app, plain_app, starlette_app
from tests.integrations.seen import Stage, Telemetry, attributes, until
from tests.integrations.servers import Uvicorn


class Injected(Exception):
    """Raised inside otel_sse by a test."""


def broken(*args: Any, **kwargs: Any) -> Any:
    """Stand where something of ours should."""
    raise Injected


class BrokenDialect:
    """A dialect that raises where it should read."""

    name = "broken"
    expects = "nothing"
    read = broken


INJECTIONS: dict[str, tuple[str, Any, str, dict[str, Any]]] = {
    "parser": ("observe", Parser, "feed", {}),
    "dialect": ("observe", BrokenDialect, "read", {"dialect": BrokenDialect}),
    "detector": ("observe", Checks, "event", {}),
    "journal": ("record", SegmentWriter, "write", {}),
    "segment": ("record", SegmentWriter, "end", {}),
    "opening": ("open", Recorder, "open", {}),
    "end of body": ("observe", StageMonitor, "end_of_body", {}),
    "closing": ("close", StageMonitor, "end", {}),
    "leaving": ("close", Stream, "end", {}),
    "start hook": ("hook", None, "", {"on_stream_start": broken}),
    "end hook": ("hook", None, "", {"on_stream_end": broken}),
    "route": ("hook", None, "", {"route_of": broken}),
}
"""Where an exception is raised: site, whose, what is replaced, and settings."""


@pytest.fixture
def unharmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Internal errors are counted and logged as in production, not raised."""
    monkeypatch.setattr(internal, "reraise", False)


def inject(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    """Put an exception in; return the site it is to be counted at, and the settings."""
    site, owner, attribute, options = INJECTIONS[name]
    if attribute.islower():
        monkeypatch.setattr(owner, attribute, broken)
    return site, options


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("make", [plain_app, starlette_app, fastapi_app])
@pytest.mark.parametrize("name", INJECTIONS)
def test_the_bytes_arrive_whole(
    name: str,
    make: Any,
    telemetry: Telemetry,
    uvicorn_server: Uvicorn,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever of ours raises: the client gets every byte, the error is counted at its site and logged once."""
    site, options = inject(name, monkeypatch)
    address = uvicorn_server.serve(telemetry.instrument(make(), clients=False, emit=False, **options))
    assert httpx.get(address + "/chat").content == ANSWER
    assert httpx.get(address + "/chat").content == ANSWER
    telemetry.requests(2)
    # The last of ours runs after the response is complete.
    until(lambda: telemetry.value("sse.internal_errors", site=site) >= 2, "the second error")
    for other in set(SITES) - {site}:
        assert telemetry.value("sse.internal_errors", site=other) == 0
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert lines == [
        f"internal error at {site}: Injected in broken, line {line_of_raise()}; the stream goes on unharmed"
    ]
    telemetry.settled()


class WithoutExpectations:
    """A dialect that raises where it should say what it expects."""

    name = "without expectations"

    def read(self, event: Event) -> Facts:
        return Facts("content", event.data)

    @property
    def expects(self) -> str:
        raise Injected


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize("leaves_after", [None, 2])
@pytest.mark.parametrize("make", [plain_app, starlette_app])
async def test_a_dialect_that_cannot_say_its_end_harms_nobody(
    make: Any, leaves_after: int | None, spec_version: str, telemetry: Telemetry
) -> None:
    """Asking a user's dialect whether the answer has ended raises nothing into the application, whoever has left."""
    bare = await call(make(), leaves_after=leaves_after, spec_version=spec_version)
    app = telemetry.instrument(make(), dialect=WithoutExpectations)
    driver = await call(app, leaves_after=leaves_after, spec_version=spec_version)
    assert (type(driver.error), driver.body) == (type(bare.error), bare.body)
    telemetry.stage()
    telemetry.settled()


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("then", ["cancelled", "abandoned"])
async def test_an_end_behind_what_was_not_seen_proves_nothing(
    then: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a chunk could not be observed nobody knows what it was, so who leaves behind the end may have missed it."""
    feed = Parser.feed

    def failing_once(parser: Parser, data: bytes) -> Any:
        if b"secret" in data:
            raise Injected
        return feed(parser, data)

    monkeypatch.setattr(Parser, "feed", failing_once)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for part in (frame("a"), frame("secret"), DONE):
            await send(body(part))
        if then == "cancelled":
            raise asyncio.CancelledError

    await call(telemetry.instrument(app))
    assert telemetry.stage().outcome == then
    telemetry.settled()


def line_of_raise() -> int:
    """The line that `broken` raises in."""
    return broken.__code__.co_firstlineno + 2


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", ["parser", "dialect", "detector"])
async def test_what_was_not_observed_is_not_called_complete(
    name: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that failed to read its stream says unparsed, whatever came after."""
    _, options = inject(name, monkeypatch)
    await call(telemetry.instrument(plain(), **options))
    assert telemetry.stage().outcome == "unparsed"


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(("owner", "attribute"), [(Parser, "close"), (StageMonitor, "end")])
@pytest.mark.parametrize("fails", [False, True])
async def test_a_stage_has_an_outcome_though_its_end_failed(
    owner: type, attribute: str, fails: bool, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where our own end of a stage raises, every stage ends all the same, as far as anybody knows how."""
    monkeypatch.setattr(owner, attribute, broken)

    async def parts() -> Any:
        yield ANSWER
        if fails:
            raise ValueError("no more tokens")

    await call(telemetry.instrument(starlette_app(parts)))
    for name in ("socket_write", "emit"):
        stage = telemetry.stage(name)
        assert stage.outcome == ("failed" if fails else "unparsed")
        assert stage.attributes.get("error.type") == ("ValueError" if fails else None)
        assert stage.segments[-1].attributes
        assert len(stage.chunks) == len(DIGESTS)
    telemetry.settled()


@pytest.mark.usefixtures("unharmed")
async def test_an_error_in_the_last_body(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of the last body that can't be read go out all the same, and the request's span says unparsed too."""
    inject("parser", monkeypatch)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(ANSWER, more=False))

    driver = await call(telemetry.instrument(app))
    assert driver.body == ANSWER
    assert telemetry.value("sse.internal_errors", site="observe") == 1
    assert telemetry.stage().outcome == "unparsed"
    assert attributes(telemetry.request())["sse.stream.outcome"] == "unparsed"


@pytest.mark.usefixtures("unharmed")
async def test_one_error_costs_one_chunk(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while one body is read leaves the others' chunks in the trace."""
    healthy = Parser.feed
    calls: list[int] = []

    def once(self: Parser, data: bytes) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Injected
        return healthy(self, data)

    monkeypatch.setattr(Parser, "feed", once)
    await call(telemetry.instrument(plain()))
    assert telemetry.stage().digests == [DIGESTS[0], *DIGESTS[2:]]


@pytest.mark.usefixtures("unharmed")
async def test_a_stage_that_keeps_failing_gives_up(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a number of errors a stage looks away; the bytes go on."""
    inject("parser", monkeypatch)
    parts = [frame("x")] * 500
    driver = await call(telemetry.instrument(plain(parts)))
    assert driver.body == b"".join(parts)
    assert 1 < telemetry.value("sse.internal_errors", site="observe") < 100
    assert telemetry.stage().outcome == "unparsed"


@pytest.mark.usefixtures("unharmed")
async def test_the_applications_exception_comes_through(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both the application and we raise, the application's own exception arrives."""
    inject("closing", monkeypatch)
    error = ValueError("no more tokens")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        raise error

    assert (await call(telemetry.instrument(app))).error is error
    assert telemetry.value("sse.internal_errors", site="close") == 1


@pytest.mark.parametrize("name", ["parser", "dialect", "detector", "opening", "closing", "route"])
async def test_raised_as_well_under_test(name: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `reraise` is set an error on the request's side is raised as well, so that no test hides one."""
    _, options = inject(name, monkeypatch)
    driver = await call(telemetry.instrument(plain(), **options))
    assert isinstance(driver.error, Injected)
    monkeypatch.undo()


def test_raised_as_well_by_flush(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on the recorder's side is raised where the test flushes."""
    recorder = telemetry.instrument(plain())._self_middleware.recorder
    record = recorder.open(StageInfo(StageSpec("socket_write"), "s1"), 0)
    record.feed(DONE, 1, 0)
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "write", broken)
        with pytest.raises(Injected):
            otel_sse.flush()
    record.close("completed")
    assert isinstance(telemetry.stage(), Stage)


def test_the_sites_are_counted_from_the_start(telemetry: Telemetry) -> None:
    """Each site's counter is there at 0 before the first error, so that an alert sees the first one."""
    telemetry.instrument(plain())
    counted = {dict(key)["site"]: point.value for key, point in telemetry.metric("sse.internal_errors").items()}
    assert counted == dict.fromkeys(SITES, 0)
