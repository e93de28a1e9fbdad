"""What guards do is counted whole, and logged as often as anybody reads."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider

from otel_sse import limits
from otel_sse.recording.guard_tally import GuardTally


@pytest.mark.parametrize(("actions", "summaries"), [(limits.MAX_GUARD_LINES, 0), (limits.MAX_GUARD_LINES + 1, 1)])
def test_lines_beyond_the_cap_are_one_summary(actions: int, summaries: int, caplog: pytest.LogCaptureFixture) -> None:
    """At the cap each action has its line; one past it there is a summary with all of them."""
    tally = GuardTally("deduplicate", None)
    with caplog.at_level(logging.INFO, "otel_sse.guard"):
        for n in range(actions):
            tally.did("dropped", f"seq={n}")
        tally.end()
        tally.end()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == limits.MAX_GUARD_LINES + summaries
    assert [line for line in lines if "SUMMARY" in line] == [f"DEDUPLICATE SUMMARY dropped={actions}"] * summaries


def test_line_names_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    """Within a span the line has its trace id."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with caplog.at_level(logging.INFO, "otel_sse.guard"), tracer.start_as_current_span("request") as span:
        GuardTally("trim_restarts", None).did("trimmed", "seq=3-4", 2)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"TRIM_RESTARTS trimmed seq=3-4 trace_id={span.get_span_context().trace_id:032x}"


def test_what_was_left_as_it_was_is_logged_for_debugging_alone(caplog: pytest.LogCaptureFixture) -> None:
    """`kept` and `released` are DEBUG lines."""
    with caplog.at_level(logging.DEBUG, "otel_sse.guard"):
        GuardTally("deduplicate", None).did("kept", "seq=2 of=1 by=content")
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]
