from __future__ import annotations

from statistics import median

import pytest

from otel_sse.demo.pacing import Pace
from otel_sse.errors import ConfigurationError


def gaps_s(pace: Pace, answer: int = 1, count: int = 2_000) -> list[float]:
    gaps = pace.gaps(answer)
    return [gaps.next_s() for _ in range(count)]


def test_gaps_are_those_of_a_model() -> None:
    """The median gap is about 10 ms, some gaps are 20 to 40 ms, none is longer, and the first token takes 250 ms."""
    found = gaps_s(Pace())
    assert 0.008 <= median(found) <= 0.012
    assert 0.05 <= sum(gap >= 0.020 for gap in found) / len(found) <= 0.15
    assert max(found) <= 0.040
    assert Pace().gaps(1).first_s() == 0.25


def test_the_seed_gives_the_gaps() -> None:
    """The same seed and answer give the same gaps, another seed or answer others."""
    assert gaps_s(Pace(7)) == gaps_s(Pace(7))
    assert gaps_s(Pace(7)) != gaps_s(Pace(8))
    assert gaps_s(Pace(7), answer=1) != gaps_s(Pace(7), answer=2)


@pytest.mark.parametrize(
    ("environ", "chunk_delay_s"),
    [
        ({}, None),
        ({"CHUNK_DELAY_MS": ""}, None),
        ({"CHUNK_DELAY_MS": "0"}, 0.0),
        ({"CHUNK_DELAY_MS": "2.5"}, 0.0025),
        ({"CHUNK_DELAY_MS": "60000"}, 60.0),
        ({"OTEL_SSE_CHUNK_DELAY_MS": "5", "CHUNK_DELAY_MS": "7"}, 0.005),
    ],
)
def test_the_environment_can_fix_the_gap(environ: dict[str, str], chunk_delay_s: float | None) -> None:
    """A variable replaces a model's gaps by one fixed time; the package's own name wins."""
    assert Pace.read(environ, 3) == Pace(3, chunk_delay_s)


def test_a_fixed_gap_holds_for_every_token() -> None:
    """With a fixed gap the first token's wait and all others are that gap."""
    gaps = Pace(1, 0.005).gaps(1)
    assert {gaps.first_s(), gaps.next_s(), gaps.next_s()} == {0.005}


@pytest.mark.parametrize("text", ["fast", "-1", "60001", "nan", "inf"])
def test_a_bad_gap_is_named(text: str) -> None:
    """A value out of range names the variable, the rule and the value."""
    with pytest.raises(ConfigurationError, match=rf"CHUNK_DELAY_MS must be a number .* from 0 to 60000, got '{text}'"):
        Pace.read({"CHUNK_DELAY_MS": text})
