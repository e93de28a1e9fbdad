"""Numbers for the parts of one stream that the vendor names by ids."""

from __future__ import annotations

from otel_sse.dialects.payload import identity
from otel_sse.limits import MAX_CHANNELS


class Channels:
    """Gives each id of one stream a number: 0, 1, 2 … in the order they are first seen.

    At most `MAX_CHANNELS` ids are remembered; all others share the number `MAX_CHANNELS`.
    """

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, part_id: object) -> int:
        """Return the number of the part with this id; all parts without one (or whose id is no string) share one."""
        key = identity(part_id) or ""
        known = self._numbers.get(key)
        if known is not None:
            return known
        number = len(self._numbers)
        if number < MAX_CHANNELS:
            self._numbers[key] = number
        return number
