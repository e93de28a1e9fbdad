"""Traces in Jaeger, through its query API v3, which has nanoseconds and OTLP's types.

Source: Jaeger's `docs/apis/api_v3_http.md`, and what Jaeger answers. Parameters are sent under their names of today and
of before 2.20; a server reads the one that it knows. They ask for raw traces, because Jaeger else sorts events by name,
leaves out spans that are the same byte for byte, and shifts times between hosts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span, Value
from otel_sse.errors import must
from otel_sse.sources.errors import SourceError
from otel_sse.sources.http import Answer, Backend
from otel_sse.sources.jaeger_links import with_meaning
from otel_sse.sources.otlp_json import Request, Wire, spans_in
from otel_sse.sources.search import Hit, Search

_LISTS: Final = frozenset(each.name for each in semconv.ATTRIBUTES if each.type == "string[]")
"""Attributes that are lists of texts: Jaeger's own storage keeps them as JSON in a string."""

_BAD: Final = frozenset({400, 500})
_STAGE_SPAN: Final = "stream "
"""How the name of every stage's span begins."""

_ALL_SERVICES: Final[tuple[str, ...]] = ("",)


class _Problem(Wire):
    message: str = ""


class _Traces(Wire):
    result: Request | None = None
    error: _Problem | None = None


class _Services(Wire):
    services: list[str] | None = None


class _Operation(Wire):
    name: str = ""


class _Operations(Wire):
    operations: list[_Operation] | None = None


_traces: Final = msgspec.json.Decoder(_Traces, strict=False)
_services: Final = msgspec.json.Decoder(_Services)
_operations: Final = msgspec.json.Decoder(_Operations)


class Jaeger:
    """A Jaeger query service.

    Args:
        backend: Where it is.
    """

    least_ns = 1_000_000

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._services = _ALL_SERVICES
        """Services to search one by one; "" is all at once."""

    def close(self) -> None:
        """Close its connections."""
        self._backend.close()

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._backend.requests

    def partial(self) -> SourceError | None:
        """Return None: Jaeger does not say whether a trace is whole."""
        return None

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace, each span's events in order of time.

        Args:
            trace_id: 32 hex digits.

        Raises:
            SourceError: Jaeger has it not, or does not answer.
        """
        answer = self._backend.get(f"/api/v3/traces/{trace_id}", {"rawTraces": "true", "raw_traces": "true"})
        if spans := self._spans(answer):
            return spans
        advice = "It may be too new, gone, or not sampled. Leave TRACE_ID out to see which there are."
        raise SourceError(must("TRACE_ID", f"be in Jaeger at {self._backend.shown_url}", trace_id, advice))

    def find(self, search: Search, start_ns: int, end_ns: int, most: int) -> tuple[list[Hit], bool]:
        """Return traces with a span that began in a span of time, and whether there may be others.

        Raises:
            TooLargeError: They are too much for one answer.
            SourceError: Jaeger does not answer.
        """
        found: dict[str, list[Span]] = {}
        is_full = False
        for spans in self._pages(search, start_ns, end_ns, most):
            page = _by_trace(spans)
            is_full = is_full or len(page) >= most
            found.update(page)
        return [Hit(trace_id, spans.copy) for trace_id, spans in found.items()], is_full

    def _pages(self, search: Search, start_ns: int, end_ns: int, most: int) -> Iterator[list[Span]]:
        for service in (search.service,) if search.service else self._services:
            answer = self._backend.get("/api/v3/traces", _query(search, service, start_ns, end_ns, most))
            if not service and self._wants_service(answer):
                self._services = tuple(self._with_streams())
                yield from self._pages(search, start_ns, end_ns, most)
                return
            yield self._spans(answer)

    def _wants_service(self, answer: Answer) -> bool:
        # Jaeger's memory can be searched as a whole; its databases by service only, and they say so.
        return answer.status in _BAD and "service name" in self._problem(answer).casefold()

    def _with_streams(self) -> Iterator[str]:
        answer = self._backend.get("/api/v3/services")
        if not answer.found:
            raise self._backend.refusal(answer)
        for service in self._backend.decode(answer, _services).services or ():
            names = self._backend.get("/api/v3/operations", {"service": service})
            if not names.found:
                raise self._backend.refusal(names)
            operations = self._backend.decode(names, _operations).operations or ()
            if any(operation.name.startswith(_STAGE_SPAN) for operation in operations):
                yield service

    def _spans(self, answer: Answer) -> list[Span]:
        """The spans of an answer; none where it says in Jaeger's way that there are none."""
        if answer.found:
            result = self._backend.decode(answer, _traces).result
            try:
                return [_as_recorded(span) for span in with_meaning(spans_in(result))] if result is not None else []
            except (ValueError, RecursionError) as error:
                raise self._backend.refusal(answer) from error
        if not answer.is_missing:
            raise self._backend.refusal(answer)
        if not self._problem(answer):
            raise self._backend.elsewhere(answer)
        return []

    @staticmethod
    def _problem(answer: Answer) -> str:
        try:
            error = _traces.decode(answer.body).error
        except (ValueError, RecursionError):
            return ""
        return error.message if error is not None else ""


def _query(search: Search, service: str, start_ns: int, end_ns: int, most: int) -> dict[str, str]:
    # Jaeger 2.13 and before read no attributes here and give all traces: what is asked for is looked for again.
    attributes = {semconv.SEGMENT_INDEX: "0", **({semconv.HTTP_ROUTE: search.route} if search.route else {})}
    # Both ends of a span of time belong to it.
    named = {
        ("serviceName", "service_name"): service,
        ("startTimeMin", "start_time_min"): _time(start_ns),
        ("startTimeMax", "start_time_max"): _time(end_ns - 1),
        ("searchDepth", "num_traces"): str(most),
        ("rawTraces", "raw_traces"): "true",
    }
    query = {f"query.{name}": value for names, value in named.items() for name in names if value}
    return {**query, "query.attributes": json.dumps(attributes)}


def _time(time_ns: int) -> str:
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns:09}Z"


def _as_recorded(span: Span) -> Span:
    """Put back what Jaeger's storage changes: the order of events, and lists, which become JSON in a string."""
    events = tuple(sorted(span.events, key=lambda event: event.time_ns))
    lists = {name: _listed(value) for name, value in span.attributes.items() if name in _LISTS}
    return msgspec.structs.replace(span, events=events, attributes={**span.attributes, **lists})


def _listed(value: Value) -> Value:
    if type(value) is not str:
        return value
    try:
        return tuple(msgspec.json.decode(value, type=list[str]))
    except (ValueError, RecursionError):
        return value


def _by_trace(spans: Sequence[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.trace_id, []).append(span)
    return found
