"""The dialect `langserve-log`: a run's log as JSON patches.

Source: LangServe, "stream_log", and LangChain's `RunLogPatch`.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Deltas, gather
from otel_sse.dialects.payload import compact, fields, identity, items, text
from otel_sse.stream.chunk import COMPLETE, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_OUTPUT: Final = "/streamed_output/-"
"""Where the run's own pieces are added. Each step's log has the same pieces once more, and `/final_output` all."""


class LangServeLog(ObjectDialect):
    """Reads patches. The event `end` is the end."""

    name = "langserve-log"
    expects = TERMINAL
    __slots__ = ()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        return Facts(COMPLETE, terminal="end") if event.event == "end" else super().read(event)

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one patch means, or None where the object has no operations."""
        if event == "metadata":
            return Facts(CONTROL, opens=self.opened(payload.get("run_id")))
        if type(payload.get("ops")) is not list:
            return None
        deltas: Deltas = []
        opens = None
        for one in items(payload["ops"]):
            operation = fields(one)
            if operation.get("path") == _OUTPUT and operation.get("op") == "add":
                deltas += _deltas(operation.get("value"))
            elif operation.get("path") == "" and operation.get("op") == "replace":
                opens = self.opened(fields(operation.get("value")).get("id"))
        facts = gather(deltas)
        facts.opens = opens
        facts.nested = any(is_nested(content) for channel, content in deltas if not channel)
        return facts


def _deltas(value: object) -> Deltas:
    """What a piece of output says: text, a message, or an object of the application's own."""
    if content := text(value):
        return [("", content)]
    message = fields(value)
    if "content" not in message:
        return [("output", compact(value))] if message or items(value) else []
    deltas: Deltas = []
    for part in [message["content"]] if type(message["content"]) is str else items(message["content"]):
        if content := text(part) or text(fields(part).get("text")):
            deltas.append(("", content))
    for call in items(message.get("tool_call_chunks")):
        if arguments := text(fields(call).get("args")):
            deltas.append((f"tool:{fields(call).get('index') or 0}", arguments))
    return deltas


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is a patch: operations, each with a path."""
    operations = items(fields(payload).get("ops"))
    return bool(operations) and all(
        type(fields(one).get("path")) is str and identity(fields(one).get("op")) is not None for one in operations
    )
