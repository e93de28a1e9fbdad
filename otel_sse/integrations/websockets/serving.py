"""The connection that is being served: its recorder, its hooks, and the stream that a message of it belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from otel_sse.hops.hop import Hop
from otel_sse.hops.messages import Hooks
from otel_sse.integrations.patching import holder
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.propagation import Entered
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import any_recorder, stream_here
from otel_sse.telemetry.clock import now_ns

ATTRIBUTE: Final = "_otel_sse_hop"
"""Name under which a connection that is watched keeps its hop."""


class Served:
    """A connection that this task serves.

    Args:
        hop: This end of it; None until the handshake has agreed on something.
    """

    __slots__ = ("hop",)

    def __init__(self, hop: Hop | None = None) -> None:
        self.hop = hop


_served: ContextVar[Served | None] = ContextVar("otel_sse_served", default=None)


def current_hop() -> Hop | None:
    """Return this process's end of the connection that is being served, or None."""
    served = _served.get()
    return None if served is None else served.hop


def serve_here(served: Served | None) -> None:
    """Make a connection the one that the present task serves from now on; None for none."""
    _served.set(served)


def hop_of(connection: Any) -> Hop | None:
    """Return the hop of a connection that is watched, or None."""
    found = getattr(connection, ATTRIBUTE, None)
    return found if isinstance(found, Hop) else None


def stream_for(message: object, connection: Any = None) -> Entered:
    """Make the stream that a message has come on current, for one synchronous block.

    Needed only where several streams share one socket: where there is one, it is current already.

    Example:
        >>> async for message in websocket:
        ...     with stream_for(message):
        ...         tasks.create_task(answer(message))

    Args:
        message: What the connection gave, as it gave it or decoded to a dict.
        connection: The connection; None for the one that is being served.

    Returns:
        A context manager that gives the `Stream`: the current one, or a new one, where the message's is not known.
    """
    hop = current_hop() if connection is None else hop_of(connection)
    stream = None if hop is None else hop.stream_of(message)
    if stream is None:
        stream = stream_here()
    return Entered(stream, stream.context)


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
