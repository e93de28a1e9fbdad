"""What a dialect is."""

from __future__ import annotations

from typing import Final, Protocol

from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

TERMINAL: Final = "terminal"
"""`expects` of a dialect whose complete stream has a terminal event."""

FINISH: Final = "finish"
"""`expects` of a dialect whose complete stream has a finish reason or a terminal event."""

NOTHING: Final = "nothing"
"""`expects` of a dialect that marks no end."""


class Dialect(Protocol):
    """What the events of one stream mean. One instance serves one stream, and keeps little."""

    @property
    def name(self) -> str:
        """The dialect's name, e.g. `openai-chat`."""

    @property
    def expects(self) -> str:
        """What a complete stream must have shown by its end: `terminal`, `finish` (a finish reason) or `nothing`.

        A terminal event satisfies `finish` too. The value may change while a stream is read.
        """

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds.

        Args:
            event: The stream's next event.
        """
