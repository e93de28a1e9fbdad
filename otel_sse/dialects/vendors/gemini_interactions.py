"""The dialect `gemini-interactions`: an interaction as steps, each started, filled by deltas and stopped.

Source: Gemini API reference, "Interactions: streaming".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.grammar import Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import compact, count, fields, identity, index, name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_PREFIXES: Final = ("interaction.", "step.", "content.")
_OPENING: Final = frozenset({"interaction.created", "interaction.start"})
_TERMINALS: Final = frozenset({"interaction.completed", "interaction.complete"})
_STARTS: Final = frozenset({"step.start", "content.start"})
_STOPS: Final = frozenset({"step.stop", "content.stop"})
_DELTAS: Final = frozenset({"step.delta", "content.delta"})


class GeminiInteractions(ObjectDialect):
    """Reads the events of an interaction."""

    name = "gemini-interactions"
    expects = TERMINAL
    __slots__ = ("_steps",)

    def __init__(self) -> None:
        super().__init__()
        self._steps = Parts("step")

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is not one of an interaction."""
        kind = text(payload.get("event_type")) or event
        if not kind.startswith(_PREFIXES):
            return None
        facts = _facts_of(kind, payload)
        facts.grammar = self._judge(kind, count(payload.get("index")))
        usage = fields(_usage_of(payload))
        facts.input_tokens = count(usage.get("total_input_tokens"))
        facts.output_tokens = count(usage.get("total_output_tokens"))
        return facts

    def _judge(self, kind: str, step: int | None) -> str | None:
        if kind in _DELTAS:
            # No SDK asks for the start of a step.
            return self._steps.late(kind, step)
        if kind in _STARTS:
            self._steps.open(step)
        elif kind in _STOPS:
            self._steps.close(step)
        elif kind in _OPENING:
            self._steps = Parts("step")
        return None


def _facts_of(kind: str, payload: dict[str, Any]) -> Facts:
    if kind in _DELTAS:
        return _delta_facts(payload)
    interaction = fields(payload.get("interaction"))
    if kind in _OPENING:
        return Facts(CONTROL, opens=identity(interaction.get("id")))
    if kind in _TERMINALS:
        return Facts(COMPLETE, terminal=kind, finish_reason=name(interaction.get("status")))
    return Facts(CONTROL)


def _delta_facts(payload: dict[str, Any]) -> Facts:
    delta = fields(payload.get("delta"))
    step = index(payload.get("index"))
    if content := text(delta.get("text")):
        return Facts(CONTENT, content, str(step), nested=is_nested(content))
    if thought := text(fields(delta.get("content")).get("text")):
        return Facts(CONTENT, thought, f"{step}/reasoning")
    arguments = delta.get("arguments")
    written = compact(arguments) if type(arguments) is dict and arguments else text(arguments)
    return Facts(CONTENT, written, f"{step}/tool") if written else Facts(CONTROL)


def _usage_of(payload: dict[str, Any]) -> object:
    return fields(payload.get("interaction")).get("usage") or fields(payload.get("metadata")).get("usage")


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of an interaction by its type."""
    found = fields(payload)
    kind = text(found.get("event_type")) or ""
    return kind.startswith(("interaction.", "step.")) or (kind.startswith("content.") and "index" in found)
