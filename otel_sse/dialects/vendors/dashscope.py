"""The dialect `dashscope`: chunks with an `output`, which holds a piece of the text or all of it so far.

Source: Alibaba Cloud Model Studio, "DashScope API reference: text generation", streamed, with and without
`incremental_output`.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import error_name, is_nested
from otel_sse.dialects.growth import Growth
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Choices, Deltas, gather
from otel_sse.dialects.payload import count, fields, index, items, name, text
from otel_sse.dialects.vendors.openai_chat import tool_call_deltas
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import ERROR
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_GOING_ON: Final = "null"
"""A finish reason in words: none yet."""


class DashScope(ObjectDialect):
    """Reads generated text. A finish reason ends the answer; there is no event for the end.

    Unless a request asks for increments each chunk holds the whole text so far; then the content is what is new in it.
    """

    name = "dashscope"
    expects = FINISH
    __slots__ = ("_choices", "_grown")

    def __init__(self) -> None:
        super().__init__()
        self._choices = Choices()
        self._grown: dict[str, Growth] = {}

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one chunk means, or None where it has no `output` and is no error."""
        if event == "error" or (text(payload.get("code")) and "request_id" in payload and not payload.get("output")):
            return Facts(ERROR, error=error_name({"code": payload.get("code")}))
        output = payload.get("output")
        if type(output) is not dict:
            return None
        opens = self.opened(payload.get("request_id"))
        if opens is not None:
            self._grown.clear()
            self._choices.begin()
        facts = self._output_facts(output)
        facts.opens = opens
        usage = fields(payload.get("usage"))
        facts.input_tokens, facts.output_tokens = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
        return facts

    def _output_facts(self, output: dict[str, Any]) -> Facts:
        choices = [_without_none_yet(fields(one)) for one in items(output.get("choices"))]
        deltas: Deltas = []
        if not choices:
            self._add(deltas, "0/reasoning", _thoughts(output))
            self._add(deltas, "0", text(output.get("text")))
        for position, choice in enumerate(choices):
            self._add_message(deltas, fields(choice.get("message")), str(index(choice.get("index"), position)))
        facts = gather(deltas)
        facts.nested = any(is_nested(content) for channel, content in deltas if channel.isdigit())
        reasons = [name(choice.get("finish_reason")) for choice in (choices or [_without_none_yet(output)])]
        facts.finish_reason = next((reason for reason in reasons if reason), None)
        facts.partial = self._choices.go_on(choices, "finish_reason") and bool(facts.finish_reason) and bool(choices)
        return facts

    def _add_message(self, deltas: Deltas, message: dict[str, Any], channel: str) -> None:
        self._add(deltas, f"{channel}/reasoning", text(message.get("reasoning_content")))
        content = message.get("content")
        parts = [fields(one).get("text") for one in items(content)]
        self._add(deltas, channel, text(content) or "".join(part for part in parts if type(part) is str) or None)
        for call, arguments in tool_call_deltas(items(message.get("tool_calls")), f"{channel}/"):
            self._add(deltas, call, arguments)

    def _add(self, deltas: Deltas, channel: str, content: str | None) -> None:
        if content is None:
            return
        grown = self._grown.get(channel)
        if grown is None and len(self._grown) < MAX_CHANNELS:
            grown = self._grown[channel] = Growth()
        new = content if grown is None else grown.new_in(content)
        if new:
            deltas.append((channel, new))


def _thoughts(output: dict[str, Any]) -> str | None:
    """The thoughts of an application's agent, put together."""
    thoughts = (fields(one).get("thought") for one in items(output.get("thoughts")))
    return "".join(part for part in thoughts if type(part) is str) or None


def _without_none_yet(choice: dict[str, Any]) -> dict[str, Any]:
    return {**choice, "finish_reason": None} if choice.get("finish_reason") == _GOING_ON else choice


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is generated text by its shape: an `output` beside the request's id."""
    found = fields(payload)
    output = found.get("output")
    if type(output) is not dict or "request_id" not in found:
        return False
    return "finish_reason" in output or type(output.get("choices")) is list or type(output.get("text")) is str
