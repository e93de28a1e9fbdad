"""Withholds the opening of an answer that begins again in the middle of its stream. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from otel_sse import limits
from otel_sse.detect.terminal import TerminalDetector
from otel_sse.guards.openings import DROP, HOLD, PASS, Opening, Verdict
from otel_sse.guards.units import Unit, UnitReader
from otel_sse.stream.facts import Facts

Told = Callable[[str, str, int], None]
"""Called with an action (`trimmed`, `released`), what it was about, and how many chunks: numbers, never content."""

_SEVERAL: Final = "*"
"""The channel of chunks that carry several channels' text at once."""


class _Held(msgspec.Struct):
    """One unit on its way out, and what has been decided about it.

    Args:
        piece: What is handed on.
        seq: Its number among the events that came.
        action: `pass`, `drop`, or `hold` while that is open.
        needed: Whether it says more than its text, so that it is never dropped.
    """

    piece: Any
    seq: int
    action: str = PASS
    needed: bool = False

    def decide(self, action: str) -> bool:
        """Settle what is done with it; return whether it is dropped."""
        self.action = PASS if self.needed else action
        return self.action == DROP


class _Channel:
    """One channel's opening, and its units that wait."""

    __slots__ = ("held", "opening", "preamble")

    def __init__(self, min_chars: int) -> None:
        self.opening = Opening(min_chars)
        self.held: list[_Held] = []
        self.preamble: list[_Held] = []


class RestartFilter:
    """Hands on what one iterator yields, but for an opening that comes again.

    Unlike what only observes, it delays: chunks that match the opening wait until they are many enough to be a
    repetition, or stop matching. What comes behind them waits with them, so that the order stays; heartbeats and
    comments do not wait.

    Args:
        reader: Reads what the iterator yields.
        min_chars: Characters of the opening that must come again, besides what the detectors ask for.
        told: Takes note of what is done; chunks are numbered as at the stage before.
    """

    __slots__ = (
        "_announced", "_begins", "_channels", "_min_chars", "_preamble", "_queue", "_reader", "_same", "_seq",
        "_terminal", "_told", "_trimmed",
    )  # fmt: skip

    def __init__(self, reader: UnitReader, min_chars: int, told: Told) -> None:
        self._reader = reader
        self._min_chars = min_chars
        self._told = told
        self._seq = 0
        self._queue: deque[_Held] = deque()
        self._channels: dict[str, _Channel] = {}
        self._terminal = TerminalDetector("trim_restarts")
        # An answer has begun behind content, and its own content is not there yet.
        self._begins = self._announced = self._same = False
        self._preamble: list[_Held] = []
        self._trimmed: list[int] = []

    def feed(self, item: Any, time_ns: int = 0) -> Sequence[Any]:
        """Return what is to be handed on now that `item` has come.

        Args:
            item: What the iterator yielded.
            time_ns: Not used here; every filter is told.
        """
        units = self._reader.read(item)
        whole = self._reader.aligned and not self._queue and len(units) > 1
        out: list[Any] = []
        for unit in units:
            if unit.keeps_connection:
                self._seq += 1
                out.append(unit.piece)
            else:
                self._take(unit)
                out += self._ready()
        if len(self._queue) > limits.MAX_HELD_CHUNKS:
            self._release()
            out += self._ready()
        return (item,) if whole and len(out) == len(units) else out

    def end(self) -> Sequence[Any]:
        """Return what has waited, now that nothing more will come."""
        self._queue += [_Held(unit.piece, self._seq) for unit in self._reader.rest()]
        self._release()
        self.close()
        return self._ready()

    def close(self) -> None:
        """Tell of a repetition that nobody has seen the end of."""
        self._tell_trimmed()

    def _take(self, unit: Unit) -> None:
        facts = unit.facts
        if facts is None:
            self._queue.append(_Held(unit.piece, self._seq))
            return
        self._seq += 1
        if facts.opens is not None:
            self._open(facts.opens)
        held = _Held(unit.piece, self._seq, needed=_is_needed(facts))
        if facts.content is not None:
            self._content(unit, facts, facts.content, held)
        elif self._begins and not held.needed:
            held.action = HOLD
            self._preamble.append(held)
        self._queue.append(held)
        if facts.terminal is not None or facts.error is not None:
            self._terminal.check(self._seq, facts)
            self._release()

    def _open(self, identity: str) -> None:
        ended = self._terminal.ended
        self._same = not self._terminal.open(identity)
        self._release()
        # Behind the end of an answer its reader needs to be told that another one begins.
        self._begins = not ended and any(channel.opening.has_begun for channel in self._channels.values())
        self._announced = self._begins

    def _content(self, unit: Unit, facts: Facts, text: str, held: _Held) -> None:
        channel = self._channel(_SEVERAL if facts.deltas else facts.channel)
        if channel is None:
            return
        was_trimming = channel.opening.trims
        verdict = channel.opening.take(text, proven=self._same, announced=self._announced)
        self._announced &= verdict.action != PASS
        if self._begins:
            self._begins = False
            channel.preamble, self._preamble = self._preamble, []
        self._settle(channel, verdict)
        if held.decide(verdict.action):
            self._trimmed.append(held.seq)
        elif held.action == HOLD:
            channel.held.append(held)
        elif verdict.repeated and unit.plain:
            self._trimmed.append(held.seq)
            held.piece = text[verdict.repeated :]
        if (was_trimming or verdict.confirmed) and not channel.opening.trims:
            self._same = False
            self._tell_trimmed()

    def _settle(self, channel: _Channel, verdict: Verdict) -> None:
        if verdict.released or verdict.action == PASS:
            # What was said before the first of these belongs to them.
            self._let_go([*channel.preamble, *channel.held[: verdict.released]])
            channel.preamble, channel.held = [], channel.held[verdict.released :]
        if verdict.confirmed:
            waiting = [*channel.preamble, *channel.held]
            self._trimmed += [held.seq for held in waiting if held.decide(DROP)]
            channel.preamble, channel.held = [], []

    def _channel(self, name: str) -> _Channel | None:
        channel = self._channels.get(name)
        if channel is None and len(self._channels) < limits.MAX_TRIMMED_CHANNELS:
            channel = self._channels[name] = _Channel(self._min_chars)
        return channel

    def _release(self) -> None:
        """Let everything go that waits: it is no repetition, or nobody will know."""
        for channel in self._channels.values():
            channel.opening.stop()
            self._let_go([*channel.preamble, *channel.held])
            channel.preamble, channel.held = [], []
        self._let_go(self._preamble)
        self._preamble = []
        self._begins = False

    def _let_go(self, waiting: Iterable[_Held]) -> None:
        seqs = [held.seq for held in waiting if held.action == HOLD and not held.decide(PASS)]
        if seqs:
            self._told("released", f"seq={_range(seqs)}", len(seqs))

    def _ready(self) -> list[Any]:
        ready: list[Any] = []
        while self._queue and self._queue[0].action != HOLD:
            held = self._queue.popleft()
            if held.action == PASS:
                ready.append(held.piece)
        return ready

    def _tell_trimmed(self) -> None:
        seqs, self._trimmed = self._trimmed, []
        if seqs:
            self._told("trimmed", f"seq={_range(seqs)}", len(seqs))


def _is_needed(facts: Facts) -> bool:
    return (
        facts.terminal is not None
        or facts.finish_reason is not None
        or facts.error is not None
        or facts.output_tokens is not None
    )


def _range(seqs: Sequence[int]) -> str:
    first, last = min(seqs), max(seqs)
    return str(first) if first == last else f"{first}-{last}"
