from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from otel_sse import limits
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.sources.errors import TooLargeError
from otel_sse.sources.search import Hit, Search, newest
from tests.diagnosis.made_trace import START, chunk_events, segment

MS = 1_000_000
HOUR = 3600 * 1000


def trace(number: int, at_ms: int, lasts_ms: int = 0, **says: Any) -> list[Span]:
    """The spans of one trace: a stage that began then, and a segment of it some time later."""
    id_ = f"{number:032x}"
    spans = [segment("emit", chunk_events("a", at_ms), trace=id_, of=f"{number}", **says)]
    if lasts_ms:
        spans.append(segment("emit", chunk_events("b", at_ms + lasts_ms), trace=id_, of=f"{number} b", index=1))
    return [_moved(span) for span in spans]


def _moved(span: Span) -> Span:
    # The made traces start in 2026; here time starts at 0, and a span begins with its first event.
    events = tuple(replace(event, time_ns=event.time_ns - START) for event in span.events)
    return replace(span, start_ns=events[0].time_ns, events=events)


class Memory:
    """A backend in memory that gives any traces it likes of those that were asked for.

    Args:
        traces: What it has.
        seed: What it likes.
        filters: Whether it gives only what the search asks for.
        most_spans: Spans that fit into one answer.
    """

    def __init__(
        self,
        traces: Sequence[Sequence[Span]],
        seed: int = 1,
        *,
        least_ms: int = 1,
        filters: bool = True,
        most_spans: int = 10**9,
    ) -> None:
        self.least_ns = least_ms * MS
        self.requests = 0
        self._traces = list(traces)
        self._random = random.Random(seed)
        self._filters = filters
        self._most_spans = most_spans
        self.gone: set[str] = set()

    def find(self, search: Search, start_ns: int, end_ns: int, most: int) -> tuple[list[Hit], bool]:
        """What began in that time, in whole units of time, as Tempo does it."""
        self.requests += 1
        start_ns = start_ns // self.least_ns * self.least_ns
        end_ns = -(-end_ns // self.least_ns) * self.least_ns
        inside = [
            spans
            for spans in self._traces
            if any(start_ns <= span.start_ns < end_ns for span in spans) and (not self._filters or search.takes(spans))
        ]
        page = self._random.sample(inside, min(most, len(inside)))
        if sum(map(len, page)) > self._most_spans:
            raise TooLargeError("too large")
        return [Hit(spans[0].trace_id, partial(self._load, spans)) for spans in page], len(page) >= most

    def _load(self, spans: Sequence[Span]) -> Sequence[Span]:
        return [] if spans[0].trace_id in self.gone else spans


def numbers(found: Any) -> list[int]:
    """Which traces were found."""
    return [int(each.id, 16) for each in found.traces]


def search(**says: Any) -> Search:
    """A search of one hour."""
    return Search(**{"since_ns": 0, "until_ns": HOUR * MS, **says})


@example([0, 1001, 1002], [0] * 40, 1, 0, 1000, 1001)
@given(
    starts=st.lists(st.integers(0, 20_000), max_size=40, unique=True),
    lasting=st.lists(st.integers(0, 5_000), min_size=40, max_size=40),
    limit=st.integers(1, 12),
    seed=st.integers(0, 5),
    least_ms=st.sampled_from([1, 1000]),
    until=st.integers(1, 21_000),
)
def test_the_latest_are_found(
    starts: list[int], lasting: list[int], limit: int, seed: int, least_ms: int, until: int
) -> None:
    """Whatever traces a backend gives first, the latest that began in the time asked for are found, and no other."""
    traces = [trace(n, at, lasting[n - 1]) for n, at in enumerate(starts, 1)]
    found = newest(Memory(traces, seed, least_ms=least_ms), search(limit=limit, until_ns=until * MS))
    inside = sorted((at, n) for n, at in enumerate(starts, 1) if at < until)
    assert numbers(found) == [n for _, n in inside[-limit:]]
    assert found.is_whole == (len(inside) <= limit)
    assert not found.given_up


@given(starts=st.lists(st.integers(0, 20_000), max_size=40, unique=True), limit=st.integers(1, 9))
def test_page_by_page_all_are_found_once(starts: list[int], limit: int) -> None:
    """To go on before the oldest found gives the next older ones, until there are none."""
    backend = Memory([trace(n, at) for n, at in enumerate(starts, 1)])
    pages, until = [], HOUR * MS
    while True:
        found = newest(backend, search(limit=limit, until_ns=until))
        pages.append(numbers(found))
        if found.is_whole:
            break
        until = found.since_ns
    ordered = [n for _, n in sorted((at, n) for n, at in enumerate(starts, 1))]
    assert [n for page in reversed(pages) for n in page] == ordered


@pytest.mark.parametrize("filters", [True, False])
def test_what_does_not_fit_is_left_out(filters: bool) -> None:
    """Route, service and least duplicates are asked of the traces themselves, whether the backend filters or not."""
    traces = [trace(n, n * 10, service="a" if n % 2 else "b", stream_duplicates=n % 5) for n in range(1, 101)]
    backend = Memory(traces, filters=filters)
    assert numbers(newest(backend, search(service="a", limit=2))) == [97, 99]
    assert numbers(newest(backend, search(duplicates=4, limit=2))) == [94, 99]
    assert numbers(newest(backend, search(duplicates=4, service="b", limit=200))) == [*range(4, 101, 10)]
    assert numbers(newest(backend, search(route="/chat"))) == []


def test_a_route_may_stand_on_any_span() -> None:
    """The request's span may be the one that has the route."""
    spans = trace(1, 5)
    request = Span(spans[0].trace_id, "00f067aa0ba902b7", "", "POST /chat", "", 1, 2, {"http.route": "/chat"})
    assert numbers(newest(Memory([[*spans, request]]), search(route="/chat"))) == [1]


def test_answers_that_are_too_large_are_divided() -> None:
    """A page that does not fit into one answer is asked for in parts."""
    backend = Memory([trace(n, n * 1000) for n in range(1, 31)], most_spans=4)
    found = newest(backend, search(limit=30))
    assert (numbers(found), found.is_whole) == ([*range(1, 31)], True)


def test_one_moment_that_is_too_large_is_an_error() -> None:
    """What can't be divided further is told."""
    backend = Memory([trace(n, 7) for n in range(1, 6)], most_spans=4)
    with pytest.raises(TooLargeError):
        newest(backend, search())


def test_a_crowded_moment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAX_SEARCH_HITS traces of one moment are listed whole; with one more, the search says that some are left out."""
    monkeypatch.setattr(limits, "MAX_SEARCH_HITS", 31)
    fits = newest(Memory([trace(n, 7) for n in range(1, 31)]), search(limit=30))
    full = newest(Memory([trace(n, 7) for n in range(1, 33)]), search(limit=30))
    assert (len(fits.traces), fits.crowded) == (30, False)
    assert (len(full.traces), full.crowded) == (30, True)


@pytest.mark.parametrize("most", [60, 20])
def test_a_search_ends(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """After MAX_SEARCH_REQUESTS the search says from where to go on, and what it lists until there is whole."""
    monkeypatch.setattr(limits, "MAX_SEARCH_REQUESTS", most)
    backend = Memory([trace(n, n) for n in range(1, 3001)], filters=False)
    found = newest(backend, search(duplicates=1, until_ns=3001 * MS))
    assert backend.requests <= most
    assert (found.traces, found.given_up, found.is_whole) == ([], True, False)
    assert 0 < found.since_ns < 3000 * MS


def test_traces_that_come_back_empty_are_told() -> None:
    """A trace that the search names and that has no spans is not listed, but named."""
    backend = Memory([trace(1, 10), trace(2, 20)])
    backend.gone = {f"{2:032x}"}
    found = newest(backend, search())
    assert (numbers(found), found.empty_ids) == ([1], [f"{2:032x}"])
