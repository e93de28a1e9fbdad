"""A target is met where every value found is at or below its limit."""

from __future__ import annotations

import pytest

from bench import variants
from bench.growth import Growth
from bench.memory import PerStream
from bench.plan import Results
from bench.request_cost import Cost
from bench.response_cost import AGAIN, STARLETTE, Added
from bench.targets import Verdict, judge


def _cost(request_us: float, all_us: float) -> Cost:
    return Cost(request_us, (request_us, request_us), all_us, (all_us, all_us), 0)


def _costs(packed_us: float) -> dict[str, Cost]:
    return {
        variants.CONTRIB: _cost(12.5, 24.0),
        variants.NAIVE: _cost(4.0, 16.0),
        variants.ALL: _cost(2.2, 16.0),
        variants.PACKED: _cost(2.2, packed_us),
        variants.FINDINGS: _cost(2.2, 3.0),
        variants.UNSAMPLED: _cost(2.2, 2.5),
    }


def _by_name(results: Results) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in judge(results)}


def test_nothing_measured_is_nothing_judged() -> None:
    """Parts that were left out have no verdict, neither good nor bad."""
    assert judge(Results()) == []


def test_ratio_at_its_limit_is_met() -> None:
    """2.2 of 4.0 µs is 0.55, which the target allows."""
    verdicts = _by_name(Results(request_cost={"60 B": {"gc on": _costs(5.0)}}))
    assert verdicts["request thread, all / naive"].found == {"60 B, gc on": pytest.approx(0.55)}
    assert verdicts["request thread, all / naive"].met
    assert verdicts["all CPU, packed / naive"].met


def test_the_worst_of_all_shapes_and_modes_decides() -> None:
    """One mode above the limit is enough to miss it, and the verdict says which."""
    verdicts = _by_name(Results(request_cost={"60 B": {"gc on": _costs(5.0), "gc off": _costs(8.0)}}))
    packed = verdicts["all CPU, packed / naive"]
    assert not packed.met
    assert packed.worst == ("60 B, gc off", 0.5)


@pytest.mark.parametrize(("added_us", "met"), [(0.5, True), (0.6, False)])
def test_response_that_is_no_stream_is_held_against_the_noise(added_us: float, met: bool) -> None:
    """Nothing measurable means: no more than two measures of the same application differ."""
    costs = {AGAIN: Added(0.2, 0.3), variants.ALL: Added(added_us, 0.1)}
    verdicts = _by_name(Results(response_cost={STARLETTE: costs}))
    assert verdicts["not a stream, added / noise"].met is met


@pytest.mark.parametrize(("heap_bytes", "met"), [(16_384, True), (16_385, False)])
def test_memory_counts_in_kib(heap_bytes: float, met: bool) -> None:
    """16 KiB is the limit, on the heap and in RSS, with our SERVER span and without."""
    memory = {variants.ALL: PerStream(9_000, 9_000), variants.SERVER: PerStream(heap_bytes, 9_000)}
    assert _by_name(Results(memory=memory))["memory of an idle stream"].met is met


def test_growth_counts_in_mib() -> None:
    """A peak of 6 MiB misses the limit of 5, whatever is left at the end."""
    found = Growth(1_000_000, 50_000, rss_bytes=0, heap_bytes=0, heap_peak_bytes=6 * 1_048_576, encoded_bytes=1)
    verdict = _by_name(Results(growth=found))["growth over the long stream"]
    assert (verdict.met, verdict.worst) == (False, ("heap peak", 6.0))
