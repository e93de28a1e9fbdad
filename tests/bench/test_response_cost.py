"""The arithmetic of responses that are not streams, and one short run."""

from __future__ import annotations

from bench import variants
from bench.response_cost import AGAIN, APPS, NAMES, Added, added, measure, noise_us


def test_added_is_paired_by_round() -> None:
    """A slow round slows both, so only the difference counts; half of the rounds lie within the spread."""
    blocks = {variants.PLAIN: [10.0, 50.0, 10.0], variants.ALL: [12.0, 53.0, 16.0]}
    assert added(blocks)[variants.ALL] == Added(median_us=3.0, spread_us=1.0)


def test_plain_application_is_not_compared_with_itself() -> None:
    """Its row says what a request takes at all."""
    assert added({variants.PLAIN: [10.0, 12.0, 11.0]})[variants.PLAIN].median_us == 11.0


def test_noise_is_offset_and_spread_of_the_second_measure() -> None:
    """An offset below 0 is noise as much as one above."""
    assert noise_us({AGAIN: Added(median_us=-0.5, spread_us=0.25)}) == 0.75


def test_short_run_finds_every_variant_of_every_application() -> None:
    """Two rounds of two requests give a figure for each."""
    found = measure(rounds=2, requests=2)
    assert {name: list(costs) for name, costs in found.items()} == {name: list(NAMES) for name in APPS}
    assert all(costs[variants.PLAIN].median_us > 0 for costs in found.values())
