"""Bursts, silence and chunks that were held back: which stage was late."""

from __future__ import annotations

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from tests.diagnosis.made_faults import (
    EVENLY,
    finding,
    later,
    only,
    stalled,
    timed,
    told,
)


def test_chunks_that_come_in_one_burst_are_coalesced() -> None:
    """The edge between the stage that had them evenly and the one that had them at once is named."""
    burst = [1_200 + n * 0.1 for n in range(30)]
    fault = only(timed(EVENLY, later(EVENLY), burst, later(burst)))
    assert (fault.kind, fault.position, fault.upstream, fault.count) == ("coalescing/burst", 2, 1, 30)
    assert "30 of 30 chunks, which left stage1 over 1.160 s, came in one burst of 0.003 s" in fault.evidence


def test_a_pause_within_a_burst_does_not_hide_it() -> None:
    """A busy machine stops for a moment while the buffer is flushed; it is still a tenth of the time it came in."""
    burst = [1_200 + n * 0.1 + 80 * (n >= 15) for n in range(30)]
    fault = only(timed(EVENLY, later(EVENLY), burst, later(burst)))
    assert (fault.kind, fault.position, fault.certainty, fault.count) == ("coalescing/burst", 2, CERTAIN, 30)


def test_a_buffer_that_gathers_ten_at_a_time_is_suspected() -> None:
    """Several long bursts are what a buffer makes, and what a busy event loop may make."""
    slowly = [n * 150.0 for n in range(30)]
    bursts = [(n // 10 + 1) * 1_500 + n % 10 * 0.1 for n in range(30)]
    fault = only(timed(slowly, bursts))
    assert (fault.kind, fault.position, fault.certainty) == ("coalescing/burst", 1, SUSPECTED)
    assert "over 4.050 s, came in 3 bursts, together of 0.003 s" in fault.evidence


def test_a_small_buffer_shows_by_its_steady_size() -> None:
    """Eight chunks at a time, held for 0.84 s each, are a buffer's; the last burst may be smaller."""
    slowly = [n * 120.0 for n in range(30)]
    bursts = [min((n // 8 + 1) * 8 - 1, 29) * 120.0 + 1 + n % 8 * 0.1 for n in range(30)]
    fault = only(timed(slowly, bursts))
    assert (fault.kind, fault.position, fault.certainty) == ("coalescing/burst", 1, SUSPECTED)


def test_a_busy_reader_is_no_buffer() -> None:
    """An event loop that comes to its sockets only every 200 ms reads in bursts, and gathers nothing."""
    assert told(timed(EVENLY, [(n // 5 + 1) * 200 + n % 5 * 0.1 for n in range(30)])) == []


def test_one_hiccup_is_no_buffer() -> None:
    """An event loop that sleeps once gathers some chunks, and not most."""
    hiccup = [max(time, 600.0 + n * 0.1) if 5 <= n < 15 else time for n, time in enumerate(EVENLY)]
    assert told(timed(EVENLY, hiccup)) == []


def test_a_model_that_sends_all_at_once_is_no_fault() -> None:
    """Nothing was gathered where nothing had been apart."""
    burst = [n * 0.1 for n in range(30)]
    assert told(timed(burst, later(burst), later(burst, 2))) == []


def test_a_stage_that_may_rewrite_may_gather() -> None:
    """A policy that waits for the end of a sentence is not accused of it."""
    burst = [1_200 + n * 0.1 for n in range(30)]
    assert told(timed(EVENLY, burst, rewrites=[1])) == []


def test_silence_that_the_model_kept_is_the_models() -> None:
    """Reported at three stages, it is told once, at the first that was silent."""
    times = stalled(10, 20_000)
    findings = [(at, finding("stall/content", 11)) for at in (0, 1, 2)]
    fault = only(timed(times, later(times), later(times, 2), findings=findings))
    assert (fault.kind, fault.position, fault.upstream, fault.seqs) == ("stall/content", 0, None, (11,))
    assert "the model, or what lies before it, was silent itself" in fault.origin


def test_silence_that_a_stage_made_is_its_own() -> None:
    """The stage before had the chunk in time."""
    times = stalled(10, 20_000)
    fault = only(timed(EVENLY, later(EVENLY), times, findings=[(2, finding("stall/content", 11))]))
    assert (fault.kind, fault.position, fault.upstream) == ("stall/content", 2, 1)
    assert fault.origin == "stage1 was not silent before it: the chunk waited between the two"


def test_a_stage_that_is_not_asked_is_not_the_silent_one() -> None:
    """A reader that is busy with a chunk asks for no other; the stage before is silent because of it."""
    pulled = stalled(10, 20_000)
    reader = [*pulled[:9], pulled[9] + 20_000, *later(pulled)[10:]]
    findings = [(0, finding("stall/content", 11)), (1, finding("stall/content", 10))]
    fault = only(timed(pulled, reader, findings=findings))
    assert (fault.kind, fault.position, fault.upstream, fault.seqs) == ("stall/content", 1, 0, (10,))


@pytest.mark.parametrize(
    ("waits", "position", "origin"),
    [
        ((6.0, 6.0, 6.0), 0, "stage0 is the first stage seen: the model, or what lies before it, was late itself"),
        ((0.1, 0.2, 6.0), 2, "stage1 had its first chunk in time: it waited between the two"),
    ],
)
def test_a_late_first_byte_is_the_stages_that_was_late(waits: tuple[float, ...], position: int, origin: str) -> None:
    """The wait is told at the first stage that had most of it."""
    last = later(EVENLY, 6_000)
    stream = timed(EVENLY, later(EVENLY), last if waits[1] < 1 else later(EVENLY, 2))
    for stage, wait_s in zip(stream.stages, waits, strict=True):
        stage.attributes = {**stage.attributes, semconv.STREAM_TTFE: wait_s}
        stage.findings = [finding("stall/first_byte", 1)] if wait_s > 5 else []
    found = [fault for fault in diagnose(stream).faults if fault.kind == "stall/first_byte"]
    assert [(fault.position, fault.origin) for fault in found] == [(position, origin)]


def test_time_spent_before_the_model_was_asked_is_told() -> None:
    """The model answered at once, and the answer left at once: the request waited before."""
    stream = timed(EVENLY, later(EVENLY))
    for stage, wait_s in zip(stream.stages, (0.1, 6.0), strict=True):
        stage.attributes = {**stage.attributes, semconv.STREAM_TTFE: wait_s}
    stream.stages[1].findings = [finding("stall/first_byte", 1)]
    assert only(stream).origin == "spent before stage0 was asked"


def test_chunks_that_an_edge_holds_back_are_told_without_a_detector() -> None:
    """Longer than any first byte may take, compared with the edge's quickest chunk, so that clocks do not matter."""
    held = [time + (17_000 if n >= 10 else 0) - 3_600_000 for n, time in enumerate(EVENLY)]
    fault = only(timed(EVENLY, held))
    assert (fault.kind, fault.position, fault.seqs) == ("stall/delayed", 1, tuple(range(11, 31)))
    assert "20 chunks took up to 17.000 s longer from stage0 than the quickest" in fault.evidence


def test_a_slow_client_is_suspected_and_not_the_stage() -> None:
    """Where the last stage waited for its reader, everything before it was held back by that."""
    held = stalled(10, 17_000)
    stream = timed(EVENLY, held)
    stream.stages[1].attributes = {**stream.stages[1].attributes, semconv.STREAM_SEND_TIME: 17.0}
    fault = only(stream)
    assert fault.certainty == SUSPECTED
    assert "slow client" in fault.origin


@pytest.mark.parametrize(
    ("heartbeats", "told_by"),
    [((0, 2, 5), "stage2"), ((0, 5, 2), "stage1"), ((3, 0, 3), "stage0"), ((0, 0, 0), "stage0")],
)
def test_a_silence_is_told_by_the_stage_that_most_heartbeats_passed(
    heartbeats: tuple[int, int, int], told_by: str
) -> None:
    """It says more of the silence than the others; where none says a number, as in old traces, the first tells."""
    times = stalled(10, 20_000)
    findings = [(n, Finding("stall/content", CERTAIN, "any", 11, heartbeats=many)) for n, many in enumerate(heartbeats)]
    fault = only(timed(times, later(times), later(times, 2), findings=findings))
    assert (fault.position, fault.seqs) == (0, (11,))
    assert fault.evidence.endswith(f"at 11 of {told_by}")
