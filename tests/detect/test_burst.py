"""A whole answer at once."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import limits
from otel_sse.detect.burst import check_burst
from otel_sse.stream.chunk import SUSPECTED
from otel_sse.stream.totals import Totals


def totals(**other: int) -> Totals:
    """The sums of an answer that came at once after a long wait."""
    usual: dict[str, Any] = {
        "opened_ns": 1,
        "first_content_ns": 1 + limits.CLIENT_WAIT_NS,
        "last_chunk_ns": 1 + limits.CLIENT_WAIT_NS + limits.CLIENT_BURST_NS,
        "content_chunks": limits.CLIENT_BURST_CHUNKS,
        "chunks": 25,
    }
    return Totals(**{**usual, **other})


@pytest.mark.parametrize("stage", ["client", "provider"])
def test_reader_that_gets_all_at_once_after_a_wait_suspects_a_buffer(stage: str) -> None:
    """At its thresholds the finding says how much came in what time, and after what wait."""
    found = check_burst(stage, totals())
    assert found is not None
    assert (found.kind, found.certainty, found.stage, found.seq) == ("coalescing/burst", SUSPECTED, stage, 25)
    assert found.evidence == "20 pieces of content within 20.0 ms after 2.000 s"


@pytest.mark.parametrize(
    "other",
    [
        {"content_chunks": limits.CLIENT_BURST_CHUNKS - 1},
        {"opened_ns": 2},
        {"last_chunk_ns": 2 + limits.CLIENT_WAIT_NS + limits.CLIENT_BURST_NS},
        {"first_content_ns": 0},
    ],
    ids=["few", "soon", "slowly", "nothing"],
)
def test_what_is_short_soon_or_slow_is_no_burst(other: dict[str, int]) -> None:
    """One less of anything is no burst."""
    assert check_burst("client", totals(**other)) is None


def test_writer_may_send_all_at_once() -> None:
    """An application that sends a stored answer buffers nothing."""
    assert check_burst("emit", totals()) is None
