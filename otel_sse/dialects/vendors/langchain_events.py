"""The dialect `langchain-events`: what happens in a run, of which the model's own pieces are the answer.

Source: LangChain, "astream_events", and LangServe, "stream_events".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import NOTHING
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.langchain_messages import called, written
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels, Deltas, gather
from otel_sse.dialects.payload import count, fields, text
from otel_sse.stream.chunk import COMPLETE, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_CHAT: Final = "on_chat_model_stream"
_MODELS: Final = frozenset({_CHAT, "on_llm_stream"})
_PREFIX: Final = "on_"


class LangChainEvents(ObjectDialect):
    """Reads a run's events. Each call of a model is a channel; chains and parsers say the same pieces once more."""

    name = "langchain-events"
    expects = NOTHING
    __slots__ = ("_runs",)

    def __init__(self) -> None:
        super().__init__()
        self._runs = Channels()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        return Facts(COMPLETE, terminal="end") if event.event == "end" else super().read(event)

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where it is none of a run's."""
        kind = text(payload.get("event")) or ""
        if kind not in _MODELS:
            return Facts(CONTROL) if kind.startswith(_PREFIX) else None
        chunk = fields(payload.get("data")).get("chunk")
        facts = gather(_deltas(chunk, str(self._runs.number(payload.get("run_id")))))
        facts.nested = facts.channel.isdigit() and is_nested(facts.content)
        usage = fields(fields(chunk).get("usage_metadata"))
        facts.input_tokens, facts.output_tokens = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
        return facts


def _deltas(chunk: object, channel: str) -> Deltas:
    """The pieces of a chunk: text, or a message as it is, or as LangChain's own serialisation has it."""
    message = fields(chunk)
    message = fields(message.get("kwargs")) or message
    content = text(chunk) or text(message.get("text")) or message.get("content")
    return [*written(content, channel), *called(message, channel)]


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a run by its name, its run and its data."""
    found = fields(payload)
    kind = text(found.get("event")) or ""
    return kind.startswith(_PREFIX) and "run_id" in found and type(found.get("data")) is dict
