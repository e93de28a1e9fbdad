"""The demo's faults, each made by the real gateway, and what `otel-sse diagnose` says of its traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_sse.demo.faults import FAULTS
from tests.cli.command import otel_sse

pytestmark = pytest.mark.server

FAST = {"CHUNK_DELAY_MS": "1"}

KINDS = {"doubled": "duplicate/doubled", "missing_terminal": "outcome/incomplete"}
"""Faults whose kind is another than what a stage alone finds."""


@pytest.mark.parametrize("fault", FAULTS)
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
    assert told == [(KINDS.get(fault, FAULTS[fault].finding), "certain", "emit", 1)]
