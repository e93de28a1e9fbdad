"""Gateways that cut anew, leave out and add are in order; a true fault on top of that is found where it can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bench.detection.pipeline import Frames
from bench.detection.recordings import Frame, frames, recordings
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.stream.channels import is_beside
from otel_sse.stream.stages import EMIT
from tests.diagnosis.made_gateways import ANSWERS, CUTS, OWN, deltas_of, gateway, watched

_AT: Final = 20
"""The frame that a fault is about: behind a preface, before the end."""


@pytest.mark.parametrize("lineage", [True, False], ids=["lineage", "digests"])
@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("beside", [True, False], ids=["whole", "text"])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("dialect", ANSWERS)
def test_an_honest_gateway_is_in_order(dialect: str, cut: str, beside: bool, own: str, lineage: bool) -> None:
    """Whatever it cuts, leaves out or adds: nothing is a fault, and notes say what was left out and what was added."""
    stream = watched(frames(ANSWERS[dialect]()), gateway(cut, beside=beside, own=own), lineage=lineage)
    found = diagnose(stream)
    assert found.faults == ()
    assert found.verdict.startswith("In order: ")
    assert any("was not handed on" in note for note in found.notes) is not beside
    added = [note for note in found.notes if "added" in note]
    assert len(added) == bool(OWN[own])
    assert all(f"{len(OWN[own])} chunks were added" in note for note in added)


@pytest.mark.corpus
@pytest.mark.parametrize("beside", [True, False], ids=["whole", "text"])
@pytest.mark.parametrize("cut", CUTS)
def test_no_recorded_answer_is_accused_behind_an_honest_gateway(corpus: Path, cut: str, beside: bool) -> None:
    """One recorded answer in thirty, with and without lineage, with each kind of own text: nothing is a fault there."""
    accused = {}
    answers = [each for each in recordings(corpus)[::30] if not each.failed and each.contents]
    for answer in answers:
        channels = {channel for frame in answer.frames for channel, _ in deltas_of(frame)}
        for own in OWN if beside or not all(map(is_beside, channels)) else ():
            for lineage in (True, False):
                stream = watched(answer.frames, gateway(cut, beside=beside, own=own), lineage=lineage)
                own_faults = [each.kind for each in diagnose(stream).faults if each.stage == EMIT]
                accused[answer.file, own, lineage] = own_faults
    assert len(accused) > 80
    assert {key: kinds for key, kinds in accused.items() if kinds} == {}


def at(number: int, make: Callable[[Frame, Frame], list[Frame]]) -> Callable[[Frames], Frames]:
    """Do something to a frame and the one behind it."""

    def broken(made: Frames) -> Frames:
        for n, frame in enumerate(made):
            yield from make(frame, next(made)) if n == number else [frame]

    return broken


FAULTS: Final[dict[str, tuple[Callable[[Frames], Frames], str]]] = {
    "loss": (at(_AT, lambda one, two: [two]), "gap/lost"),
    "copy": (at(_AT, lambda one, two: [one, one, two]), "duplicate/doubled"),
    "swap": (at(_AT, lambda one, two: [two, one]), "reorder/moved"),
    "change": (at(_AT, lambda one, two: [*frames(b'data: {"content": "??????"}\n\n'), two]), "corruption"),
}


@pytest.mark.parametrize("lineage", [True, False], ids=["lineage", "digests"])
@pytest.mark.parametrize("own", ["nothing", "preface"])
@pytest.mark.parametrize("beside", [True, False], ids=["whole", "text"])
@pytest.mark.parametrize(
    ("cut", "fault"),
    [*(("each", fault) for fault in FAULTS), *(("words", fault) for fault in ("loss", "copy", "change"))],
)
def test_a_true_fault_behind_an_honest_gateway_is_found(
    fault: str, cut: str, beside: bool, own: str, lineage: bool
) -> None:
    """One chunk that is lost, copied, swapped or changed is told, where the cut leaves most chunks as they were."""
    break_it, kind = FAULTS[fault]
    change = gateway(cut, beside=beside, own=own, fault=break_it)
    found = diagnose(watched(frames(ANSWERS["openai_chat"]()), change, lineage=lineage))
    assert any(each.kind.startswith(kind) for each in found.faults if each.stage == EMIT)


@pytest.mark.parametrize("lineage", [True, False], ids=["lineage", "digests"])
@pytest.mark.parametrize("beside", [True, False], ids=["whole", "text"])
def test_a_loss_from_merged_chunks_is_suspected(beside: bool, lineage: bool) -> None:
    """Behind chunks that were put together bytes are missing; no number proves which, so that it is not certain."""
    change = gateway("by 3", beside=beside, fault=at(6, lambda one, two: [two]))
    found = diagnose(watched(frames(ANSWERS["openai_chat"]()), change, lineage=lineage))
    assert [(each.kind, each.certain) for each in found.faults] == [("gap/lost", False)]
