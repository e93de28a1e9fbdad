"""Kinds of repetition: each chunk twice, a run again, or the answer again from its beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Passage
from otel_sse.stream.kinds import DOUBLED, REPLAYED, RESTARTED

_RUN: Final = 3
"""Repeated neighbours from which they are a run. Fewer are doubled one by one, but two are a run if they are the only
repetition."""

_MOSTLY: Final = 0.5
"""Share of single repetitions above which all are single: runs are then doubled neighbours."""

_BESIDE: Final = 3
"""Chunks beside a run within which a single repetition belongs to it. Where tokens repeat, it is ambiguous which of
them are the repetition."""


_SURE_AT_REWRITING: Final = 3
"""Repetitions from which a stage that may rewrite is held to have doubled, and not to have made an equal chunk."""

_NEAR: Final = 4
"""Chunks behind its first one within which one that is handed on again stands; further off it may be a footer or a
line end that the stage adds and that happens to equal an earlier chunk."""

_SHARE: Final = 3
"""Of how many chunks one must have come again, for that to be no chance wherever it stands."""


class Repetition(NamedTuple):
    """The repetitions of one kind on one edge.

    Args:
        kind: `duplicate/doubled`, `duplicate/replayed` or `duplicate/restarted`.
        passages: What was handed on again, in order.
        is_sure: Whether it can't be text of the stage's own that equals some chunk by chance.
        is_allowed: Whether a stage that may rewrite can have made so many equal chunks.
    """

    kind: str
    passages: list[Passage]
    is_sure: bool
    is_allowed: bool


class Repeats:
    """The repetitions among the chunks that crossed an edge.

    Args:
        passages: All chunks downstream, in order.
        upstream: Numbers of all chunks upstream that carry content, in order.
        digests: Digests of the chunks upstream by number.
    """

    def __init__(self, passages: Sequence[Passage], upstream: Sequence[int], digests: Mapping[int, str]) -> None:
        self._passages = passages
        self._upstream = upstream
        self._digests = digests
        self._places = {seq: n for n, seq in enumerate(upstream)}

    def by_kind(self) -> list[Repetition]:
        """Return the repetitions by their kind; each kind in order."""
        return [self._repetition(kind, passages) for kind, passages in self._by_kind().items()]

    def _repetition(self, kind: str, passages: list[Passage]) -> Repetition:
        is_sure = self._is_sure(kind, passages)
        return Repetition(kind, passages, is_sure, not (is_sure and self._is_many(passages)))

    def _is_sure(self, kind: str, passages: Sequence[Passage]) -> bool:
        if kind != DOUBLED or len(passages) * _SHARE >= len(self._upstream):
            return True
        near = [passage for passage in passages if passage.seq - passage.of <= _NEAR]
        return len(near) == len(passages) or self._is_many(near)

    def _is_many(self, passages: Sequence[Passage]) -> bool:
        return len(passages) >= _SURE_AT_REWRITING and self._is_told_apart(passages)

    def _by_kind(self) -> dict[str, list[Passage]]:
        runs = self._runs()
        shortest = 2 if len(runs) == 1 else _RUN
        long = [run for run in runs if len(run) >= shortest and self._is_told_apart(run)]
        alone = sum(len(run) for run in runs if len(run) < shortest)
        if not long or alone > _MOSTLY * sum(map(len, runs)):
            return {DOUBLED: [passage for run in runs for passage in run]} if runs else {}
        found: dict[str, list[Passage]] = {}
        kinds = {id(run): self._kind(run) for run in long}
        for run in runs:
            beside = next((each for each in long if _is_beside(run, each)), None)
            kind = DOUBLED if beside is None else kinds[id(beside)]
            found.setdefault(kind, []).extend(run)
        return found

    def _runs(self) -> list[list[Passage]]:
        """Group repetitions: neighbours that repeat neighbours are one run."""
        runs: list[list[Passage]] = []
        before = None
        for passage in self._passages:
            if passage.fate == Fate.DOUBLED:
                place = self._places[passage.first]
                if before is not None and before.fate == Fate.DOUBLED and place == self._places[before.first] + 1:
                    runs[-1].append(passage)
                else:
                    runs.append([passage])
            before = passage
        return runs

    def _is_told_apart(self, run: Sequence[Passage]) -> bool:
        return len({self._digests[passage.first] for passage in run}) > 1

    def _kind(self, run: Sequence[Passage]) -> str:
        handed_on = {passage.last for passage in self._passages if passage.seq < run[0].seq}
        begins = run[0].first == self._upstream[0]
        return RESTARTED if begins and self._upstream[-1] not in handed_on else REPLAYED


def _is_beside(run: Sequence[Passage], long: Sequence[Passage]) -> bool:
    return run is long or (
        len(run) < _RUN and long[0].seq - _BESIDE <= run[0].seq and run[-1].seq <= long[-1].seq + _BESIDE
    )
