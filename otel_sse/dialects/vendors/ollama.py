"""The dialect `ollama`: lines of JSON with a `done` flag, and the same objects as events.

Source: Ollama API reference, "Generate a completion" and "Generate a chat completion".
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Deltas, gather
from otel_sse.dialects.payload import compact, count, fields, items, name, text
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import COMPLETE, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class Ollama(ObjectDialect):
    """Reads generated text and messages. `done: true` is the end; no object carries an id of the answer."""

    name = "ollama"
    expects = TERMINAL
    __slots__ = ("_calls",)

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one object means, or None where it has no `done` flag."""
        if type(payload.get("done")) is not bool:
            return None
        message = fields(payload.get("message"))
        deltas: Deltas = []
        if thought := text(message.get("thinking")) or text(payload.get("thinking")):
            deltas.append(("reasoning", thought))
        if content := text(message.get("content")) or text(payload.get("response")):
            deltas.append(("", content))
        for call in items(message.get("tool_calls")):
            deltas.append((f"tool:{self._calls}", compact(call)))
            # Each call comes whole; all beyond the cap share the last channel.
            self._calls = min(self._calls + 1, MAX_CHANNELS)
        facts = gather(deltas)
        facts.nested = is_nested(content)
        if payload["done"]:
            self._end(facts, payload)
        else:
            facts.plain = len(deltas) == 1 and not facts.nested
        return facts

    def _end(self, facts: Facts, payload: dict[str, Any]) -> None:
        facts.terminal = "done"
        facts.kind = COMPLETE if facts.kind == CONTROL else facts.kind
        facts.finish_reason = name(payload.get("done_reason"))
        facts.input_tokens = count(payload.get("prompt_eval_count"))
        facts.output_tokens = count(payload.get("eval_count"))


def recognise(event: Event, payload: object) -> bool:
    """Whether an object is Ollama's by its model, its time and its `done` flag."""
    found = fields(payload)
    if type(found.get("done")) is not bool or "model" not in found or "created_at" not in found:
        return False
    return type(found.get("response")) is str or type(found.get("message")) is dict
