"""The arithmetic of the cost per chunk, and one short run."""

from __future__ import annotations

import gc

import pytest

from bench import variants
from bench.apps import stream
from bench.chunks import LARGE
from bench.request_cost import MODES, Runs, collector, costs, measure, quartiles, shuffled


def test_cost_is_the_median_of_differences_to_the_plain_application() -> None:
    """Rounds are paired, and nanoseconds of a stream become microseconds of a chunk."""
    runs = {
        variants.PLAIN: Runs([1_000, 2_000, 3_000], [1_000, 2_000, 3_000]),
        variants.ALL: Runs([11_000, 22_000, 43_000], [101_000, 102_000, 103_000], 77),
    }
    cost = costs(runs, chunk_count=10)[variants.ALL]
    assert (cost.request_us, cost.all_us, cost.encoded_bytes) == (2.0, 10.0, 77)


def test_cost_of_the_plain_application_is_its_own() -> None:
    """The plain application is not compared with itself."""
    runs = {variants.PLAIN: Runs([4_000, 4_000], [8_000, 8_000])}
    cost = costs(runs, chunk_count=2)[variants.PLAIN]
    assert (cost.request_us, cost.all_us) == (2.0, 4.0)


@pytest.mark.parametrize(("values", "expected"), [([5.0], (5.0, 5.0)), ([1.0, 2.0, 3.0, 4.0, 5.0], (2.0, 4.0))])
def test_quartiles(values: list[float], expected: tuple[float, float]) -> None:
    """A single value is its own quartiles; of five the second and the fourth are."""
    assert quartiles(values) == expected


def test_every_round_has_all_variants_in_an_order_of_its_own() -> None:
    """No variant is left out, and over the rounds each follows more than one other."""
    made = [variants.Variant(name, stream([])) for name in variants.NAMES]
    orders = [[variant.name for variant in shuffled(made, number)] for number in range(10)]
    assert all(sorted(order) == sorted(variants.NAMES) for order in orders)
    before_plain = {order[order.index(variants.PLAIN) - 1] for order in orders}
    assert len(before_plain) > 2


def test_order_of_a_round_is_the_same_in_every_run() -> None:
    """Two runs can be compared round by round."""
    made = [variants.Variant(name, stream([])) for name in variants.NAMES]
    assert shuffled(made, 3) == shuffled(made, 3)


@pytest.mark.parametrize("on", [True, False])
def test_collector_is_as_before_afterwards(on: bool) -> None:
    """The collector is on or off as asked within, and as it was without."""
    before = gc.isenabled()
    with collector(on):
        assert gc.isenabled() is on
    assert gc.isenabled() is before


def test_short_run_finds_every_variant_in_both_modes() -> None:
    """One round of a short stream gives a cost for all; what records chunks encodes bytes, what does not does not."""
    found = measure(LARGE, chunk_count=40, rounds=1, warm_ups=0)
    assert list(found) == list(MODES)
    for modes in found.values():
        assert list(modes) == list(variants.NAMES)
        assert modes[variants.PLAIN].encoded_bytes == modes[variants.UNSAMPLED].encoded_bytes == 0
        assert modes[variants.ALL].encoded_bytes > modes[variants.PACKED].encoded_bytes > 0
