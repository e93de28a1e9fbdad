"""Numbers on the messages that a hop's sender hands on: a message that is sent again has its own number again."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from otel_sse import limits

Message = str | bytes


class _Held(NamedTuple):
    """A message that was sent."""

    number: int
    message: Message
    named: bool
    size: int


class Outbox:
    """Counts the messages of one stream in one direction, over all connections to one peer.

    Two kinds of proof make a message on a later connection one of an earlier connection again:

    - It is named: it carries its stream's key and a number of its own, and equals one that was sent before.
    - It is the third or a later one of a run: after a connection that broke off before the answer's end, the new one
      began with the very same objects in the very same order. The first two of them prove nothing yet.

    Nothing else does. A model repeats its tokens, applications keep constants, and Python shares short texts, so
    neither an equal text nor one object alone says that anything was sent again. What follows an `END`, and what
    follows a `START` where the connection before was closed in order, is another answer.

    A message whose sending failed gives its number back. The last `limits.MAX_HELD_MESSAGES` short messages are held,
    by reference, up to `limits.MAX_HELD_BYTES`, until the stream is forgotten.
    """

    __slots__ = (
        "_at", "_broken", "_connection", "_continues", "_earlier", "_ended", "_held", "_held_bytes", "_last", "_named",
        "_run",
    )  # fmt: skip

    def __init__(self) -> None:
        self._last = 0
        self._connection = 0
        self._held: deque[_Held] = deque()
        self._held_bytes = 0
        self._earlier: tuple[_Held, ...] = ()
        self._named: dict[Message, int] = {}
        self._ended = False
        self._broken = False
        self._continues = False
        # How long the run at the beginning of this connection is, -1 where there is none; and where it goes on.
        self._run = -1
        self._at = 0

    @property
    def goes_on(self) -> bool:
        """Whether the last connection broke off in the middle of an answer, so that the next one may go on with it."""
        return self._broken and not self._ended

    def number(
        self, connection: int, message: Message | None, named: bool = False, *, starts: bool = False, ends: bool = False
    ) -> int:
        """Return the number of a message that is about to be sent.

        Args:
            connection: Names the connection: a number that no other has.
            message: The message as the application gave it; None where it comes in parts.
            named: Whether the message carries its stream's key and a number of its own.
            starts: Whether it is a `START`.
            ends: Whether it is an `END` or an `ERROR`.
        """
        if connection != self._connection:
            self._reconnected(connection)
        if starts:
            if not self._continues:
                self._forget()
            self._continues = self._ended = False
        number = 0
        if self._earlier and message is not None:
            number = self._again(message, named, starts)
        if not number:
            self._last = number = self._last + 1
        if ends:
            self._ended = True
        if message is not None and len(message) <= limits.MAX_HELD_CHARS:
            self._hold(number, message, named)
        return number

    def failed(self, number: int) -> None:
        """Take note that sending the message with this number raised, so that it was not handed on."""
        if number == self._last:
            self._last = number - 1
        if self._held and self._held[-1].number == number:
            self._held_bytes -= self._held.pop().size

    def broke(self) -> None:
        """Take note that the connection was not closed in order."""
        self._broken = True

    def _hold(self, number: int, message: Message, named: bool) -> None:
        held = self._held
        # Where one character of a text is not ASCII, each takes up to four bytes.
        size = len(message) if type(message) is bytes or message.isascii() else len(message) * 4
        held.append(_Held(number, message, named, size))
        self._held_bytes += size
        while len(held) > limits.MAX_HELD_MESSAGES or self._held_bytes > limits.MAX_HELD_BYTES:
            self._held_bytes -= held.popleft().size

    def _reconnected(self, connection: int) -> None:
        self._connection = connection
        self._earlier = tuple(self._held)
        self._named = {held.message: held.number for held in self._earlier if held.named}
        self._continues = self.goes_on
        self._run = 0 if self._continues else -1
        self._broken = False

    def _forget(self) -> None:
        self._held.clear()
        self._held_bytes = 0
        self._earlier, self._named, self._run = (), {}, -1

    def _again(self, message: Message, named: bool, starts: bool) -> int:
        run = 0 if starts or self._run < 0 else self._in_run(message)
        return (self._named.get(message, 0) if named else 0) or run

    def _in_run(self, message: Message) -> int:
        """The number of a message that goes on with the run, as soon as that is long enough to be none by chance."""
        earlier = self._earlier
        at = self._at if self._run else self._begin_of(message)
        if at >= len(earlier) or earlier[at].message is not message or len(message) < limits.MIN_RUN_CHARS:
            self._run = -1
            return 0
        self._run += 1
        self._at = at + 1
        return earlier[at].number if self._run >= limits.MIN_RUN else 0

    def _begin_of(self, message: Message) -> int:
        places = (at for at, held in enumerate(self._earlier) if held.message is message)
        return next(places, len(self._earlier))
