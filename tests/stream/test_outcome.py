"""The ways a stream can end."""

from __future__ import annotations

from otel_sse.stream import outcome


def test_outcomes_are_complete_and_different() -> None:
    """Every outcome that the module names stands in `OUTCOMES`, once."""
    named = {value for name, value in vars(outcome).items() if name.isupper() and isinstance(value, str)}
    assert set(outcome.OUTCOMES) == named
    assert len(outcome.OUTCOMES) == len(named) == 8
