"""A single stage: how many faults it finds by itself, how soon, and what it says of answers that are in order."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.detection.injections import ROWS, Injected, Row
from bench.detection.recordings import Recording
from bench.detection.timing import OPENED_NS, times_ns
from bench.detection.watching import Told, Watched, watch
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN
from otel_sse.stream.stages import SOCKET_WRITE


@dataclass(slots=True)
class Score:
    """How one fault was found over all answers.

    Args:
        answers: Answers that it was put into.
        found: Those in which it was found.
        right_seq: Those in which the finding named a chunk of it.
        true: Findings of the right kinds.
        other: Findings of other kinds, which the fault itself may bring about.
        after: Frames from the first wrong one until it was told, of each answer in which it was found.
        missed: Files in which it was not found.
        target: Share to reach, or None.
    """

    answers: int = 0
    found: int = 0
    right_seq: int = 0
    true: int = 0
    other: int = 0
    after: list[int] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    target: float | None = None

    @property
    def recall(self) -> float:
        """Share of the answers in which it was found."""
        return self.found / self.answers if self.answers else 0.0


@dataclass(slots=True)
class Clean:
    """What was said of answers that are in order.

    Args:
        answers: Answers.
        certain: Files with a finding that claims to be certain, and its kind.
        suspected: Files with a suspected one alone.
    """

    answers: int = 0
    certain: dict[str, str] = field(default_factory=dict)
    suspected: dict[str, str] = field(default_factory=dict)


def clean(recordings: Sequence[Recording], gaps_ms: Sequence[float], seed: int) -> Clean:
    """Watch answers that are in order; name each that something is said of."""
    found = Clean()
    for recording in recordings:
        chance = random.Random(f"{seed} {recording.file}")
        seen = watch(recording.frames, times_ns(len(recording.frames), gaps_ms, chance), SOCKET_WRITE)
        found.answers += 1
        certain = [told for told in seen.told if told.finding.certainty == CERTAIN]
        if certain:
            found.certain[recording.file] = certain[0].finding.kind
        elif seen.told:
            found.suspected[recording.file] = seen.told[0].finding.kind
    return found


def second_starts(recordings: Sequence[Recording], gaps_ms: Sequence[float], seed: int) -> Score:
    """Watch recorded answers that really start twice."""
    score = Score(target=1.0)
    for recording in recordings:
        chance = random.Random(f"{seed} {recording.file}")
        seen = watch(recording.frames, times_ns(len(recording.frames), gaps_ms, chance), SOCKET_WRITE)
        told = [told for told in seen.told if told.finding.kind == kinds.RESTARTED]
        opened = [at for at, frame in enumerate(recording.frames) if frame.facts is not None and frame.facts.opens]
        _add(score, recording.file, seen, told, opened[1], frozenset(opened[1:]))
    return score


def faults(
    recordings: Sequence[Recording], gaps_ms: Sequence[float], seed: int, rows: Mapping[str, Row] = ROWS
) -> dict[str, Score]:
    """Put each fault into each answer that can have it, at a place drawn at random; watch what is found."""
    return {name: _fault(name, row, recordings, gaps_ms, seed) for name, row in rows.items()}


def _fault(name: str, row: Row, recordings: Sequence[Recording], gaps_ms: Sequence[float], seed: int) -> Score:
    score = Score(target=row.target)
    for recording in recordings:
        chance = random.Random(f"{seed} {name} {recording.file}")
        injected = row.inject(recording, chance)
        if injected is None:
            continue
        seen = watch(injected.frames, _times(injected, gaps_ms, chance), row.stage, injected.ends)
        told = [
            told
            for told in seen.told
            if told.finding.kind in row.kinds and (told.finding.certainty == CERTAIN or not row.certain)
        ]
        ending = f"outcome {seen.outcome}" in row.kinds
        _add(score, recording.file, seen, told, injected.at, injected.seqs, ending)
    return score


def _times(injected: Injected, gaps_ms: Sequence[float], chance: random.Random) -> list[int]:
    if injected.at_once:
        start = OPENED_NS + round(chance.uniform(2.5, 20.0) * 1e9)
        return [start + at * 20_000 for at in range(len(injected.frames))]
    return times_ns(len(injected.frames), gaps_ms, chance, injected.wait_s)


def _add(
    score: Score, file: str, seen: Watched, told: Sequence[Told], at: int, seqs: frozenset[int], ending: bool = False
) -> None:
    score.answers += 1
    score.true += len(told)
    score.other += len(seen.told) - len(told)
    if not told and not ending:
        score.missed.append(file)
        return
    score.found += 1
    first = told[0] if told else None
    score.after.append(max(first.after - at, 0) if first is not None else 0)
    score.right_seq += first is None or not seqs or _place(seen, first) in seqs


def _place(seen: Watched, told: Told) -> int:
    return seen.places.get(told.finding.seq, -1)
