"""Streams at fault, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CERTAIN, Finding
from tests.diagnosis.made_pipeline import Stage, stream_of, whole
from tests.diagnosis.made_trace import MS, START

TOKENS = st.lists(st.sampled_from(["ha", " ha", "the", " the", "\n", ".", " cat", "1", "12"]), min_size=2, max_size=40)
"""Tokens as a model writes them: the same ones again and again."""

PLACES = st.integers(1, 3)
"""Position of the stage at fault, of four."""

LINEAGE = pytest.mark.parametrize("lineage", [True, False], ids=["carried", "by-digest"])
WORDS = [f" word{n}" for n in range(30)]
STAGES: tuple[Stage, ...] = (whole, whole, whole)
EVENLY = [n * 40.0 for n in range(30)]
"""Milliseconds at which chunks cross a stage that nobody delays."""


def finding(kind: str, seq: int, of: int = 0, certainty: str = CERTAIN, amount: int = 1) -> Finding:
    return Finding(kind, certainty, "any", seq, of, f"{kind} seen", amount)


def told(stream: TraceStream) -> list[tuple[str, int]]:
    return [(fault.kind, fault.position) for fault in diagnose(stream).faults]


def only(stream: TraceStream) -> Fault:
    (fault,) = diagnose(stream).faults
    return fault


def with_fault(texts: Sequence[str], fault: Stage, position: int, **how) -> TraceStream:
    stages: list[Stage] = [whole, whole, whole]
    stages[position - 1] = fault
    return stream_of(texts, *stages, **how)


def digests(stream: TraceStream, position: int, but: Sequence[int] = ()) -> list[str]:
    return [chunk.digest for chunk in stream.stages[position].chunks if chunk.seq not in but]


def check_repeats(stream: TraceStream, fault: Fault, kinds: set[str], position: int) -> None:
    """A repetition is right where what is left without it is what came in, whichever of equal chunks is named."""
    assert (fault.kind in kinds, fault.position, fault.upstream) == (True, position, position - 1), fault
    assert fault.certain
    assert digests(stream, position, fault.seqs) == digests(stream, position - 1)
    own = {chunk.seq: chunk.digest for chunk in stream.stages[position].chunks}
    assert all(own[seq] == own[of] for seq, of in zip(fault.seqs, fault.of, strict=True))


def timed(*times_ms: list[float], **says: Any) -> TraceStream:
    """Stages of one process that the same chunks crossed at these times."""
    stream = stream_of(WORDS[: len(times_ms[0])], *[whole] * (len(times_ms) - 1), **says)
    for stage, times in zip(stream.stages, times_ms, strict=True):
        for chunk, time_ms in zip(stage.chunks, times, strict=True):
            chunk.time_ns = START + round(time_ms * MS)
    return stream


def later(times: list[float], by_ms: float = 1) -> list[float]:
    return [time + by_ms for time in times]


def stalled(at: int, by_ms: float) -> list[float]:
    return [time + (by_ms if n >= at else 0) for n, time in enumerate(EVENLY)]
