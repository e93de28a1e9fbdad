"""The dialect `bedrock-converse`: a message as events, each an object under the event's name.

Source: Amazon Bedrock API reference, "ConverseStream". Gateways and SDKs hand the objects on as they are, some with the
name as the event's own (`event: contentBlockDelta`), some under `event`.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.grammar import ANY, Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, identity, index, name, part_name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

_NAMES: Final = (
    "contentBlockDelta",
    "messageStart",
    "contentBlockStart",
    "contentBlockStop",
    "messageStop",
    "metadata",
)
_ERRORS: Final = frozenset(
    {"internalServerException", "modelStreamErrorException", "validationException", "throttlingException"}
    | {"serviceUnavailableException"}
)
_PROOFS: Final = frozenset(_NAMES) - {"metadata"}


class BedrockConverse(ObjectDialect):
    """Reads a message's events. `messageStop` is the end; usage follows it.

    Blocks of text may come without a start; one with a tool's input has one, which names the tool.
    """

    name = "bedrock-converse"
    expects = TERMINAL
    __slots__ = ("_blocks", "_tools")

    def __init__(self) -> None:
        super().__init__()
        self._begin()

    def _begin(self) -> None:
        self._blocks = Parts("block")
        self._tools = Parts("tool")

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where it is none of a message's."""
        kind, found = _event_in(payload, event)
        if kind == "contentBlockDelta":
            return self._delta_facts(found)
        if kind in _ERRORS:
            return Facts(ERROR, error=kind)
        if kind == "messageStart":
            self._begin()
        elif kind == "contentBlockStart":
            return self._start_facts(found)
        elif kind == "contentBlockStop":
            self._blocks.close(count(found.get("contentBlockIndex")))
        elif kind == "messageStop":
            return Facts(COMPLETE, terminal=kind, finish_reason=name(found.get("stopReason")))
        elif kind == "metadata":
            return _usage_facts(fields(found.get("usage")))
        return Facts(CONTROL) if kind else None

    def _start_facts(self, found: dict[str, Any]) -> Facts:
        number = count(found.get("contentBlockIndex"))
        facts = Facts(CONTROL, part=part_name(found.get("contentBlockIndex")))
        self._blocks.open(number, ANY)
        tool = fields(fields(found.get("start")).get("toolUse"))
        if tool:
            self._tools.open(number)
            said = identity(tool.get("toolUseId")), name(tool.get("name"))
            facts.calls = (ToolCall(f"{index(number)}/tool", "", *said, identified=True),)
        return facts

    def _delta_facts(self, found: dict[str, Any]) -> Facts:
        delta = fields(found.get("delta"))
        number = count(found.get("contentBlockIndex"))
        broken = self._blocks.late("contentBlockDelta", number)
        channel = str(index(number))
        if content := text(delta.get("text")):
            return Facts(CONTENT, content, channel, nested=is_nested(content), grammar=broken)
        if thought := text(fields(delta.get("reasoningContent")).get("text")):
            return Facts(CONTENT, thought, f"{channel}/reasoning", grammar=broken)
        if (written := text(fields(delta.get("toolUse")).get("input"))) is None:
            return Facts(CONTROL, grammar=broken)
        broken = broken or self._tools.fill("toolUse delta", number)
        return Facts(CONTENT, written, f"{channel}/tool", grammar=broken, calls=(ToolCall(f"{channel}/tool", written),))


def _usage_facts(usage: dict[str, Any]) -> Facts:
    return Facts(CONTROL, input_tokens=count(usage.get("inputTokens")), output_tokens=count(usage.get("outputTokens")))


def _event_in(payload: dict[str, Any], event: str) -> tuple[str, dict[str, Any]]:
    """An event's name and its object; "" where there is none."""
    inner = payload.get("event")
    holder = inner if type(inner) is dict else payload
    for key in _NAMES:
        if type(holder.get(key)) is dict:
            return key, holder[key]
    for key in holder:
        if key in _ERRORS:
            return key, fields(holder[key])
    return (event, payload) if event in _PROOFS or event in _ERRORS else ("", payload)


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a message by the name that its object stands under."""
    kind, found = _event_in(fields(payload), event.event)
    if kind == "contentBlockDelta":
        return type(found.get("delta")) is dict
    return kind in _PROOFS and type(payload) is dict
