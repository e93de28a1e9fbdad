"""Recorded streams of real services, led through a stage."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from otel_sse.stream.outcome import COMPLETED, FAILED
from tests.stage.made import Seen, watch

pytestmark = pytest.mark.corpus

AGAIN, GAP, BACK = "duplicate/replayed", "gap/sequence", "reorder/sequence"


def index(corpus: Path) -> list[dict[str, Any]]:
    streams: list[dict[str, Any]] = json.loads((corpus / "index.json").read_text())["streams"]
    return streams


@cache
def watched(corpus: Path) -> dict[str, Seen]:
    """Every recorded stream as one stage saw it, by its file."""
    return {one["file"]: watch((corpus / one["file"]).read_bytes()) for one in index(corpus)}


def told(made: dict[str, Seen]) -> list[tuple[str, str, str, int, str]]:
    """Everything said of streams, one line each, for a message that can be acted upon."""
    return [
        (file, one.certainty, one.kind, one.seq, one.evidence)
        for file, stream in made.items()
        for one in stream.findings
    ]


def test_no_certain_finding_on_clean_streams(corpus: Path) -> None:
    """Not one of the recorded streams gives a finding that claims to be certain."""
    made = watched(corpus)
    assert len(made) >= 700
    assert [line for line in told(made) if line[1] == CERTAIN] == []


def files_of(corpus: Path, page: str) -> list[str]:
    """The streams that a page of the corpus lists."""
    return [one["file"] for one in json.loads((corpus / page).read_text())]


def test_hardly_a_suspicion_on_clean_streams(corpus: Path) -> None:
    """Of the recorded streams in which the model does not repeat itself, fewer than 1 in 1,000 are suspected."""
    lines = [line for line in told(watched(corpus)) if line[0] not in files_of(corpus, "hard_negatives.json")]
    assert len({line[0] for line in lines}) < len(watched(corpus)) / 1_000, lines


def test_second_starts_are_suspected(corpus: Path) -> None:
    """A stream in which the service opens another answer is told as restarted, at the event that opens it."""
    for file in files_of(corpus, "second_starts.json"):
        findings = watch((corpus / file).read_bytes()).findings
        assert {(one.kind, one.certainty) for one in findings} == {("duplicate/restarted", SUSPECTED)}, file


@pytest.mark.parametrize("page", ["hard_negatives.json", "second_starts.json"])
def test_hard_cases_have_no_certain_finding(corpus: Path, page: str) -> None:
    """A model that repeats itself, and an answer that a service starts anew under another id, are no certain faults."""
    files = files_of(corpus, page)
    made = {file: watch((corpus / file).read_bytes()) for file in files}
    assert files
    assert [line for line in told(made) if line[1] == CERTAIN] == []


def test_recorded_streams_are_complete(corpus: Path) -> None:
    """Every recorded answer came to its protocol's end, but for those that end with an error of the service."""
    outcomes = {file: made.totals.outcome for file, made in watched(corpus).items()}
    assert {file: one for file, one in outcomes.items() if one not in (COMPLETED, FAILED)} == {}
    failed = [file for file, one in outcomes.items() if one == FAILED]
    assert len(failed) <= 2, failed
    assert all(watched(corpus)[file].totals.error_type for file in failed)


def test_sums_hold_for_every_recorded_stream(corpus: Path) -> None:
    """Bytes, numbers and lengths of the chunks add up to the totals, with blank lines at most left over."""
    for one in index(corpus):
        made = watched(corpus)[one["file"]]
        totals, chunks = made.totals, made.chunks
        assert totals.bytes == one["n_bytes"]
        assert 0 <= totals.bytes - sum(chunk.raw_len for chunk in chunks) <= 4, one["file"]
        assert [chunk.seq for chunk in chunks] == [*range(1, totals.chunks + 1)]
        assert totals.chunks - totals.comments == one["n_events"]
        assert totals.content_bytes == max(chunk.acc_len for chunk in chunks)


def test_recorded_streams_may_come_in_any_pieces(corpus: Path) -> None:
    """Cut into bodies of 61 bytes, every recorded stream gives the same chunks and findings, times aside."""
    for one in index(corpus):
        data = (corpus / one["file"]).read_bytes()
        pieces = watch([data[at : at + 61] for at in range(0, len(data), 61)])
        whole = watched(corpus)[one["file"]]
        for chunk in pieces.chunks:
            chunk.time_ns = whole.chunks[0].time_ns
        assert pieces.chunks == whole.chunks
        assert pieces.findings == whole.findings


def numbered_events(corpus: Path) -> list[tuple[str, list[bytes]]]:
    """The recorded streams whose events carry sequence numbers, as events with their blank lines."""
    streams = []
    for one in index(corpus):
        if one["format"] == "openai-responses" and one["has_sequence_number"]:
            data = (corpus / one["file"]).read_bytes().replace(b"\r\n", b"\n")
            events = [event + b"\n\n" for event in data.split(b"\n\n") if event.strip()]
            if len(events) >= 12 and b"sequence_number" in events[0]:
                streams.append((one["file"], events))
    return streams


def test_what_is_dropped_swapped_or_replayed_in_recorded_streams_is_found(corpus: Path) -> None:
    """In each recorded stream with sequence numbers, a loss, a swap and a replay are found at the right chunks."""
    streams = numbered_events(corpus)
    assert len(streams) >= 50
    for file, events in streams:
        at = len(events) // 2
        assert watch([*events[:at], *events[at + 1 :]]).told == [(GAP, at + 1, at)], file
        assert watch([*events[:at], events[at + 1], events[at], *events[at + 2 :]]).told == [(BACK, at + 2, at + 1)], (
            file
        )
        replay = [(AGAIN, at + 1, at - 1), (AGAIN, at + 2, at)]
        assert watch([*events[:at], *events[at - 2 :]]).told == replay, file
