"""A model that is asked again while what was sent already is skipped: a resume, and no loss."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.resumes import resumes
from otel_sse.diagnosis.trace.streams import TraceStream
from tests.diagnosis.made_edge import stream_of
from tests.diagnosis.made_faults import WORDS
from tests.diagnosis.made_trace import chunk_event, chunk_events, segment, span_id, upstream


def asked_again(
    broke_at: int, second: list[str], skipped: int, *, lineage: bool, outcome: str = "incomplete"
) -> TraceStream:
    """An answer whose first chunks came from a stage that broke off, and the rest from a second one."""
    of_second = {"upstream.span": span_id("second")} if lineage else {}
    texts = [*WORDS[:broke_at], *second[skipped:]]
    sent, length = [], 0
    for n, text in enumerate(texts, 1):
        length += len(text)
        at_ms = n * 10 + 1 if n <= broke_at else 1_000 + (n - broke_at + skipped) * 10 + 1
        made_from = (n if n <= broke_at else n - broke_at + skipped) if lineage else None
        sent.append(chunk_event(n, text, length, at_ms, made_from, **({} if n <= broke_at else of_second)))
    return stream_of(
        segment("provider", chunk_events(WORDS[:broke_at], 10), of="first", outcome=outcome),
        segment("provider", chunk_events(second, 1_010), of="second"),
        segment("emit", tuple(sent), links=upstream("first", "second")),
    )


@pytest.mark.parametrize("broke_at", [1, 3, 8, 15])
def test_what_is_skipped_is_not_lost(broke_at: int) -> None:
    """The second answer is the first one again; the stage goes on behind what it has sent."""
    stream = asked_again(broke_at, WORDS, broke_at, lineage=True)
    found = diagnose(stream)
    assert found.faults == ()
    assert any("was asked again: emit went on" in note for note in found.notes)
    assert [(each.first, each.second, len(each.skipped)) for each in resumes(stream)] == [(0, 1, broke_at)]


def test_a_second_answer_may_be_cut_in_another_way() -> None:
    """As many bytes are skipped as were sent."""
    again = ["".join(WORDS[:3]), *WORDS[3:]]
    assert diagnose(asked_again(3, again, 1, lineage=True)).faults == ()


def test_a_loss_behind_the_skipped_chunks_is_a_loss() -> None:
    """Who skips one too many has lost it; so has who skips although nothing had broken off."""
    assert "gap/lost" in [fault.kind for fault in diagnose(asked_again(3, WORDS, 4, lineage=True)).faults]
    assert resumes(asked_again(3, WORDS, 3, lineage=True, outcome="completed")) == []
