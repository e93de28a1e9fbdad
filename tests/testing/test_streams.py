"""What a test may ask of its streams, and what it is told when the answer is no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from otel_sse.testing import RecordedStreams, record
from tests.testing.made import Gateway, all_but_one, each, twice, without_end

MakeApp = Callable[..., Any]


@pytest.fixture
def answered(make_app: MakeApp) -> Callable[..., RecordedStreams]:
    """Records one answer of an application for each id."""

    def answer(gateway: Gateway, *ids: int) -> RecordedStreams:
        client = TestClient(make_app(gateway))
        with record() as streams:
            for each_id in ids or (1,):
                client.get(f"/chat/{each_id}")
        return streams

    return answer


Answered = Callable[..., RecordedStreams]


def test_doubling_application_fails_with_the_stage_and_the_matrix(answered: Answered) -> None:
    """The failure names what is there twice, the stage that did it, and where to look, and shows the matrix."""
    with pytest.raises(AssertionError) as raised:
        answered(twice).assert_each_chunk_once()
    said = str(raised.value)
    assert said.startswith(
        "stream of /chat/{id} must have each chunk once, got duplicate/doubled at emit (certain, seq "
    )
    assert "\nemit handed on 12 chunks twice" in said
    assert "\nlook:     " in said
    assert "2 emit  25 chunks" in said
    assert "1-2 x2" in said
    assert "word" not in said


def test_doubling_application_loses_nothing(answered: Answered) -> None:
    """What is there twice is no gap, and ends as it should."""
    streams = answered(twice)
    streams.assert_no_gaps()
    streams.assert_outcome("completed")
    with pytest.raises(AssertionError, match="must have no findings"):
        streams.assert_no_findings()


def test_losing_application_fails_with_the_lost_chunk(answered: Answered) -> None:
    """A word that never left is a gap, at the stage that lost it, and no duplicate."""
    streams = answered(all_but_one)
    streams.assert_each_chunk_once()
    with pytest.raises(AssertionError, match=r"must lose no chunk, got gap/lost at emit \(certain, seq 5\)"):
        streams.assert_no_gaps()


def test_outcome_that_is_not_the_expected_one(answered: Answered) -> None:
    """The failure says how each stage ended."""
    streams = answered(without_end)
    streams.assert_outcome("incomplete")
    with pytest.raises(AssertionError, match="must be 'completed', got incomplete") as raised:
        streams.assert_outcome("completed")
    assert "provider: completed, emit: incomplete, socket_write: incomplete" in str(raised.value)


def test_outcome_that_does_not_exist_is_a_mistake_of_the_test(answered: Answered) -> None:
    """A misspelt outcome is no failed assertion."""
    with pytest.raises(ValueError, match="outcome must be one of completed, "):
        answered(each).assert_outcome("complete")


@pytest.mark.parametrize(
    "ask",
    [
        RecordedStreams.assert_each_chunk_once,
        RecordedStreams.assert_no_gaps,
        RecordedStreams.assert_no_findings,
        lambda streams: streams.assert_outcome("completed"),
        lambda streams: streams.stage("emit"),
        lambda streams: streams.of("/chat"),
    ],
)
def test_nothing_recorded_proves_nothing(ask: Callable[[RecordedStreams], object]) -> None:
    """An assertion about no stream at all fails, and says what may be missing."""
    with record() as streams:
        pass
    assert repr(streams) == "no streams were recorded"
    with pytest.raises(AssertionError, match=r"Instrument the application that the test calls"):
        ask(streams)


def test_one_of_several_is_chosen_by_index_or_route(answered: Answered) -> None:
    """With several streams a stage is asked of one of them; the failure lists them."""
    streams = answered(each, 1, 2)
    assert [stream.route for stream in streams] == ["/chat/{id}"] * 2
    assert len(streams[1:]) == 1
    assert len(streams[0].stage("emit").chunks) == 13
    with pytest.raises(AssertionError, match="streams must be one recorded, got 2") as raised:
        streams.stage("emit")
    assert "[1] <stream /chat/{id}: completed; chunks: provider 12, emit 13, socket_write 13" in str(raised.value)
    with pytest.raises(AssertionError, match=r"be one of the route '/chat/\{id\}', got 2"):
        streams.of("/chat/{id}")
    with pytest.raises(AssertionError, match="be one of the route '/other', got 0"):
        streams.of("/other")


def test_route_chooses_the_one(answered: Answered) -> None:
    """A route's one stream is found by its template."""
    stream = answered(each).of("/chat/{id}")
    assert stream.outcome == "completed"
    assert stream.findings == []
    assert "1 provider  12 chunks" in stream.matrix


def test_each_stream_of_a_recording_is_asked(make_app: MakeApp) -> None:
    """One bad stream among good ones fails the recording."""
    good, bad = TestClient(make_app(each)), TestClient(make_app(twice))
    with record() as streams:
        good.get("/chat/1")
        bad.get("/chat/1")
    streams[0].assert_each_chunk_once()
    with pytest.raises(AssertionError):
        streams.assert_each_chunk_once()


def test_stage_that_was_not_crossed_is_named_with_those_that_were(answered: Answered) -> None:
    """A misspelt stage shows which there are."""
    with pytest.raises(
        AssertionError, match=r"crossed once, got 'emitt, 0 times'\. This stream crossed: provider, emit"
    ):
        answered(each).stage("emitt")
