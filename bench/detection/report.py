"""The results as tables and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.detection import multi, single
from bench.detection.baselines import Baseline
from bench.detection.injections import ROWS
from otel_sse.stream.kinds import RESTARTED

_MISSED_SHOWN: Final = 3


@dataclass(slots=True)
class Results:
    """What was found.

    Args:
        seed: What places were drawn with.
        hard_negatives: Clean files in which the model repeats itself.
        clean: A single stage on answers that are in order.
        second_starts: A single stage on answers that really start twice.
        faults: A single stage on each fault.
        clean_pipelines: Whole pipelines in order, with lineage and by digests.
        pipelines: Whole pipelines with one fault, likewise.
        baselines: Simpler rules.
        aligned_s: Seconds to align 10,000 chunks with 10,000, by case.
    """

    seed: int
    hard_negatives: Sequence[str] = ()
    clean: single.Clean = field(default_factory=single.Clean)
    second_starts: single.Score = field(default_factory=single.Score)
    faults: Mapping[str, single.Score] = field(default_factory=dict)
    clean_pipelines: Mapping[str, multi.Clean] = field(default_factory=dict)
    pipelines: Mapping[str, Mapping[str, multi.Score]] = field(default_factory=dict)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    aligned_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def suspected(self) -> dict[str, str]:
        """Clean files with a suspected finding alone, but for those in which the model repeats itself."""
        return {file: kind for file, kind in self.clean.suspected.items() if file not in self.hard_negatives}


def tables(results: Results) -> Group:
    """Return all tables."""
    return Group(*_all(results))


def _all(results: Results) -> Iterable[RenderableType]:
    yield _heading("Answers in order")
    yield _clean(results)
    yield _heading("Faults at a single stage")
    yield _single(results)
    for how, scores in results.pipelines.items():
        yield _heading(f"Faults of one stage of a pipeline, {how}")
        yield _multi(scores)
    yield _heading("Simpler rules, on the same answers with 20 or more pieces of content")
    yield _baselines(results)
    yield Text()
    yield Text(
        "Aligned 10,000 chunks with 10,000: " + ", ".join(f"{n} {s:.2f} s" for n, s in results.aligned_s.items())
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}\n")


def _table(*names: str) -> Table:
    table = Table(box=box.MARKDOWN)
    for name in names:
        table.add_column(name, justify="left" if name in ("fault", "what", "which", "missed", "rule") else "right")
    return table


def _clean(results: Results) -> Table:
    table = _table("what", "answers", "certain", "suspected", "per 1,000", "which")
    told, hard = results.suspected, [file for file in results.clean.suspected if file in results.hard_negatives]
    count = results.clean.answers
    table.add_row(
        "single stage", str(count), str(len(results.clean.certain)), str(len(told)),
        f"{1_000 * len(told) / max(count, 1):.1f}", _which({**results.clean.certain, **told}),
    )  # fmt: skip
    table.add_row("hard negatives among them", str(len(results.hard_negatives)), "0", str(len(hard)), "", _names(hard))
    for how, clean in results.clean_pipelines.items():
        certain = {file: said for file, said in clean.wrong.items() if " certain " in said}
        rest = {file: said for file, said in clean.wrong.items() if file not in certain}
        beyond = {file: said for file, said in rest.items() if file not in results.hard_negatives}
        table.add_row(
            f"pipeline, {how}", str(clean.answers), str(len(certain)), str(len(beyond)),
            f"{1_000 * len(beyond) / max(clean.answers, 1):.1f}", _which({**certain, **beyond}),
        )  # fmt: skip
    return table


def _which(told: Mapping[str, str]) -> str:
    return "; ".join(f"{file} {kind}" for file, kind in told.items())


def _names(files: Sequence[str]) -> str:
    return "; ".join(files)


def _single(results: Results) -> Table:
    table = _table(
        "fault", "answers", "found", "recall", "precision", "right seq", "frames until told", "target", "missed"
    )
    rows = {**results.faults, "second_starts.json": results.second_starts}
    for name, score in rows.items():
        kinds = ROWS[name].kinds if name in ROWS else frozenset({RESTARTED})
        false = sum(kind in kinds for kind in [*results.clean.certain.values(), *results.suspected.values()])
        table.add_row(
            name, str(score.answers), str(score.found), _share(score.found, score.answers),
            _share(score.found, score.found + false), _share(score.right_seq, score.found), _after(score.after),
            "" if score.target is None else f"{score.target:.0%} {_met(score.recall >= score.target)}",
            _names(score.missed[:_MISSED_SHOWN]),
        )  # fmt: skip
    return table


def _multi(scores: Mapping[str, multi.Score]) -> Table:
    table = _table(
        "fault", "answers", "found", "recall", "right stage", "right seq", "certain", "told more", "target", "missed"
    )
    for name, score in scores.items():
        right = score.right_seq == score.answers
        table.add_row(
            name, str(score.answers), str(score.found), _share(score.found, score.answers),
            _share(score.right_stage, score.answers), _share(score.right_seq, score.answers),
            _share(score.certain, score.answers), str(score.others), f"100% {_met(right)}",
            _names(score.missed[:_MISSED_SHOWN]),
        )  # fmt: skip
    return table


def _baselines(results: Results) -> Table:
    table = _table("rule", "clean flagged", "doubled found", "restarted found")
    for name, one in results.baselines.items():
        table.add_row(name, *(f"{_share(*each)} of {each[1]}" for each in (one.clean, one.doubled, one.restarted)))
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _after(frames: Sequence[int]) -> str:
    return f"{statistics.median(frames):.0f}, at most {max(frames)}" if frames else ""


def _met(met: bool) -> str:
    return "met" if met else "not met"


def document(results: Results, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results as plain values.

    Args:
        results: What was found.
        run: The run's circumstances.
    """
    found = asdict(results)
    for score in [*found["faults"].values(), found["second_starts"]]:
        after = score.pop("after")
        score["frames_until_told"] = {"median": statistics.median(after), "most": max(after)} if after else {}
    return {"run": dict(run), **found}
