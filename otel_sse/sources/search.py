"""A search for streams in a backend: what is looked for, and how the latest are found without missing one.

Backends answer with the first so many traces that they come across, in an order of their own. So a span of time that
gives a full page is halved until a page is not full; only then is it known to hold nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from otel_sse import limits, semconv
from otel_sse.diagnosis.trace.spans import Span, integer
from otel_sse.sources.errors import TooLargeError
from otel_sse.sources.traces import TraceSummary, summaries

_FILTERED_HITS: Final = 50
"""Traces asked for at once where the backend may not filter as asked, so that most of them are for nothing."""


class Search(msgspec.Struct, frozen=True):
    """What is looked for.

    Args:
        since_ns: Streams that began then or later, in nanoseconds since the epoch.
        until_ns: Streams that began before then.
        route: `http.route` of a span, or "" for any.
        service: `service.name` of a stage, or "" for any.
        duplicates: Duplicate chunks that at least one stage counted; 0 for any.
        limit: Traces to return at most, the latest; 1 or more.
    """

    since_ns: int
    until_ns: int
    route: str = ""
    service: str = ""
    duplicates: int = 0
    limit: int = 20

    @property
    def most(self) -> int:
        """Traces to ask for at once."""
        filtered = self.route or self.service or self.duplicates
        return max(self.limit + 1, _FILTERED_HITS) if filtered else self.limit + 1

    def takes(self, spans: Sequence[Span]) -> bool:
        """Return whether the spans of one trace are what is looked for, time apart."""
        return (
            (not self.route or any(span.attributes.get(semconv.HTTP_ROUTE) == self.route for span in spans))
            and (not self.service or any(span.service == self.service for span in spans if _is_stage(span)))
            and max((integer(span.attributes, semconv.STREAM_DUPLICATES) for span in spans), default=0)
            >= self.duplicates
        )


def _is_stage(span: Span) -> bool:
    return semconv.STAGE in span.attributes


class Hit(msgspec.Struct, frozen=True):
    """One trace that a backend came across.

    Args:
        trace_id: 32 hex digits.
        load: Returns its spans; none where the backend has them no more.
    """

    trace_id: str
    load: Callable[[], Sequence[Span]]


class Finder(Protocol):
    """A backend that can be searched."""

    least_ns: int
    """The shortest span of time that it can be asked for."""

    @property
    def requests(self) -> int:
        """Requests made so far."""

    def find(self, search: Search, start_ns: int, end_ns: int, most: int) -> tuple[list[Hit], bool]:
        """Return traces with a span that began in a span of time, and whether there may be others.

        Raises:
            TooLargeError: They are too much for one answer.
            SourceError: The backend does not answer.
        """


class Found(msgspec.Struct):
    """What a search found.

    Args:
        traces: The latest, in order of their starts.
        since_ns: All that began then or later are among them.
        is_whole: Whether there are no others that the search asks for.
        given_up: Whether the search stopped because it took too many requests.
        empty_ids: Traces that the backend named, and then had no spans of.
        crowded: Whether a moment has more traces than could be asked for.
    """

    traces: list[TraceSummary]
    since_ns: int
    is_whole: bool
    given_up: bool
    empty_ids: list[str]
    crowded: bool


def newest(finder: Finder, search: Search) -> Found:
    """Return the latest streams.

    Args:
        finder: Where to look.
        search: What to look for.

    Raises:
        SourceError: The backend does not answer.
    """
    found: dict[str, TraceSummary] = {}
    seen: set[str] = set()
    empty: list[str] = []
    known_ns, first = search.until_ns, finder.requests
    crowded = False
    for start_ns, hits, is_full in _windows(finder, search):
        crowded = crowded or is_full
        for hit in hits:
            if hit.trace_id not in seen:
                seen.add(hit.trace_id)
                _take(hit, search, found, empty)
        known_ns = start_ns
        enough = sum(known_ns <= each.start_ns < search.until_ns for each in found.values()) > search.limit
        if enough or finder.requests - first >= limits.MAX_SEARCH_REQUESTS:
            break
    return _found(list(found.values()), search, known_ns, empty, crowded)


def _take(hit: Hit, search: Search, found: dict[str, TraceSummary], empty: list[str]) -> None:
    spans = hit.load()
    if not spans:
        empty.append(hit.trace_id)
    elif search.takes(spans):
        found.update({each.id: each for each in summaries(spans) if each.id == hit.trace_id})


def _windows(finder: Finder, search: Search) -> Iterator[tuple[int, list[Hit], bool]]:
    """Spans of time one after the other, the latest first: its start, its traces, whether it has more of them."""
    waiting = [(search.since_ns, search.until_ns)]
    first = finder.requests
    while waiting and finder.requests - first < limits.MAX_SEARCH_REQUESTS:
        start_ns, end_ns = waiting.pop()
        shortest = end_ns - start_ns <= finder.least_ns
        most = limits.MAX_SEARCH_HITS if shortest else search.most
        try:
            hits, is_full = finder.find(search, start_ns, end_ns, most)
        except TooLargeError:
            if shortest:
                raise
            hits, is_full = [], True
        if is_full and not shortest:
            # Rounded, so that a backend that counts whole seconds is not asked for the same twice.
            middle_ns = (start_ns + end_ns) // 2 // finder.least_ns * finder.least_ns
            middle_ns = middle_ns if start_ns < middle_ns < end_ns else (start_ns + end_ns) // 2
            waiting += [(start_ns, middle_ns), (middle_ns, end_ns)]
        else:
            yield start_ns, hits, is_full


def _found(all_: list[TraceSummary], search: Search, known_ns: int, empty: list[str], crowded: bool) -> Found:
    known = [each for each in all_ if known_ns <= each.start_ns < search.until_ns]
    latest = sorted(known, key=lambda each: each.start_ns)[-search.limit :]
    looked_at_all = known_ns <= search.since_ns
    return Found(
        traces=latest,
        since_ns=latest[0].start_ns if len(known) > len(latest) else known_ns,
        is_whole=looked_at_all and len(known) == len(latest),
        given_up=not looked_at_all and len(known) == len(latest) < search.limit,
        empty_ids=empty,
        crowded=crowded,
    )
