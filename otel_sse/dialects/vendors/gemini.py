"""The dialect `gemini`: chunks with `candidates`, each with content parts.

Source: Gemini API reference, "GenerateContentResponse" (streamGenerateContent with `alt=sse`).
"""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Choices, Deltas, finishes, gather
from otel_sse.dialects.payload import compact, count, fields, index, items, name, text
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


class Gemini(ObjectDialect):
    """Reads generated content. A finish reason ends the answer; there is no event for the end."""

    name = "gemini"
    expects = FINISH
    __slots__ = ("_calls", "_choices")

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0
        self._choices = Choices()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one chunk means, or None where it has no candidates, usage or prompt feedback."""
        payload = _without_envelope(payload)
        if not any(key in payload for key in ("candidates", "usageMetadata", "promptFeedback")):
            return None
        facts = self._candidates_facts(items(payload.get("candidates")))
        facts.finish_reason = facts.finish_reason or name(fields(payload.get("promptFeedback")).get("blockReason"))
        facts.opens = self.opened(payload.get("responseId"))
        if facts.opens is not None:
            self._choices.begin()
        going_on = self._choices.go_on(items(payload.get("candidates")), "finishReason")
        facts.partial = going_on and bool(facts.finish_reason) and bool(payload.get("candidates"))
        usage = fields(payload.get("usageMetadata"))
        facts.input_tokens = count(usage.get("promptTokenCount"))
        facts.output_tokens = count(usage.get("candidatesTokenCount"))
        return facts

    def _candidates_facts(self, candidates: list[Any]) -> Facts:
        deltas: Deltas = []
        for position, one in enumerate(candidates):
            candidate = fields(one)
            channel = str(index(candidate.get("index"), position))
            for part in items(fields(candidate.get("content")).get("parts")):
                self._add_part(deltas, fields(part), channel)
        facts = gather(deltas)
        facts.finishes = finishes(candidates, "finishReason")
        facts.finish_reason = facts.finishes[-1][1] if facts.finishes else None
        facts.nested = any(is_nested(content) for channel, content in deltas if channel.isdigit())
        return facts

    def _add_part(self, deltas: Deltas, part: dict[str, Any], channel: str) -> None:
        if content := text(part.get("text")):
            deltas.append((f"{channel}/reasoning" if part.get("thought") is True else channel, content))
        elif call := fields(part.get("functionCall")):
            deltas.append((f"{channel}/tool:{self._next_call()}", compact(call)))
        elif code := text(fields(part.get("executableCode")).get("code")):
            deltas.append((f"{channel}/code", code))
        elif output := text(fields(part.get("codeExecutionResult")).get("output")):
            deltas.append((f"{channel}/output", output))

    def _next_call(self) -> int:
        """The number of a function call, since each comes whole; all beyond the cap share the last one."""
        number = self._calls
        self._calls = min(number + 1, MAX_CHANNELS)
        return number


def _without_envelope(payload: dict[str, Any]) -> dict[str, Any]:
    inner = fields(payload.get("response"))
    return inner if "candidates" in inner else payload


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is generated content by its shape."""
    found = _without_envelope(fields(payload))
    if type(found.get("candidates")) is list:
        return True
    return type(found.get("usageMetadata")) is dict and "modelVersion" in found
