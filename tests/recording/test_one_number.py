"""One number: what is counted while a stream runs is what the diagnosis of its trace says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import trace_of
from otel_sse.exporters.plain_spans import plain_span
from otel_sse.recording.live_stream import Stream
from otel_sse.stream.stage import StageSpec
from tests.lineage.made_edges import said
from tests.recording.made import Bench, cross, total

Sent = list[tuple[str, int]]
"""What a stage sends: texts, each with how many of the answer's it has pulled by then."""


def _every(times: int) -> Callable[[Sent, random.Random], Sent]:
    return lambda sent, chance: [each for each in sent for _ in range(times)]


def _lagged(sent: Sent, chance: random.Random) -> Sent:
    found: Sent = []
    for at, each in enumerate(sent):
        found += [each, (sent[at - 1][0], each[1])] if at else [each]
    return found


def _once_more(sent: Sent, chance: random.Random) -> Sent:
    at = chance.randrange(len(sent))
    return [*sent[: at + 1], *sent[at:]]


def _dropped(sent: Sent, chance: random.Random) -> Sent:
    gone = chance.randrange(1, len(sent) - 1)
    return [each for at, each in enumerate(sent) if at != gone]


def _filtered(sent: Sent, chance: random.Random) -> Sent:
    texts = [text for text, _ in sent]
    return [each for at, each in enumerate(sent) if each[0] not in texts[max(at - 3, 0) : at]]


def _swapped(sent: Sent, chance: random.Random) -> Sent:
    at = chance.choice([at for at in range(len(sent) - 1) if sent[at][0] != sent[at + 1][0]])
    (one, _), (other, pulled) = sent[at : at + 2]
    return [*sent[:at], (other, pulled), (one, pulled), *sent[at + 2 :]]


def _as_it_is(sent: Sent, chance: random.Random) -> Sent:
    return sent


FAULTS = {
    "in order": _as_it_is,
    "twice": _every(2),
    "three times": _every(3),
    "lagged": _lagged,
    "once more": _once_more,
    "dropped": _dropped,
    "filtered": _filtered,
    "swapped": _swapped,
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fault", FAULTS)
def test_counters_say_what_the_diagnosis_says(bench: Bench, stream: Stream, fault: str, seed: int) -> None:
    """Of copies, losses and moved chunks, however often tokens repeat, both give the same number of chunks."""
    chance = random.Random(f"{fault} {seed}")
    words = [*said(chance, 20, 60), " end"]
    provider, emit = stream.stage(StageSpec("provider", origin=True)), stream.stage(StageSpec("emit", pulls=True))
    sent = FAULTS[fault]([(word, at) for at, word in enumerate(words, 1)], chance)
    pulled = 0
    for text, until in sent:
        cross(provider, *words[pulled:until])
        pulled = max(pulled, until)
        cross(emit, text)
    for record in (provider, emit):
        record.close("completed")
    live: Counter[str] = Counter()
    for (kind, certainty), (_, amount) in emit.monitor.totals.by_kind.items():
        if certainty == "certain":
            live[kind] += amount
    bench.recorder.flush()
    trace = trace_of([plain_span(span) for span in bench.exporter.get_finished_spans()])
    assert trace is not None
    families = ("duplicate", "gap", "reorder")
    faults = [each for found in trace.streams for each in diagnose(found).faults]
    told = {each.kind: each.count for each in faults if each.certain and each.kind.split("/")[0] in families}
    assert dict(live) == told
    assert total(bench, "sse.duplicate_chunks") == told.get("duplicate/doubled", 0)
