"""The latest few numbers."""

from __future__ import annotations

from otel_sse.stream.latest import Latest


def test_the_oldest_go_where_there_are_too_many() -> None:
    """So many are kept, in the order in which they came."""
    latest = Latest(3)
    for number in range(5):
        latest.keep(number)
    assert latest == [2, 3, 4]
