"""The dialect `llama-cpp`: pieces of text with a `stop` flag.

Source: llama.cpp server, `/completion`.
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, name, part_name, text
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class LlamaCpp(ObjectDialect):
    """Reads pieces of text. `stop: true` is the end, with reason and tokens; several prompts have an index each."""

    name = "llama-cpp"
    expects = TERMINAL
    __slots__ = ("_going_on",)

    def __init__(self) -> None:
        super().__init__()
        self._going_on: set[str] = set()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one piece means, or None where it has no `stop` flag."""
        if type(payload.get("stop")) is not bool:
            return None
        prompt = part_name(payload.get("index")) or "0"
        content = text(payload.get("content"))
        facts = Facts(CONTROL if content is None else CONTENT, content, prompt, nested=is_nested(content))
        facts.channel = "" if content is None else prompt
        if not payload["stop"]:
            if len(self._going_on) < MAX_CHANNELS:
                self._going_on.add(prompt)
            facts.plain = content is not None and not facts.nested
            return facts
        self._going_on.discard(prompt)
        self._stop(facts, payload)
        return facts

    def _stop(self, facts: Facts, payload: dict[str, Any]) -> None:
        facts.finish_reason = name(payload.get("stop_type")) or "stop"
        facts.partial = bool(self._going_on)
        facts.input_tokens = count(payload.get("tokens_evaluated"))
        facts.output_tokens = count(payload.get("tokens_predicted"))
        if not facts.partial:
            facts.terminal = "stop"
            facts.kind = COMPLETE if facts.kind == CONTROL else facts.kind


def recognise(event: Event, payload: object) -> bool:
    """Whether an object is a piece by its shape: a text beside a `stop` flag, and neither a type nor choices."""
    found = fields(payload)
    return type(found.get("stop")) is bool and type(found.get("content")) is str and "type" not in found
