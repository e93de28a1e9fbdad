"""A choice finishes once: finish reasons that come twice, and content behind one."""

from __future__ import annotations

from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

_CALLS: Final = frozenset({"tool_calls", "function_call", "tool_use"})
"""Reasons behind which some services go on: with the next call, or, under the same id, with an agent's next step."""


class FinishDetector:
    """Reports a choice that finishes twice, and content of a choice behind its finish. Each is told once a choice.

    Services exist that say a finish reason behind each of several tool calls: the next call's arguments reopen the
    choice. What else follows the word that a tool is to be called is suspected only: agents that stream all of their
    steps under one id do so.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_choices", "_stage", "reasons")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._choices: dict[str, _Choice] = {}
        self.reasons: list[str] = []
        """Why the choices of all answers finished, in the order in which they did: one for each, and a further one
        where a choice finished again for another reason."""

    @property
    def has_finished(self) -> bool:
        """Whether a choice has, so that content may come behind its finish."""
        return bool(self._choices)

    def begin(self) -> None:
        """Take note that another answer begins."""
        self._choices.clear()

    def finish(self, seq: int, choice: str, reason: str, *, sure: bool = True) -> Finding | None:
        """Return what is wrong with a finish reason, or None.

        Args:
            seq: The chunk.
            choice: The choice's number; "" where the protocol numbers none.
            reason: As the service says it.
            sure: Whether a second one is a fault for certain. Where the event tells the usage too, the finish may be
                repeated with it.
        """
        known = self._choices.get(choice)
        if known is None:
            if len(self._choices) < limits.MAX_CHANNELS:
                self._choices[choice] = _Choice(seq, reason)
                self._note(reason)
            return None
        if known.told_finish:
            return None
        known.told_finish = True
        if reason != known.reason:
            self._note(reason)
        what = f"choice {choice}" if choice else "the answer"
        evidence = f"{what} finished at {known.seq} ({known.reason[: limits.MAX_NAME_CHARS]}) and again at {seq}"
        certainty = CERTAIN if sure or reason != known.reason else SUSPECTED
        return Finding(kinds.TERMINAL, certainty, self._stage, seq, known.seq, evidence)

    def content(self, seq: int, channel: str, *, sure: bool) -> Finding | None:
        """Return what is wrong with content, or None: its choice may have finished.

        Args:
            seq: The chunk.
            channel: The channel of its content.
            sure: Whether the stream's dialect promises that a choice finishes once.
        """
        choice = channel.partition("/")[0]
        choice = choice if choice in self._choices else ""
        known = self._choices.get(choice)
        if known is None:
            return None
        if known.reason in _CALLS:
            del self._choices[choice]
            if "tool" in channel:
                return None
            sure = False
        elif known.told_content:
            return None
        known.told_content = True
        evidence = f"content behind the finish reason {known.reason[: limits.MAX_NAME_CHARS]} at {known.seq}"
        return Finding(kinds.AFTER_DONE, CERTAIN if sure else SUSPECTED, self._stage, seq, known.seq, evidence)

    def ended(self, reason: str) -> None:
        """Take note of the reason that a terminal event gives, which is no second one."""
        if not self._choices:
            self._note(reason)

    def _note(self, reason: str) -> None:
        if len(self.reasons) < limits.MAX_FINISH_REASONS:
            self.reasons.append(reason)


class _Choice:
    """A choice that has finished, and what of it has been told."""

    __slots__ = ("reason", "seq", "told_content", "told_finish")

    def __init__(self, seq: int, reason: str) -> None:
        self.seq = seq
        self.reason = reason
        self.told_finish = self.told_content = False
