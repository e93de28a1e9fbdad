"""The dialect `librechat`: an agent's run as named objects, of which the last one holds the whole answer.

Source: LibreChat's agents package, its events `on_message_delta`, `on_reasoning_delta`, `on_run_step` and
`on_run_step_delta`, and what its server sends around them.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels, Deltas, gather
from otel_sse.dialects.payload import fields, identity, index, items, name, text
from otel_sse.stream.chunk import COMPLETE, CONTROL, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

_DELTAS: Final = frozenset({"on_message_delta", "on_reasoning_delta"})
_STEP: Final = "on_run_step"
_STEP_DELTA: Final = "on_run_step_delta"
_TYPES: Final = _DELTAS | {_STEP, _STEP_DELTA, "on_run_step_completed", "on_agent_update"}


class LibreChat(ObjectDialect):
    """Reads a run's events. Each step is a channel. The object with `final` is the end; its messages are whole."""

    name = "librechat"
    expects = TERMINAL
    __slots__ = ("_steps",)

    def __init__(self) -> None:
        super().__init__()
        self._steps = Channels()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one object means, or None where it is none of a run's."""
        kind, data = text(payload.get("event")), fields(payload.get("data"))
        if kind in _DELTAS:
            return self._delta_facts(fields(data.get("delta")), data)
        if kind == _STEP_DELTA:
            return self._call_facts(items(fields(data.get("delta")).get("tool_calls")), data, began=False)
        if kind == _STEP:
            return self._call_facts(items(fields(data.get("stepDetails")).get("tool_calls")), data, began=True)
        if payload.get("final") is True:
            failed = fields(payload.get("responseMessage")).get("error") is True
            return Facts(ERROR if failed else COMPLETE, terminal="final", error="error" if failed else None)
        if payload.get("created") is True:
            return Facts(CONTROL, opens=self.opened(fields(payload.get("message")).get("messageId")))
        if payload.get("sync") is True or kind in _TYPES:
            # A reader that comes back gets the state so far, whole.
            return Facts(CONTROL)
        return None

    def _delta_facts(self, delta: dict[str, Any], data: dict[str, Any]) -> Facts:
        step = self._steps.number(data.get("id"))
        deltas: Deltas = []
        content = delta.get("content")
        for one in items(content) or [content]:
            part = fields(one)
            if thought := text(part.get("think")):
                deltas.append((f"{step}/reasoning", thought))
            elif written := text(part.get("text")):
                deltas.append((str(step), written))
        facts = gather(deltas)
        facts.nested = any(is_nested(written) for channel, written in deltas if channel.isdigit())
        return facts

    def _call_facts(self, calls: list[Any], data: dict[str, Any], *, began: bool) -> Facts:
        step = self._steps.number(data.get("id"))
        deltas: Deltas = []
        said: list[ToolCall] = []
        for position, one in enumerate(calls):
            call = fields(one)
            channel = f"{step}/tool:{index(call.get('index'), position)}"
            arguments = None if began else text(call.get("args"))
            if arguments:
                deltas.append((channel, arguments))
            said.append(ToolCall(channel, arguments or "", identity(call.get("id")), name(call.get("name"))))
        facts = gather(deltas)
        facts.calls = tuple(said)
        return facts


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a run by the name inside it, or by the message that it creates."""
    found = fields(payload)
    kind = found.get("event")
    if type(kind) is str and kind in _TYPES:
        return type(found.get("data")) is dict
    return found.get("created") is True and "messageId" in fields(found.get("message"))
