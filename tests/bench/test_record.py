"""The JSON says what was found and under which circumstances."""

from __future__ import annotations

import json
from pathlib import Path

from bench.lag import Lag
from bench.plan import QUICK, Results
from bench.record import circumstances, document, write
from bench.targets import Verdict


def test_written_run_can_be_read_back(tmp_path: Path) -> None:
    """Results, targets, plan and circumstances stand in the file, with figures of four decimals at most."""
    results = Results(lag={"plain": Lag(0.123456, 1.0, 2.0, 3.0, 4)})
    verdict = Verdict("lag", 1.0, "ms", {"here": 0.5}, True)
    write(tmp_path / "made" / "run.json", document(circumstances(["--quick"]), QUICK, results, [verdict]))
    found = json.loads((tmp_path / "made" / "run.json").read_text(encoding="utf-8"))
    assert found["results"]["lag"]["plain"]["p50_ms"] == 0.1235
    assert found["targets"] == [{"name": "lag", "limit": 1.0, "unit": "ms", "found": {"here": 0.5}, "met": True}]
    assert found["plan"]["rounds"] == QUICK.rounds
    assert found["run"]["command"] == "python -m bench --quick"
    assert {"otel-sse", "opentelemetry-sdk"} <= set(found["run"]["versions"])
