"""The application that owns a connection: its recorder, a stream of its own, and how its messages are understood."""

from __future__ import annotations

from otel_sse.hops.messages import Hooks
from otel_sse.integrations.patching import holder
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import any_recorder
from otel_sse.telemetry.clock import now_ns


def recorder_here() -> Recorder:
    """Return the recorder of the request that is being served, else of the application that was instrumented last."""
    stream = current_stream()
    if stream is not None:
        return stream.recorder
    return holder("websockets") or any_recorder()


def own_stream(recorder: Recorder) -> Stream | None:
    """Return a stream for a connection that is opened outside of any; None inside of one."""
    return None if current_stream() is not None else Stream(recorder, now_ns())


def hooks_of(recorder: Recorder) -> Hooks:
    """Return how the application of a recorder has asked messages to be understood."""
    return Hooks(recorder.options.stream_of, recorder.options.chunk_of)
