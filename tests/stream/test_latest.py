"""The latest few numbers."""

from __future__ import annotations

from otel_sse.stream.latest import Latest


def test_the_oldest_go_where_there_are_too_many() -> None:
    """So many are kept, in the order in which they came."""
    latest = Latest(3)
    for number in range(5):
        latest.keep(number)
    assert latest == [2, 3, 4]


def test_a_number_that_is_the_latest_already_is_kept_once() -> None:
    """Whoever says it again forgets no older one."""
    latest = Latest(2)
    for number in (1, 2, 2):
        latest.keep(number)
    assert latest == [1, 2]
