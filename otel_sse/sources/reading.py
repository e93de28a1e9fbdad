"""What a command reads traces from, files or a backend: the list of traces, or one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from otel_sse import limits, semconv
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.diagnosis.trace.streams import Trace, trace_of
from otel_sse.errors import ConfigurationError, must
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles
from otel_sse.sources.search import Finder, Found, Search, newest
from otel_sse.sources.traces import TraceSummary, check_size, summaries

_NAMED: Final = 5
"""Traces that a message names."""


class Listed(msgspec.Struct):
    """Which traces there are.

    Args:
        traces: One summary each, in order of their starts.
        next_until: What `--until` has to be to go on with older ones, or None where there are none.
    """

    traces: list[TraceSummary]
    next_until: str | None = None


class Traces(Protocol):
    """Where traces are read from."""

    @property
    def shows_only_one(self) -> bool:
        """Whether a list of one trace is of no use, so that the trace itself is to be shown."""

    def listed(self) -> Listed:
        """Return which traces there are.

        Raises:
            SourceError: They can't be read.
        """

    def trace(self, wanted: str) -> Trace:
        """Return one trace.

        Args:
            wanted: Its id in hex digits, or how it begins where that is enough.

        Raises:
            SourceError: It can't be read, or is not there.
        """

    def traces(self) -> Iterator[Trace]:
        """Yield the traces that `listed` lists, in its order.

        Raises:
            SourceError: They can't be read.
        """

    def damage(self) -> SourceError | None:
        """Return what of all that was read is not whole, or None."""

    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the last list has to know, one sentence or two each."""

    def close(self) -> None:
        """Let go of connections."""


class FileTraces:
    """Traces in files.

    Args:
        files: The files.
    """

    def __init__(self, files: OtlpFiles) -> None:
        self._files = files
        self._too_large: SourceError | None = None

    @property
    def shows_only_one(self) -> bool:
        """True: a file with one trace is that trace."""
        return True

    def listed(self) -> Listed:
        """Return which traces the files hold, at least one.

        Raises:
            SourceError: They can't be read, or hold none.
        """
        found = summaries(self._files.spans())
        if not found:
            raise self._files.damage() or self._files.nothing()
        return Listed(found)

    def traces(self) -> Iterator[Trace]:
        """Yield all traces of the files, in order of their starts. The stages of all of them are held at once.

        Raises:
            SourceError: They can't be read, or hold none.
        """
        by_trace: dict[str, list[Span]] = {}
        for span in self._files.spans():
            if semconv.STAGE in span.attributes:
                by_trace.setdefault(span.trace_id, []).append(span)
        if not by_trace:
            raise self._files.damage() or self._files.nothing()
        for group in sorted(by_trace.values(), key=lambda group: min(span.start_ns for span in group)):
            try:
                trace = _one(group)
            except SourceError as error:
                # The others are worth reading all the same.
                self._too_large = error
                continue
            yield trace

    def damage(self) -> SourceError | None:
        """Return the damaged lines of the last reading, or a trace of it that is too large to be read."""
        return self._files.damage() or self._too_large

    def notes(self) -> tuple[str, ...]:
        """Return none: a file is listed whole."""
        return ()

    def close(self) -> None:
        """Do nothing: a file is closed as soon as it is read."""

    def trace(self, wanted: str) -> Trace:
        """Return the trace whose id begins so.

        Raises:
            SourceError: The files can't be read, or hold none that begins so.
            ConfigurationError: Several begin so.
        """
        by_trace: dict[str, list[Span]] = {}
        others: dict[str, None] = {}
        for span in self._files.spans():
            if semconv.STAGE not in span.attributes:
                continue
            if span.trace_id.startswith(wanted):
                by_trace.setdefault(span.trace_id, []).append(span)
            elif len(others) <= _NAMED:
                others[span.trace_id] = None
        if not by_trace:
            raise self._unknown(wanted, list(others))
        if len(by_trace) > 1:
            advice = f"{some(list(by_trace))} begin so."
            raise ConfigurationError(must("TRACE_ID", "be the beginning of one trace's id", wanted, advice))
        return _one(next(iter(by_trace.values())))

    def _unknown(self, wanted: str, others: list[str]) -> SourceError:
        if not others:
            return self._files.damage() or self._files.nothing()
        damaged = "" if self._files.damage() is None else " Damaged lines, where it may have been, were passed over."
        return SourceError(must("TRACE_ID", f"be in {self._files.name}", wanted, f"It has {some(others)}.") + damaged)


class SearchedBackend(Finder, Protocol):
    """A backend that has traces by id too."""

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace, at least one.

        Raises:
            SourceError: It is not there, or the backend does not answer.
        """

    def partial(self) -> SourceError | None:
        """Return what the backend said of a trace that it gave only a part of, or None."""

    def close(self) -> None:
        """Close its connections."""


class BackendTraces:
    """Traces in a backend.

    Args:
        backend: The backend.
        search: Which of them to list.
    """

    def __init__(self, backend: SearchedBackend, search: Search) -> None:
        self._backend = backend
        self._search = search
        self._empty: list[str] = []
        self._notes: tuple[str, ...] = ()

    @property
    def shows_only_one(self) -> bool:
        """False: what a search finds is a list, however short."""
        return False

    def listed(self) -> Listed:
        """Return what the search finds, and how to go on.

        Raises:
            SourceError: The backend does not answer.
        """
        found = newest(self._backend, self._search)
        self._empty = found.empty_ids
        next_until = None if found.is_whole else iso_time(found.since_ns)
        self._notes = tuple(_notes(found, self._search))
        return Listed(found.traces, next_until)

    def traces(self) -> Iterator[Trace]:
        """Yield what the search finds, one trace after the other, so that memory holds one.

        Raises:
            SourceError: The backend does not answer, or a trace is gone by now.
        """
        for each in self.listed().traces:
            yield self.trace(each.id)

    def notes(self) -> tuple[str, ...]:
        """Return what the last search did not find, and how to go on."""
        return self._notes

    def trace(self, wanted: str) -> Trace:
        """Return the trace with this id.

        Raises:
            SourceError: The backend has it not or does not answer, or it has no stages.
        """
        spans = self._backend.spans(wanted)
        if not any(semconv.STAGE in span.attributes for span in spans):
            found = f"{len(spans)} spans without any"
            advice = "Only streams that otel_sse records have stages. Leave TRACE_ID out to see which there are."
            raise SourceError(must(f"trace {wanted}", "hold spans of stages", found, advice))
        return _one(spans)

    def damage(self) -> SourceError | None:
        """Return which traces were not whole, or came back empty."""
        if not self._empty:
            return self._backend.partial()
        found = f"none for {some(self._empty)}"
        advice = "The search named them, but they came back empty: too new, gone, or dropped for their size."
        return SourceError(must("traces that the search found", "have spans", found, advice))

    def close(self) -> None:
        """Close its connections."""
        self._backend.close()


def _notes(found: Found, search: Search) -> list[str]:
    notes = []
    until = iso_time(found.since_ns)
    if found.crowded:
        most = f"{limits.MAX_SEARCH_HITS:,}"
        notes.append(f"One moment has more than {most} traces; not all of them were looked at. Ask for less.")
    if found.given_up and found.since_ns >= search.until_ns:
        notes.append(
            f"Stopped after {limits.MAX_SEARCH_REQUESTS} requests: there are many services. Use --service NAME."
        )
    elif found.given_up:
        notes.append(f"Stopped after {limits.MAX_SEARCH_REQUESTS} requests. To go on: --until {until}")
    elif not found.is_whole:
        notes.append(f"There may be older ones: --until {until}")
    if not found.traces:
        first, last = _second(found.since_ns), _second(search.until_ns)
        notes.insert(0, f"No stream as asked for began between {first} and {last}.")
    return notes


def _second(time_ns: int) -> str:
    return iso_time(time_ns // 1_000_000_000 * 1_000_000_000)


def iso_time(time_ns: int) -> str:
    """Return a time as RFC 3339 writes it, in UTC, with nanoseconds where there are any."""
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    rest = f".{rest_ns:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{rest}Z"


def some(names: Sequence[str]) -> str:
    """Return the first few names, for a message."""
    return ", ".join(names[:_NAMED]) + (" and more" if len(names) > _NAMED else "")


def _one(spans: Sequence[Span]) -> Trace:
    check_size(spans)
    trace = trace_of(spans)
    assert trace is not None, "a group with a stage span has at least one stage"
    return trace
