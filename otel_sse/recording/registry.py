"""The recorders of this process: one for each instrumented application, and one for stages outside of any."""

from __future__ import annotations

import functools
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse import __version__, limits
from otel_sse.errors import ConfigurationError, must
from otel_sse.options import Options
from otel_sse.recording import fork
from otel_sse.recording.background import FLUSH_TIMEOUT_S
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns

logger = logging.getLogger("otel_sse")


class _Locks:
    """The locks of this module. A forked child makes its own: those it got may be held by a thread that it lacks."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        self.known = threading.Lock()
        self.default = threading.Lock()


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()
_locks = _Locks()
fork.watch(_locks)
_default: Recorder | None = None
_silent: Recorder | None = None
_diversions: list[TracerProvider] = []


def new_recorder(
    options: Options, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None
) -> Recorder:
    """Return a recorder that `flush` and `shutdown` know."""
    recorder = Recorder(options, tracer_provider, meter_provider, __version__)
    with _locks.known:
        _recorders.add(recorder)
    if _diversions:
        recorder.divert(_diversions[-1])
    return recorder


def _known() -> list[Recorder]:
    # A set that grows while it is looked through is an error, and applications are instrumented in any thread.
    with _locks.known:
        return list(_recorders)


def default_recorder() -> Recorder:
    """Return the recorder of stages that no instrumented application stands around.

    Made on first use, with the settings of the environment and OpenTelemetry's global providers.

    Raises:
        ConfigurationError: The environment holds a setting that is not allowed.
    """
    global _default
    with _locks.default:
        if _default is None or _default.closed:
            _default = new_recorder(Options.resolve(), None, None)
        return _default


def any_recorder() -> Recorder:
    """Return `default_recorder()`; where a wrong setting keeps it from being made, that is told once, and the recorder
    is one that records neither streams outside of requests nor chunks. Never raises: its callers are in the middle of
    somebody's stream, and `instrument()` is where a wrong setting is raised."""
    try:
        return default_recorder()
    except ConfigurationError as error:
        tell_unusable(str(error))
        return _silent_recorder()


def _silent_recorder() -> Recorder:
    global _silent
    with _locks.default:
        if _silent is None or _silent.closed:
            _silent = new_recorder(Options(enabled=False, chunk_events="off"), None, None)
        return _silent


def stream_here() -> Stream:
    """Return the stream of the request that is being served, or a new one outside of any."""
    return current_stream() or Stream(any_recorder(), now_ns())


def stage_name(subject: str, name: object) -> str:
    """Return a name that a user gives a stage, cut off at `limits.MAX_NAME_CHARS`.

    Raises:
        TypeError: It is no text.
        ValueError: It is empty.
    """
    advice = "Name what the chunks cross there, for instance 'provider'."
    if not isinstance(name, str):
        raise TypeError(must(subject, "be a text", name, advice))
    if not name.strip():
        raise ValueError(must(subject, "not be empty", name, advice))
    return name[: limits.MAX_NAME_CHARS]


class StreamLater:
    """The stream that objects watched one around the other belong to, found when the first of them is pulled.

    It is that of the request they were made in; else that of the request they are pulled in; else one of their own.
    """

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = current_stream()

    def stage(self, spec: StageSpec) -> StageRecord | None:
        """Begin a stage, see `Stream.stage`; None where there is nothing to observe it with. Never raises."""
        if self._stream is None:
            self._stream = current_stream() or own_stream()
        if self._stream is None:
            return None
        try:
            return self._stream.stage(spec)
        except Exception as error:
            self._stream.recorder.errors.report("open", error)
            return None


def own_stream() -> Stream | None:
    """Return a new stream outside of any request, or None where the settings do not allow one."""
    recorder = any_recorder()
    return Stream(recorder, now_ns()) if recorder.options.enabled else None


@functools.cache
def tell_unusable(problem: str) -> None:
    """Say once in the log that a setting keeps streams from being observed, where raising it would harm."""
    logger.error("event streams are not observed: %s", problem)


@contextmanager
def diverted(tracer_provider: TracerProvider) -> Iterator[None]:
    """Give the spans of all streams that begin within the block to a provider, whichever application they are of.

    Args:
        tracer_provider: Where to. Of blocks within one another the inner one has the word.
    """
    _divert(lambda: _diversions.append(tracer_provider))
    try:
        yield
    finally:
        _divert(lambda: _diversions.remove(tracer_provider))


def _divert(change: Callable[[], None]) -> None:
    change()
    latest = _diversions[-1] if _diversions else None
    for recorder in list(_recorders):
        recorder.divert(latest)


def work() -> None:
    """Write out what has crossed, without ending the segments of streams that are open."""
    for recorder in list(_recorders):
        recorder.background.catch_up()


def flush(timeout_seconds: float = FLUSH_TIMEOUT_S) -> bool:
    """Write out all that has crossed so far, of every instrumented application, and wait for it.

    Args:
        timeout_seconds: How long to wait at most, for each of them.

    Returns:
        Whether all was written in time.
    """
    # Each one is asked, whatever became of the one before.
    written = [recorder.flush(timeout_seconds) for recorder in _known()]
    return all(written)


def shutdown() -> None:
    """Flush, and end streams that are still open as `abandoned`. To be called before the providers' own shutdown."""
    for recorder in _known():
        recorder.shutdown()
