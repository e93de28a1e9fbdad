"""The numbers of sent messages: each new message gets the next number, and one that is sent again keeps its own."""

from __future__ import annotations

from collections import deque

import msgspec

from otel_sse import limits

Message = str | bytes


class _Held(msgspec.Struct, frozen=True):
    """A sent message that is kept for comparison.

    Args:
        number: Its number.
        message: The object that the application gave.
        named: See `Outbox.number`.
        size: Bytes that it takes, at most.
    """

    number: int
    message: Message
    named: bool
    size: int


class Outbox:
    """Counts the messages of one stream in one direction, over all connections to one peer.

    A message on a later connection keeps the number of an earlier message where one of two things proves it the same:

    - Its name. It carries the key of its stream and a number of its own, and equals an earlier message.
    - Its run. The connection before broke off within an answer, and the new connection begins with the same objects in
      the same order. The third object of the run and all further ones are proven; the first two may be chance.

    Nothing else is proof. Models repeat tokens, applications keep constants, and Python shares short texts: neither an
    equal text nor a single object shows that a message was sent again. Messages behind an `END` are another answer. So
    are messages behind a `START`, where the connection before was closed in order.

    A failed message gives its number back. The last `limits.MAX_HELD_MESSAGES` short messages are held by reference, up
    to `limits.MAX_HELD_BYTES`, until the stream is forgotten.
    """

    # Connection 1 sends the objects a, b, c and d as 1, 2, 3 and 4, and breaks off. Connection 2 begins with the same
    # four objects, and goes on with a new one:
    #
    #     sent      a  b  c  d  e
    #     run       1  2  3  4  -      limits.MIN_RUN is 3
    #     number    5  6  3  4  7
    #
    # When a and b are sent, nothing is proven: they are counted on. At c the run is long enough: c and d have their own
    # numbers again, and the receiver reports both as resent. An x in place of b ends the run, and all five messages are
    # counted on: 5, 6, 7, 8, 9. So are equal texts in objects of their own.
    #
    # Named messages need no run. "seq 1", "seq 2" and "seq 3" of stream s were 1, 2 and 3 on connection 1. Connection 2
    # sends "seq 2", "seq 3" and "seq 4" of stream s: 2, 3, 4.

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
        # Length of the run at the beginning of this connection, -1 for none; and the index of its next message.
        self._run = -1
        self._at = 0

    @property
    def goes_on(self) -> bool:
        """Whether the last connection broke off within an answer, so that the next connection may continue it."""
        return self._broken and not self._ended

    def number(
        self, connection: int, message: Message | None, named: bool = False, *, starts: bool = False, ends: bool = False
    ) -> int:
        """Return the number of a message that is about to be sent.

        Args:
            connection: Number of the connection; no two connections of a process have the same.
            message: The message as the application gave it; None for a message in parts.
            named: Whether the message carries the key of its stream and a number of its own.
            starts: Whether the message is a `START`.
            ends: Whether the message is an `END` or an `ERROR`.
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
        """Take the number of a message back, because sending it raised.

        Only the latest number is given to the next message. An earlier one stays a hole, which the receiver reports.
        """
        if number == self._last:
            self._last = number - 1
        if self._held and self._held[-1].number == number:
            self._held_bytes -= self._held.pop().size

    def broke(self) -> None:
        """Take note that the connection ended without an orderly close."""
        self._broken = True

    def _hold(self, number: int, message: Message, named: bool) -> None:
        held = self._held
        # A text with one character beyond ASCII takes up to four bytes for each.
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
        """The earlier number of the next message of the run; 0 where the run ends here, or is too short for proof."""
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
