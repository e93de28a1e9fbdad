"""Outcomes over many ways to end, held to a small plain model; whatever else tells an outcome tells the same one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind

from tests.integrations.answers import DONE, Message, Receive, Scope, Send, body, frame, start
from tests.integrations.seen import Telemetry, attributes

USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\n'
FINISH = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
PARTS = {
    "content": frame("word "),
    "end": DONE,
    "finish": FINISH,
    "usage": USAGE,
    "comment": b": still here\n\n",
    "heartbeat": b'data: {"type": "ping"}\n\n',
    "nothing": b"",
    "text": b"data: a line of a log\n\n",
}
"""What a body can be. `text` makes it a stream of plain text where nothing else is in it."""

RETURNS, BREAKS, IS_CANCELLED, LETS_OUT = "returns", "breaks", "is cancelled", "lets out"


class Broken(Exception):
    """Raised by the application of itself."""


class Wrapped(Exception):
    """Raised by a framework in the place of what sending raised."""


@dataclass(frozen=True)
class Course:
    """One way that a request may take."""

    parts: tuple[str, ...]
    """The bodies, in order."""
    last: bool = True
    """Whether the latest of them is sent as the last one, with `more_body` false."""
    told: int | None = None
    """Before which body the client is told to have left; None for never."""
    meanwhile: bool = False
    """Whether that is told while the body before is still being sent, and not between the two."""
    at: int | None = None
    """Which body's sending raises; the application stops there."""
    raises: str = "OSError"
    """What that raises: `OSError` or `cancelled`."""
    then: str = RETURNS
    """What the application does in the end: it returns, breaks (raises of itself), is cancelled, or lets out what its
    sending raised."""
    wraps: str = ""
    """How it lets that out: as it is, in a `group`, or `handled`, which is as another exception raised meanwhile."""


def is_whole(crossed: list[str]) -> bool:
    """Whether an answer's end has crossed, and behind it only what begins no more of one."""
    behind = [part for part in crossed if part not in ("usage", "comment", "heartbeat", "nothing")]
    return bool(behind) and behind[-1] in ("end", "finish")


def ends_well(crossed: list[str]) -> bool:
    """Whether a body that has come to its end was an answer: it shows an end, or is plain text, which has none."""
    return "content" not in crossed or "end" in crossed or "finish" in crossed


def expected(course: Course) -> str:
    """The outcome, by the rules as docs/stages.md tells them."""
    crossed: list[str] = []
    since: list[str] = []
    whole_when_left: bool | None = None
    handed_over = settled = broke_off = False
    for number, part in enumerate(course.parts):
        if course.told == number and not course.meanwhile and whole_when_left is None:
            whole_when_left = is_whole(crossed)
        gone = whole_when_left is not None
        left_meanwhile = course.meanwhile and course.told == number + 1 and not gone
        raised = course.at == number
        is_last = course.last and number == len(course.parts) - 1
        # What the server has, it has: a body that was handed over before anybody said that the client had left.
        taken = not raised or (left_meanwhile and (is_last or course.raises == "cancelled"))
        if taken:
            crossed.append(part)
            since += [part] * gone
            handed_over, settled = is_last, is_last and not gone
        if (left_meanwhile or (raised and course.raises == "OSError")) and not gone:
            whole_when_left = is_whole(crossed)
        if raised:
            broke_off = True
            break
    if course.told == len(course.parts) and not course.meanwhile and whole_when_left is None and not broke_off:
        whole_when_left = is_whole(crossed)
    gone = whole_when_left is not None
    by_itself = course.then == BREAKS and not broke_off
    if settled:
        return "failed" if by_itself else "completed" if ends_well(crossed) else "incomplete"
    # A further answer that is sent once its reader has left is missed, the end of it included.
    had_all = is_whole(crossed) and whole_when_left is not False and "content" not in since
    # What breaks in mid-answer once its client has left breaks because of that.
    if by_itself and (had_all or handed_over or not gone):
        return "failed"
    if had_all:
        return "completed"
    if gone:
        return "disconnected"
    cancelled = course.then == IS_CANCELLED or (broke_off and course.raises == "cancelled")
    return "cancelled" if cancelled else "abandoned"


class Server:
    """Serves one course: takes bodies, and tells of the client's leaving when the course says so."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._sent = 0
        self._left = asyncio.Event()
        self._heard = asyncio.Event()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            return
        course, number = self._course, self._sent
        self._sent += 1
        if course.meanwhile and course.told == number + 1:
            await self.tell()
        if course.at == number and course.raises == "OSError":
            raise OSError("the client has left")
        if course.at == number:
            cancel_here()
            await asyncio.sleep(0)

    async def tell(self) -> None:
        """Tell the listening application that its client has left, and wait until it has heard."""
        self._left.set()
        await self._heard.wait()

    def heard(self) -> None:
        """To be called by the application that has heard."""
        self._heard.set()


def cancel_here() -> None:
    """Cancel the running task at its next await."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


def app_of(course: Course, server: Server) -> Any:
    """The application that takes the course."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> None:
            await receive()
            server.heard()

        listening = asyncio.ensure_future(listen())
        try:
            await answer(send)
        finally:
            listening.cancel()

    async def answer(send: Send) -> None:
        await send(start())
        for number, part in enumerate(course.parts):
            if course.told == number and not course.meanwhile:
                await server.tell()
            last = course.last and number == len(course.parts) - 1
            try:
                await send(body(PARTS[part], more=not last))
            except BaseException as error:
                if course.then == LETS_OUT or isinstance(error, asyncio.CancelledError):
                    let_out(error)
                return
        if course.told == len(course.parts) and not course.meanwhile:
            await server.tell()
        if course.then == BREAKS:
            raise Broken
        if course.then == IS_CANCELLED:
            cancel_here()
            await asyncio.sleep(0)

    def let_out(error: BaseException) -> None:
        if course.wraps == "group" and isinstance(error, OSError):
            raise ExceptionGroup("of a task group", [error])
        if course.wraps == "handled" and isinstance(error, OSError):
            raise Wrapped
        raise error

    return app


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Any course."""
    plain = draw(st.booleans())
    names = ["text", "comment", "nothing"] if plain else [name for name in PARTS if name != "text"]
    # A vendor's stream is known by its first chunk.
    begin = [] if plain else ["content"]
    parts = (*begin, *draw(st.lists(st.sampled_from(names), min_size=1, max_size=6)))
    count = len(parts)
    told = draw(st.none() | st.integers(0, count))
    meanwhile = told is not None and told > 0 and draw(st.booleans())
    at = draw(st.none() | st.integers(0, count - 1))
    return Course(
        parts,
        draw(st.booleans()),
        told,
        meanwhile,
        at,
        draw(st.sampled_from(["OSError", "cancelled"])),
        draw(st.sampled_from([RETURNS, BREAKS, IS_CANCELLED, LETS_OUT])),
        draw(st.sampled_from(["", "group", "handled"])),
    )


class Told(logging.Handler):
    """Keeps the lines that the package logs of chunks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def lines() -> Iterator[list[str]]:
    """The lines logged, newest last."""
    logger, told = logging.getLogger("otel_sse.chunk"), Told()
    logger.addHandler(told)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield told.lines
    logger.removeHandler(told)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


async def take(course: Course, telemetry: Telemetry, ended: list[Any]) -> None:
    """Serve one request that takes the course, within a request's span that is open to its very end."""
    server = Server(course)
    app = telemetry.instrument(
        app_of(course, server),
        server_span=False,
        log_first=0,
        on_stream_end=lambda span, totals: ended.append(totals.outcome),
    )
    scope = {"type": "http", "method": "GET", "path": "/chat", "headers": [], "query_string": b""}
    tracer = telemetry.tracer_provider.get_tracer("test")
    with tracer.start_as_current_span("request", kind=SpanKind.SERVER, record_exception=False):
        try:
            await asyncio.ensure_future(app(scope, server.receive, server.send))
        except (OSError, Broken, Wrapped, ExceptionGroup, asyncio.CancelledError):
            return


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(course=courses())
@example(course=Course(("content", "end", "nothing"), told=3, meanwhile=True, at=2, raises="cancelled"))
@example(course=Course(("content", "end", "nothing"), told=3, meanwhile=True, at=2, raises="OSError", then=LETS_OUT))
@example(course=Course(("content", "end"), told=2, meanwhile=True, at=1, raises="cancelled"))
@example(course=Course(("content", "end", "nothing"), told=2, meanwhile=True, at=1, raises="cancelled"))
@example(course=Course(("text", "nothing"), told=2, meanwhile=True, at=1, raises="cancelled"))
@example(course=Course(("content", "end"), at=1, raises="OSError", then=LETS_OUT))
@example(course=Course(("content", "end", "comment"), last=False, told=2, then=RETURNS))
@example(course=Course(("content", "end", "comment"), last=False, told=2, then=BREAKS))
@example(course=Course(("content", "content", "end"), told=1))
@example(course=Course(("content", "finish", "usage"), last=False, told=3))
@example(course=Course(("content", "end", "content", "end"), last=False, told=2))
@example(course=Course(("content", "end", "content"), at=2, raises="OSError"))
@example(course=Course(("content", "end", "content"), at=2, raises="cancelled"))
def test_outcome_is_that_of_the_model(course: Course, lines: list[str]) -> None:
    """Whatever way a request takes, its stage ends as the model says, and all that tells an outcome tells that."""
    telemetry = Telemetry()
    ended: list[str] = []
    lines.clear()
    try:
        asyncio.run(take(course, telemetry, ended))
        stage = telemetry.stage()
        telemetry.settled()
        outcome = stage.outcome
        assert outcome == expected(course)
        assert attributes(telemetry.request())["sse.stream.outcome"] == outcome
        assert ended == [outcome]
        counted = telemetry.metric("sse.streams.ended")
        assert [dict(labels)["outcome"] for labels, point in counted.items() if point.value] == [outcome]
        summaries = [line.split("outcome=")[1].split()[0] for line in lines if "outcome=" in line]
        assert summaries == [outcome] * bool(stage.chunks)
    finally:
        telemetry.close()
