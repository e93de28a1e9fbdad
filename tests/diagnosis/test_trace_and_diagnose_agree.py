"""What `otel-sse trace` says of a chunk, in counts, in the chunk's path and in the matrix, is what `diagnose` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sse import semconv
from otel_sse.cli.trace_json import chunks_json, stream_json, way_json
from otel_sse.diagnosis.diagnose import Diagnosis, diagnose
from otel_sse.diagnosis.matrix import Matrix, matrix_of
from otel_sse.diagnosis.path import way
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.outcome import OUTCOMES
from tests.diagnosis.made_faults import finding
from tests.diagnosis.made_pipeline import (
    Stage,
    changed,
    claimed,
    doubled,
    lagging,
    merged,
    once_more,
    replayed,
    restarted,
    stream_of,
    swapped,
    twice,
    whole,
    without,
)

_NAMES = ("socket_write", "emit", "normalize", "ws.send", "ws.receive", "provider", "policy.judge", "shape")
"""Stages that promise different things; none of them makes the two commands disagree."""

_TOKENS = ["a", "b", "ha", " the", " cat", " sat on"]
"""Few, so that digests repeat."""

_TEXTS = st.one_of(
    st.lists(st.sampled_from(_TOKENS), min_size=4, max_size=24),
    st.integers(4, 24).map(lambda many: [f" word{n}" for n in range(many)]),
)

_AT = st.integers(0, 22)


def _within(make: Callable[[int], Stage], at: int) -> Stage:
    """The same at a place that the answer has, and that has a neighbour."""
    return lambda items: make(min(at, len(items) - 2))(items)


def _lossy(places: set[int]) -> Stage:
    return lambda items: items if places.issuperset(range(len(items))) else without(*places)(items)


FAULTS: dict[str, st.SearchStrategy[Stage]] = {
    "swapped": _AT.map(lambda at: _within(swapped, at)),
    "doubled": st.one_of(
        st.just(doubled), st.just(lagging(1)), st.just(lagging(2)), _AT.map(lambda at: _within(once_more, at))
    ),
    "lost": st.sets(_AT, min_size=1, max_size=5).map(_lossy),
    "changed": _AT.map(lambda at: _within(lambda place: changed(place, "X"), at)),
    "replayed": st.one_of(
        st.just(twice),
        _AT.map(lambda at: _within(lambda place: restarted(place + 1), at)),
        _AT.map(lambda at: _within(lambda place: replayed(max(place - 4, 0), place + 1), at)),
    ),
    "whole": st.sampled_from([whole, merged(2)]),
}

LINEAGES: dict[str, Callable[..., TraceStream]] = {
    "true": lambda *made: stream_of(*made),
    "recorded chunk by chunk": lambda *made: claimed(stream_of(*made)),
    "recorded ahead": lambda *made: claimed(stream_of(*made), ahead=True),
    "none": lambda *made: stream_of(*made, lineage=False),
}


class Told(NamedTuple):
    """What `diagnose` says of the edge before one stage, in numbers of the stage, and for lost ones of that before."""

    doubled: set[int]
    lost: set[int]
    moved: set[int]
    changed: set[int]
    replaced: set[int]


def _told(found: Diagnosis, position: int) -> Told:
    def seqs(*kinds: str) -> set[int]:
        faults = [fault for fault in found.faults if fault.position == position and fault.upstream == position - 1]
        return {seq for fault in faults if fault.kind.startswith(kinds) for seq in fault.seqs}

    return Told(
        seqs("duplicate/"), seqs("gap/"), seqs("reorder/"), seqs("corruption/changed"), seqs("corruption/replaced")
    )


def _parents(stream: TraceStream, position: int, seqs: Iterable[int]) -> set[int]:
    made = {each["seq"]: each["made_from"] for each in chunks_json(stream, position)["chunks"]}
    found = [made[seq] for seq in seqs]
    return {n for each in found if each for n in range(each["first"], each["last"] + 1)}


def _counts_agree(stream: TraceStream, position: int, told: Told) -> None:
    counts: dict[str, int] = stream_json(stream)["stages"][position]["upstream"][0]["content"]
    twice = _parents(stream, position, told.doubled)
    moved = _parents(stream, position, told.moved) - twice
    assert counts.get("lost", 0) == len(told.lost)
    assert counts.get("doubled", 0) == len(twice)
    assert counts.get("moved", 0) == len(moved)
    assert counts.get("changed", 0) == len(_parents(stream, position, told.changed))
    assert counts.get("replaced", 0) == len(_parents(stream, position, told.replaced))
    assert sum(counts.values()) - counts.get("added", 0) == len(stream.stages[position - 1].chunks)


def _step(stream: TraceStream, of: int, seq: int, at: int) -> dict[str, Any]:
    return next(step for step in way_json(stream, way(stream, of, seq)) if step["number"] == at + 1)


def _paths_agree(stream: TraceStream, position: int, told: Told) -> None:
    for seq in told.lost:
        assert _step(stream, position - 1, seq, position)["became"] == "lost"
    for chunk in stream.stages[position].chunks:
        seq, step = chunk.seq, _step(stream, position, chunk.seq, position)
        if seq in told.doubled:
            assert step["became"] == "doubled"
            assert step["first"] <= seq <= step["last"]
        elif seq in told.moved:
            assert step["became"] in ("moved", "doubled")
        elif seq in told.changed:
            assert step["became"] == "changed"
        elif seq in told.replaced:
            assert step["became"] == "replaced"
        else:
            # The first of two emissions is in order itself, and is one of them.
            assert step["became"] in ("same", "merged", "added", "doubled")
            assert step["became"] != "doubled" or _parents(stream, position, [seq]) <= _parents(
                stream, position, told.doubled
            )


def _matrix_agrees(matrix: Matrix, position: int, told: Told) -> None:
    marks = {seq: row.cells[position].mark for row in matrix.rows for seq in row.cells[position].seqs}
    lost = {seq for row in matrix.rows if row.cells[position].mark == "lost" for seq in row.cells[position - 1].seqs}
    assert lost == told.lost
    assert {marks[seq] for seq in told.doubled} <= {"doubled"}
    assert {marks[seq] for seq in told.moved} <= {"moved", "doubled"}
    assert {marks[seq] for seq in told.changed} <= {"changed", "replaced"}
    assert {marks[seq] for seq in told.replaced} <= {"changed", "replaced"}
    damaged = {row.cells[position].mark for row in matrix.rows} & {"doubled", "lost", "moved", "changed", "replaced"}
    assert bool(damaged) == any(told)


@pytest.mark.parametrize("lineage", LINEAGES)
@pytest.mark.parametrize("fault", FAULTS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_trace_and_diagnose_agree(data: st.DataObject, fault: str, lineage: str) -> None:
    """Counts, in order, the path of each chunk and the matrix say what the faults say, whatever was recorded."""
    stage, texts = data.draw(FAULTS[fault]), data.draw(_TEXTS)
    stages = data.draw(st.sampled_from([[stage, whole], [whole, stage]]))
    stream = LINEAGES[lineage](texts, *stages)
    for each in stream.stages:
        each.name = data.draw(st.sampled_from(_NAMES))
        outcome = data.draw(st.sampled_from(["completed", *OUTCOMES]))
        each.attributes = {**each.attributes, semconv.STREAM_OUTCOME: outcome}
    found = diagnose(stream)
    matrix = matrix_of(stream)
    for position in (1, 2):
        told = _told(found, position)
        _counts_agree(stream, position, told)
        _paths_agree(stream, position, told)
        _matrix_agrees(matrix, position, told)
    if data.draw(st.booleans()):
        stream.stages[1].findings = [finding("duplicate/doubled", 2, 1)]
        found = diagnose(stream)
    assert stream_json(stream)["in_order"] == found.in_order
