"""`inject` and `extract`: a stream's context in a message whose schema is the user's own."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, TypeVar

from otel_sse.hops.envelope import is_stream_id
from otel_sse.integrations.websockets.serving import current_hop
from otel_sse.recording import propagation
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.propagation import Entered, Remote
from otel_sse.recording.registry import any_recorder
from otel_sse.telemetry.clock import now_ns

MessageT = TypeVar("MessageT", bound=MutableMapping[str, Any])


def inject(message: MessageT, *, key: str | None = None) -> MessageT:
    """Write the current stream's id and the span of its latest stage into a message, and return the message.

    The keys are `traceparent`, `tracestate` (W3C Trace Context) and `sse_stream_id`. Outside of any stream only the
    current trace context is written, where there is one.

    Example:
        >>> await ws.send(json.dumps(otel_sse.inject({"type": "START", "prompt": prompt})))

    Args:
        message: A dict, changed in place.
        key: Where in the message they go: under this key, in a dict that is made where there is none yet; None for the
            top level. The Model Context Protocol's place is `_meta`. Where something else stands under the key, the
            message is left as it is.
    """
    carrier: dict[str, Any] = {}
    propagation.write(carrier, current_stream())
    if key is None:
        message.update(carrier)
        return message
    place = message.get(key)
    if isinstance(place, MutableMapping):
        place.update(carrier)
    elif place is None and carrier:
        message[key] = carrier
    return message


def extract(message: Mapping[str, Any], *, key: str | None = None) -> Entered:
    """Make the stream that a message tells of current, for one synchronous block.

    Its trace context is current as well, and the stream's first stage in this process links to the sender's span. A
    stream that is current already, or known from the socket that the message came from, is that one again. A message
    that says nothing leaves the current stream; outside of any it gives a new one.

    Tasks that the block starts, and iterators that `observe` or a policy has watched in it, keep the stream. An
    `await` inside the block is fine; a `yield` is not (see `Entered`).

    Example:
        >>> with otel_sse.extract(json.loads(text)):
        ...     tasks.create_task(answer(text))

    Args:
        message: What `inject` was given at the other end, decoded.
        key: As in `inject`.

    Returns:
        A context manager that gives the `Stream`.
    """
    found: object = message if key is None or not isinstance(message, Mapping) else message.get(key)
    remote = propagation.read(found if isinstance(found, Mapping) else {})
    return Entered(_stream_of(remote), remote.context if remote.span.is_valid else None)


def _stream_of(remote: Remote) -> Stream:
    stream_id = remote.stream_id if is_stream_id(remote.stream_id) else ""
    current = current_stream()
    if current is not None and (current.adopt(stream_id) if stream_id else not remote.span.is_valid):
        return _with_upstream(current, remote)
    hop = current_hop()
    known = hop.stream(stream_id) if hop is not None and stream_id else None
    if known is not None:
        return known
    recorder = any_recorder() if current is None else current.recorder
    context = remote.context if remote.span.is_valid else None
    return _with_upstream(Stream(recorder, now_ns(), context, stream_id), remote)


def _with_upstream(stream: Stream, remote: Remote) -> Stream:
    if remote.span.is_valid and stream.order.remote is None and not stream.order.stages:
        stream.order.remote = remote.span
    return stream
