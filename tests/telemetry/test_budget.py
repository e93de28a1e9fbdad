"""The trace budget."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.telemetry.budget import TraceBudget


def test_a_trace_may_take_its_budget_and_no_more() -> None:
    """At the budget's size events are granted, past it they are not, and other traces have their own."""
    budget = TraceBudget(5)
    assert [budget.take(1, 4), budget.take(1, 4), budget.take(1, 4)] == [4, 1, 0]
    assert budget.take(2, 4) == 4


def test_what_is_not_used_is_given_back() -> None:
    """Events that were taken and not used can be taken again; a trace that is forgotten has nothing to give back to."""
    budget = TraceBudget(5)
    budget.take(1, 5)
    budget.give_back(1, 2)
    budget.give_back(99, 2)
    assert (budget.take(1, 5), budget.take(99, 9)) == (2, 5)


def test_only_so_many_traces_are_remembered() -> None:
    """At MAX_TRACKED_TRACES nothing is forgotten; one past it the trace that was used longest ago starts anew."""
    budget = TraceBudget(1)
    for trace in range(limits.MAX_TRACKED_TRACES):
        assert budget.take(trace, 1) == 1
    assert budget.take(0, 1) == 0
    assert budget.take(limits.MAX_TRACKED_TRACES, 1) == 1
    assert budget.take(1, 1) == 1
    assert budget.take(0, 1) == 0
