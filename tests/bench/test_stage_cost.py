"""The arithmetic of single stages, and one short run."""

from __future__ import annotations

from bench.plan import Results
from bench.stage_cost import ALL, UNSAMPLED, StageCost, cost, measure
from bench.table import markdown, report
from bench.targets import judge
from tests.bench.test_table import RUN


def _cost(all_us: float, unsampled_us: float) -> StageCost:
    return StageCost(0.05, {ALL: all_us, UNSAMPLED: unsampled_us}, {ALL: (1.0, 2.0), UNSAMPLED: (1.0, 2.0)})


def test_cost_is_paired_by_round() -> None:
    """Nanoseconds of a pass over the plain one's of the same round become microseconds of a chunk."""
    taken_ns = {"plain": [1_000, 9_000, 2_000], ALL: [31_000, 49_000, 32_000], UNSAMPLED: [11_000, 19_000, 12_000]}
    found = cost(taken_ns, chunk_count=10)
    assert found.plain_us == 0.2
    assert found.added_us == {ALL: 3.0, UNSAMPLED: 1.0}


def test_worst_of_a_kind_of_stage_is_held_against_its_target() -> None:
    """Objects and text, sampled and not, all are to stay below; an HTTP client has no target."""
    found = {"observe, objects": _cost(1.4, 1.6), "observe, text": _cost(1.0, 1.0), "client, httpx": _cost(9.0, 9.0)}
    verdicts = judge(Results(stage_cost=found))
    assert [(each.name, each.met, each.worst) for each in verdicts] == [
        ("observe", False, ("observe, objects, unsampled", 1.6))
    ]


def test_table_has_a_row_for_each_stage() -> None:
    """With the quartiles beside each median."""
    text = markdown(report(RUN, Results(stage_cost={"observe, text": _cost(1.25, 1.5)}), []))
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
    assert ["observe, text", "0.05", "1.25", "1.00 to 2.00", "1.50", "1.00 to 2.00"] in rows


def test_short_run_finds_every_stage() -> None:
    """One round of a few chunks gives a cost for each, sampled and not."""
    found = measure(chunk_count=40, rounds=1, warm_ups=0)
    assert len(found) == 7
    # One round on a busy machine may well say that it costs less than nothing.
    assert all(set(each.added_us) == {ALL, UNSAMPLED} for each in found.values())
