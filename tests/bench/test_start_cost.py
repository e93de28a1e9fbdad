"""What an application's start pays, and one short run."""

from __future__ import annotations

from bench.plan import Results
from bench.start_cost import ALONE, APPS, TRACED, Start, measure
from bench.targets import judge


def test_one_start_of_each_application_is_measured() -> None:
    """Importing loads little, instrumenting the rest; who has OpenTelemetry already loads less."""
    found = measure(starts=1)
    assert list(found) == list(APPS)
    assert all(0 < start.import_ms < start.instrument_ms for start in found.values())
    assert 0 < found[TRACED].modules < found[ALONE].modules


def test_nothing_is_left_to_the_first_stream() -> None:
    """What a stream needs is loaded by then, and what a WebSocket still loads is shown."""
    found = measure(starts=1)
    assert all(start.stream_modules <= 1 < start.websocket_modules for start in found.values())


def test_the_traced_application_is_held_to_both_limits() -> None:
    """The import may take 8 ms and the instrumentation 30 ms in it; the other one is but shown."""
    slow = {TRACED: Start(8.0, 30.5, 3.0, 5.0, 150, 1, 15), ALONE: Start(9.0, 90.0, 3.0, 5.0, 280, 1, 15)}
    verdicts = {one.name: one.met for one in judge(Results(start_cost=slow))}
    assert verdicts == {"import otel_sse": True, "instrument(app)": False}
