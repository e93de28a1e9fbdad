"""The stage `normalize`: a function that turns one chunk into another, seen call by call."""

from __future__ import annotations

import functools
import inspect
import weakref
from asyncio import Task
from collections.abc import Callable
from functools import partial
from threading import current_thread
from typing import Any, ParamSpec, TypeVar, overload

from otel_sse import limits
from otel_sse.errors import must
from otel_sse.integrations.verbs.policies import kind_of
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.registry import own_stream
from otel_sse.recording.stage_record import StageRecord
from otel_sse.recording.tasks import current_task
from otel_sse.stream import kinds
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.chunk import CERTAIN, Finding
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import NORMALIZE
from otel_sse.telemetry.clock import now_ns

P = ParamSpec("P")
T = TypeVar("T")


@overload
def normalize(function: Callable[P, T]) -> Callable[P, T]: ...
@overload
def normalize() -> Callable[[Callable[P, T]], Callable[P, T]]: ...
def normalize(function: Any = None) -> Any:
    """Decorate a function that turns one chunk into another: its results are the chunks of the stage `normalize`.

    A chunk that can't be turned (the function raises) is a finding, with the exception's class as the reason and never
    the content; the exception is raised as it is. None as a result is a chunk dropped on purpose, and no chunk.

    The stage begins with the first call in a stream and ends with the stream. Outside of any stream, the calls of one
    task of asyncio or trio are a stream, which ends with the task; outside of tasks, the calls of one thread are, and
    that stream ends with `otel_sse.shutdown`.

    Args:
        function: A function or an async function; what it is called with is its own affair. None where the decorator
            stands with parentheses.

    Returns:
        A function that takes and returns the same.

    Raises:
        TypeError: `function` can't be called.
    """
    if function is None:
        return normalize
    if not callable(function):
        raise TypeError(must("function", "be a function", function, "Write @otel_sse.normalize above its definition."))
    calls = _Calls(function)

    @functools.wraps(function)
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        record = calls.record()
        try:
            made = await function(*args, **kwargs)
        except Exception as error:
            calls.failed(record, error)
            raise
        calls.made(record, made)
        return made

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        record = calls.record()
        try:
            made = function(*args, **kwargs)
        except Exception as error:
            calls.failed(record, error)
            raise
        calls.made(record, made)
        return made

    return run_async if inspect.iscoroutinefunction(function) else run


class _Calls:
    """The calls of one function, in whatever stream."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._spec = StageSpec(NORMALIZE, rewrites=True, kind=kind_of(function))

    def record(self) -> StageRecord | None:
        """Return the stage of the stream that is being served, begun with the first call."""
        stream = current_stream() or _stream_of_caller()
        if stream is None:
            return None
        try:
            return stream.called(self, self._begin)
        except Exception as error:
            stream.recorder.errors.report("open", error)
            return None

    def made(self, record: StageRecord | None, chunk: object) -> None:
        """Observe what a call returned."""
        if record is None or record.ended:
            return
        try:
            if chunk is None:
                _skip(record)
            else:
                record.take(chunk, now_ns())
        except Exception as error:
            record.failed(error)

    def failed(self, record: StageRecord | None, reason: Exception) -> None:
        """Take note that a call raised."""
        if record is None or record.ended:
            return
        try:
            record.monitor.note(_finding(record, reason), now_ns())
        except Exception as error:
            record.failed(error)

    def _begin(self, stream: Stream) -> StageRecord:
        return stream.stage(self._spec)


def _finding(record: StageRecord, reason: Exception) -> Finding:
    evidence = type(reason).__qualname__[: limits.MAX_NAME_CHARS]
    # No chunk of this stage is concerned: there is none. What could not be turned is one of the stage before.
    taken = _skip(record)
    evidence = f"{evidence} at upstream chunk {taken}" if taken else evidence
    return Finding(kinds.NORMALIZE_FAILED, CERTAIN, NORMALIZE, 0, evidence=evidence)


def _skip(record: StageRecord) -> int:
    edge = record.monitor.edge
    return 0 if edge is None else edge.skip()


_streams: weakref.WeakKeyDictionary[Any, Stream] = weakref.WeakKeyDictionary()
"""Streams outside of any request, by the task or thread whose calls they are."""


def _stream_of_caller() -> Stream | None:
    task = current_task()
    caller = current_thread() if task is None else task
    stream = _streams.get(caller)
    if stream is None or stream.recorder.closed:
        stream = own_stream()
        if stream is not None:
            _streams[caller] = stream
            _end_with(task, stream)
    return stream


def _end_with(task: Any, stream: Stream) -> None:
    if isinstance(task, Task):
        task.add_done_callback(partial(_end, stream))
    elif task is not None:
        # A task of trio tells nobody of its end; it is let go then. Destructors may run anywhere and must take no lock.
        end = partial(stream.recorder.background.end_later, partial(stream.end, outcomes.COMPLETED))
        weakref.finalize(task, end).atexit = False


def _end(stream: Stream, task: Task[Any]) -> None:
    # The task is not asked for its exception: asyncio would take that for somebody's having seen it.
    stream.end(outcomes.CANCELLED if task.cancelled() else outcomes.COMPLETED)
