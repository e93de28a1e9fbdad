"""The `id:` field: the same event twice, numbers that skip or go back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from otel_sse import limits
from otel_sse.detect.sequence import SequenceDetector
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Finding

_NAMES_KNOWN: Final = 3
"""Different ids after which a stream is known to name its events: with one or two, an id may be the message's."""

_COUNTER: Final = re.compile(r"0|[1-9][0-9]{0,8}")
"""Longer numbers are times or database keys, which need not follow one another."""

_TICK: Final = re.compile(r"[0-9]{10}(?:\.[0-9]{1,3})?|[0-9]{13}")
"""Seconds or milliseconds since 1970: two events of one tick have one id and may have one content."""


_BEGINNINGS: Final = frozenset({"0", "1"})
"""What a count begins with."""


class IdentityDetector:
    """Reports events whose `id` says that they were seen before, or that one is missing.

    Ids are judged by how the stream uses them. A repeat with the same digest is a replay. A stream that gives several
    different events one id (a message's id on each of its chunks) does not name events, and is left alone. Small whole
    numbers that turn out to be dense count: a skip is a gap, certain where they began at 0 or 1, else suspected,
    because a server may number all of its streams with one counter.
    """

    __slots__ = ("_anew", "_counter", "_held", "_latest", "_learnt", "_names", "_shared", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._anew = False
        self._names: dict[str, tuple[int, str]] = {}
        self._held: list[Finding] = []
        self._latest = ""
        self._learnt: list[tuple[int, int, str]] = []
        self._counter: SequenceDetector | None = None
        self._shared = False

    def check(self, seq: int, ident: str, digest: str) -> Sequence[Finding]:
        """Return what is wrong with the event that carries `ident`, and what has become certain of earlier ones.

        Args:
            seq: The chunk.
            ident: Its id. An empty one resets the browser's memory and says nothing.
            digest: Its digest.
        """
        if not ident or self._shared:
            return ()
        if self._anew:
            self._anew = False
            if not self._goes_on(ident):
                return [*self.restart(), *self.check(seq, ident, digest)]
        if self._counter is not None and _COUNTER.fullmatch(ident):
            return self._numbered(self._counter, seq, int(ident), digest)
        ident = _kept(ident)
        latest, self._latest = self._latest, ident
        known = self._names.get(ident)
        if known is None:
            return self._new(seq, ident, digest)
        return self._again(seq, ident, digest, known, latest == ident)

    def heartbeat(self, seq: int, ident: str, digest: str) -> Sequence[Finding]:
        """Take note of a heartbeat's id, which may be any: it takes part where it counts on, and else says nothing."""
        return self.check(seq, ident, digest) if self._counts_on(ident) else ()

    def _counts_on(self, ident: str) -> bool:
        if not _COUNTER.fullmatch(ident):
            return False
        if self._counter is not None:
            return int(ident) == self._counter.last + 1
        if not self._latest:
            return ident in _BEGINNINGS
        return bool(_COUNTER.fullmatch(self._latest)) and int(ident) == int(self._latest) + 1

    def begin(self) -> None:
        """Take note that another answer begins, whose ids may be those of the former one, or go on with them."""
        self._anew = True

    def _goes_on(self, ident: str) -> bool:
        if self._counter is not None and _COUNTER.fullmatch(ident):
            return self._counter.goes_on(int(ident))
        return _kept(ident) not in self._names

    def restart(self) -> Sequence[Finding]:
        """Forget the ids, because another answer begins and may count anew; return the gaps that nothing has filled."""
        self._names.clear()
        self._held.clear()
        self._learnt.clear()
        self._latest = ""
        return () if self._counter is None or self._shared else self._counter.restart()

    def _numbered(self, counter: SequenceDetector, seq: int, number: int, digest: str) -> Sequence[Finding]:
        self._shared = counter.is_shared(number, digest)
        return () if self._shared else counter.check(seq, number, digest)

    def _new(self, seq: int, ident: str, digest: str) -> Sequence[Finding]:
        if len(self._names) >= limits.MAX_IDS:
            del self._names[next(iter(self._names))]
        self._names[ident] = (seq, digest)
        found: list[Finding] = []
        if len(self._names) >= _NAMES_KNOWN and self._held:
            found, self._held = self._held, []
        if len(self._learnt) < limits.MAX_LEARNT_IDS and _COUNTER.fullmatch(ident):
            found += self._learn(seq, int(ident), digest)
        return found

    def _again(self, seq: int, ident: str, digest: str, known: tuple[int, str], neighbours: bool) -> Sequence[Finding]:
        first, before = known
        if before != digest:
            self._shared = True
            return ()
        if neighbours and _TICK.fullmatch(ident):
            return ()
        kind = kinds.DOUBLED if first == seq - 1 else kinds.REPLAYED
        finding = Finding(kind, CERTAIN, self._stage, seq, first, f"the id of chunk {first} again")
        if len(self._names) >= _NAMES_KNOWN:
            return (finding,)
        if len(self._held) < limits.MAX_FINDINGS_PER_STREAM:
            self._held.append(finding)
        return ()

    def _learn(self, seq: int, number: int, digest: str) -> list[Finding]:
        self._learnt.append((seq, number, digest))
        numbers = [each for _, each, _ in self._learnt]
        if len(numbers) < limits.MAX_LEARNT_IDS or max(numbers) - min(numbers) > len(numbers):
            return []
        # At most one number is missing: they count. What was learnt from is judged now.
        self._counter = SequenceDetector(self._stage, "id", certain=min(numbers) < 2)
        return [finding for one in self._learnt for finding in self._counter.check(*one)]


def _kept(ident: str) -> str:
    """Return what is remembered of an id: no two ids have the same, and none is long."""
    if len(ident) <= limits.MAX_ID_CHARS:
        return ident
    return sha256(ident.encode("utf-8", "surrogatepass")).hexdigest()
