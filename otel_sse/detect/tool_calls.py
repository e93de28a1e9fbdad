"""Tool calls whose arguments, once whole, are no JSON, or that never got an id or a name."""

from __future__ import annotations

from typing import Final

from otel_sse import limits
from otel_sse.detect.json_pieces import JsonPieces
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Finding
from otel_sse.stream.facts import Facts, ToolCall

_WHOLE: Final = frozenset(
    {"tool_calls", "tool_call", "tool_use", "function_call", "stop", "end_turn", "completed", "complete", "success"}
    | {"requires_action", "finish", "done"}
)
"""Finish reasons, in lower case and with underscores, with which nothing was cut off. After any other one (`length`,
`content_filter`, one that nobody knows) the arguments may be unfinished on purpose."""


class _Call:
    __slots__ = ("arguments", "done", "has_id", "has_name", "id", "identified", "known", "seq")

    def __init__(self, seq: int, known: bool) -> None:
        self.seq = seq
        self.known = known
        """Whether it has been seen from its beginning."""
        self.arguments = JsonPieces()
        self.id = ""
        self.has_id = self.has_name = self.done = self.identified = False

    def take(self, said: ToolCall) -> None:
        self.arguments.feed(said.arguments)
        self.id = said.id or self.id
        self.has_id = self.has_id or bool(said.id)
        self.has_name = self.has_name or bool(said.name)
        self.identified = self.identified or said.identified
        self.done = self.done or said.done

    @property
    def wrong(self) -> str:
        if not self.known:
            return ""
        if self.arguments.whole is False:
            return "its arguments, put together, are no JSON"
        if self.identified and not (self.has_id and self.has_name):
            return f"it never got {'a name' if self.has_id else 'an id' if self.has_name else 'an id and a name'}"
        return ""


class ToolCallDetector:
    """Puts the tool calls of a stream together, judges those of an answer once it has finished, and reports at the end.

    Only a finish that cuts nothing off proves that arguments are whole: of an answer that ended with `length`, broke
    off or began anew nothing is said.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_calls", "_ended", "_finish", "_found", "_midway", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._calls: dict[str, _Call] = {}
        self._ended: list[_Call] = []
        self._found: list[Finding] = []
        self._midway = False
        self._finish: str | None = None

    def check(self, seq: int, facts: Facts) -> None:
        """Take note of what an event says of calls, and judge them where the answer finishes here.

        Args:
            seq: The chunk.
            facts: What it means.
        """
        if facts.opens is not None:
            self._begin()
        for said in facts.calls:
            self._take(seq, said)
        if facts.finish_reason is not None:
            self._finish = self._finish if self._finish and not _is_whole(self._finish) else facts.finish_reason
        if facts.error is not None:
            self._finish = "error"
        if facts.terminal is not None or (facts.finish_reason is not None and not facts.partial):
            self._judge()

    def close(self) -> list[Finding]:
        """Return what is wrong with calls of answers that have finished; a second call returns nothing."""
        found, self._found = self._found, []
        return found

    def _begin(self) -> None:
        # Calls of which the rest may come under the new identity are not judged any more.
        self._midway = bool(self._calls)
        self._calls.clear()
        self._ended.clear()
        self._finish = None

    def _take(self, seq: int, said: ToolCall) -> None:
        call = self._calls.get(said.channel)
        if call is not None and said.id and said.name and call.id not in ("", said.id):
            # Servers number all calls of an answer 0: a new id and a name begin a new one.
            if len(self._ended) < limits.MAX_CHANNELS:
                self._ended.append(call)
            call = None
        if call is None:
            if len(self._calls) >= limits.MAX_CHANNELS and said.channel not in self._calls:
                return
            call = self._calls[said.channel] = _Call(seq, not self._midway or bool(said.id))
        call.take(said)

    def _judge(self) -> None:
        calls = [*self._ended, *self._calls.values()]
        cut = self._finish is not None and not _is_whole(self._finish)
        for call in calls:
            wrong = "" if cut or (self._finish is None and not call.done) else call.wrong
            if wrong and len(self._found) < limits.MAX_CHANNELS:
                evidence = f"the tool call that began at {call.seq}: {wrong}"
                self._found.append(Finding(kinds.TOOL_ARGUMENTS, CERTAIN, self._stage, call.seq, evidence=evidence))
        self._calls.clear()
        self._ended.clear()
        self._midway = False


def _is_whole(finish_reason: str) -> bool:
    return finish_reason.lower().replace("-", "_") in _WHOLE
