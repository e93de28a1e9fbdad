"""Ids that each event of an answer carries: when a new one means another answer, and when it means nothing."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import SUSPECTED, Finding


class CarriedDetector:
    """Reports another answer, by an id that is not the one of the event before.

    Vendors put an answer's id on each of its events. A new one means another answer where the former one is over, or
    where several events have it; with no content before it there is no second answer. Gateways exist that give each
    event an id of its own, or their own id to the first one: ids that come and go at each event mean nothing.

    Args:
        stage: The stage's name, for findings.
    """

    # A worked example, with an answer `a` of ten events that is begun again as `b` in the middle of its text:
    #
    #   1         a        the first id: nothing was said before it
    #   2 to 10            the same id, and `changed` is not called
    #   11        b        content came before: `b` is held as the beginning of another answer
    #   12 to 13           `is_waiting` holds: the monitor asks about each event
    #   14                 the fourth event of `b`: duplicate/restarted at 11 of 1
    #
    # With an id for each event, `a` at 1, `b` at 2 and `c` at 3: an id that fewer than four events have begins nothing
    # and is no answer's, and after two of them ids mean nothing on this stream.

    __slots__ = ("_alone", "_first", "_held", "_known", "_over", "_stage", "means_nothing", "takes_turns")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self.means_nothing = False
        """Whether ids have been seen to come and go at each event."""
        self.takes_turns = False
        """Whether an id has come back: the events of several answers take turns, so that one may end before another."""
        self._known: set[str] = set()
        # The chunk at which the current id came first, and how much had been said by then.
        self._first = (0, 0)
        # The chunk of an id that may begin another answer, that of the id before, and how much had been said by then.
        self._held: tuple[int, int, int] | None = None
        self._over = False
        self._alone = 0

    @property
    def is_waiting(self) -> bool:
        """Whether an id has come that may begin another answer, so that `check` is to be asked about each event."""
        return self._held is not None

    def changed(self, seq: int, identity: str, before: int, *, over: bool) -> None:
        """Take note of an id that is not that of the event before.

        Args:
            seq: The chunk.
            identity: The id.
            before: Content of the stage before this event, in bytes.
            over: Whether the answer has ended, or a choice of it has finished.
        """
        (first, said), self._first = self._first, (seq, before)
        self._held = None
        if identity in self._known:
            self.takes_turns = True
            return
        if len(self._known) < limits.MAX_CHANNELS:
            self._known.add(identity)
        if not over and seq - first < limits.ANSWER_EVENTS:
            # The id before was that of an event or two, and not that of an answer.
            self._alone += before > said
            self.means_nothing = self.means_nothing or self._alone >= limits.LONE_IDS
        elif before and not self.means_nothing:
            self._held, self._over = (seq, first, before), over

    def check(self, seq: int, content_bytes: int) -> Finding | None:
        """Return the finding that another answer has begun, once that is clear.

        Args:
            seq: The chunk.
            content_bytes: Content of the stage so far, with this chunk's.
        """
        held = self._held
        if held is None or content_bytes <= held[2]:
            return None
        begun, of, _ = held
        if not self._over and seq - begun < limits.ANSWER_EVENTS - 1:
            return None
        self._held = None
        evidence = f"an answer began at {of}, and another one begins"
        return Finding(kinds.RESTARTED, SUSPECTED, self._stage, begun, of, evidence, 0)
