"""Lateness of the event loop: percentiles, and one short run."""

from __future__ import annotations

import pytest

from bench import lag
from bench.lag import NAMES, percentile, read


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (99, 10), (100, 10), (10, 1), (0.1, 1)])
def test_percentile_is_a_value_that_was_read(percent: float, expected: float) -> None:
    """The nearest rank, with no value made up between two."""
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], percent) == expected


def test_lag_is_in_milliseconds_and_cpu_in_percent_of_a_core() -> None:
    """Seconds come in."""
    found = lag.lag([0.001, 0.002, 0.003], cpu_s=0.5, wall_s=2.0)
    assert (found.p50_ms, found.p99_ms, found.max_ms, found.cpu_percent, found.ticks) == (2.0, 3.0, 3.0, 25.0, 3)


def test_short_run_ticks_beside_every_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few timers fire while 20 streams run."""
    monkeypatch.setattr(lag, "_STREAM_S", 0.05)
    found = read(rounds=1, seconds=0.05)
    assert list(found) == list(NAMES)
    assert all(each.ticks > 0 and each.cpu_percent > 0 for each in found.values())
