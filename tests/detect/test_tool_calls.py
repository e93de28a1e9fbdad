"""Tool calls that nobody can carry out."""

from __future__ import annotations

import pytest

from otel_sse.detect.tool_calls import ToolCallDetector
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts, ToolCall


def said(*calls: ToolCall, **more: object) -> Facts:
    """An event that says this of tool calls."""
    return Facts("control", calls=calls, **more)  # type: ignore[arg-type]


def piece(text: str, channel: str = "0/tool:0", **more: object) -> Facts:
    """An event with a piece of one call's arguments."""
    return said(ToolCall(channel, text, identified=True, **more))  # type: ignore[arg-type]


def first(text: str = "", channel: str = "0/tool:0", ident: str = "call-1", name: str = "find") -> Facts:
    """The first piece of a call, with id and name."""
    return piece(text, channel, id=ident, name=name)


def finish(reason: str, **more: object) -> Facts:
    """An event that finishes the answer."""
    return said(finish_reason=reason, **more)


def told(*events: Facts) -> list[tuple[int, str]]:
    """Where the broken calls begin, and what is wrong with them."""
    detector = ToolCallDetector("emit")
    for seq, facts in enumerate(events, 1):
        detector.check(seq, facts)
    found = detector.close()
    assert detector.close() == []
    assert {(one.kind, one.certainty) for one in found} <= {("protocol/tool_arguments", "certain")}
    return [(one.seq, one.evidence.partition(": ")[2]) for one in found]


NO_JSON = "its arguments, put together, are no JSON"


def test_a_call_in_pieces_is_in_order() -> None:
    """Pieces that make JSON, with id and name in the first one, are a call."""
    assert told(first('{"ci'), piece('ty":'), piece('"Ulm"}'), finish("tool_calls")) == []


@pytest.mark.parametrize("broken", ['{"city":"Ulm"', '{}{"city":"Ulm"}', "city"])
def test_arguments_that_are_no_json_are_judged_at_the_finish(broken: str) -> None:
    """They are judged where the answer finishes, and the finding names the chunk at which the call began."""
    assert told(finish("", partial=True), first(broken), finish("tool_calls")) == [(2, NO_JSON)]


@pytest.mark.parametrize("reason", ["length", "max_tokens", "content_filter", "incomplete", "MAX_TOKENS", "whatever"])
def test_a_finish_that_may_cut_proves_nothing(reason: str) -> None:
    """Arguments of an answer that was cut off are unfinished on purpose."""
    assert told(first('{"city'), finish(reason)) == []


def test_an_answer_that_breaks_off_or_fails_proves_nothing() -> None:
    """Without a finish, or behind an error, nothing is said."""
    assert told(first('{"city')) == []
    assert told(first('{"city'), said(terminal="[DONE]")) == []
    assert told(first('{"city'), said(error="overloaded"), finish("stop")) == []


def test_the_cut_choice_of_several_speaks_for_all() -> None:
    """Where one choice ended with `length`, whose call it was is not asked."""
    assert told(first('{"city'), finish("length", partial=True), finish("stop")) == []


def test_a_call_that_the_protocol_itself_ends_needs_no_finish_reason() -> None:
    """Where each call has an end of its own, the answer's end is enough."""
    done = said(ToolCall("tool:0", done=True))
    assert told(piece('{"a"', "tool:0", id="1", name="f"), done, said(terminal="RUN_FINISHED")) == [(1, NO_JSON)]


@pytest.mark.parametrize(
    ("ident", "name", "wrong"),
    [("", "find", "it never got an id"), ("c", "", "it never got a name"), ("", "", "it never got an id and a name")],
)
def test_a_call_without_an_id_or_a_name_is_told(ident: str, name: str, wrong: str) -> None:
    """The client could neither call it nor answer it."""
    assert told(first("{}", ident=ident, name=name), finish("tool_calls")) == [(1, wrong)]


def test_names_may_come_late_or_never_where_the_protocol_has_none() -> None:
    """A later piece may bring them; where a protocol gives a call neither, nobody waits for them."""
    assert told(piece("{"), first("}"), finish("tool_calls")) == []
    assert told(said(ToolCall("0", "{}")), finish("tool_calls")) == []


def test_calls_that_share_a_number_are_told_apart_by_id_and_name() -> None:
    """Servers that number every call 0: a new id with a name begins another one, and each is judged."""
    assert told(first("{}"), first("{}", ident="call-2"), finish("tool_calls")) == []
    assert told(first("{"), first("{}", ident="call-2"), finish("tool_calls")) == [(1, NO_JSON)]
    assert told(first("{"), piece("}", id="call-1"), finish("tool_calls")) == []


def test_an_answer_that_begins_anew_forgets_calls_in_the_middle() -> None:
    """What was open is not judged, nor what may be the rest of it under the new identity."""
    begins = said(opens="a-2")
    assert told(first('{"a'), begins, piece('":1}'), finish("tool_calls")) == []
    assert told(first('{"a'), begins, first("{"), finish("tool_calls")) == [(3, NO_JSON)]


def test_the_next_answer_begins_afresh() -> None:
    """What was told is not told again."""
    assert told(first("{"), finish("tool_calls"), said(terminal="[DONE]"), first("{}"), finish("stop")) == [
        (1, NO_JSON)
    ]


@pytest.mark.parametrize("count", [MAX_CHANNELS, MAX_CHANNELS + 1])
def test_so_many_calls_are_followed(count: int) -> None:
    """At the cap each broken call is told; one more is not followed, nor one of a later answer."""
    events = [first("{", f"0/tool:{number}", f"call-{number}") for number in range(count)]
    assert len(told(*events, finish("tool_calls"))) == MAX_CHANNELS
    assert len(told(*events, finish("tool_calls"), first("{"), finish("tool_calls"))) == MAX_CHANNELS
