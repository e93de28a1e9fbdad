"""The dialect `ag-ui`: an agent's run as typed events with names in capitals.

Source: AG-UI documentation, "Events", and the checks of its client library.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import error_name, is_nested
from otel_sse.dialects.grammar import Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels
from otel_sse.dialects.payload import either, fields, identity, name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

# What each delta belongs to: the field of its id, and the kind of part that must be open (chunks open their own).
_DELTAS: Final = {
    "TEXT_MESSAGE_CONTENT": ("messageId", "text"),
    "TEXT_MESSAGE_CHUNK": ("messageId", ""),
    "THINKING_TEXT_MESSAGE_CONTENT": ("messageId", "thinking"),
    "REASONING_MESSAGE_CONTENT": ("messageId", "reasoning"),
    "REASONING_MESSAGE_CHUNK": ("messageId", ""),
    "TOOL_CALL_ARGS": ("toolCallId", "tool"),
    "TOOL_CALL_CHUNK": ("toolCallId", ""),
}
_PYTHON: Final = {"messageId": "message_id", "toolCallId": "tool_call_id"}
"""What the Python SDK's own objects call the ids."""

_STARTS: Final = {
    "TEXT_MESSAGE_START": "text",
    "THINKING_TEXT_MESSAGE_START": "thinking",
    "REASONING_MESSAGE_START": "reasoning",
    "TOOL_CALL_START": "tool",
}
_ENDS: Final = {
    "TEXT_MESSAGE_END": "text",
    "THINKING_TEXT_MESSAGE_END": "thinking",
    "REASONING_MESSAGE_END": "reasoning",
    "TOOL_CALL_END": "tool",
}
_WORDS: Final = {
    "text": "text message",
    "thinking": "thinking message",
    "reasoning": "reasoning message",
    "tool": "tool call",
}
_RUN: Final = frozenset({"RUN_STARTED", "RUN_FINISHED", "RUN_ERROR"})
# Snapshots hold whole texts once more, and results are what a tool said: neither is a piece of the answer.
_SILENT: Final = frozenset(
    {"STEP_STARTED", "STEP_FINISHED", "STATE_SNAPSHOT", "STATE_DELTA", "MESSAGES_SNAPSHOT", "ACTIVITY_SNAPSHOT"}
    | {"ACTIVITY_DELTA", "TOOL_CALL_RESULT", "THINKING_START", "THINKING_END", "REASONING_START", "REASONING_END"}
    | {"REASONING_ENCRYPTED_VALUE", "SUBAGENT_STARTED", "SUBAGENT_FINISHED", "SUBAGENT_ERROR", "RAW", "CUSTOM"}
)
_OWN: Final = _DELTAS.keys() | _STARTS.keys() | _ENDS.keys() | _RUN
_TYPES: Final = _OWN | _SILENT


class AGUI(ObjectDialect):
    """Reads a run's events. Each message and each tool call is a channel; several runs may follow one another."""

    name = "ag-ui"
    expects = TERMINAL
    __slots__ = ("_latest", "_numbers", "_open")

    def __init__(self) -> None:
        super().__init__()
        self._numbers = Channels()
        self._latest: dict[str, object] = {}
        self._open = _parts()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is none of a run's."""
        kind = text(payload.get("type")) or event
        if kind in _DELTAS:
            return self._delta_facts(kind, payload)
        if kind in _STARTS or kind in _ENDS:
            return self._part_facts(kind, payload)
        if kind in _RUN:
            return self._run_facts(kind, payload)
        return Facts(CONTROL) if kind in _SILENT else None

    def _delta_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        id_key, part = _DELTAS[kind]
        # A chunk without an id belongs to the message or call that the one before it named.
        ident = identity(either(payload, id_key, _PYTHON[id_key])) or (None if part else self._latest.get(id_key))
        self._latest[id_key] = ident
        branch = _branch(kind)
        channel = f"{branch}{self._numbers.number(ident)}"
        content = text(payload.get("delta"))
        facts = Facts(CONTROL) if content is None else Facts(CONTENT, content, channel)
        facts.nested = not branch and is_nested(content)
        if part:
            facts.grammar = self._open[part].fill(kind, ident)
        if id_key == "toolCallId":
            said = (
                identity(either(payload, id_key, _PYTHON[id_key])),
                name(either(payload, "toolCallName", "tool_call_name")),
            )
            facts.calls = (ToolCall(channel, content or "", *said),)
        return facts

    def _part_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        facts = Facts(CONTROL)
        part = _STARTS.get(kind) or _ENDS[kind]
        id_key = "toolCallId" if part == "tool" else "messageId"
        ident = identity(either(payload, id_key, _PYTHON[id_key]))
        if kind in _STARTS:
            self._open[part].open(ident)
        else:
            self._open[part].close(ident)
        if part == "tool":
            channel = f"tool:{self._numbers.number(ident)}"
            said = ident, name(either(payload, "toolCallName", "tool_call_name"))
            facts.calls = (ToolCall(channel, "", *said, identified=kind in _STARTS, done=kind in _ENDS),)
        return facts

    def _run_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        if kind == "RUN_STARTED":
            self._open = _parts(judging=True)
            return Facts(CONTROL, opens=identity(either(payload, "runId", "run_id")))
        if kind == "RUN_ERROR":
            return Facts(ERROR, terminal=kind, error=error_name({"code": payload.get("code")}))
        left = next((part for part in ("text", "tool") if self._open[part].open_ones()), "")
        broken = f"{kind} while a {_WORDS[left]} is open" if left else None
        return Facts(COMPLETE, terminal=kind, grammar=broken)


def _parts(*, judging: bool = False) -> dict[str, Parts]:
    return {part: Parts(word, judging=judging) for part, word in _WORDS.items()}


def _branch(kind: str) -> str:
    if kind.startswith("TOOL_CALL"):
        return "tool:"
    return "" if kind.startswith("TEXT_MESSAGE") else "reasoning:"


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a run by its type."""
    found = fields(payload)
    kind = text(found.get("type"))
    return kind is not None and (kind in _OWN or (kind in _SILENT and kind not in ("RAW", "CUSTOM")))
