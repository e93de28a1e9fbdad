"""`python -m bench`: measure, print the tables, write the JSON. Missed targets are reported; they are no failure."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import page, plan, record, table, targets

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str]) -> None:
    """Run with the command line's arguments."""
    given = _parsed(arguments)
    _forget_environment()
    how = plan.QUICK if given.quick else plan.FULL
    parts = given.only or plan.SPINE
    results = plan.run(how, parts, lambda part: _say(f"measuring: {part}"))
    verdicts = targets.judge(results)
    run = record.circumstances(arguments)
    report = table.report(run, results, verdicts)
    table.console().print(report)
    path = given.json or (None if given.quick else _results(parts))
    if path is not None:
        record.write(path, record.document(run, how, results, verdicts))
        _say(f"written: {path.name}")
    if given.page is not None:
        page.fill(given.page, table.markdown(report), page.STAGES if [*parts] == [plan.STAGES] else page.SPINE)
        _say(f"filled: {given.page.name}")


def _results(parts: Sequence[str]) -> Path | None:
    """Where a full run of these parts is kept; None where they are but some of those that are kept together."""
    kept = {plan.SPINE: "spine.json", (plan.STAGES,): "stages.json"}
    name = kept.get(tuple(parts))
    return None if name is None else RESULTS / name


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what instrumentation costs.")
    parser.add_argument("--quick", action="store_true", help="a short run; its figures are rough")
    parser.add_argument("--only", action="append", choices=list(plan.PARTS), help="measure this part; may be repeated")
    parser.add_argument("--json", type=Path, help="file for the results (else a full run writes bench/results)")
    parser.add_argument("--page", type=Path, help="page whose tables are replaced, between its marks (docs/cost.md)")
    return parser.parse_args(arguments)


def _forget_environment() -> None:
    """Settings of OpenTelemetry or of otel_sse in the environment would make two machines' runs differ."""
    for name in [*os.environ]:
        if name.startswith("OTEL_") or name == "SILENCE_THRESHOLD":
            del os.environ[name]


if __name__ == "__main__":
    main(sys.argv[1:])
