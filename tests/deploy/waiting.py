"""Waiting for processes and for what they send, as long as a busy machine may need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.integrations import seen

_LIMIT_S: Final = 60.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's value once it is true; fail after a minute."""
    return seen.until(condition, what, _LIMIT_S)
