"""`stream_handle` and `resume_stream`: a stream's context in a text that goes where no context follows."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote

from opentelemetry.context import Context, get_current

from otel_sse import limits
from otel_sse.errors import must
from otel_sse.hops.envelope import is_stream_id
from otel_sse.recording import propagation
from otel_sse.recording.carried import carried_streams
from otel_sse.recording.live_stream import Stream, current_stream, without_stream
from otel_sse.recording.propagation import Entered, Remote
from otel_sse.recording.registry import any_recorder, stream_here
from otel_sse.telemetry.clock import now_ns

logger = logging.getLogger("otel_sse")

# A worked example. Stream 5f0c…, whose latest stage is span b7ad…:
#
#   sse1:5f0c6e1d2a3b4c5d:stage:00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01:
#   │    │                │     │                                                       └ tracestate, here none
#   │    │                │     └ traceparent, empty where there is no trace yet
#   │    │                └ whose span that is: a stage's, or the request's as long as the stream has no stage
#   │    └ sse.stream.id
#   └ version

_VERSION: Final = "sse1"
_STAGE: Final = "stage"
_REQUEST: Final = "request"
_PARTS: Final = 5


def stream_handle() -> str:
    """Return a handle of the current stream: a short text that may go through a queue, Redis or a thread's arguments.

    Whoever has it goes on with the stream: `resume_stream`. In this process that is the very stream, with its lineage,
    as long as anybody holds it; in another one the stream's id and trace go on. Outside of any stream it is the handle
    of a new one.

    Example:
        >>> await queue.put((prompt, otel_sse.stream_handle()))

    Returns:
        Printable ASCII without spaces, 90 characters or so, 2,048 at most. It tells nothing of the answer.
    """
    stream = stream_here()
    carrier: dict[str, Any] = {}
    propagation.write(carrier, stream)
    carried_streams.add(stream)
    whose = _STAGE if stream.order.stages else _REQUEST
    fields = (stream.id, whose, carrier.get("traceparent", ""), carrier.get("tracestate", ""))
    handle = ":".join((_VERSION, *(quote(field, safe="") for field in fields)))
    if len(handle) > limits.MAX_HANDLE_CHARS:
        # The tracestate is the vendors' own; the trace goes on without it.
        handle = ":".join((_VERSION, *(quote(field, safe="") for field in fields[:-1]), ""))
    return handle


def resume_stream(handle: str) -> Entered:
    """Make the stream of a handle current, for one synchronous block: the other end of `stream_handle`.

    - **A worker** (a task, a thread, another process) that reads the model in the block feeds the stream.
    - **A response's endpoint** that enters the block before it answers makes its answer a part of the stream, to the
      end of the request: its `emit` and `socket_write` come after the stages of the worker. The request's own trace and
      the stream's link to each other.

    Tasks that the block starts, and iterators that `observe` or a policy has watched in it, keep the stream. An `await`
    inside the block is fine; a `yield` is not (see `extract`). What is no handle changes nothing: the log says so
    once, and the current stream stays.

    Example:
        >>> with otel_sse.resume_stream(handle):
        ...     for piece in ask_the_model(prompt):
        ...         pieces.put(piece)

    Args:
        handle: What `stream_handle` has returned, in this process or another.

    Returns:
        A context manager that gives the `Stream`.
    """
    fields = _fields(handle)
    if fields is None:
        _tell_no_handle()
        return Entered(stream_here())
    stream_id, whose, traceparent, tracestate = fields
    return _resumed(stream_id, propagation.read_trace(traceparent, tracestate), by_stage=whose == _STAGE)


def _resumed(stream_id: str, remote: Remote, *, by_stage: bool) -> Entered:
    current, known = current_stream(), carried_streams.find(stream_id)
    context = without_stream(remote.context if remote.span.is_valid else get_current())
    if current is not None and not current.is_untold and current.id == stream_id:
        return Entered(current)
    if current is not None and current.may_join and current.is_untold:
        # The request has not answered yet, so that its answer can be the stream's.
        current.join(stream_id, _parent(known, remote, context), known)
        if known is None:
            carried_streams.add(current)
        return Entered(_linked(current, remote, by_stage=by_stage and known is None))
    if known is not None:
        return Entered(known, context)
    recorder = any_recorder() if current is None else current.recorder
    made = Stream(recorder, now_ns(), context if remote.span.is_valid else None, stream_id)
    carried_streams.add(made)
    return Entered(_linked(made, remote, by_stage=by_stage), context)


def _parent(known: Stream | None, remote: Remote, context: Context) -> Context:
    if remote.span.is_valid:
        return context
    # The handle was made before the stream had any span. By now it may have one here.
    return Context() if known is None or known.context is None else known.context


def _linked(stream: Stream, remote: Remote, *, by_stage: bool) -> Stream:
    if by_stage and remote.span.is_valid and stream.order.remote is None and not stream.order.stages:
        stream.order.remote = remote.span
    return stream


def _fields(handle: object) -> tuple[str, str, str, str] | None:
    if not isinstance(handle, str) or len(handle) > limits.MAX_HANDLE_CHARS:
        return None
    parts = str.__str__(handle).split(":")
    if len(parts) != _PARTS or parts[0] != _VERSION or parts[2] not in (_STAGE, _REQUEST):
        return None
    stream_id, whose, traceparent, tracestate = (unquote(part, errors="replace") for part in parts[1:])
    return (stream_id, whose, traceparent, tracestate) if is_stream_id(stream_id) else None


@cache
def _tell_no_handle() -> None:
    advice = "Hand on what otel_sse.stream_handle() has returned, unchanged. Streams go on without it."
    logger.warning("%s", must("handle", "be one that stream_handle made", "another text", advice))
