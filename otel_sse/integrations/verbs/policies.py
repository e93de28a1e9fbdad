"""Policies: whatever takes a stream and gives a stream, seen on both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar, overload

import wrapt

from otel_sse.dialects.dialect import Dialect
from otel_sse.errors import must
from otel_sse.integrations.verbs.reading import ContentOf, checked
from otel_sse.iterators.cursor import OpenStage, StageCursor
from otel_sse.iterators.observed import ObservedAsyncIterator, stream_around
from otel_sse.recording.registry import StreamLater, stage_name
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import of_policy

P = ParamSpec("P")
T = TypeVar("T")


@overload
def policy(name: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]: ...
@overload
def policy(
    name: str,
    *,
    rewrites: bool = True,
    dialect: str | Callable[[], Dialect] | None = None,
    content_of: ContentOf | None = None,
) -> Callable[[Callable[P, AsyncIterator[T]]], Callable[P, AsyncIterator[T]]]: ...
def policy(
    name: Any,
    *,
    rewrites: bool = True,
    dialect: str | Callable[[], Dialect] | None = None,
    content_of: ContentOf | None = None,
) -> Any:
    """Decorate an async generator function that takes a stream, so that its chunks are seen going in and coming out.

    Both sides are the stage `policy.<name>`, with direction `in` and `out`; each chunk that comes out knows which
    chunks it was made from, and how long that took. The chunks themselves are untouched.

    Args:
        name: The policy's name, of which 64 characters count. Or the function itself, where the decorator stands
            without parentheses: then the policy is called as the function is.
        rewrites: Whether it may change content; False makes every change a finding.
        dialect: The dialect of the chunks on both sides, as in `observe`.
        content_of: Returns the content of a chunk on either side, as in `observe`.

    Returns:
        The decorator. What it makes takes the same arguments; those that are async iterables are the streams.

    Raises:
        ConfigurationError: `dialect` is none.
        TypeError: `name` is no text and no function, or `content_of` can't be called.
        ValueError: `name` is empty.
    """
    if callable(name):
        return policy(kind_of(name))(name)
    name = stage_name("name", name)
    reading = checked(dialect, content_of)

    def decorate(function: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]:
        return watched(function, of_policy(name), kind_of(function), rewrites, reading)

    return decorate


def wrap(
    policy: Any,
    method: str,
    *,
    name: str = "",
    rewrites: bool = True,
    dialect: str | Callable[[], Dialect] | None = None,
    content_of: ContentOf | None = None,
) -> Callable[..., AsyncIterator[Any]]:
    """Return a method of any policy object, to be called in its place, with both sides seen.

    Example:
        >>> async for chunk in policies.wrap(policy, "generate_response_stream")(chunks, request):
        ...     await send(chunk)

    Args:
        policy: The object. It is not changed.
        method: Name of the method that takes a stream and gives one.
        name: The policy's name; the object's class name where "".
        rewrites: Whether it may change content.
        dialect: The dialect of the chunks on both sides, as in `observe`.
        content_of: Returns the content of a chunk on either side, as in `observe`.

    Raises:
        ConfigurationError: `dialect` is none.
        TypeError: The object has no such method, or `name` is no text.
    """
    kind = kind_of(policy)
    name = kind if name == "" else stage_name("name", name)
    function = getattr(policy, method, None)
    if not callable(function):
        raise TypeError(must("method", "name a method of the policy", method, f"{kind} has no method of that name."))
    return watched(function, of_policy(name), kind, rewrites, checked(dialect, content_of))


def kind_of(policy: Any) -> str:
    """Return the name of a function, of a class, or of the class of an object; of a partial, that of its function.

    What is defined within a function is called without that.
    """
    while isinstance(policy, partial):
        policy = policy.func
    return str(getattr(policy, "__qualname__", type(policy).__qualname__)).rpartition("<locals>.")[2]


def watched(
    function: Callable[P, AsyncIterator[T]],
    stage: str,
    kind: str,
    rewrites: bool,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[P, AsyncIterator[T]]:
    """Return a function that does what `function` does, with the stream it takes and the one it gives seen.

    Args:
        function: Takes an async iterable as one of its arguments, and returns one or a coroutine that does. Where it
            gets or gives none, there is nothing to see on that side.
        stage: The stage's name, for both sides.
        kind: Name of the class or function behind it.
        rewrites: Whether it may change content.
        reading: How both sides' chunks are read, from `checked`.
    """

    inward = StageSpec(stage, "in", kind=kind, pulls=True, **reading)
    outward = StageSpec(stage, "out", rewrites, kind=kind, pulls=True, **reading)

    def run(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = _Call(inward, outward)
        given = wrapped(*map(call.going_in, args), **{key: call.going_in(kwargs[key]) for key in kwargs})
        return call.coming_out(given)

    # Not a function around it: whoever asks whether it is an async generator function is to be told what it is.
    seen: Callable[P, AsyncIterator[T]] = wrapt.FunctionWrapper(function, run)
    return seen


class _Call:
    """One call of a policy: the stream that goes in, and the one that comes out.

    Args:
        inward: The stage of what goes in.
        outward: The stage of what comes out.
    """

    def __init__(self, inward: StageSpec, outward: StageSpec) -> None:
        self._inward = inward
        self._outward = outward
        self._around: StreamLater | None = None
        self._in: list[StageCursor] = []
        self._out: StageCursor | None = None

    def going_in(self, argument: Any) -> Any:
        """Return an argument as it is, or watched where it is a stream."""
        if not hasattr(argument, "__aiter__"):
            return argument
        self._around = self._around or stream_around(argument)
        cursor = StageCursor(partial(self._begin, self._inward))
        self._in.append(cursor)
        return ObservedAsyncIterator(argument, cursor, self._around)

    def coming_out(self, given: Any) -> Any:
        """Return what the policy has made, watched where it is a stream or will be one."""
        if hasattr(given, "__aiter__"):
            self._around = self._around or StreamLater()
            self._out = cursor = _OutCursor(partial(self._begin, self._outward), self._in)
            return ObservedAsyncIterator(given, cursor, self._around)
        return self._coming_out_later(given) if hasattr(given, "__await__") else given

    async def _coming_out_later(self, given: Any) -> Any:
        return self.coming_out(await given)

    def _begin(self, spec: StageSpec) -> StageRecord | None:
        around = self._around or StreamLater()
        record = around.stage(spec)
        if record is not None and spec is self._outward and not spec.rewrites and record.monitor.edge is not None:
            record.monitor.edge.keep_content()
        came_out = None if self._out is None else self._out.record
        if record is not None and spec is self._inward and came_out is not None:
            # It may have said something of its own before it pulled; that does not turn its sides around.
            came_out.comes_after(record)
        return record


class _OutCursor(StageCursor):
    """The side on which chunks come out. Once it ends, nobody reads the other side any more.

    That one can't be left to its destructor: an exception that the policy raised keeps it for as long as somebody
    keeps the exception.
    """

    __slots__ = ("_in",)

    def __init__(self, open_stage: OpenStage, going_in: Sequence[StageCursor]) -> None:
        super().__init__(open_stage)
        self._in = going_in

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """End both sides, the first time."""
        super().end(outcome, error)
        for cursor in self._in:
            cursor.end(outcomes.ABANDONED)
