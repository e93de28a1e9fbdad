"""A clock that stands still until a test moves it: silence and late first bytes without waiting for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from otel_sse.errors import must
from otel_sse.telemetry import clock

_NAME: Final = "now_ns"
_PACKAGE: Final = "otel_sse"
_NS_PER_S: Final = 1_000_000_000


class FakeClock:
    """What streams are timed by while it is in place. Begins at the real clock's reading."""

    def __init__(self) -> None:
        self._now_ns = clock.now_ns()

    def __call__(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: How much, 0 or more.

        Raises:
            ValueError: `seconds` is below 0: streams are timed by a clock that does not go back.
        """
        if seconds < 0:
            raise ValueError(must("seconds", "be 0 or more", seconds, "Pass how much time is to go by."))
        self._now_ns += round(seconds * _NS_PER_S)


@contextmanager
def fake_clock() -> Iterator[FakeClock]:
    """Put a clock in place that stands still, and hand it out; afterwards the real one is back.

    It is that of the whole process, so streams of other threads stand still as well.
    """
    fake, real = FakeClock(), clock.now_ns
    _replace(real, fake)
    try:
        yield fake
    finally:
        # Also in modules that were imported meanwhile.
        _replace(fake, real)


def _replace(old: Callable[[], int], new: Callable[[], int]) -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == _PACKAGE and vars(module).get(_NAME) is old:
            setattr(module, _NAME, new)
