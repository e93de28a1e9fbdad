"""Traces in Tempo, through its HTTP API. Written after its documentation; it was not run against Tempo itself.

Source: Tempo's "HTTP API", and its query frontend. A search asks in one condition on one attribute of a span, the form
that TraceQL answers rightly for certain; what else is looked for is looked for in the traces that come back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.errors import must
from otel_sse.sources.errors import SourceError
from otel_sse.sources.http import Answer, Backend
from otel_sse.sources.otlp_json import Request, ResourceSpans, Wire, spans_in
from otel_sse.sources.search import Hit, Search

_S_NS: Final = 1_000_000_000
_PARTIAL: Final = "PARTIAL"
_ID_DIGITS: Final = 32
_MISSING: Final = "trace not found"
"""What the older path says with its 404; newer versions say nothing."""


class _Batches(Wire):
    # The older path calls resource spans by their first name.
    batches: list[ResourceSpans] | None = None
    resource_spans: list[ResourceSpans] | None = None


class _ByIdV2(Wire):
    trace: Request | None = None
    status: str | int | None = None
    message: str | None = None


class _Match(Wire):
    # Tempo writes ID in capitals here, which is not what the other names would make of it.
    trace_id: str = msgspec.field(default="", name="traceID")


class _Matches(Wire):
    traces: list[_Match] | None = None


_by_id_v2: Final = msgspec.json.Decoder(_ByIdV2, strict=False)
_batches: Final = msgspec.json.Decoder(_Batches, strict=False)
_matches: Final = msgspec.json.Decoder(_Matches)


class Tempo:
    """A Tempo query frontend.

    Args:
        backend: Where it is.
    """

    least_ns = _S_NS

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._partial: str | None = None

    def close(self) -> None:
        """Close its connections."""
        self._backend.close()

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._backend.requests

    def partial(self) -> SourceError | None:
        """Return what Tempo said of a trace that it gave only a part of, or None."""
        if self._partial is None:
            return None
        advice = "What it gave is shown. Raise max_bytes_per_trace, or record less: OTEL_SSE_CHUNK_EVENTS=packed."
        return SourceError(must("trace of Tempo", "be whole", f"{_PARTIAL}: {self._partial}", advice))

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace.

        Args:
            trace_id: 32 hex digits.

        Raises:
            SourceError: Tempo has it not, has dropped it, or does not answer.
        """
        answer, spans = self._by_id(trace_id)
        if spans:
            return spans
        where = f"be in Tempo at {self._backend.shown_url}"
        if answer.found:
            advice = (
                "Tempo answers so where it has not got the trace, or dropped it: what is larger than "
                "max_bytes_per_trace (5,000,000 bytes by default) it takes with 200 OK and drops. "
                "Raise that limit, or record less: OTEL_SSE_CHUNK_EVENTS=packed."
            )
            raise SourceError(must(f"trace {trace_id}", where, "200 OK with an empty trace", advice))
        advice = "It may not be there yet, or be gone. Leave TRACE_ID out to see which there are."
        raise SourceError(must("TRACE_ID", where, trace_id, advice))

    def _by_id(self, trace_id: str) -> tuple[Answer, list[Span]]:
        answer = self._backend.get(f"/api/v2/traces/{trace_id}")
        if answer.found:
            said = self._backend.decode(answer, _by_id_v2)
            if said.status in (_PARTIAL, 1):
                self._partial = said.message or "no reason given"
            return answer, self._decoded(answer, said.trace)
        if not answer.is_missing:
            raise self._backend.refusal(answer)
        return self._by_id_v1(trace_id)

    def _by_id_v1(self, trace_id: str) -> tuple[Answer, list[Span]]:
        """As Tempo before 2.6 answers, which has no other path."""
        answer = self._backend.get(f"/api/traces/{trace_id}")
        if answer.found:
            said = self._backend.decode(answer, _batches)
            return answer, self._decoded(answer, Request(said.batches or said.resource_spans))
        if not answer.is_missing:
            raise self._backend.refusal(answer)
        if answer.body.strip() and _MISSING not in answer.says:
            raise self._backend.elsewhere(answer)
        return answer, []

    def _decoded(self, answer: Answer, request: Request | None) -> list[Span]:
        try:
            return spans_in(request) if request is not None else []
        except (ValueError, RecursionError) as error:
            raise self._backend.refusal(answer) from error

    def find(self, search: Search, start_ns: int, end_ns: int, most: int) -> tuple[list[Hit], bool]:
        """Return traces that were under way in a span of time, and whether there may be others.

        Raises:
            SourceError: Tempo does not answer.
        """
        query = {
            "q": _condition(search),
            "start": str(start_ns // _S_NS),
            "end": str(max(-(-end_ns // _S_NS), start_ns // _S_NS + 1)),
            "limit": str(most),
            "spss": "1",
        }
        answer = self._backend.get("/api/search", query)
        if answer.is_missing:
            raise self._backend.elsewhere(answer)
        if not answer.found:
            raise self._backend.refusal(answer)
        # Tempo leaves out the zeros that an id begins with.
        found = [match.trace_id.rjust(_ID_DIGITS, "0") for match in self._backend.decode(answer, _matches).traces or ()]
        return [Hit(trace_id, partial(self._loaded, trace_id)) for trace_id in found], len(found) >= most

    def _loaded(self, trace_id: str) -> Sequence[Span]:
        return self._by_id(trace_id)[1]


def _condition(search: Search) -> str:
    if search.duplicates:
        return f"{{span.{semconv.STREAM_DUPLICATES} >= {search.duplicates}}}"
    if search.route:
        return f"{{span.{semconv.HTTP_ROUTE} = {json.dumps(search.route, ensure_ascii=False)}}}"
    return f"{{span.{semconv.SEGMENT_INDEX} = 0}}"
