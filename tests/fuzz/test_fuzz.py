"""A few random requests in each run of the tests, and that a difference would be found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from otel_sse.integrations.protocol import kind_of
from tests.fuzz.cases import make
from tests.fuzz.comparing import differences, of_responses, one
from tests.fuzz.playing import App, Play

SEED = "tests"
CASES = 400
ANSWERS = 100


def test_nothing_differs() -> None:
    """Random requests look the same to server and application, instrumented or not, without an error of ours."""
    each = [*differences(SEED, iter(range(CASES))), *of_responses(SEED, iter(range(ANSWERS)))]
    found = [difference for difference in each if difference is not None]
    assert len(each) == CASES + ANSWERS
    assert not found, "\n".join(map(str, found))


def test_a_case_is_made_again_from_its_seed() -> None:
    """The same seed and number give the same request, so that what was found can be tried again."""
    first, second = (Play(make(SEED, 7)) for _ in range(2))
    assert first.through(first.app) == second.through(second.app)


def test_there_are_cases_of_every_kind() -> None:
    """Both protocols, failures on both sides and messages that are no ASGI are among the cases of a short run."""
    cases = [make(SEED, number) for number in range(CASES)]
    assert {case.scope["type"] for case in cases} == {"http", "websocket"}
    assert any(case.refused for case in cases)
    assert any(case.thrown[0] for case in cases)
    assert any(case.agrees for case in cases)
    steps = [step for case in cases for step in case.steps]
    assert {step[0] for step in steps} == {"send", "receive", "pause", "raise", "return"}
    assert any(step[0] == "send" and not kind_of(step[1]) for step in steps)
    raised = {type(step[1]).__name__ for step in steps if step[0] == "raise"}
    assert {"KeyboardInterrupt", "CancelledError", "GeneratorExit", "ValueError"} <= raised


def on_send(change: Callable[[Any], Any]) -> Callable[[App], App]:
    """A middleware that changes messages; one that becomes None is dropped."""

    def wrap(app: App) -> App:
        async def wrapped(scope: Any, receive: Any, send: Any) -> Any:
            async def changed(message: Any) -> None:
                if (other := change(message)) is not None:
                    await send(other)

            return await app(scope, receive, changed)

        return wrapped

    return wrap


def a_byte(message: Any) -> Any:
    """Change the last byte of a body."""
    whole = message.get("body") if kind_of(message) == "http.response.body" else None
    return {**message, "body": whole[:-1] + b"\x00"} if whole and isinstance(whole, bytes) else message


def swallows(kind: type[BaseException]) -> Callable[[App], App]:
    """A middleware that keeps exceptions of a kind."""

    def wrap(app: App) -> App:
        async def wrapped(scope: Any, receive: Any, send: Any) -> Any:
            try:
                return await app(scope, receive, send)
            except kind:
                return None

        return wrapped

    return wrap


def raises_another(app: App) -> App:
    """A middleware that raises an exception of its own in place of the application's."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> Any:
        try:
            return await app(scope, receive, send)
        except ValueError as error:
            raise ValueError(*error.args) from None

    return wrapped


def forgets_what_is_returned(app: App) -> App:
    """A middleware that returns nothing."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return wrapped


def copies_what_is_received(app: App) -> App:
    """A middleware that gives the application copies of the server's messages."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> Any:
        async def copied() -> Any:
            message = await receive()
            return dict(message) if type(message) is dict else message

        return await app(scope, copied, send)

    return wrapped


def leaves_a_key(app: App) -> App:
    """A middleware that leaves a key in the scope."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> Any:
        scope["left"] = 1
        return await app(scope, receive, send)

    return wrapped


def leaves_behind(key: str) -> Callable[[App], App]:
    """A middleware that leaves a note of ours in the scope after the request."""

    def wrap(app: App) -> App:
        async def wrapped(scope: Any, receive: Any, send: Any) -> Any:
            try:
                return await app(scope, receive, send)
            finally:
                scope[key] = None

        return wrapped

    return wrap


def asks_whether_more_follows(message: Any) -> Any:
    """Ask a value of which nobody knows whether it can answer."""
    if kind_of(message) == "http.response.body":
        bool(message.get("more_body", False))
    return message


def without_header(dropped: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """Change a stream's start so that it has lost headers."""

    def change(message: Any) -> Any:
        given = message.get("headers") if kind_of(message) == "http.response.start" else None
        if type(given) is not list or not any(type(each) is tuple and b"vent-" in each[-1] for each in given):
            return message
        return {**message, "headers": [each for each in given if not dropped(each)]}

    return change


def swapped(message: Any) -> Any:
    """Change a start so that its first two headers have changed places."""
    given = message.get("headers") if kind_of(message) == "http.response.start" else None
    return {**message, "headers": [*given[1::-1], *given[2:]]} if type(given) is list else message


FAULTS: dict[str, Callable[[App], App]] = {
    "changes a byte": on_send(a_byte),
    "drops an empty body": on_send(lambda m: None if type(m) is dict and m.get("body") == b"" else m),
    "copies a body": on_send(lambda m: dict(m) if kind_of(m) == "http.response.body" else m),
    "adds a header": on_send(
        lambda m: (
            {**m, "headers": [*m["headers"], (b"x", b"y")]} if type(m) is dict and type(m.get("headers")) is list else m
        )
    ),
    "swallows an exception": swallows(Exception),
    "swallows a cancellation": swallows(asyncio.CancelledError),
    "swallows an exit": swallows(SystemExit),
    "raises another exception": raises_another,
    "forgets what is returned": forgets_what_is_returned,
    "copies what is received": copies_what_is_received,
    "leaves a key in the scope": leaves_a_key,
    "leaves our mark in the scope": leaves_behind("otel_sse"),
    "leaves the note to FastAPI in the scope": leaves_behind("fastapi.telemetry"),
    "asks whether more follows": on_send(asks_whether_more_follows),
    "drops a header of a stream": on_send(without_header(lambda each: each[0] == b"x-foo")),
    "drops a repeated header of a stream": on_send(without_header(lambda each: each == (b"set-cookie", b"v1"))),
    "changes the order of headers": on_send(swapped),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    """Where something between server and application does this, the same cases find it."""
    found = (each for each in differences(SEED, iter(range(CASES)), FAULTS[name]) if each is not None)
    first = next(islice(found, 1), None)
    assert first is not None
    assert f"--seed {SEED} --case {first.case}" in str(first)
    assert one(SEED, first.case) is None


@pytest.mark.parametrize(
    "fault", ["changes a byte", "drops a header of a stream", "leaves the note to FastAPI in the scope"]
)
def test_a_fault_is_found_in_a_frameworks_answer(fault: str) -> None:
    """Likewise where Starlette or FastAPI answers."""
    found = (each for each in of_responses(SEED, iter(range(ANSWERS)), FAULTS[fault]) if each is not None)
    first = next(found)
    assert first.case.startswith("r")
    assert one(SEED, first.case) is None
