"""Which chunks came before, and may be dropped for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final

from otel_sse import limits
from otel_sse.detect.identity import IdentityDetector
from otel_sse.detect.sequence import SequenceDetector
from otel_sse.detect.terminal import TerminalDetector
from otel_sse.guards.units import Unit, UnitReader
from otel_sse.stream import kinds
from otel_sse.stream.chunk import Finding
from otel_sse.stream.digest import sha1_digest
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event

Told = Callable[[str, str], None]
"""Called with an action (`dropped`, `kept`) and what it was about: numbers, never content."""

_STAGE: Final = "deduplicate"


class DuplicateFilter:
    """Hands on what one iterator yields, but for chunks that came before.

    What came before is told by identity: the protocol's (a terminal event, a payload's number, an `id:`, as the
    detectors judge them) or the user's own `key`. Equal content proves nothing, because models repeat themselves, and
    counts only where the user says so.

    Args:
        reader: Reads what the iterator yields.
        window_ns: Longest time between a chunk and its repetition, in nanoseconds.
        told: Takes note of what is done; chunks are numbered as at the stage before.
        by_content: Whether equal content is enough.
        key: The user's function to a chunk's identity, or None.
    """

    __slots__ = ("_by_content", "_contents", "_ids", "_key", "_keys", "_reader", "_seq", "_told", "_window_ns")

    def __init__(
        self,
        reader: UnitReader,
        window_ns: int,
        told: Told,
        *,
        by_content: bool = False,
        key: Callable[[Any], Hashable | None] | None = None,
    ) -> None:
        self._reader = reader
        self._window_ns = window_ns
        self._by_content = by_content
        self._key = key
        self._told = told
        self._seq = 0
        self._ids = _Identities(window_ns)
        self._keys = _Recent(window_ns)
        self._contents = _Recent(window_ns)

    def feed(self, item: Any, time_ns: int) -> Sequence[Any]:
        """Return what is to be handed on now that `item` has come.

        Args:
            item: What the iterator yielded.
            time_ns: When, in nanoseconds on any clock that does not go back.
        """
        units = self._reader.read(item)
        passed = [unit.piece for unit in units if self._passes(unit, time_ns)]
        return (item,) if self._reader.aligned and len(passed) == len(units) else passed

    def end(self) -> Sequence[Any]:
        """Return what has waited for the rest of an event, now that nothing more will come."""
        return [unit.piece for unit in self._reader.rest()]

    def close(self) -> None:
        """Do nothing: all has been told."""

    def _passes(self, unit: Unit, time_ns: int) -> bool:
        if unit.facts is None:
            return True
        self._seq += 1
        if unit.event is None or unit.keeps_connection:
            return True
        said = self._proof(unit, unit.facts, unit.event, time_ns)
        if said:
            self._told("dropped", said)
        return not said

    def _proof(self, unit: Unit, facts: Facts, event: Event, time_ns: int) -> str:
        """Return what proves that it came before, in words; "" where nothing does."""
        seq = self._seq
        if self._key is not None:
            key = self._key(event.data if _is_text(unit.piece) else unit.piece)
            of = self._keys.seen(key, seq, time_ns) if key is not None else 0
            return f"seq={seq} of={of} by=key" if of else ""
        digest = _digest(facts, event)
        of, what = self._ids.repeated(seq, facts, event, digest, time_ns)
        if of:
            return f"seq={seq} of={of} by={what}"
        of = self._contents.seen((facts.channel, digest), seq, time_ns)
        if of and self._by_content:
            return f"seq={seq} of={of} by=content"
        if of:
            self._told("kept", f"seq={seq} of={of} by=content")
        return ""


class _Identities:
    """What the protocol says of a chunk's identity: the detectors' word, within the window."""

    __slots__ = ("_ids", "_numbers", "_terminal", "_times", "_window_ns")

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._times: dict[int, int] = {}
        self._terminal = TerminalDetector(_STAGE)
        self._numbers = SequenceDetector(_STAGE, "sequence number")
        self._ids = IdentityDetector(_STAGE)

    def repeated(self, seq: int, facts: Facts, event: Event, digest: str, time_ns: int) -> tuple[int, str]:
        """Return which chunk this one repeats within the window, and by what; (0, "") where it repeats none."""
        if facts.opens is not None and self._terminal.open(facts.opens):
            self._numbers.begin()
            self._ids.begin()
        for what, findings in self._asked(seq, facts, event, digest):
            for finding in findings:
                if finding.family == kinds.DUPLICATE and finding.seq == seq and self._is_recent(finding.of, time_ns):
                    return finding.of, what
        self._remember(seq, time_ns)
        return 0, ""

    def _asked(self, seq: int, facts: Facts, event: Event, digest: str) -> Iterator[tuple[str, Sequence[Finding]]]:
        if facts.terminal is not None:
            found = self._terminal.check(seq, facts)
            # Another answer that ends is none that ends twice.
            yield "terminal", (found,) if found is not None and found.kind == kinds.TERMINAL else ()
        if facts.sequence is not None:
            yield "number", self._numbers.check(seq, facts.sequence, digest)
        if event.id is not None:
            yield "id", self._ids.check(seq, event.id, digest)

    def _is_recent(self, seq: int, time_ns: int) -> bool:
        return time_ns - self._times.get(seq, -self._window_ns) <= self._window_ns and seq in self._times

    def _remember(self, seq: int, time_ns: int) -> None:
        self._times[seq] = time_ns
        if len(self._times) > limits.MAX_REMEMBERED_CHUNKS:
            del self._times[next(iter(self._times))]


class _Recent:
    """What was seen within the window: any hashable, with the chunk that had it first."""

    __slots__ = ("_seen", "_window_ns")

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._seen: dict[Hashable, tuple[int, int]] = {}

    def seen(self, what: Hashable, seq: int, time_ns: int) -> int:
        """Return the chunk that had `what` within the window, 0 where none had; and remember it."""
        first, at_ns = self._seen.get(what, (0, 0))
        if first and time_ns - at_ns <= self._window_ns:
            return first
        # Set anew, so that the oldest stands first.
        self._seen.pop(what, None)
        self._seen[what] = seq, time_ns
        if len(self._seen) > limits.MAX_REMEMBERED_CHUNKS:
            del self._seen[next(iter(self._seen))]
        return 0


def _digest(facts: Facts, event: Event) -> str:
    text = event.data if facts.content is None else facts.content
    return sha1_digest(text.encode("utf-8", "surrogatepass"))


def _is_text(piece: Any) -> bool:
    return isinstance(piece, (str, bytes, bytearray, memoryview))
