"""The trace budget."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.telemetry.budget import TraceBudget


def test_a_trace_may_spend_its_budget_and_no_more() -> None:
    """At the budget's size an event is granted, one past it is refused, and other traces have their own."""
    budget = TraceBudget(2)
    assert [budget.spend(1) for _ in range(3)] == [True, True, False]
    assert budget.spend(2)


def test_only_so_many_traces_are_remembered() -> None:
    """At MAX_TRACKED_TRACES nothing is forgotten; one past it the trace that was used longest ago starts anew."""
    budget = TraceBudget(1)
    for trace in range(limits.MAX_TRACKED_TRACES):
        assert budget.spend(trace)
    assert not budget.spend(0)
    assert budget.spend(limits.MAX_TRACKED_TRACES)
    assert budget.spend(0)
