"""The dialect `dify`: an application's events, each named by `event` within its object.

Source: Dify API reference, "Send chat message", "Run workflow" (response mode `streaming`).
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import error_name, is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, ERROR, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_ANSWERS: Final = frozenset({"message", "agent_message"})
# What holds whole texts once more (a thought, a replacement, a node's outputs), or none.
_SILENT: Final = frozenset(
    {"agent_thought", "message_file", "message_replace", "tts_message", "tts_message_end", "agent_log"}
    | {"workflow_started", "node_started", "node_finished", "node_retry", "iteration_started", "iteration_next"}
    | {"iteration_completed", "loop_started", "loop_next", "loop_completed", "text_replace", "parallel_branch_started"}
    | {"parallel_branch_finished", "human_input_required", "workflow_paused"}
)
_TYPES: Final = _ANSWERS | _SILENT | {"text_chunk", "message_end", "workflow_finished"}
_ID_KEYS: Final = ("message_id", "conversation_id", "task_id", "workflow_run_id")


class Dify(ObjectDialect):
    """Reads an application's events. `message_end` is the end of a chat; a workflow finishes with its status."""

    name = "dify"
    expects = FINISH
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where it is none of an application's."""
        kind = text(payload.get("event")) or ""
        if kind in _ANSWERS:
            facts = _text_facts(payload.get("answer"))
            facts.opens = self.opened(payload.get("message_id"))
            return facts
        if kind == "text_chunk":
            return _text_facts(fields(payload.get("data")).get("text"))
        if kind == "message_end":
            return _end_facts(fields(fields(payload.get("metadata")).get("usage")))
        if kind == "workflow_finished":
            return _finish_facts(fields(payload.get("data")))
        if kind == "error":
            return Facts(ERROR, error=error_name({"code": payload.get("code")}))
        if kind == "ping" or event == "ping":
            return Facts(HEARTBEAT)
        return Facts(CONTROL) if kind in _SILENT else None


def _text_facts(value: object) -> Facts:
    content = text(value)
    return Facts(CONTROL) if content is None else Facts(CONTENT, content, nested=is_nested(content))


def _end_facts(usage: dict[str, Any]) -> Facts:
    return Facts(
        COMPLETE,
        terminal="message_end",
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
    )


def _finish_facts(data: dict[str, Any]) -> Facts:
    status = name(data.get("status"))
    return Facts(ERROR, error=status) if status == "failed" else Facts(CONTROL, finish_reason=status)


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of an application's by its name and ids."""
    found = fields(payload)
    kind = found.get("event")
    return type(kind) is str and kind in _TYPES and any(key in found for key in _ID_KEYS)
