"""Policies: whatever takes a stream and gives a stream, seen on both sides."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from otel_sse.errors import must
from otel_sse.integrations.iterators import ObservedAsyncIterator, OpenStage, StageCursor, stream_around
from otel_sse.integrations.recorders import StreamLater
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.recorder import StageRecord

P = ParamSpec("P")
T = TypeVar("T")


def policy(
    name: str, *, rewrites: bool = True
) -> Callable[[Callable[P, AsyncIterator[T]]], Callable[P, AsyncIterator[T]]]:
    """Decorate an async generator function that takes a stream, so that its chunks are seen going in and coming out.

    Both sides are the stage `policy.<name>`, with direction `in` and `out`; each chunk that comes out knows which
    chunks it was made from, and how long that took. The chunks themselves are untouched.

    Args:
        name: The policy's name.
        rewrites: Whether it may change content; False makes every change a finding.

    Returns:
        The decorator. What it makes takes the same arguments; the first one that is an async iterable is the stream.
    """

    def decorate(function: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]:
        return watched(function, f"policy.{name}", kind_of(function), rewrites)

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
    kind = kind_of(policy)
    function = getattr(policy, method, None)
    if not callable(function):
        raise TypeError(must("method", "name a method of the policy", method, f"{kind} has no method of that name."))
    return watched(function, f"policy.{name or kind}", kind, rewrites)


def kind_of(policy: Any) -> str:
    """Return the name of a function, of a class, or of the class of an object; of a partial, that of its function."""
    while isinstance(policy, partial):
        policy = policy.func
    return str(getattr(policy, "__qualname__", type(policy).__qualname__))


def watched(
    function: Callable[P, AsyncIterator[T]], stage: str, kind: str, rewrites: bool
) -> Callable[P, AsyncIterator[T]]:
    """Return a function that does what `function` does, with the stream it takes and the one it gives seen.

    Args:
        function: Takes an async iterable as one of its arguments, and returns one or a coroutine that does. Where it
            gets or gives none, there is nothing to see on that side.
        stage: The stage's name, for both sides.
        kind: Name of the class or function behind it.
        rewrites: Whether it may change content.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        call = _Call(stage, kind, rewrites)
        given: Any = function(*map(call.going_in, args), **{key: call.going_in(kwargs[key]) for key in kwargs})
        seen: AsyncIterator[T] = call.coming_out(given)
        return seen

    return run


class _Call:
    """One call of a policy: the stream that goes in, and the one that comes out."""

    def __init__(self, stage: str, kind: str, rewrites: bool) -> None:
        self._stage = stage
        self._kind = kind
        self._rewrites = rewrites
        self._around: StreamLater | None = None
        self._in: StageCursor | None = None
        self._out: StageCursor | None = None

    def going_in(self, argument: Any) -> Any:
        """Return an argument as it is, or watched where it is the first stream among them."""
        if self._around is not None or not hasattr(argument, "__aiter__"):
            return argument
        self._around = stream_around(argument)
        self._in = StageCursor(partial(self._begin, "in", False))
        return ObservedAsyncIterator(argument, self._in, self._around)

    def coming_out(self, given: Any) -> Any:
        """Return what the policy has made, watched where it is a stream or will be one."""
        if hasattr(given, "__aiter__"):
            self._around = self._around or StreamLater()
            self._out = cursor = _OutCursor(partial(self._begin, "out", self._rewrites), self._in)
            return ObservedAsyncIterator(given, cursor, self._around)
        return self._coming_out_later(given) if hasattr(given, "__await__") else given

    async def _coming_out_later(self, given: Any) -> Any:
        return self.coming_out(await given)

    def _begin(self, direction: str, rewrites: bool) -> StageRecord | None:
        around = self._around or StreamLater()
        record = around.stage(self._stage, direction=direction, rewrites=rewrites, kind=self._kind)
        if record is not None and direction == "out" and not rewrites and record.monitor.edge is not None:
            record.monitor.edge.keep_content()
        came_out = None if self._out is None else self._out.record
        if record is not None and direction == "in" and came_out is not None:
            # It may have said something of its own before it pulled; that does not turn its sides around.
            came_out.comes_after(record)
        return record


class _OutCursor(StageCursor):
    """The side on which chunks come out. Once it ends, nobody reads the other side any more.

    That one can't be left to its destructor: an exception that the policy raised keeps it for as long as somebody
    keeps the exception.
    """

    __slots__ = ("_in",)

    def __init__(self, open_stage: OpenStage, going_in: StageCursor | None) -> None:
        super().__init__(open_stage)
        self._in = going_in

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """End both sides, the first time."""
        super().end(outcome, error)
        if self._in is not None:
            self._in.end(outcomes.ABANDONED)
