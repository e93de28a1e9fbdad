"""How a stream can end at a stage: exactly one of these, once."""

from __future__ import annotations

from typing import Final

COMPLETED: Final = "completed"
INCOMPLETE: Final = "incomplete"
DISCONNECTED: Final = "disconnected"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"
CAPPED: Final = "capped"
ABANDONED: Final = "abandoned"
UNPARSED: Final = "unparsed"

OUTCOMES: Final = (COMPLETED, INCOMPLETE, DISCONNECTED, CANCELLED, FAILED, CAPPED, ABANDONED, UNPARSED)
"""`unparsed`: the body ended normally, but its bytes could not be read (compressed before this stage),
so whether the answer was complete is not known and not guessed."""
