"""Which of several equal chunks went on."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.by_time import in_step
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage
from otel_sse.stream.chunk import Chunk
from tests.diagnosis.made_trace import MS, chunk_made

TEXTS = ["x0", "x1", "x2", "the", "x3", "x4", "x5", "the", "x6"]
"""Chunks 4 and 8 are equal; 1 to 3, one of these two, and 9 go on."""


def made(texts: list[str], times_ms: list[float]) -> list[Chunk]:
    return [
        chunk_made(n, text, time_ns=round(at_ms * MS))
        for n, (text, at_ms) in enumerate(zip(texts, times_ms, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("went_ms", "lost"),
    [
        pytest.param([1, 11, 21, 71, 81], [4, 5, 6, 7], id="the second had just come"),
        pytest.param([1, 11, 21, 31, 81], [5, 6, 7, 8], id="the second had not come yet"),
        pytest.param([61, 62, 63, 71, 81], [5, 6, 7, 8], id="chunks are held back"),
    ],
)
def test_the_chunk_that_had_just_come_went_on(went_ms: list[float], lost: list[int]) -> None:
    """Time tells which one it was, where the stage hands each chunk on before the next one comes."""
    up = made(TEXTS, [n * 10 for n in range(9)])
    down = made(["x0", "x1", "x2", "the", "x6"], went_ms)
    passages = [Passage(seq, Fate.SAME, first, first) for seq, first in enumerate([1, 2, 3, 4, 9], 1)]
    found = in_step(Flow(passages, [5, 6, 7, 8], True), up, {chunk.seq: chunk for chunk in down})
    assert found.lost == lost
    assert found.passages[3].first == (8 if lost[0] == 4 else 4)
