"""Chunk lines in the log: in the documented form, cheap when off, sampled on request."""

from __future__ import annotations

import logging
import re

import pytest

from otel_sse.telemetry.clock import now_ns
from tests.recording.made import END, Benches, frame

LINE = re.compile(
    r"SOCKET_WRITE seq=(\d+) sha1=[0-9a-f]{12} done=(True|False) acc=\d+ raw=\d+ stream=s1 trace_id=[0-9a-f]{32}"
)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otel_sse.chunk"]


def test_each_chunk_is_a_line_in_the_documented_form(make_bench: Benches, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the logger gets stage, seq, digest, done, lengths, stream and trace of each chunk."""
    bench = make_bench()
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        bench.stream(2)
    found = [LINE.fullmatch(line) for line in lines(caplog)]
    assert [match.groups() if match else None for match in found] == [("1", "False"), ("2", "False"), ("3", "True")]


def test_off_writes_nothing_and_is_asked_once_a_stream(make_bench: Benches, caplog: pytest.LogCaptureFixture) -> None:
    """A stream that began with the logger off stays quiet."""
    bench = make_bench()
    with caplog.at_level(logging.INFO, "otel_sse.chunk"):
        record = bench.open()
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        record.feed(frame(1), now_ns(), 0)
    assert lines(caplog) == []


@pytest.mark.parametrize(("first", "logged"), [(0, 0), (2, 2), (3, 3)])
def test_after_the_first_lines_one_summary(
    make_bench: Benches, caplog: pytest.LogCaptureFixture, first: int, logged: int
) -> None:
    """With `log_first` the first N chunks are lines; at the end one summary tells what was left out, if anything."""
    bench = make_bench(log_first=first)
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        bench.stream(2)
    found = lines(caplog)
    assert len([line for line in found if LINE.fullmatch(line)]) == logged
    summaries = [line for line in found if "SUMMARY" in line]
    assert len(summaries) == (1 if logged < 3 else 0)
    if summaries:
        assert f"chunks=3 unlogged={3 - logged} outcome=completed" in summaries[0]


def test_keyed_digests_are_named_so(make_bench: Benches, caplog: pytest.LogCaptureFixture) -> None:
    """With a digest key the line says `blake2b=`, so that nobody compares it with a SHA-1."""
    bench = make_bench(digest_key="k")
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        bench.stream(1)
    assert all("blake2b=" in line and "sha1=" not in line for line in lines(caplog))


def test_other_stages_are_named_in_capitals(make_bench: Benches, caplog: pytest.LogCaptureFixture) -> None:
    """The line begins with the stage's name in capitals: EMIT for `emit`."""
    bench = make_bench()
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        record = bench.open(stage="emit")
        record.feed(END, now_ns(), 0)
    assert lines(caplog)[0].startswith("EMIT seq=1 sha1=")
