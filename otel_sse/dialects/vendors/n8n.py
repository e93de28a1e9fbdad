"""The dialect `n8n`: what each node of a workflow says, between a beginning and an end of its own.

Source: n8n documentation, "Streaming responses".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels
from otel_sse.dialects.payload import fields, identity, text
from otel_sse.stream.chunk import CONTENT, CONTROL, ERROR
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_TYPES: Final = frozenset({"begin", "item", "end", "error"})


class N8N(ObjectDialect):
    """Reads a workflow's objects. Each run of a node is an answer, and each node a channel."""

    name = "n8n"
    expects = FINISH
    __slots__ = ("_nodes",)

    def __init__(self) -> None:
        super().__init__()
        self._nodes = Channels()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one object means, or None where its type is none of a workflow's."""
        kind = text(payload.get("type")) or ""
        metadata = fields(payload.get("metadata"))
        if kind == "begin":
            run = [str(metadata.get(key, "")) for key in ("nodeId", "runIndex", "itemIndex")]
            return Facts(CONTROL, opens=identity(":".join(run)))
        if kind == "end":
            return Facts(CONTROL, finish_reason=kind)
        if kind == "error":
            return Facts(ERROR, error=kind)
        if kind != "item":
            return None
        content = text(payload.get("content"))
        if content is None:
            return Facts(CONTROL)
        return Facts(CONTENT, content, str(self._nodes.number(metadata.get("nodeId"))), nested=is_nested(content))


def recognise(event: Event, payload: object) -> bool:
    """Whether an object is one of a workflow's by its type and its node."""
    found = fields(payload)
    kind = found.get("type")
    return type(kind) is str and kind in _TYPES and "nodeId" in fields(found.get("metadata"))
