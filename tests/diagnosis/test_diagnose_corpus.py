"""Recorded answers of real services through a pipeline of made-up stages: whole, and with one stage at fault."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.dialects import Reader
from otel_sse.wire import Event, Parser
from tests.diagnosis import made_pipeline as made
from tests.diagnosis.made_pipeline import Stage, claimed, stream_of, whole

pytestmark = pytest.mark.corpus

STAGES: Final = 4


@cache
def answers(corpus: Path) -> dict[str, list[str]]:
    """The pieces of content of every recorded stream, by its file."""
    streams = json.loads((corpus / "index.json").read_text())["streams"]
    return {one["file"]: list(pieces((corpus / one["file"]).read_bytes())) for one in streams}


def pieces(data: bytes) -> list[str]:
    parser, reader = Parser(max_bytes=1 << 20), Reader()
    events = [item for item in [*parser.feed(data), *parser.close()] if isinstance(item, Event)]
    return [content for event in events if (content := reader.read(event).content)]


def damaged(texts: list[str], stage: Stage, position: int, how: str) -> TraceStream:
    stages: list[Stage] = [whole] * (STAGES - 1)
    stages[position - 1] = stage
    if how in ("counted", "by digest"):
        return stream_of(texts, *stages, lineage=how == "counted", services=STAGES)
    return claimed(stream_of(texts, *stages), ahead=how == "ahead")


def numbers(stream: TraceStream, position: int, but: tuple[int, ...] = ()) -> list[str]:
    return [chunk.digest for chunk in stream.stages[position].chunks if chunk.seq not in but]


def repeats(stream: TraceStream, found: list[Fault], position: int) -> bool:
    """Without the chunks that are named, what went out is what came in."""
    named = tuple(seq for fault in found for seq in fault.seqs)
    return numbers(stream, position, named) == numbers(stream, position - 1)


def misses(stream: TraceStream, found: list[Fault], position: int) -> bool:
    """Without the chunks that are named, what came in is what went out."""
    return numbers(stream, position - 1, found[0].seqs) == numbers(stream, position)


def contradicts(stream: TraceStream, found: list[Fault], position: int) -> bool:
    """The chunks that are named are where the two sides differ."""
    before, after = numbers(stream, position - 1), numbers(stream, position)
    differing = {n for n, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]}
    return {seq for fault in found for seq in fault.seqs} <= differing


Judge = Callable[[TraceStream, list[Fault], int], bool]
Damage = Callable[[list[str], random.Random], Stage]


def _at(texts: list[str], chance: random.Random) -> int:
    return chance.randrange(len(texts) - 1)


def _swap(texts: list[str], chance: random.Random) -> Stage:
    places = [n for n in range(len(texts) - 1) if texts[n] != texts[n + 1]]
    return made.swapped(chance.choice(places)) if places else made.changed(0, "\0")


DAMAGES: Final[dict[str, tuple[Damage, set[str], Judge]]] = {
    "doubled": (lambda texts, chance: made.doubled, {"duplicate/doubled"}, repeats),
    "lagging": (lambda texts, chance: made.lagging(chance.randint(1, 2)), {"duplicate/doubled"}, repeats),
    "one twice": (lambda texts, chance: made.once_more(_at(texts, chance)), {"duplicate/doubled"}, repeats),
    "iterated twice": (lambda texts, chance: made.twice, {"duplicate/replayed"}, repeats),
    "begun again": (
        lambda texts, chance: made.restarted(chance.randint(len(texts) // 2, len(texts) - 1)),
        {"duplicate/restarted"},
        repeats,
    ),
    "run again": (
        lambda texts, chance: made.replayed(len(texts) // 3, 2 * len(texts) // 3),
        {"duplicate/replayed"},
        repeats,
    ),
    "dropped": (lambda texts, chance: made.without(_at(texts, chance)), {"gap/lost"}, misses),
    "swapped": (_swap, {"reorder/moved"}, contradicts),
    "changed": (lambda texts, chance: made.changed(_at(texts, chance), "\0"), {"corruption/changed"}, contradicts),
    "accumulated": (lambda texts, chance: made.accumulated, {"duplicate/accumulated"}, repeats),
}


def test_recorded_answers_that_nobody_damaged_have_no_fault(corpus: Path) -> None:
    """Not one of the recorded answers, through stages that hand on what they get, gives a fault or a note."""
    found = {}
    for file, texts in answers(corpus).items():
        if texts:
            for n, stream in enumerate(
                (stream_of(texts, whole, made.framed, lineage=False), claimed(stream_of(texts, whole)))
            ):
                diagnosis = diagnose(stream)
                found[file, n] = (diagnosis.faults, diagnosis.notes)
    assert len(found) >= 1_400
    assert {file: said for file, said in found.items() if said != ((), ())} == {}


@pytest.mark.parametrize("how", ["counted", "pulled", "ahead", "by digest"])
def test_damage_to_recorded_answers_is_found(corpus: Path, how: str) -> None:
    """Whatever one stage does to a recorded answer is found, with its kind, at that stage, and the right chunks.

    Be it that each sender's numbers came along, that stages of one process took note of what they pulled or had before
    they began, or that nobody did.
    """
    long = [(file, texts) for file, texts in answers(corpus).items() if len(texts) >= 20]
    chance = random.Random(5)
    wrong = []
    for n, (file, texts) in enumerate(long):
        name = list(DAMAGES)[n % len(DAMAGES)]
        make, kinds, judge = DAMAGES[name]
        position = chance.randint(1, STAGES - 1)
        stream = damaged(texts, make(texts, chance), position, how)
        found = list(diagnose(stream).faults)
        right = bool(found) and {fault.position for fault in found} == {position} and judge(stream, found, position)
        if not right or not {fault.kind for fault in found} <= kinds or not all(fault.certain for fault in found):
            wrong.append((name, file, [(fault.kind, fault.position, fault.seqs[:5], fault.count) for fault in found]))
    assert len(long) >= 300
    assert wrong == []
