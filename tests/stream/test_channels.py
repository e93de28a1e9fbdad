"""How the names of two channels compare."""

from __future__ import annotations

import pytest

from otel_sse.stream.channels import ALIKE, OTHER, SAME, compare


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("0", "0", SAME),
        ("0/reasoning", "0/reasoning", SAME),
        ("0", "", ALIKE),
        ("0", "1", ALIKE),
        ("0/reasoning", "0/tool:1", ALIKE),
        ("0", "0/reasoning", OTHER),
        ("", "tool:0", OTHER),
    ],
)
def test_channels_compare_by_what_they_hold(one: str, other: str, how: int) -> None:
    """Text is likelier the text of another dialect than a model's reasoning."""
    assert compare(one, other) == compare(other, one) == how
