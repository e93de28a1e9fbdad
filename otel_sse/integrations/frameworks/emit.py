"""The stage `emit` itself: when it is made, and the iterator that feeds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from otel_sse.integrations.bodies import Body, ByteCursor, streamed_body
from otel_sse.integrations.headers import Headers
from otel_sse.iterators.observed import ObservedAsyncIterator
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.outcomes import outcome_of
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import EMIT


def emitted(headers: Headers, bytes_of: Callable[[Any], bytes | memoryview] | None = None) -> ByteCursor | None:
    """Return the cursor of a response's stage `emit`, or None where there is to be none. Never raises.

    There is one inside a request of an application that is watched, with the option `emit`, for an event stream.

    Args:
        headers: The response's.
        bytes_of: Turns what the iterator yields into the bytes that it is sent as; None where it yields bytes.
    """
    stream = current_stream()
    if stream is None or stream.recorder.closed or not stream.recorder.options.emit:
        return None
    try:
        body = streamed_body(headers, stream.recorder.options.content_types)
        return None if body is None else _cursor(stream, body, bytes_of)
    except Exception as error:
        stream.recorder.errors.report("open", error)
        return None


async def with_watched(
    response: Any,
    name: str,
    cursor: ByteCursor,
    respond: Callable[..., Awaitable[Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Let a response answer, with its iterator watched meanwhile.

    Args:
        response: The response.
        name: Name of the attribute that holds the iterator.
        cursor: The stage's.
        respond: The response's own method.
        args: What it was called with.
        kwargs: Likewise.
    """
    watched = ObservedAsyncIterator(getattr(response, name), cursor)
    setattr(response, name, watched)
    try:
        return await respond(*args, **kwargs)
    except BaseException as error:
        # The iterator's own exceptions have ended the stage by now; this one came while a chunk was sent.
        cancelled = outcome_of(error) == outcomes.CANCELLED
        cursor.end(outcomes.CANCELLED if cancelled else outcomes.ABANDONED)
        raise
    finally:
        cursor.end(outcomes.ABANDONED)
        if getattr(response, name) is watched:
            setattr(response, name, watched.__wrapped__)


def text_as(charset: str) -> Callable[[Any], bytes | memoryview]:
    """Return the function by which frameworks turn text that an iterator yields into bytes."""

    def bytes_of(item: Any) -> bytes | memoryview:
        if isinstance(item, str):
            return item.encode(charset)
        # Anything else is the framework's to refuse, which it does next.
        return bytes(item) if isinstance(item, (bytes, bytearray, memoryview)) else b""

    return bytes_of


def _cursor(stream: Stream, body: Body, bytes_of: Callable[[Any], bytes | memoryview] | None) -> ByteCursor:
    rewrites = stream.recorder.options.emit_rewrites
    spec = StageSpec(EMIT, rewrites=rewrites, lines=body.lines, text=body.text, encoding=body.coding, to_reader=True)

    def open_stage() -> StageRecord:
        return stream.stage(spec)

    return ByteCursor(stream.recorder, open_stage, bytes_of)
