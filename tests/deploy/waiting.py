"""Waiting for processes and for what they send, as long as a busy machine may need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.integrations import seen

_LIMIT_S: Final = 60.0
_PAUSE_S: Final = 0.02
"""A process that is asked more often has less time for what is waited for."""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's value once it is true; fail after a minute."""
    return seen.until(condition, what, _LIMIT_S, pause_s=_PAUSE_S)
