"""The dialect `openai-completions`: the older chunks with a `text` in each choice.

Source: OpenAI API reference, "The completion object" (streamed).
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Choices
from otel_sse.dialects.payload import fields, items
from otel_sse.dialects.vendors.openai_chat import choices_facts
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class OpenAICompletions(ObjectDialect):
    """Reads completion chunks, which differ from those of a chat in `text` standing in the place of `delta`."""

    name = "openai-completions"
    expects = FINISH
    __slots__ = ("_choices",)

    def __init__(self) -> None:
        super().__init__()
        self._choices = Choices()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one chunk means, or None where it has neither `choices` nor `usage`."""
        if type(payload.get("choices")) is not list and type(payload.get("usage")) is not dict:
            return None
        facts = choices_facts(payload)
        facts.opens = self.opened(payload.get("id"))
        if facts.opens is not None:
            self._choices.begin()
        if facts.content is None and all(self._choices.has_finished(choice) for choice, _ in facts.finishes):
            # The service says a finish with the last text, and may say it once more in a piece without text.
            facts.finishes, facts.finish_reason = (), None
        facts.partial = self._choices.go_on(items(payload.get("choices")), "finish_reason") and bool(
            facts.finish_reason
        )
        return facts


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is a completion chunk by its shape."""
    choices = items(fields(payload).get("choices"))
    return any("text" in fields(one) and "delta" not in fields(one) for one in choices)
