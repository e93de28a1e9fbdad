"""The dialect `writer-completions`: objects whose one field is `value`.

Source: Writer API reference, "Text generation" (streamed).
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import NOTHING
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import fields, text
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class WriterCompletions(ObjectDialect):
    """Reads `{"value": text}`. The format has neither an end nor a finish reason."""

    name = "writer-completions"
    expects = NOTHING
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one object means, or None where `value` is not a string."""
        if type(payload.get("value")) is not str:
            return None
        content = text(payload["value"])
        return Facts(CONTROL if content is None else CONTENT, content, nested=is_nested(content))


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is such an object: a string under `value` and nothing else."""
    found = fields(payload)
    return len(found) == 1 and type(found.get("value")) is str
