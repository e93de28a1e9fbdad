"""The dialect `anthropic-completions`: the older text completions.

Source: Anthropic API reference, "Text completions (legacy): streaming".
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import fields, name, text
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class AnthropicCompletions(ObjectDialect):
    """Reads `completion` events. A stop reason ends the answer; there is no event for the end."""

    name = "anthropic-completions"
    expects = FINISH
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where it has no `completion`."""
        if type(payload.get("completion")) is not str:
            return None
        content = text(payload["completion"])
        return Facts(
            CONTROL if content is None else CONTENT,
            content,
            finish_reason=name(payload.get("stop_reason")),
            opens=self.opened(payload.get("id")),
            nested=is_nested(content),
        )


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is a legacy completion by its type and field."""
    found = fields(payload)
    return "completion" in (found.get("type"), event.event) and type(found.get("completion")) is str
