"""Reading what may be no ASGI: whatever it is, nothing raises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import pytest

from otel_sse.integrations.protocol import get, is_true, kind_of, listed, pairs


class Kind(str, Enum):  # noqa: UP042 - as servers have it, whose `str()` is another
    """A type as a member of an enumeration."""

    BODY = "http.response.body"


class Broken(Mapping[str, Any]):
    """A mapping that can't be read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError


NO_MESSAGES = [
    None,
    {},
    "type",
    b"",
    5,
    [],
    {"type": None},
    {"type": []},
    {"type": 1},
    Broken(),
    object(),
    {"Type": "x"},
]


@pytest.mark.parametrize("message", NO_MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_no_message_has_no_kind(message: Any) -> None:
    """What has no text as its type is of no kind."""
    assert kind_of(message) == ""


def test_kinds() -> None:
    """A text is the kind, also where the mapping or the text is of a class of somebody's own."""
    assert kind_of({"type": "http"}) == "http"
    found = kind_of({"type": Kind.BODY})
    assert found == "http.response.body"
    assert type(found) is str


@pytest.mark.parametrize("message", [None, 5, "x", Broken()])
def test_a_value_of_no_mapping_is_the_default(message: Any) -> None:
    """What can't be read gives the default."""
    assert get(message, "key", "default") == "default"


@pytest.mark.parametrize(
    ("value", "truth"), [(True, True), (False, False), (0, False), ("", False), ([1], True), (Broken(), True)]
)
def test_truth(value: Any, truth: bool) -> None:
    """Values count as Python says; what can't say counts as true."""
    assert is_true(value) is truth


def test_only_pairs_of_bytes_are_headers() -> None:
    """Of a list the pairs of byte strings are kept; of anything else there are none, and it is not read."""
    good = [(b"a", b"1"), [b"b", bytearray(b"2")]]
    assert pairs([*good, ("c", "3"), (b"d",), (b"e", b"5", b"6"), None, 7, b"ab"]) == [(b"a", b"1"), (b"b", b"2")]
    once = iter(good)
    for other in (None, 5, "ab", {b"a": b"1"}, once):
        assert pairs(other) == []
    assert next(once) == (b"a", b"1")


def test_headers_that_can_be_read_once_are_listed() -> None:
    """Headers come as they are or as a list of what the iterator gave; no headers at all are the empty ones."""
    given = [(b"a", b"1")]
    assert listed(given) is given
    assert listed(iter(given)) == given
    assert listed(None) == ()
    assert [listed(other) for other in (5, "ab", b"ab", {b"a": b"1"})] == [None] * 4
