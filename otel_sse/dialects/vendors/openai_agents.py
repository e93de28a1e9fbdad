"""The dialect `openai-agents`: a run's events, some of which hold an event of the Responses API or a chat's chunk.

Source: OpenAI Agents SDK, "Streaming".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH, NOTHING
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import fields, text
from otel_sse.dialects.vendors.openai_chat import OpenAIChat
from otel_sse.dialects.vendors.openai_responses import OpenAIResponses
from otel_sse.stream.chunk import CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_RAW: Final = "raw_response_event"
# What a run says of itself: items are whole messages and calls once more.
_SILENT: Final = frozenset({"run_item_stream_event", "agent_updated_stream_event"})


class OpenAIAgents(ObjectDialect):
    """Reads a run's events. Each answer of the model is one; the run itself marks no end.

    Expects an end of each answer whose beginning it has seen: many applications pick out the deltas.
    """

    name = "openai-agents"
    __slots__ = ("_chat", "_responses", "expects")

    def __init__(self) -> None:
        super().__init__()
        self.expects = NOTHING
        self._chat = OpenAIChat()
        self._responses = OpenAIResponses()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is none of a run's."""
        kind = text(payload.get("type")) or event
        if kind in _SILENT:
            return Facts(CONTROL)
        if kind != _RAW:
            return None
        data = fields(payload.get("data"))
        facts = self._responses.facts(data, "") or self._chat.facts(data, "") or Facts(CONTROL)
        if facts.opens is not None:
            self.expects = FINISH
        return facts


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a run by its type and what stands in it."""
    found = fields(payload)
    kind = text(found.get("type")) or event.event
    if kind == _RAW:
        return type(found.get("data")) is dict
    return kind in _SILENT and ("item" in found or "new_agent" in found)
