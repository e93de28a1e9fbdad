"""Policies: whatever takes a stream and gives a stream, seen on both sides."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from otel_sse import semconv
from otel_sse.errors import must
from otel_sse.integrations.iterators import ObservedAsyncIterator, StageCursor
from otel_sse.integrations.recorders import stream_here
from otel_sse.telemetry.recorder import StageRecord
from otel_sse.telemetry.streams import Stream

P = ParamSpec("P")
T = TypeVar("T")


def policy(name: str, *, rewrites: bool = True) -> Callable[[Callable[P, AsyncIterator[T]]], Callable[P, AsyncIterator[T]]]:
    """Decorate an async generator function that takes a stream, so that its chunks are seen going in and coming out.

    Both sides are the stage `policy.<name>`, with direction `in` and `out`; each chunk that comes out knows which chunks
    it was made from, and how long that took. The chunks themselves are untouched.

    Args:
        name: The policy's name.
        rewrites: Whether it may change content; False makes every change a finding.

    Returns:
        The decorator. What it makes takes the same arguments; the first one that is an async iterable is the stream.
    """

    def decorate(function: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return _watch(function, name, rewrites, function.__qualname__, args, kwargs)

        return run

    return decorate


def wrap(policy: Any, method: str, *, name: str = "", rewrites: bool = True) -> Callable[..., AsyncIterator[Any]]:
    """Return a method of any policy object, to be called in its place, with both sides seen.

    Example:
        >>> async for chunk in policies.wrap(policy, "generate_response_stream")(chunks, request): ...

    Args:
        policy: The object. It is not changed.
        method: Name of the method that takes a stream and gives one.
        name: The policy's name; the object's class name where "".
        rewrites: Whether it may change content.

    Raises:
        TypeError: The object has no such method.
    """
    function = getattr(policy, method, None)
    if not callable(function):
        advice = f"{type(policy).__qualname__} has no method of that name."
        raise TypeError(must("method", "name a method of the policy", method, advice))
    kind = type(policy).__qualname__

    def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        return _watch(function, name or kind, rewrites, kind, args, kwargs)

    return run


def _watch(
    function: Callable[..., Any], name: str, rewrites: bool, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    stream = stream_here()
    begin = partial(_begin, stream, f"policy.{name}", rewrites, kind)
    going_in = StageCursor(partial(begin, "in"))
    args, kwargs = _with_first_stream(args, kwargs, going_in)
    return ObservedAsyncIterator(function(*args, **kwargs), StageCursor(partial(begin, "out")))


def _begin(stream: Stream, stage: str, rewrites: bool, kind: str, direction: str) -> StageRecord:
    record = stream.stage(stage, direction=direction, rewrites=rewrites and direction == "out")
    record.span.set_attribute(semconv.STAGE_CLASS, kind)
    return record


def _with_first_stream(
    args: tuple[Any, ...], kwargs: dict[str, Any], cursor: StageCursor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for position, value in enumerate(args):
        if hasattr(value, "__aiter__"):
            watched = ObservedAsyncIterator(value, cursor)
            return (*args[:position], watched, *args[position + 1 :]), kwargs
    for key, value in kwargs.items():
        if hasattr(value, "__aiter__"):
            return args, {**kwargs, key: ObservedAsyncIterator(value, cursor)}
    raise TypeError(must("policy", "be called with an async iterable", args, "Pass the stream as an argument."))
