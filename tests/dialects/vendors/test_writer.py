"""Objects whose one field is `value`."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.writer import WriterCompletions, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all


def test_values_are_content() -> None:
    """Each value is content, an empty one is control, and nothing marks the end."""
    dialect = WriterCompletions()
    assert read_all(dialect, [event({"value": "Moss"}), event({"value": ""}), event({"value": 5})]) == [
        Facts("content", "Moss"),
        Facts("control"),
        Facts("control"),
    ]
    assert dialect.expects == "nothing"


@pytest.mark.parametrize(
    ("payload", "own"),
    [({"value": "x"}, True), ({"value": "x", "unit": "m"}, False), ({"value": 5}, False), ("x", False)],
)
def test_a_lone_value_is_recognised(payload: Any, own: bool) -> None:
    """A value beside other fields, or one that is no string, proves nothing."""
    assert recognise(event(payload), payload) is own
