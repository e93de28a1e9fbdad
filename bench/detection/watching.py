"""One stage that watches frames, and what it says of them when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.detection.injections import SECRET
from bench.detection.recordings import Frame
from bench.detection.timing import OPENED_NS
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.outcome import COMPLETED
from otel_sse.stream.stage import StageInfo, StageSpec

RULES: Final = (("secret", re.compile(re.escape(SECRET))),)


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, and how many frames had crossed when it was told."""

    finding: Finding
    after: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What one stage made of an answer.

    Args:
        told: Its findings, in order.
        places: By chunk number, the place of the frame that it was.
        outcome: How the answer ended.
        chunks: Its chunks.
    """

    told: Sequence[Told]
    places: dict[int, int]
    outcome: str
    chunks: Sequence[Chunk]


class _Journal:
    """Takes what a monitor says, and remembers after which frame."""

    def __init__(self) -> None:
        self.frame = 0
        self.chunks: list[Chunk] = []
        self.told: list[Told] = []
        self.places: dict[int, int] = {}

    def append(self, entry: Chunk | tuple[Finding, int], /) -> None:
        if isinstance(entry, tuple):
            self.told.append(Told(entry[0], self.frame))
            return
        self.chunks.append(entry)
        self.places.setdefault(entry.seq, self.frame)
        self.told += [Told(finding, self.frame) for finding in entry.findings]


def watch(frames: Sequence[Frame], times_ns: Sequence[int], stage: str, ends: str = COMPLETED) -> Watched:
    """Lead frames through a stage, each as a body of its own.

    Args:
        frames: The frames.
        times_ns: When each one comes.
        stage: The stage's name.
        ends: How the stage is told to end.
    """
    journal = _Journal()
    settings = StageSettings(content_checks=RULES, max_findings=1_000_000)
    monitor = StageMonitor(StageInfo(StageSpec(stage), "s"), settings, OPENED_NS, journal)
    for at, frame in enumerate(frames):
        journal.frame = at
        monitor.feed(frame.raw, times_ns[at])
    totals = monitor.end(ends, times_ns[-1] + 1 if times_ns else OPENED_NS + 1)
    return Watched(journal.told, journal.places, totals.outcome, journal.chunks)
