"""Frames framed twice, and bytes framed not at all."""

from __future__ import annotations

import pytest

from otel_sse.detect.framing import FIELDS, check_frame, check_violation
from otel_sse.stream.chunk import CERTAIN, CONTENT, CONTROL, SUSPECTED, Finding
from otel_sse.stream.facts import Facts
from otel_sse.wire import Violation
from otel_sse.wire.events import INVALID_UTF8, OVERSIZE, UNKNOWN_FIELD, VIOLATIONS

CONTROLS = Facts(CONTROL)


@pytest.mark.parametrize(
    "data",
    [
        'data: {"a":1}',
        'data:{"a":1}',
        "data: [DONE]",
        'data: "text"',
        'event: delta\ndata: {"a":1}',
        'event: delta\n{"a":1}',
        "event:end\n[1]",
    ],
)
def test_data_that_is_a_frame_itself_is_framed_twice(data: str) -> None:
    """A field's name before JSON or a terminal mark, within the data, is a certain fault."""
    assert data.startswith(FIELDS)
    assert check_frame("emit", 3, data, CONTROLS) == Finding(
        "protocol/double_framing", CERTAIN, "emit", 3, evidence="data begins with a field of its own"
    )


@pytest.mark.parametrize(
    "data", ["data: the numbers", "data:", "data", "event: party at 8", "event: a b\n{}", ' data: {"a":1}', '{"a":1}']
)
def test_text_that_begins_like_a_field_is_text(data: str) -> None:
    """Words after `data:` or `event:` prove nothing."""
    assert check_frame("emit", 3, data, CONTROLS) is None


def test_answer_that_explains_server_sent_events_is_only_suspected() -> None:
    """In plain text, where the data is the content, a model may have written the frame."""
    data = 'data: {"a":1}'
    found = check_frame("emit", 3, data, Facts(CONTENT, data))
    assert found is not None
    assert (found.kind, found.certainty) == ("protocol/double_framing", SUSPECTED)


def test_nested_json_is_what_the_dialect_says() -> None:
    """The dialect's word on frames inside strings becomes a certain finding without their text."""
    found = check_frame("emit", 3, '{"content":"{}"}', Facts(CONTENT, "{}", nested=True), 2)
    assert found == Finding("protocol/nested_json", CERTAIN, "emit", 3, evidence="a frame stands inside a JSON string")


@pytest.mark.parametrize(
    ("data", "facts", "certainty"),
    [
        ('{"content":"{}"}', Facts(CONTENT, "{}"), SUSPECTED),
        ('{"content":"{}"}', Facts(CONTROL), CERTAIN),
        ('"{}"', Facts(CONTENT, "x"), CERTAIN),
    ],
)
def test_one_frame_alone_may_be_what_an_answer_shows(data: str, facts: Facts, certainty: str) -> None:
    """A model that explains a format writes a frame, in one piece; no model writes an event, or what is no content."""
    facts.nested = True
    found = check_frame("emit", 3, data, facts)
    assert found is not None
    assert found.certainty == certainty


@pytest.mark.parametrize("text", ["data: word", 'data: {"a": 1}'])
@pytest.mark.parametrize(
    ("seq", "run", "certainty"),
    [(9, 3, SUSPECTED), (31, 31, SUSPECTED), (33, 32, SUSPECTED), (32, 32, CERTAIN), (40, 40, CERTAIN)],
)
def test_text_that_is_framed_twice_shows_in_its_run(text: str, seq: int, run: int, certainty: str) -> None:
    """An answer may quote lines of a stream; that each of 32 events from the first on does is a fault."""
    found = check_frame("emit", seq, text, Facts(CONTENT, text), run)
    assert (found and found.certainty) == certainty


def test_two_lines_that_begin_as_fields_are_an_answer() -> None:
    """Two events in a row whose words begin so are nothing; a third is told."""
    assert check_frame("emit", 9, "data: word", Facts(CONTENT, "data: word"), 2) is None


def test_what_is_no_protocol_s_frame_is_only_suspected() -> None:
    """JSON lines that an application sends as its content, and an event stream that it shows, are no proof."""
    nested = Facts(CONTENT, '{"a": 1}', nested=True)
    for seq, data, facts in ((9, '"{}"', nested), (9, 'data: {"a": 1}', CONTROLS), (40, '"{}"', nested)):
        found = check_frame("emit", seq, data, facts, 20, sure=False)
        assert (found and found.certainty) == SUSPECTED


def test_text_without_framing_at_the_very_end_is_unframed() -> None:
    """What breaks off is told by the outcome where it is a field, and here where it can be none."""
    found = check_violation("emit", 3, Violation("truncated", "Internal Server Error"))
    assert found is not None
    assert found.kind == "protocol/unframed"
    assert check_violation("emit", 3, Violation("truncated", "data")) is None
    assert check_violation("emit", 3, Violation("truncated", "")) is None


@pytest.mark.parametrize(
    "line", ["Traceback (most recent call last)", '{"content"', " data", "Grüße", "<html>", "x" * 33, "9lives", "a,b"]
)
def test_line_that_can_be_no_field_is_unframed(line: str) -> None:
    """Text that was written into the stream raw is certain to be lost by every reader."""
    assert check_violation("emit", 3, Violation("unknown_field", line)) == Finding(
        "protocol/unframed", CERTAIN, "emit", 3, evidence="a line without framing after chunk 3"
    )


@pytest.mark.parametrize("name", ["Data", "x-trace", "retry_after", "a.b", "x" * 32, "Hello"])
def test_line_that_could_be_a_field_is_suspected(name: str) -> None:
    """A name like a field's may be an extension that readers ignore; its length is told, not itself."""
    assert check_violation("emit", 3, Violation("unknown_field", name)) == Finding(
        "protocol/unknown_field", SUSPECTED, "emit", 3, evidence=f"a field of {len(name)} letters"
    )


@pytest.mark.parametrize(
    ("violation", "evidence"),
    [
        (Violation("oversize", "line"), "line after chunk 3"),
        (Violation("oversize", "event"), "event after chunk 3"),
        (Violation("invalid_utf8", "data"), "data after chunk 3"),
        (Violation("invalid_utf8"), "line after chunk 3"),
        (Violation("invalid_utf8", "my secret is"), "line after chunk 3"),
    ],
)
def test_unreadable_bytes_are_told_without_what_they_say(violation: Violation, evidence: str) -> None:
    """Oversize and broken UTF-8 name the place, never text that stood there."""
    assert check_violation("emit", 3, violation) == Finding(
        f"protocol/{violation.kind}", CERTAIN, "emit", 3, evidence=evidence
    )


@pytest.mark.parametrize("kind", ["bad_id", "bad_retry", "truncated"])
def test_harmless_violations_are_no_finding(kind: str) -> None:
    """What readers ignore by the standard, and the end that the outcome tells, is no finding."""
    assert check_violation("emit", 3, Violation(kind, "id")) is None


def test_what_the_parser_calls_a_violation_is_told_once() -> None:
    """Three kinds of violations are findings as they are; the others are so only where text stands without framing."""
    told = {kind: check_violation("emit", 3, Violation(kind, "data")) for kind in VIOLATIONS}
    assert {kind: found.kind for kind, found in told.items() if found is not None} == {
        kind: f"protocol/{kind}" for kind in (OVERSIZE, INVALID_UTF8, UNKNOWN_FIELD)
    }
