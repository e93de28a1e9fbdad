"""Both sides of an edge: whether the diagnosis of a whole trace names the stage, the fault and the chunks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.detection.damages import DAMAGES, Damage, blocked_reply_lost
from bench.detection.injections import saying
from bench.detection.pipeline import Change, Clock, Frames, Step, as_it_is, run
from bench.detection.recordings import Frame, Recording
from bench.detection.timing import times_ns
from otel_sse.diagnosis.diagnose import Diagnosis, diagnose
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.stages import CALLBACK, EMIT, NORMALIZE, PROVIDER, SOCKET_WRITE, WS_RECEIVE, WS_SEND, of_policy

STAGES: Final = (PROVIDER, CALLBACK, NORMALIZE, EMIT, SOCKET_WRITE)
"""Stages that hand frames on as they are; with the two sides of a policy a pipeline of seven."""


@dataclass(slots=True)
class Score:
    """How one fault was diagnosed.

    Args:
        answers: Answers that it was put into.
        found: Those of which the diagnosis' first fault is of a right kind.
        right_stage: Those of which it names the right stage as well.
        right_seq: Those of which it names the right chunks as well.
        certain: Those of which it is certain.
        others: Those with further faults of other stages or kinds.
        missed: Files of which it is not right in all.
    """

    answers: int = 0
    found: int = 0
    right_stage: int = 0
    right_seq: int = 0
    certain: int = 0
    others: int = 0
    missed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Clean:
    """What was said of pipelines that are in order.

    Args:
        answers: Answers.
        wrong: Files of which anything was said, and what.
    """

    answers: int = 0
    wrong: dict[str, str] = field(default_factory=dict)


def clean(recordings: Sequence[Recording], gaps_ms: Sequence[float], seed: int, *, lineage: bool) -> Clean:
    """Diagnose pipelines that are in order, half of them with a policy that rewrites.

    Answers that the service itself broke off are not in order, and are left out.
    """
    found = Clean()
    for recording in (each for each in recordings if not each.failed):
        chance = random.Random(f"{seed} {recording.file}")
        said = diagnose(_run(recording, gaps_ms, chance, _steps(recording, chance, len(STAGES), as_it_is), lineage))
        found.answers += 1
        certain = [fault for fault in said.faults if fault.certain]
        if said.faults:
            fault = (certain or list(said.faults))[0]
            found.wrong[recording.file] = f"{fault.kind} {fault.certainty} {fault.stage}"
    return found


def faults(
    recordings: Sequence[Recording],
    gaps_ms: Sequence[float],
    seed: int,
    *,
    lineage: bool,
    damages: Mapping[str, Damage] = DAMAGES,
) -> dict[str, Score]:
    """Put each fault into one stage of a pipeline for each answer that can have it; diagnose the trace."""
    found: dict[str, Score] = {}
    for name, damage in damages.items():
        score = found[name] = Score()
        for recording in (each for each in recordings if not each.failed):
            chance = random.Random(f"{seed} {name} {recording.file}")
            change = damage.make(recording, chance)
            if change is None:
                continue
            if damage.make is blocked_reply_lost:
                blocking = _blocking(recording, chance, change)
                if blocking is None:
                    continue
                steps = blocking
            elif damage.hop:
                steps = _hop(change)
            else:
                steps = _steps(recording, chance, chance.randrange(1, len(STAGES)), change)
            stream = _run(recording, gaps_ms, chance, steps, lineage)
            position = next(n for n, step in enumerate(steps) if step.change is change)
            _judge(score, recording.file, stream, diagnose(stream), damage, position)
    return found


def _judge(score: Score, file: str, stream: TraceStream, said: Diagnosis, damage: Damage, position: int) -> None:
    score.answers += 1
    culprit = said.culprit
    if culprit is None or culprit.kind not in damage.kinds:
        score.missed.append(f"{file}: {culprit.kind if culprit else 'nothing'}")
        return
    score.found += 1
    score.certain += culprit.certain
    own = [fault for fault in said.faults if fault.position == culprit.position and fault.kind in damage.kinds]
    score.others += len(own) < len(said.faults)
    if culprit.position != position:
        score.missed.append(f"{file}: at {culprit.stage}")
        return
    score.right_stage += 1
    if damage.judge(stream, own, position):
        score.right_seq += 1
    else:
        score.missed.append(f"{file}: chunks {sorted(seq for fault in own for seq in fault.seqs)[:6]}")


def _steps(recording: Recording, chance: random.Random, at: int, change: Change) -> list[Step]:
    """The stages, with a policy somewhere behind or before the one at fault: half of the policies rewrite."""
    steps = [Step(name, change if n == at else as_it_is) for n, name in enumerate(STAGES)]
    policy: Change = as_it_is
    if chance.random() < 0.5 and (rewriting := _rewriting(recording)) is not None and at == len(STAGES):
        policy = rewriting
    sides = [Step(of_policy("judge"), as_it_is, "in"), Step(of_policy("judge"), policy, "out", rewrites=True)]
    where = chance.randrange(1, len(steps) + 1)
    return [*steps[:where], *sides, *steps[where:]]


def _blocking(recording: Recording, chance: random.Random, change: Change) -> list[Step] | None:
    """A policy that lets a part of the answer pass and then replaces the rest by a reply of its own."""
    contents = recording.contents
    place = chance.choice(contents[1:-1])
    reply = saying(recording.frames[place], "I can not say that.")
    if reply is None or not any(frame.is_end for frame in recording.frames):
        return None

    def judge(frames: Frames, clock: Clock) -> Frames:
        for at, frame in enumerate(frames):
            if at == place:
                yield reply
            if at < place or frame.is_end:
                yield frame

    sides = [Step(of_policy("judge"), as_it_is, "in"), Step(of_policy("judge"), judge, "out", rewrites=True)]
    after = [Step(NORMALIZE, change), Step(EMIT, as_it_is), Step(SOCKET_WRITE, as_it_is)]
    return [Step(PROVIDER, as_it_is), Step(CALLBACK, as_it_is), *sides, *after]


def _hop(change: Change) -> list[Step]:
    """A pipeline with a hop in it, on whose way something happens to messages."""
    sender, receiver = Step(WS_SEND, as_it_is), Step(WS_RECEIVE, change, receives=True)
    return [Step(PROVIDER, as_it_is), sender, receiver, Step(EMIT, as_it_is), Step(SOCKET_WRITE, as_it_is)]


def _rewriting(recording: Recording) -> Change | None:
    """A policy that writes every piece of content in capitals and holds one back until the next."""
    others = {id(frame): saying(frame, (frame.content or "").upper()) for frame in recording.frames}

    def stage(frames: Frames, clock: Clock) -> Frames:
        held: list[Frame] = []
        for frame in frames:
            other = others.get(id(frame))
            held.append(frame if other is None else other)
            if len(held) == 2:
                yield from held
                held = []
        yield from held

    return stage


def _run(
    recording: Recording, gaps_ms: Sequence[float], chance: random.Random, steps: Sequence[Step], lineage: bool
) -> TraceStream:
    frames = recording.frames
    return run(frames, times_ns(len(frames), gaps_ms, chance), steps, lineage=lineage)
