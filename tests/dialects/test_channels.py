"""Numbers for parts that are named by ids."""

from __future__ import annotations

from otel_sse.dialects.channels import Channels
from otel_sse.limits import MAX_CHANNELS


def test_ids_are_numbered_in_the_order_they_come() -> None:
    """The same id keeps its number."""
    channels = Channels()
    assert [channels.number(part) for part in ("step-b", "step-a", "step-b")] == [0, 1, 0]


def test_parts_without_an_id_share_one_number() -> None:
    """No id, an empty one and one that is no string are the same part."""
    channels = Channels()
    assert [channels.number(part) for part in (None, "", 5, ["a"])] == [0, 0, 0, 0]


def test_memory_is_capped() -> None:
    """At the cap each id has its number; all ids past it share the next one, and nothing more is remembered."""
    channels = Channels()
    numbers = [channels.number(f"part-{number}") for number in range(MAX_CHANNELS + 3)]
    assert numbers == [*range(MAX_CHANNELS), MAX_CHANNELS, MAX_CHANNELS, MAX_CHANNELS]
    assert channels.number("part-0") == 0
    assert channels.number(f"part-{MAX_CHANNELS}") == MAX_CHANNELS
