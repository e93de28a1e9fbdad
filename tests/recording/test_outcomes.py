"""What an exception says of how a stream ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest
import trio
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect

from otel_sse.recording.outcomes import error_type, is_of_background, outcome_of, tells_of_disconnect


class Broken(Exception):
    """What an application raises."""


BROKEN = f"{__name__}.Broken"


def raised_by_trio(error: BaseException | None = None) -> BaseException:
    """What leaves a task of trio's that is cancelled, and raises an exception of its own on top where one is given."""
    caught: list[BaseException] = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    if error is not None:
                        raise error
                    await trio.sleep_forever()
            except BaseException as left:
                caught.append(left)
                raise

    with contextlib.suppress(BaseException):
        trio.run(main, strict_exception_groups=True)
    return caught[0]


def cancelled_by_trio() -> BaseException:
    """The very exception by which trio cancels."""
    left: Any = raised_by_trio()
    return left.exceptions[0] if isinstance(left, BaseExceptionGroup) else left


CANCELLED = asyncio.CancelledError()

TRIO = cancelled_by_trio()


def without_addresses(value: object) -> str:
    """A name that is the same in every process: each worker of pytest-xdist must find the same tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@pytest.mark.parametrize(
    ("error", "outcome", "name"),
    [
        (CANCELLED, "cancelled", "asyncio.exceptions.CancelledError"),
        (TRIO, "cancelled", "trio.Cancelled"),
        (raised_by_trio(), "cancelled", "BaseExceptionGroup"),
        (raised_by_trio(Broken()), "failed", BROKEN),
        (BaseExceptionGroup("", [TRIO, TRIO]), "cancelled", "BaseExceptionGroup"),
        (BaseExceptionGroup("", [CANCELLED, TRIO]), "cancelled", "BaseExceptionGroup"),
        (BaseExceptionGroup("", [TRIO, ValueError()]), "failed", "ValueError"),
        (BaseExceptionGroup("", [BaseExceptionGroup("", [TRIO]), KeyError()]), "failed", "KeyError"),
        (BaseExceptionGroup("", [TRIO, ValueError(), KeyError()]), "failed", "BaseExceptionGroup"),
        (trio.ClosedResourceError(), "failed", "trio.ClosedResourceError"),
        (trio.TooSlowError(), "failed", "trio.TooSlowError"),
        (Broken(), "failed", BROKEN),
        (GeneratorExit(), "abandoned", "GeneratorExit"),
        (ValueError(), "failed", "ValueError"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
        (BaseExceptionGroup("", [CANCELLED, CANCELLED]), "cancelled", "BaseExceptionGroup"),
        (BaseExceptionGroup("", [CANCELLED, ValueError()]), "failed", "ValueError"),
        (BaseExceptionGroup("", [CANCELLED, GeneratorExit()]), "failed", "GeneratorExit"),
        (ExceptionGroup("", [ValueError(), KeyError()]), "failed", "ExceptionGroup"),
        (ExceptionGroup("", [ExceptionGroup("", [KeyError()])]), "failed", "KeyError"),
    ],
    ids=without_addresses,
)
def test_what_an_exception_says(error: BaseException, outcome: str, name: str) -> None:
    """Cancellation and a dropped generator are told from failure, also inside groups."""
    assert outcome_of(error) == outcome
    assert error_type(error) == name


def raised(error: BaseException, handling: BaseException | None = None) -> BaseException:
    """An exception that was raised, while another one was handled where one is given."""
    try:
        if handling is None:
            raise error
        try:
            raise handling
        except type(handling):
            # Not `from` it: what Python notes by itself is what is asked for.
            raise error  # noqa: B904
    except type(error) as caught:
        return caught


def test_class_without_a_module_has_its_name_alone() -> None:
    """A class that is made while the program runs may say anything of its module."""
    assert error_type(type("Made", (Exception,), {"__module__": None})()) == "Made"


def test_background_task_is_told_from_the_application() -> None:
    """What a background task of Starlette's raises comes through Starlette's module for them."""

    async def fail() -> None:
        raise Broken

    with pytest.raises(Broken) as background:
        asyncio.run(BackgroundTask(fail)())
    with pytest.raises(Broken) as own:
        asyncio.run(fail())
    assert (is_of_background(background.value), is_of_background(own.value)) == (True, False)


LOST = OSError("the client has left")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LOST, True),
        (ClientDisconnect(), True),
        (raised(Broken(), handling=LOST), True),
        (BaseExceptionGroup("", [CANCELLED, ClientDisconnect()]), True),
        (Broken(), False),
        (OSError(), False),
        (CANCELLED, False),
        (BaseExceptionGroup("", [ClientDisconnect(), Broken()]), False),
    ],
    ids=repr,
)
def test_disconnect_is_told_from_failure(error: BaseException, expected: bool) -> None:
    """An exception comes of a disconnect by its class, or by the server's error that it was raised after."""
    assert tells_of_disconnect(error, LOST) is expected


def test_exceptions_that_cause_each_other_are_looked_at_once() -> None:
    """A chain of causes that is a ring ends."""
    one, other = Broken(), Broken()
    one.__cause__, other.__cause__ = other, one
    assert not tells_of_disconnect(one, LOST)
