"""The handshake: what a client offers and a server answers, and the trace context that goes with it."""

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
    """The name of this process on its hops: a forked worker has another than its parent."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(4)
        fork.watch(self)

    def after_fork(self) -> None:
        self.name = secrets.token_hex(4)


_process = _Process()


def offered_headers(stream_id: str = "", max_bytes: int = 0) -> dict[str, str]:
    """Return the headers that a client adds to its handshake: the trace context, and the offer of the envelope.

    Args:
        stream_id: The stream that the connection is opened for; the current one where "".
        max_bytes: Largest message that this end takes; 0 where it can be made to take as much more as an envelope is.
    """
    headers: dict[str, str] = {}
    propagate.inject(headers, context=_context())
    stream = current_stream()
    headers[HEADER] = offer(_process.name, stream_id or ("" if stream is None else stream.id), max_bytes)
    return headers


def answer() -> tuple[str, str]:
    """Return the header, name and value, by which a server accepts."""
    return HEADER, offer(_process.name)


def agreed(ours: str | None, theirs: str | None) -> Agreement | None:
    """Return what a handshake has agreed on, or None.

    Args:
        ours: Value of the header that this end sent, None where it sent none.
        theirs: Value of the header that the other end sent, likewise.
    """
    return agree(theirs) if agree(ours) is not None else None


def remote_context(headers: Mapping[str, str] | Iterable[tuple[str, str]], errors: InternalErrors) -> Context | None:
    """Return the context that a handshake carries, None where it carries none.

    Where a span of this process is current already (contrib's middleware has made one), the current context is it.

    Args:
        headers: The handshake's.
        errors: Told where a propagator, which may be the user's own, can't read what a client has sent.
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
    # The task may have none, where the request's span was made further out and not made current.
    current, stream = get_current(), current_stream()
    if stream is None or stream.context is None or _has_span(current):
        return current
    return stream.context
