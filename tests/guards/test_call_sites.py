"""A place is that of the user's code, however many of our own calls lie between."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

import otel_sse
from otel_sse.errors import StreamReusedError
from otel_sse.guards.call_sites import call_site, is_ours


def called(source: str, module: str) -> object:
    """What a function `ask` of a module returns."""
    names: dict[str, object] = {"call_site": call_site, "sys": sys, "__name__": module}
    exec(compile(source, f"{module}.py", "exec"), names)
    return names["ask"]


ASK = "def ask(through=None):\n    return through() if through else call_site(sys._getframe())\n"


def test_place_is_file_line_and_function() -> None:
    """It reads as an editor wants it."""
    ask = called(ASK, "users")
    assert str(ask()) == "users.py:2 in ask"  # type: ignore[operator]


def test_calls_of_the_package_itself_are_passed_over() -> None:
    """A guard inside of an observer names who iterates the observer."""
    ours, theirs = called(ASK, "otel_sse.iterators.pulls"), called(ASK, "users")
    assert str(theirs(ours)) == "users.py:2 in ask"  # type: ignore[operator]


def test_module_with_a_like_name_is_not_ours() -> None:
    """Only the package and what is below it are."""
    for module, expected in (("otel_sse", True), ("otel_sse.x", True), ("otel_sse_app", False), (None, False)):
        frame = called("import sys\ndef ask():\n    return sys._getframe()\n", str(module))()  # type: ignore[operator]
        frame.f_globals["__name__"] = module
        assert is_ours(frame) is expected


# Two places in one line of a helper, as `single_pass` names them


def collect(stream: Any) -> list[str]:
    """A helper through which everybody reads."""
    return [chunk for chunk in stream]  # noqa: C416


async def answer() -> AsyncIterator[str]:
    """Yields like a model."""
    yield "a"


async def collect_async(stream: Any) -> list[str]:
    """The same, for async streams."""
    return [chunk async for chunk in stream]


def line_of(function: Any) -> int:
    """The line of a function's first statement behind its docstring."""
    return inspect.getsourcelines(function)[1] + 2


async def test_one_helper_called_twice_names_both_callers() -> None:
    """Where both iterations are in one line of a helper, who called it is said, and not the same place twice."""

    async def log(stream: Any) -> None:
        """Read it once."""
        await collect_async(stream)

    async def respond(stream: Any) -> None:
        """Read it again."""
        await collect_async(stream)

    stream = otel_sse.single_pass(answer())
    await log(stream)
    with pytest.raises(StreamReusedError) as raised:
        await respond(stream)
    helper = f"{__file__}:{line_of(collect_async)} in collect_async, called from {__file__}"
    assert raised.value.first.startswith(f"{helper}:{line_of(log)} in ")
    assert raised.value.second.startswith(f"{helper}:{line_of(respond)} in ")
    assert raised.value.first.count("called from") == raised.value.second.count("called from") == 1


def test_helper_of_a_helper_is_gone_through() -> None:
    """As many callers are named as it takes to tell the two apart."""

    def through(stream: Any) -> None:
        """Call the helper."""
        collect(stream)

    stream = otel_sse.single_pass(iter(["a"]))
    through(stream)
    with pytest.raises(StreamReusedError) as raised:
        through(stream)
    assert raised.value.first.count("called from") == raised.value.second.count("called from") == 2
    assert raised.value.first != raised.value.second


def test_one_line_that_calls_the_helper_twice_is_named() -> None:
    """A loop that reads the stream each time has but one place, which is said with its helper."""
    stream = otel_sse.single_pass(iter(["a"]))
    with pytest.raises(StreamReusedError) as raised:
        [collect(stream) for _ in range(2)]
    assert raised.value.first == raised.value.second
    assert raised.value.first.endswith("in test_one_line_that_calls_the_helper_twice_is_named")


async def test_tasks_that_pull_through_one_helper_are_told_apart() -> None:
    """Of two that wait for a chunk at once, by the same function, both callers are named."""

    async def slow() -> Any:
        await asyncio.sleep(0.01)
        yield "a"

    async def pull(stream: Any) -> Any:
        """The helper."""
        return await anext(stream)

    async def one(stream: Any) -> None:
        """A caller."""
        await pull(stream)

    async def other(stream: Any) -> None:
        """Another one."""
        await pull(stream)

    stream = otel_sse.single_pass(slow())
    found = await asyncio.gather(one(stream), other(stream), return_exceptions=True)
    error = found[1]
    assert isinstance(error, StreamReusedError)
    assert f":{line_of(one)} in " in error.first
    assert f":{line_of(other)} in " in error.second
