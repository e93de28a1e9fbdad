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
    """The locks of this module. A forked child makes new ones: a thread that it lacks may hold those of its parent."""

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
    """Make a recorder; `flush` and `shutdown` reach it as long as it lives."""
    recorder = Recorder(options, tracer_provider, meter_provider, __version__)
    with _locks.known:
        _recorders.add(recorder)
    if _diversions:
        recorder.divert(_diversions[-1])
    return recorder


def _known() -> list[Recorder]:
    # Any thread may instrument an application, and a set must not grow while it is iterated.
    with _locks.known:
        return list(_recorders)


def default_recorder() -> Recorder:
    """Return the recorder of stages outside of any instrumented application.

    It is made on first use, with the settings of the environment and OpenTelemetry's global providers.

    Raises:
        ConfigurationError: The environment holds a setting that is not allowed.
    """
    global _default
    with _locks.default:
        if _default is None or _default.closed:
            _default = new_recorder(Options.resolve(), None, None)
        return _default


def any_recorder() -> Recorder:
    """Return `default_recorder()`. Never raises, because its callers are in the middle of somebody's stream.

    Where a wrong setting prevents that recorder, the log says so once, and the returned one records neither streams
    outside of requests nor chunks. `instrument()` is where a wrong setting raises.
    """
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
    """Return the stream of the request that is being served; outside of any request, a new one."""
    return current_stream() or outside(Stream(any_recorder(), now_ns()))


def outside(stream: Stream) -> Stream:
    """Return a stream of no request, which says so where this process serves an instrumented application."""
    stream.misses_request = any(not each.closed for each in _known() if each is not _default and each is not _silent)
    return stream


def stage_name(subject: str, name: object) -> str:
    """Return the name that a user gives a stage, cut to `limits.MAX_NAME_CHARS`.

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
    """The stream of watched objects that stand one around the other. It is found when the first of them is pulled.

    It is the stream of the request in which this was made; else of the request of the first pull; else a new one.
    """

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = current_stream()

    def stage(self, spec: StageSpec) -> StageRecord | None:
        """Begin a stage, see `Stream.stage`. Return None where the settings or an error prevent it. Never raises."""
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
    """Return a new stream outside of any request, or None where the settings turn recording off."""
    recorder = any_recorder()
    return outside(Stream(recorder, now_ns())) if recorder.options.enabled else None


@functools.cache
def tell_unusable(problem: str) -> None:
    """Log once that a wrong setting keeps streams from being observed, where an exception would do harm."""
    logger.error("event streams are not observed: %s", problem)


@contextmanager
def diverted(tracer_provider: TracerProvider) -> Iterator[None]:
    """Give a provider the spans of all streams that begin within the block, of all applications.

    Args:
        tracer_provider: The provider. Of nested blocks the inner one counts.
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
    """Have everything written that has crossed, of all recorders; segments of open streams go on."""
    for recorder in list(_recorders):
        recorder.background.catch_up()


def flush(timeout_seconds: float = FLUSH_TIMEOUT_S) -> bool:
    """Have everything written that has crossed, of every instrumented application, and wait for it.

    Args:
        timeout_seconds: How long to wait at most for each application.

    Returns:
        Whether everything was written in time.
    """
    # Not a generator: each recorder is flushed, even if an earlier one was not done in time.
    written = [recorder.flush(timeout_seconds) for recorder in _known()]
    return all(written)


def shutdown() -> None:
    """Flush, and end open streams as `abandoned`. Call it before the providers' own shutdown."""
    for recorder in _known():
        recorder.shutdown()
