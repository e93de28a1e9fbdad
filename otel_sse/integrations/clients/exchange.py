"""One request of a watched client: where its stage belongs, and the cursor that its response's body feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_sse import limits
from otel_sse.errors import ConfigurationError
from otel_sse.integrations.bodies import Body, ByteCursor, body_headers, streamed_body
from otel_sse.integrations.clients.coding import decoder_for
from otel_sse.integrations.clients.propagation import TRACERESPONSE, missing_context, take_back, written_by
from otel_sse.integrations.headers import cursor_in
from otel_sse.recording.live_stream import Stream, current_stream
from otel_sse.recording.registry import default_recorder, outside
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import CLIENT, PROVIDER
from otel_sse.telemetry.clock import now_ns

_NOBODY: Final = object()
_sending: ContextVar[object] = ContextVar("otel_sse_sending", default=_NOBODY)
"""The stream for which a watched client is sending: one that it uses beneath it is not to be seen as well."""


class Exchange:
    """One request and its response.

    Args:
        stream: The stream that the response's stage belongs to.
        stage: `provider` inside a request that is being served, `client` outside of any.
        host: The server's name.
    """

    __slots__ = ("_asked", "_host", "_last_event_id", "_sent_ns", "_stage", "_stream")

    def __init__(self, stream: Stream, stage: str, host: str) -> None:
        self._stream = stream
        self._stage = stage
        self._host = host
        self._last_event_id = self._asked = ""
        self._sent_ns = now_ns()

    @contextmanager
    def sending(self, headers: MutableMapping[str, str], query: str | bytes = "") -> Iterator[None]:
        """Stand around the sending of the request, whose headers carry the trace context meanwhile.

        Args:
            headers: The request's.
            query: Its URL's query.
        """
        self.asks(headers, query)
        added = self._add_context(headers)
        outer = _sending.get()
        _sending.set(self._stream if self._stage == PROVIDER else None)
        try:
            yield
        finally:
            # Not with a token: a coroutine may be closed in another context than it was begun in.
            _sending.set(outer)
            take_back(headers, added)

    def asks(self, headers: Mapping[str, str], query: str | bytes) -> None:
        """Take note of what a request says of where its answer is to go on.

        Args:
            headers: The request's.
            query: Its URL's query.
        """
        self._last_event_id = headers.get("Last-Event-ID", "")
        self._asked = cursor_in(query, self._stream.recorder.options.cursor_parameters)

    def _add_context(self, headers: MutableMapping[str, str]) -> dict[str, str]:
        recorder = self._stream.recorder
        if not recorder.options.client_traceparent:
            return {}
        try:
            added = missing_context(headers)
            headers.update(added)
        except Exception as error:
            recorder.errors.report("open", error)
            return {}
        return added

    def reading(self, headers: Mapping[str, str], *, decoded: bool = False) -> ByteCursor | None:
        """Return the cursor that the response's body is to feed, or None where it is no event stream.

        Args:
            headers: The response's.
            decoded: Whether the client has undone the content coding before the bytes are seen.
        """
        recorder = self._stream.recorder
        try:
            body = streamed_body(body_headers(headers), recorder.options.content_types)
            return None if body is None else self._cursor(body, headers.get(TRACERESPONSE, ""), decoded)
        except Exception as error:
            recorder.errors.report("open", error)
            return None

    def _cursor(self, body: Body, traceresponse: str, decoded: bool) -> ByteCursor:
        decode = None if decoded else decoder_for(body.coding)
        hidden = "" if decoded or decode is not None else body.coding

        spec = StageSpec(self._stage, source=self._host, lines=body.lines, text=body.text, encoding=hidden, origin=True)

        def open_stage() -> StageRecord:
            return self._open(spec, traceresponse)

        return ByteCursor(self._stream.recorder, open_stage, decode)

    def _open(self, spec: StageSpec, traceresponse: str) -> StageRecord:
        record = self._stream.stage(spec, since_ns=self._sent_ns)
        writer = written_by(traceresponse)
        if writer is not None:
            record.link_upstream(writer)
        had = self._last_event_id if len(self._last_event_id) <= limits.MAX_ID_CHARS else ""
        if had or self._asked:
            record.monitor.resume_after(had, self._asked)
        return record


def exchange_with(host: str) -> Exchange | None:
    """Return a new exchange with a server, or None where it is not to be watched. Never raises.

    Args:
        host: The server's name.
    """
    stream = current_stream()
    if _sending.get() is stream or not is_instrumentation_enabled():
        return None
    if stream is None:
        return _outside(host)
    recorder = stream.recorder
    return None if recorder.closed or not recorder.options.clients else Exchange(stream, PROVIDER, host)


def _outside(host: str) -> Exchange | None:
    try:
        recorder = default_recorder()
    except ConfigurationError:
        # `instrument()` is where a wrong variable is told, not the middle of somebody's request.
        return None
    if not (recorder.options.enabled and recorder.options.clients):
        return None
    return Exchange(outside(Stream(recorder, now_ns(), get_current())), CLIENT, host)
