"""The parts of one answer: its channels by the vendor's ids, its choices, and the pieces of text in one event."""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.payload import fields, identity, index, items, name, text
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import NO_REASONS, Facts

Deltas = list[tuple[str, str]]
"""`(channel, text)` pairs in the event's own order; no text is empty."""


class Channels:
    """Gives each id of one stream a number: 0, 1, 2 … in the order they are first seen.

    At most `MAX_CHANNELS` ids are remembered; all others share the number `MAX_CHANNELS`.
    """

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, part_id: object) -> int:
        """Return the number of the part with this id; all parts without one (or whose id is no string) share one."""
        key = identity(part_id) or ""
        known = self._numbers.get(key)
        if known is not None:
            return known
        number = len(self._numbers)
        if number < MAX_CHANNELS:
            self._numbers[key] = number
        return number


class Choices:
    """Which choices of an answer have been seen, and which have finished."""

    __slots__ = ("_finished", "latest")

    def __init__(self) -> None:
        self.latest = 0
        """The highest number seen; choices are numbered from 0 without a gap."""
        self._finished: set[int] = set()

    def begin(self) -> bool:
        """Take note of a new id; return whether another answer begins. None does while a choice goes on."""
        if len(self._finished) <= self.latest:
            return False
        self.latest = 0
        self._finished.clear()
        return True

    def has_finished(self, choice: str) -> bool:
        """Return whether a choice has said why it ended, by its number."""
        return int(choice) in self._finished

    def go_on(self, choices: list[Any], finish_key: str) -> bool:
        """Take note of one event's choices; return whether one has been seen that has not finished.

        Args:
            choices: As the event has them, in whatever form.
            finish_key: Name of the finish reason.
        """
        for position, one in enumerate(choices):
            number = index(fields(one).get("index"), position)
            if number < MAX_CHANNELS:
                self.latest = max(self.latest, number)
        numbers = [int(choice) for choice, _ in finishes(choices, finish_key)]
        self._finished.update(number for number in numbers if number < MAX_CHANNELS)
        return len(self._finished) <= self.latest


def finishes(choices: list[Any], finish_key: str) -> tuple[tuple[str, str], ...]:
    """Return `(choice, reason)` of those of one event's choices that say why they ended.

    Args:
        choices: As the event has them, in whatever form.
        finish_key: Name of the finish reason.
    """
    found: list[tuple[str, str]] = []
    for position, one in enumerate(choices):
        choice = fields(one)
        reason = name(choice.get(finish_key)) if finish_key in choice else None
        number = index(choice.get("index"), position)
        if reason is not None and reason not in NO_REASONS:
            found.append((str(number), reason))
    return tuple(found)


class ToolCalls:
    """Tells tool calls apart that a service streams under one index, by their ids and names.

    lmdeploy, SGLang and Gemini's compatible server send all calls of an answer with index 0. A call with another id and
    name is another one, and gets the next number that is free. An id alone that changes is none: servers exist that
    give each piece of one call an id of its own. Nor is a name alone before the first argument: it may come in pieces.
    """

    __slots__ = ("_calls", "_named", "_taken")

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], _Call] = {}
        self._named: dict[tuple[int, int, str], _Call] = {}
        self._taken: set[tuple[int, int]] = set()

    def begin(self) -> None:
        """Take note that an answer begins."""
        self._calls.clear()
        self._named.clear()
        self._taken.clear()

    def renumber(self, choices: list[Any]) -> None:
        """Write into each tool call of one event's choices, in the place of its index, a number that it has alone.

        Args:
            choices: As the event has them, in whatever form; freshly decoded, since they are changed.
        """
        for position, one in enumerate(choices):
            choice = fields(one)
            calls = items(fields(choice.get("delta")).get("tool_calls"))
            self.renumber_calls(calls, index(choice.get("index"), position) if calls else 0)

    def renumber_calls(self, calls: list[Any], choice: int = 0) -> None:
        """Do the same with a list of calls."""
        for position, call in enumerate(calls):
            if type(call) is dict:
                call["index"] = self._number(choice, index(call.get("index"), position), call)

    def _number(self, choice: int, at: int, call: dict[str, Any]) -> int:
        function = fields(call.get("function")) or fields(call.get("custom"))
        ident, called = identity(call.get("id")), text(function.get("name"))
        known = self._named.get((choice, at, ident)) if ident else None
        if known is None:
            known = self._calls.get((choice, at))
            if known is None or known.differs(ident, called):
                if len(self._taken) >= MAX_CHANNELS:
                    return at
                known = _Call(self._free(choice, at))
            if ident and len(self._named) < MAX_CHANNELS:
                self._named[choice, at, ident] = known
        self._calls[choice, at] = known
        known.take(ident, called, bool(function.get("arguments") or function.get("input")))
        return known.number

    def _free(self, choice: int, at: int) -> int:
        while (choice, at) in self._taken:
            at += 1
        self._taken.add((choice, at))
        return at


class _Call:
    """One call, and what its latest piece said of it."""

    __slots__ = ("_has_arguments", "_id", "_name", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._id: str | None = None
        self._name: str | None = None
        self._has_arguments = False

    def differs(self, ident: str | None, called: str | None) -> bool:
        """Return whether a piece with this id and name belongs to another call."""
        if ident and self._id and ident != self._id:
            return called is not None or self._name is None
        return bool(called and self._name and called != self._name and self._has_arguments)

    def take(self, ident: str | None, called: str | None, has_arguments: bool) -> None:
        """Take note of a piece of the call."""
        self._id, self._name = ident or self._id, called or self._name
        self._has_arguments = self._has_arguments or has_arguments


def gather(deltas: Deltas) -> Facts:
    """Return the facts of an event that carries these deltas and nothing else.

    Neighbours on one channel are one delta. Where several channels remain, `channel` is that of the first.
    """
    if not deltas:
        return Facts(CONTROL)
    joined = deltas if len(deltas) == 1 else _join_neighbours(deltas)
    channel, content = joined[0]
    if len(joined) == 1:
        return Facts(CONTENT, content, channel)
    return Facts(CONTENT, "".join(part for _, part in joined), channel, tuple(joined))


def _join_neighbours(deltas: Deltas) -> Deltas:
    groups: list[tuple[str, list[str]]] = []
    for channel, part in deltas:
        if groups and groups[-1][0] == channel:
            groups[-1][1].append(part)
        else:
            groups.append((channel, [part]))
    return [(channel, "".join(parts)) for channel, parts in groups]
