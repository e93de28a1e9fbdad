"""The end of a crowd: what a variant adds, and one short run of each way to end."""

from __future__ import annotations

import pytest

from bench import crowd, variants
from bench.crowd import COLLECTED, ENDINGS, NOTHING, SLOW, Late, added, end_all, read
from bench.plan import Results
from bench.table import markdown, report
from bench.targets import judge

FOUND = {
    variants.PLAIN: {ending: {1_000: 4.0, 8_000: 6.0} for ending in (*ENDINGS, COLLECTED)},
    variants.ALL: {ending: {1_000: 44.0, 8_000: 66.0} for ending in (*ENDINGS, COLLECTED)},
}


def test_variants_are_over_the_plain_application() -> None:
    """Each crowd's figure is held against the plain application's of the same size."""
    assert added(FOUND) == {variants.ALL: {ending: {1_000: 40.0, 8_000: 60.0} for ending in (*ENDINGS, COLLECTED)}}
    assert added({}) == {}


@pytest.mark.parametrize(("largest_us", "met"), [(66.0, True), (66.1, False)])
def test_cost_of_a_stream_may_grow_by_half(largest_us: float, met: bool) -> None:
    """60 µs of 40 is 1.5, which the target allows."""
    found = {**FOUND, variants.ALL: {ending: {1_000: 44.0, 8_000: largest_us} for ending in (*ENDINGS, COLLECTED)}}
    verdicts = {verdict.name: verdict for verdict in judge(Results(crowd=found))}
    assert verdicts["end of a crowd, largest / smallest"].met is met
    assert verdicts["end of a crowd, loop's CPU a stream"].met


def test_a_slow_recorder_is_held_against_none() -> None:
    """The loop's own lateness is no delay of ours."""
    late = {NOTHING: Late(1.0, 4.0), "hook of 0.2 s": Late(1.0, 9.0), "exporter of 0.2 s": Late(1.0, 9.1)}
    (verdict,) = judge(Results(slow=late))
    where, worst_ms = verdict.worst
    assert where == "exporter of 0.2 s"
    assert worst_ms == pytest.approx(5.1)
    assert not verdict.met


def test_tables_have_a_row_for_each_variant() -> None:
    """Each way to end has a table, with what is added and the plain application's own row."""
    text = markdown(
        report({"versions": {}, "command": "", "date": "", "python": "", "system": "", "cpus": 2}, _both(), [])
    )
    assert text.count(variants.ALL) == len(ENDINGS) + 1
    assert "40.0" in text
    assert NOTHING in text


def _both() -> Results:
    return Results(crowd=FOUND, slow={NOTHING: Late(1.0, 4.0)})


@pytest.mark.parametrize("ending", [*ENDINGS, COLLECTED])
def test_short_crowd_ends(ending: str) -> None:
    """A few streams end in each way, instrumented and not."""
    for name in (variants.PLAIN, variants.ALL):
        assert end_all(name, ending, 5) > 0


def test_short_run_with_a_slow_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's timer is read beside each kind of slowness."""
    monkeypatch.setattr(crowd, "SLOW_S", 0.01)
    assert all(read(name).max_ms > 0 for name in SLOW)
