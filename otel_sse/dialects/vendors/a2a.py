"""The dialect `a2a`: an agent's task as updates of its status and its artifacts, alone or in JSON-RPC responses.

Source: Agent2Agent protocol specification, "message/stream" and the objects of its responses, versions 0.2 to 1.0.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH, NOTHING
from otel_sse.dialects.frames import error_name, is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels, Deltas, gather
from otel_sse.dialects.payload import compact, either, fields, identity, items, name, text
from otel_sse.stream.chunk import COMPLETE, CONTROL, ERROR
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_ARTIFACT: Final = "artifact-update"
_STATUS: Final = "status-update"
_MESSAGE: Final = "message"
_TASK: Final = "task"

# From version 1.0 on the kind is the key that the object stands under.
_KINDS_BY_KEY: Final = {"artifactUpdate": _ARTIFACT, "statusUpdate": _STATUS, "message": _MESSAGE, "task": _TASK}
_KINDS: Final = frozenset(_KINDS_BY_KEY.values())

_STATE_PREFIX: Final = "task_state_"
_ENDS: Final = frozenset(
    {"completed", "failed", "canceled", "cancelled", "rejected", "input_required", "auth_required"}
)
_FAILURES: Final = frozenset({"failed", "rejected"})


class A2A(ObjectDialect):
    """Reads updates of a task. Each artifact is a channel, and so are the messages of its status.

    A state in which the task does no more ends the answer. A whole task repeats what its artifacts said; it is content
    only where nothing has been said yet. Expects such a state once a state has been seen: an application may hand on
    the artifacts alone.
    """

    name = "a2a"
    __slots__ = ("_finished", "_parts", "_said", "expects")

    def __init__(self) -> None:
        super().__init__()
        self.expects = NOTHING
        self._parts = Channels()
        self._said = self._finished = False

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one response or update means, or None where it is neither."""
        if payload.get("error") and "jsonrpc" in payload:
            code = fields(payload["error"]).get("code")
            # JSON-RPC numbers its errors below 0.
            return Facts(ERROR, error=str(code) if type(code) is int else error_name(payload["error"]))
        kind, found = _update_in(payload)
        if kind == _ARTIFACT:
            facts = self._artifact_facts(fields(found.get("artifact")))
        elif kind == _STATUS:
            facts = self._status_facts(fields(found.get("status")), final=found.get("final") is True)
        elif kind == _MESSAGE:
            facts = self._message_facts(found, "")
            facts.finish_reason = _MESSAGE
        elif kind == _TASK:
            facts = self._task_facts(found)
        else:
            return None
        if kind in (_STATUS, _TASK):
            self.expects = FINISH
        self._said = self._said or facts.content is not None
        if self._finished and facts.terminal is None:
            # A whole task says the state once more that an update has said.
            facts.finish_reason = None
        self._finished = self._finished or facts.finish_reason is not None
        facts.opens = self.opened(either(found, "taskId", "task_id") or (found.get("id") if kind == _TASK else None))
        return facts

    def _artifact_facts(self, artifact: dict[str, Any]) -> Facts:
        return _written(
            items(artifact.get("parts")), str(self._parts.number(either(artifact, "artifactId", "artifact_id")))
        )

    def _message_facts(self, message: dict[str, Any], branch: str) -> Facts:
        if not message.get("parts"):
            return Facts(CONTROL)
        return _written(items(message.get("parts")), f"{branch}{self._parts.number(message.get('messageId'))}")

    def _status_facts(self, status: dict[str, Any], *, final: bool) -> Facts:
        facts = self._message_facts(fields(status.get("message")), "status:")
        state = _state_of(status)
        if final or state in _ENDS:
            facts.finish_reason = state or "final"
        if final:
            facts.terminal = "final"
            facts.kind = COMPLETE if facts.kind == CONTROL else facts.kind
        if state in _FAILURES:
            facts.error = state
            facts.kind = ERROR if facts.content is None else facts.kind
        return facts

    def _task_facts(self, task: dict[str, Any]) -> Facts:
        status = fields(task.get("status"))
        artifacts = [] if self._said else [fields(one) for one in items(task.get("artifacts"))]
        deltas: Deltas = []
        for artifact in artifacts:
            deltas += _deltas(
                items(artifact.get("parts")), str(self._parts.number(either(artifact, "artifactId", "artifact_id")))
            )
        facts = gather(deltas)
        state = _state_of(status)
        facts.finish_reason = state if state in _ENDS else None
        return facts


def _update_in(payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An object's kind and the object, out of its JSON-RPC response where there is one; "" where it is no update."""
    result = payload.get("result")
    found = fields(result) if "jsonrpc" in payload else payload
    kind = found.get("kind")
    if type(kind) is str and kind in _KINDS:
        return kind, found
    for key, kind_of_key in _KINDS_BY_KEY.items():
        inner = found.get(key)
        if type(inner) is dict and len(found) == 1:
            return kind_of_key, inner
    return "", found


def _state_of(status: dict[str, Any]) -> str:
    state = (name(status.get("state")) or "").lower()
    return state.removeprefix(_STATE_PREFIX).replace("-", "_")


def _deltas(parts: list[Any], channel: str) -> Deltas:
    deltas: Deltas = []
    for one in parts:
        part = fields(one)
        if content := text(part.get("text")):
            deltas.append((channel, content))
        elif data := part.get("data"):
            deltas.append((f"{channel}/data", compact(data)))
    return [(where, content) for where, content in deltas if content]


def _written(parts: list[Any], channel: str) -> Facts:
    facts = gather(_deltas(parts, channel))
    facts.nested = any(is_nested(fields(one).get("text")) for one in parts)
    return facts


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is an update by its kind and what stands under it."""
    found = fields(payload)
    if "jsonrpc" in found and "result" not in found:
        return False
    kind, update = _update_in(found)
    if kind == _ARTIFACT:
        return type(update.get("artifact")) is dict
    if kind in (_STATUS, _TASK):
        return (
            type(update.get("status")) is dict
            and identity(either(update, "taskId", "task_id") or update.get("id")) is not None
        )
    return (
        kind == _MESSAGE and type(update.get("parts")) is list and either(update, "messageId", "message_id") is not None
    )
