"""Decoding what a `data` field holds, and looking into it safely."""

from __future__ import annotations

import math

import pytest

from otel_sse.dialects.payload import (
    NOT_JSON,
    compact,
    count,
    decode,
    fields,
    identity,
    index,
    items,
    name,
    text,
)
from otel_sse.limits import MAX_NAME_CHARS


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ('{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        ('  \t\n{"a": 1}  ', {"a": 1}),
        ('"text"', "text"),
        ("-1", -1),
        ("null", None),
        ("{}", {}),
    ],
)
def test_json_is_decoded(data: str, value: object) -> None:
    """Any JSON value is decoded, space before it or not."""
    assert decode(data) == value


@pytest.mark.parametrize("data", ["", " ", "Hello", "[DONE]", "{", "tru", '{"a":1} x', "data: {}", "9" * 5_000, "N"])
def test_what_is_not_json_is_said_to_be_none(data: str) -> None:
    """Text, an unfinished value and a number of thousands of digits are `NOT_JSON`."""
    assert decode(data) is NOT_JSON


def test_a_lone_surrogate_is_decoded() -> None:
    """Half an emoji, as JavaScript writes it where it cut one in two, does not lose the frame."""
    assert decode('{"content": "\\ud83d"}') == {"content": "\ud83d"}
    assert decode('{"content": "\ud83d"}') == {"content": "\ud83d"}


def test_not_a_number_is_decoded() -> None:
    """`NaN` and `Infinity`, which Python's encoder writes, do not lose the frame."""
    value = decode('{"logprob": NaN, "top": -Infinity, "content": "x"}')
    assert isinstance(value, dict)
    assert math.isnan(value["logprob"])
    assert value["top"] == -math.inf
    assert value["content"] == "x"


def test_endless_nesting_is_not_json() -> None:
    """Nesting deeper than the interpreter's stack is refused, not raised."""
    assert decode("[" * 100_000) is NOT_JSON


def test_values_of_the_wrong_type_are_empty() -> None:
    """What is not an object or an array reads as an empty one."""
    assert fields({"a": 1}) == {"a": 1}
    assert items([1]) == [1]
    for value in (None, 1, "x", True):
        assert fields(value) == {}
        assert items(value) == []
    assert fields([1]) == {}
    assert items({"a": 1}) == []


def test_an_empty_text_is_none() -> None:
    """Only a string with something in it is text."""
    assert text("x") == "x"
    assert [text(value) for value in ("", None, 1, ["x"])] == [None] * 4


def test_a_name_is_cut_at_its_cap() -> None:
    """A name is kept whole at the cap and cut one past it; whole numbers are names too."""
    assert name("x" * MAX_NAME_CHARS) == "x" * MAX_NAME_CHARS
    assert name("x" * (MAX_NAME_CHARS + 1)) == "x" * MAX_NAME_CHARS
    assert name(429) == "429"
    assert [name(value) for value in ("", None, 1.5, -1, True, ["x"])] == [None] * 6


def test_the_end_of_a_very_long_id_is_kept() -> None:
    """Of an id longer than the cap the end is kept, where ids of one gateway differ."""
    cap = 4 * MAX_NAME_CHARS
    assert identity("a" * cap) == "a" * cap
    assert identity("a" * cap + "b") == "a" * (cap - 1) + "b"
    assert identity("") is None
    assert identity(7) is None


def test_a_count_fits_a_span_attribute() -> None:
    """Counts are whole numbers from 0 to 2^63 - 1; nothing else is one, not even True."""
    assert count(0) == 0
    assert count(2**63 - 1) == 2**63 - 1
    assert [count(value) for value in (2**63, -1, 1.0, True, "1", None)] == [None] * 6


def test_an_index_has_a_default() -> None:
    """A part without a usable number gets the default."""
    assert index(3) == 3
    assert index(None) == 0
    assert index("3", 2) == 2


def test_values_are_written_without_spaces() -> None:
    """A decoded value is written as compact JSON, also what strict JSON has no form for."""
    assert compact({"city": "Ulm", "days": [1, 2]}) == '{"city":"Ulm","days":[1,2]}'
    assert compact({"half": "\ud83d"}) == '{"half":"\ud83d"}'


def test_a_value_that_cannot_be_written_is_empty() -> None:
    """A value nested deeper than the interpreter's stack, or in itself, is written as nothing."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    # Python 3.14 has the stack for it.
    assert compact(value) in ("", "[" * 100_001 + "]" * 100_001)
    endless: list[object] = []
    endless.append(endless)
    assert compact(endless) == ""
    while value:
        value = value.pop()  # type: ignore[assignment]
