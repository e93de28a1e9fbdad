"""Messages that come in parts."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from otel_sse.hops.parts import _Whole


@pytest.mark.parametrize("part", ["ab", b"ab", "ü"])
def test_small_parts_take_no_more_than_what_they_say(part: Any) -> None:
    """A message of 100,000 parts is kept in little more than its bytes, and comes out as it was."""
    count = 100_000
    parts = [part[:1] + part[1:] for _ in range(count)]
    tracemalloc.start()
    whole = _Whole(1 << 20)
    for each in parts:
        whole.add(each)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4 * count
    assert whole.message() == part * count


@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (1, False)])
def test_a_message_is_kept_up_to_its_bytes(more: int, is_kept: bool) -> None:
    """Of one that is longer nothing is kept, whatever follows."""
    whole = _Whole(4)
    for part in ("üü", *["x"] * more):
        whole.add(part)
    assert whole.message() == ("üü" if is_kept else None)
    assert bytes(whole._kept) == ("üü".encode() if is_kept else b"")


def test_nothing_and_a_mixture() -> None:
    """No part is no message, an empty one is, and text beside bytes makes bytes."""
    whole = _Whole(4)
    assert whole.message() is None
    whole.add("")
    assert whole.message() == ""
    whole.add(b"a")
    whole.add("b")
    assert whole.message() == b"ab"
