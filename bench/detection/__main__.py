"""`python -m bench.detection`: inject, watch, diagnose, print. Missed targets are reported; they are no failure."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import page, record
from bench.detection import baselines, multi, recordings, single
from bench.detection.report import Results, document, tables
from bench.table import console, markdown
from otel_sse.lineage.lcs import match

RESULTS = Path(__file__).parents[1] / "results" / "detection.json"
PAGE_MARKS = ("<!-- detection: begins -->", "<!-- detection: ends -->")
_LONG = 10_000


def main(arguments: Sequence[str]) -> int:
    """Run with the command line's arguments; return the exit code."""
    given = _parsed(arguments)
    if not recordings.CORPUS.is_dir():
        _say("skipped: the recorded streams are not there; they are read from ../shared/corpus, beside the project")
        return 0
    answers = recordings.recordings()[:: given.every]
    gaps_ms = recordings.gaps_ms()
    results = Results(given.seed, sorted(recordings.hard_negatives()))
    _say(f"{len(answers)} answers")
    results.clean = single.clean(answers, gaps_ms, given.seed)
    results.second_starts = single.second_starts(recordings.second_starts(), gaps_ms, given.seed)
    _say("faults at a single stage")
    results.faults = single.faults(answers, gaps_ms, given.seed)
    results.clean_pipelines, results.pipelines = {}, {}
    for how, lineage in (("with lineage", True), ("by digests", False)):
        _say(f"pipelines, {how}")
        results.clean_pipelines[how] = multi.clean(answers, gaps_ms, given.seed, lineage=lineage)
        results.pipelines[how] = multi.faults(answers, gaps_ms, given.seed, lineage=lineage)
    results.baselines = baselines.baselines(answers, gaps_ms, given.seed)
    results.aligned_s = _aligned_s(given.seed)
    found = tables(results)
    console().print(found)
    if given.page is not None:
        page.fill(given.page, markdown(found), PAGE_MARKS)
    path = given.json or (RESULTS if given.every == 1 else None)
    if path is not None:
        run = {**record.circumstances(arguments), "command": " ".join(["python -m bench.detection", *arguments])}
        record.write(path, document(results, run))
        _say(f"written: {path.name}")
    return 0


def _aligned_s(seed: int) -> dict[str, float]:
    """Seconds to align long streams, the bad cases among them."""
    chance = random.Random(seed)
    varied = [f"{chance.randrange(2_000):x}" for _ in range(_LONG)]
    few = [f"{chance.randrange(2)}" for _ in range(_LONG)]
    cases = {
        "equal": (varied, varied),
        "a tenth lost": (varied, [each for each in varied if chance.random() > 0.1]),
        "doubled": (varied, [each for each in varied for _ in range(2)]),
        "two contents": (few, few[::-1]),
    }
    found: dict[str, float] = {}
    for name, (before, after) in cases.items():
        start_s = time.perf_counter()
        match(before, after)
        found[name] = round(time.perf_counter() - start_s, 3)
    return found


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text!r}. Take 1 for every answer.")
    return int(text)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description="Measure how well faults are found.")
    parser.add_argument("--seed", type=int, default=1, help="draws the places of faults (default 1)")
    parser.add_argument("--every", type=_positive, default=1, help="take every Nth recorded answer only (default 1)")
    parser.add_argument("--page", type=Path, help="page whose tables are replaced, between its marks")
    parser.add_argument("--json", type=Path, help="file for the results (else a whole run writes bench/results)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
