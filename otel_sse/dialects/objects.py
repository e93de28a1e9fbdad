"""What all dialects have in common whose payloads are JSON objects."""

from __future__ import annotations

from typing import Any, ClassVar

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import read_object, read_other
from otel_sse.dialects.payload import decode, identity
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class ObjectDialect:
    """Base of a dialect whose events are JSON objects: subclasses say what one object means.

    What is not the dialect's own (a heartbeat or an error that a gateway put in, `[DONE]`, a frame serialised twice)
    is read the same way in all of them.
    """

    name: ClassVar[str]
    expects: str = TERMINAL
    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer: str | None = None

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        return self.read_decoded(event, decode(event.data))

    def read_decoded(self, event: Event, payload: object) -> Facts:
        """Return what `event` means, given its decoded data (`NOT_JSON` where it is not JSON)."""
        if type(payload) is dict:
            facts = read_object(self.facts, payload, event.event)
        else:
            facts = read_other(self.facts, event, payload)
        # `opened` has been asked for it, so each event has one.
        facts.carried = facts.opens is not None and facts.opens is self._answer
        return facts

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one object means, or None where it is none of this dialect's.

        Args:
            payload: The decoded object; any of its values may be of any type.
            event: The `event` field, "" where there was none.
        """
        raise NotImplementedError

    def opened(self, value: object) -> str | None:
        """Return an answer's id where it is not that of the answer being read: vendors repeat it on every event."""
        answer = identity(value)
        if answer is None or answer == self._answer:
            return None
        self._answer = answer
        return answer
