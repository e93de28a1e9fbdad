"""The dialect `openai-assistants`: events named `thread.*`, whose payload is the object itself.

Source: OpenAI API reference, "Assistants: streaming".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import error_name
from otel_sse.dialects.grammar import Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels, Deltas, gather
from otel_sse.dialects.payload import count, fields, identity, index, items, name, text
from otel_sse.stream.chunk import CONTROL, ERROR
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_PREFIX: Final = "thread."
_RUN: Final = "thread.run."
_STEP: Final = "thread.run.step."
_MESSAGE: Final = "thread.message."
_PART_ENDS: Final = frozenset({"completed", "incomplete", "failed", "cancelled", "expired"})
_RUN_ENDS: Final = frozenset({"completed", "incomplete", "failed", "cancelled", "expired", "requires_action"})


class OpenAIAssistants(ObjectDialect):
    """Reads a run's events. A run may write several messages and take several steps; each is a channel."""

    name = "openai-assistants"
    expects = TERMINAL
    __slots__ = ("_messages", "_parts", "_steps")

    def __init__(self) -> None:
        super().__init__()
        self._parts = Channels()
        self._messages = Parts("message")
        self._steps = Parts("run step")

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where it is not named `thread.*`."""
        kind = event or text(payload.get("object")) or ""
        if not kind.startswith(_PREFIX):
            return None
        ident = identity(payload.get("id"))
        if kind == "thread.message.delta":
            facts = gather(_message_deltas(payload, self._parts.number(ident)))
            facts.grammar = self._messages.fill(kind, ident)
            return facts
        if kind == "thread.run.step.delta":
            facts = gather(_step_deltas(payload, self._parts.number(ident)))
            facts.grammar = self._steps.fill(kind, ident)
            return facts
        self._note(kind, ident)
        if kind == "thread.run.created":
            return Facts(CONTROL, opens=identity(payload.get("id")))
        if kind.startswith(_RUN) and kind[len(_RUN) :] in _RUN_ENDS:
            return _run_facts(payload)
        return Facts(CONTROL)

    def _note(self, kind: str, ident: str | None) -> None:
        """Take note of what is opened and closed: the SDKs raise at a delta for a message or step that is not open."""
        for parts, prefix in ((self._steps, _STEP), (self._messages, _MESSAGE)):
            if kind == f"{prefix}created":
                parts.open(ident)
            elif kind.startswith(prefix) and kind[len(prefix) :] in _PART_ENDS:
                parts.close(ident)


def _message_deltas(payload: dict[str, Any], part: int) -> Deltas:
    deltas: Deltas = []
    for position, one in enumerate(items(fields(payload.get("delta")).get("content"))):
        channel = f"{part}/{index(fields(one).get('index'), position)}"
        if content := text(fields(fields(one).get("text")).get("value")):
            deltas.append((channel, content))
        elif refusal := text(fields(one).get("refusal")):
            deltas.append((f"{channel}/refusal", refusal))
    return deltas


def _step_deltas(payload: dict[str, Any], part: int) -> Deltas:
    deltas: Deltas = []
    details = fields(fields(payload.get("delta")).get("step_details"))
    for position, one in enumerate(items(details.get("tool_calls"))):
        call = fields(one)
        written = fields(call.get("function")).get("arguments") or fields(call.get("code_interpreter")).get("input")
        if content := text(written):
            deltas.append((f"{part}/tool:{index(call.get('index'), position)}", content))
    return deltas


def _run_facts(payload: dict[str, Any]) -> Facts:
    usage = fields(payload.get("usage"))
    error = payload.get("last_error")
    return Facts(
        ERROR if error else CONTROL,
        finish_reason=name(payload.get("status")),
        error=error_name(error) if error else None,
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
    )


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a run by its name."""
    kind = event.event or text(fields(payload).get("object")) or ""
    return kind.startswith(_PREFIX) and type(payload) is dict
