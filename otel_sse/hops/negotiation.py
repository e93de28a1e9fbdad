"""The handshake: the client's offer, the server's answer, and the trace context.

client  x-otel-sse: 1;p=3f2a9c11;s=6f0e1b2c3d4e5f60;m=1048576     version, process, stream, largest message in bytes
server  x-otel-sse: 1;p=77aa01bc                                  accepted
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from opentelemetry import propagate
from opentelemetry.context import Context, get_current
from opentelemetry.trace import get_current_span

from otel_sse.hops.envelope import HEADER, Agreement, agree, offer
from otel_sse.recording import fork
from otel_sse.recording.live_stream import current_stream
from otel_sse.telemetry.internal import InternalErrors


class _Process:
    """The name of this process on its hops. A forked worker gets a name of its own."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(4)
        fork.watch(self)

    def after_fork(self) -> None:
        self.name = secrets.token_hex(4)


_process = _Process()


def offered_headers(stream_id: str = "", max_bytes: int = 0) -> dict[str, str]:
    """Return the headers that a client adds to its handshake: the trace context, and the offer of the envelope.

    Args:
        stream_id: The stream for which the connection is opened; "" for the current stream.
        max_bytes: Largest message that this end accepts, envelope included; 0 where the caller raises its limit by
            `limits.MAX_ENVELOPE_BYTES`.
    """
    headers: dict[str, str] = {}
    propagate.inject(headers, context=_context())
    stream = current_stream()
    headers[HEADER] = offer(_process.name, stream_id or ("" if stream is None else stream.id), max_bytes)
    return headers


def answer() -> tuple[str, str]:
    """Return name and value of the header by which a server accepts the offer."""
    return HEADER, offer(_process.name)


def agreed(ours: str | None, theirs: str | None) -> Agreement | None:
    """Return the agreement of a handshake, or None.

    Args:
        ours: Value of the header that this end sent; None where it sent none.
        theirs: Value of the header that the other end sent; None likewise.
    """
    return agree(theirs) if agree(ours) is not None else None


def remote_context(headers: Mapping[str, str] | Iterable[tuple[str, str]], errors: InternalErrors) -> Context | None:
    """Return the trace context of a handshake, or None.

    Where a span is current already, as behind contrib's middleware, the current context is returned.

    Args:
        headers: Headers of the handshake, with names in any case.
        errors: Takes the exception of a propagator, which may be the user's own.
    """
    current = get_current()
    if _has_span(current):
        return current
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    try:
        found = propagate.extract({name.lower(): value for name, value in pairs}, context=current)
    except Exception as error:
        errors.report("open", error)
        return None
    return found if _has_span(found) else None


def _has_span(context: Context) -> bool:
    return get_current_span(context).get_span_context().is_valid


def _context() -> Context:
    # The span of a request may be known to its stream alone: not every server makes it current in the task.
    current, stream = get_current(), current_stream()
    if stream is None or stream.context is None or _has_span(current):
        return current
    return stream.context
