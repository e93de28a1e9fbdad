"""Stages on both sides of one edge, made up: what an answer is, what a stage makes of it, and what the edge says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from otel_sse.lineage import Crossings
from otel_sse.lineage.edge import Edge
from otel_sse.stream.chunk import CONTENT, Chunk, Finding
from otel_sse.stream.totals import Totals

MS = 1_000_000


class Upstream:
    """The stage before, which is known from the start, and perhaps others."""

    def __init__(self, upstream: Crossings, others: Sequence[Crossings] = ()) -> None:
        self.unknown = True
        self._upstream = upstream
        self._others = others

    def begin(self) -> None:
        """Nothing has to be noted."""

    def find(self, chunk: Chunk) -> Crossings:
        """Return the stage before."""
        return self._upstream

    def others(self) -> Sequence[Crossings]:
        """Return the others."""
        return self._others

    def chosen(self, upstream: Crossings) -> str:
        """No chunk has to name its stage."""
        return ""


class Sent(NamedTuple):
    """A chunk that a stage sends.

    Args:
        text: Its text.
        pulled: How many chunks of the answer the stage has pulled by then.
        channel: Its channel.
    """

    text: str
    pulled: int
    channel: str = ""


class Side:
    """The chunks of one stage, numbered and measured as a monitor does it."""

    def __init__(self) -> None:
        self.seq = self.size = 0

    def chunk(self, text: str, channel: str = "", kind: str = CONTENT) -> Chunk:
        """Return the next chunk, whose digest is its text."""
        self.seq += 1
        self.size += len(text.encode()) if kind == CONTENT else 0
        return Chunk(self.seq, self.seq * MS, kind, text, self.size, len(text), False, channel=channel)


Words = Sequence[tuple[str, str]]
"""The texts of an answer, each with its channel."""


def judged(answer: Words, sent: Sequence[Sent], *, ahead: int = 0) -> list[Finding]:
    """Lead chunks over an edge; return all that it says.

    Args:
        answer: What the stage before hands on.
        sent: What the stage sends.
        ahead: How many more chunks than it needs the stage has pulled at any time.
    """
    crossings, before, after = Crossings(), Side(), Side()
    edge = Edge(Upstream(crossings), None, Totals(), 16, stage="emit")
    found: list[Finding] = []
    for each in sent:
        for text, channel in answer[before.seq : each.pulled + ahead]:
            crossings.add(before.chunk(text, channel))
        found += edge.cross(after.chunk(each.text, each.channel))
    for text, channel in answer[before.seq :]:
        crossings.add(before.chunk(text, channel))
    return [*found, *edge.close()]


def counted(found: Sequence[Finding]) -> dict[str, int]:
    """How many chunks certain findings are about, by kind; without those about time."""
    amounts: Counter[str] = Counter()
    for each in found:
        if each.certainty == "certain" and each.family != "coalescing":
            amounts[each.kind] += each.amount
    return dict(amounts)


def as_it_is(answer: Words, channel: str | None = None) -> list[Sent]:
    """What a stage sends that hands on every chunk, or those of one channel, under a name of its own."""
    return [
        Sent(text, at, own if channel is None else "")
        for at, (text, own) in enumerate(answer, 1)
        if channel in (None, own)
    ]


COMMON = [" the", ",", ".", " a", " and", "\n", " fog", " of", " is", "ha", "-"]
"""Tokens that models write again and again."""

TOKEN = st.one_of(st.sampled_from(COMMON), st.integers(0, 500).map(lambda number: f" w{number}"))
TEXTS = st.lists(TOKEN, min_size=6, max_size=60)
PLAIN = TEXTS.map(lambda texts: [(text, "0") for text in texts])


def said(chance: random.Random, least: int = 6, most: int = 70) -> list[str]:
    """Return what a model says: common tokens again and again, and others between them."""
    weights = [1 / (rank + 1) for rank in range(len(COMMON))]
    return [
        chance.choices(COMMON, weights)[0] if chance.random() < 0.5 else f" w{chance.randrange(500)}"
        for _ in range(chance.randrange(least, most))
    ]


CHANCE = st.integers(0, 2**32).map(random.Random)
AHEAD = st.sampled_from([0, 0, 3, 1_000])
