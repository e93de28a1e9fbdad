"""The demo's faults, each made by the real gateway, and what `otel-sse diagnose` says of its traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_sse.demo.faults import FAULTS, full_name
from tests.cli.command import otel_sse

pytestmark = pytest.mark.server

FAST = {"CHUNK_DELAY_MS": "1"}

SOME = ("doubled", "after_done", "missing_terminal", "corrupted")
"""All others are made and diagnosed in one process by tests/demo/test_gateway.py."""


@pytest.mark.parametrize("fault", SOME)
def test_the_gateways_fault_is_told_and_nothing_else(fault: str, tmp_path: Path) -> None:
    """Of two answers the second is not in order; its one fault is certain, and the gateway's own `emit` did it."""
    traces = tmp_path / "traces.jsonl"
    run = otel_sse("demo", "--questions", "2", "--fault", fault, "--port", "0", "--traces", str(traces), variables=FAST)
    assert run.returncode in (0, 1), run.stderr
    found = otel_sse("diagnose", "--file", str(traces), "--json")
    assert found.returncode == 1
    data = json.loads(found.stdout)
    assert (data["traces_total"], data["in_order"]) == (2, 1)
    ((stream,),) = [trace["streams"] for trace in data["traces"]]
    told = [(each["kind"], each["certainty"], each["stage"], each["upstream"]) for each in stream["faults"]]
    place = FAULTS[full_name(fault)].gateway
    assert place is not None
    assert told == [(place.kind, "certain", "emit", 1)]
    # The demo has said so itself, of the one answer that has the fault.
    _, _, said = run.stdout.partition("diagnosis  ")
    assert stream["verdict"].split("; ")[0] in " ".join(said.split())
