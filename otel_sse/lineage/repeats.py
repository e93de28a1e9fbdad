"""What kind of repetition it is: each chunk twice, a run once more, or the answer from its beginning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from otel_sse.lineage.faults import DOUBLED, REPLAYED, RESTARTED
from otel_sse.lineage.flow import AGAIN, Passage

_RUN: Final = 3
"""Chunks that are repeated one after the other, before it is called a run: of fewer, each is doubled."""

_MOSTLY: Final = 0.5
"""Share of the repetitions that stand alone, from which all of them are: what looks like runs are neighbours then."""


def kinds_of(
    passages: Sequence[Passage], upstream: Sequence[int], digests: Mapping[int, str]
) -> dict[str, list[Passage]]:
    """Return the repetitions among chunks, by what kind they are.

    Args:
        passages: All chunks downstream, in order.
        upstream: Numbers of all chunks upstream that carry content, in order.
        digests: Digests of the chunks upstream by number.
    """
    found: dict[str, list[Passage]] = {}
    runs = list(_runs(passages, {seq: n for n, seq in enumerate(upstream)}))
    single = sum(len(run) for _, run in runs if len(run) < _RUN)
    every = sum(len(run) for _, run in runs)
    for at, run in runs:
        kind = DOUBLED
        if single <= _MOSTLY * every and _is_run(run, digests):
            kind = _kind(passages[:at], run, upstream)
        found.setdefault(kind, []).extend(run)
    return found


def _runs(passages: Sequence[Passage], places: Mapping[int, int]) -> Iterator[tuple[int, list[Passage]]]:
    """Repetitions of neighbours that are neighbours, each run with the position of its first."""
    run: list[Passage] = []
    for n, passage in enumerate(passages):
        follows = run and passage.what == AGAIN and places[passage.first] == places[run[-1].first] + 1
        if run and not follows:
            yield n - len(run), run
            run = []
        if passage.what == AGAIN:
            run.append(passage)
    if run:
        yield len(passages) - len(run), run


def _is_run(run: Sequence[Passage], digests: Mapping[int, str]) -> bool:
    return len(run) >= _RUN and len({digests[passage.first] for passage in run}) > 1


def _kind(before: Iterable[Passage], run: Sequence[Passage], upstream: Sequence[int]) -> str:
    handed_on = {passage.last for passage in before}
    begins = run[0].first == upstream[0]
    return RESTARTED if begins and upstream[-1] not in handed_on else REPLAYED
