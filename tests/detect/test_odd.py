"""Events that no reader of their stream can take."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import limits
from otel_sse.detect.odd import OddDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding


def detector() -> OddDetector:
    """One to whom an object with `choices` is a vendor's frame."""

    def is_vendor_frame(frame: dict[str, Any]) -> bool:
        return "choices" in frame

    return OddDetector("emit", is_vendor_frame)


def told(data: str, name: str = "", *, vendors: bool = True) -> list[tuple[str, str, str]]:
    """What is said of one event in a stream whose events are JSON."""
    found = detector().check(7, data, name, known=True, vendors=vendors)
    return [(one.kind, one.certainty, one.evidence) for one in found]


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        ('{"a":1}\n{"a":2}', "two"),
        ('{"a":1}{"a":2}', "two"),
        ('{"a":1}\n\r\n{"a":2}\n{"a":3}', "3"),
        ('{"a":1}\n[DONE]', "two"),
        ('{"a":1}\n{"a":2}\n{"a', "two"),
    ],
)
@pytest.mark.parametrize("vendors", [True, False])
def test_frames_that_were_glued_are_counted(data: str, frames: str, vendors: bool) -> None:
    """The evidence says how many stand in the event; an application may put each of several on a line of its own."""
    ((kind, certainty, evidence),) = told(data, vendors=vendors)
    assert (kind, evidence) == ("protocol/json_error", f"{frames} frames in one event: a blank line is missing")
    proven = vendors or "}{" in data or "[DONE]" in data
    assert certainty == (CERTAIN if proven else SUSPECTED)


def test_a_vendor_s_frames_are_proof_in_any_stream() -> None:
    """Nobody writes a vendor's chunks as the text of an answer, one behind the other in an event."""
    ((_, certainty, _),) = told('{"choices":[]}\n{"choices":[]}\n[DONE]', vendors=False)
    assert certainty == CERTAIN


@pytest.mark.parametrize("data", ['{"a": "b', '{"a"', '{ "a": {"b": 1}', ' {"a":1,,}'])
def test_json_that_breaks_off_is_an_error(data: str) -> None:
    """In a stream of JSON, a vendor's or an application's, what begins as an object and is none can't be read."""
    expected = [("protocol/json_error", CERTAIN, "begins as JSON and can't be decoded")]
    assert told(data) == told(data, vendors=False) == expected


@pytest.mark.parametrize("data", ["[link](x)", "[1", "{name}"])
def test_text_with_brackets_is_only_suspected_in_an_application_s_own_format(data: str) -> None:
    """It may send text next to its JSON."""
    assert [certainty for _, certainty, _ in told(data, vendors=False)] == [SUSPECTED]
    assert [certainty for _, certainty, _ in told(data)] == [CERTAIN]


@pytest.mark.parametrize("vendors", [True, False])
def test_a_comment_as_data_is_suspected(vendors: bool) -> None:
    """A colon begins no JSON; the line was a comment of another event stream."""
    expected = [("protocol/odd_data", SUSPECTED, "a comment (`: …`) was sent as data")]
    assert told(": UPSTREAM BUSY", vendors=vendors) == expected


@pytest.mark.parametrize(
    ("data", "name", "vendors", "count"),
    [
        ("upstream connect error or disconnect", "", True, 1),
        ("upstream connect error or disconnect", "", False, 0),
        ("upstream connect error or disconnect", "log", True, 0),
        ("ready", "", True, 0),
        ("<eos>", "", True, 0),
    ],
)
def test_text_among_a_vendor_s_events(data: str, name: str, vendors: bool, count: int) -> None:
    """Several words are odd in a vendor's dialect; one word, or what has a name of its own, may be a mark."""
    assert [kind for kind, _, _ in told(data, name, vendors=vendors)] == ["protocol/odd_data"] * count


def test_nothing_is_told_before_the_events_are_known_to_be_json() -> None:
    """What is odd is held back, up to the cap; in plain text it is dropped."""
    odd = detector()
    for seq in range(1, limits.MAX_HELD_ODD + 2):
        assert odd.check(seq, ": BUSY", "", known=False, vendors=False) == []
    assert [one.seq for one in odd.release(vendors=True)] == [*range(1, limits.MAX_HELD_ODD + 1)]
    assert odd.release(vendors=True) == []
    odd.check(1, '{"a', "", known=False, vendors=False)
    assert odd.close(is_open=True) == []


def test_text_among_own_frames_makes_all_text_possible() -> None:
    """Where an application sends text as it is, what begins as JSON may be text; a vendor's stream has no text."""
    for vendors, count in ((False, 0), (True, 1)):
        odd = detector()
        odd.check(1, "Hello there", "", known=False, vendors=False)
        odd.check(2, '{"a', "", known=False, vendors=False)
        assert len(odd.release(vendors=vendors)) == count


@pytest.mark.parametrize(("is_open", "count"), [(True, 1), (False, 0)])
def test_a_stream_that_is_one_glued_event(is_open: bool, count: int) -> None:
    """Its frames are a vendor's, so they are told at its end; in plain text they are what it says."""
    odd = detector()
    assert odd.check(1, '{"choices":[]}\n{"choices":[]}', "", known=False, vendors=False) == []
    assert len(odd.close(is_open)) == count


def test_frames_are_counted_up_to_the_cap() -> None:
    """An event of more frames than MAX_GLUED_FRAMES says so many."""
    ((_, _, evidence),) = told('{"a":1}\n' * (limits.MAX_GLUED_FRAMES + 1))
    assert evidence.startswith(f"{limits.MAX_GLUED_FRAMES} frames")


def test_an_event_without_data_is_told_once_for_each_name() -> None:
    """The evidence names it where the name is a word, for so many names as the cap says."""
    odd = detector()
    assert odd.no_data(3, "done") == Finding(
        "protocol/no_data", SUSPECTED, "emit", 3,
        evidence="the event done after chunk 3 has no data line, so that readers drop it",
    )  # fmt: skip
    assert odd.no_data(4, "done") is None
    other = odd.no_data(4, "my secret is")
    assert other is not None
    assert "secret" not in other.evidence
    names = [odd.no_data(5, f"name{n}") for n in range(limits.MAX_HELD_ODD)]
    assert sum(one is not None for one in names) == limits.MAX_HELD_ODD - 2
