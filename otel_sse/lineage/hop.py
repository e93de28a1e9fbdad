"""Numbers on the messages that a hop's sender hands on: a message that is sent again has its own number again."""

from __future__ import annotations

from collections import deque

from otel_sse import limits

Message = str | bytes


class Outbox:
    """Counts the messages of one stream in one direction, over all connections to one peer.

    A message on a later connection is one of an earlier connection again where it is the very same object, or where
    it has a number of its own and equals it; the same text alone proves nothing, because a model repeats its tokens.
    A message whose sending failed gives its number back.

    The last `limits.MAX_HELD_MESSAGES` short messages are held, by reference, until the stream is forgotten.
    """

    __slots__ = ("_connection", "_earlier", "_equal", "_held", "_last", "_same")

    def __init__(self) -> None:
        self._last = 0
        self._connection = 0
        self._held: deque[tuple[int, Message, bool]] = deque(maxlen=limits.MAX_HELD_MESSAGES)
        # Held as well, because an object's id names it only as long as it lives.
        self._earlier: tuple[tuple[int, Message, bool], ...] = ()
        self._same: dict[int, int] = {}
        self._equal: dict[int, int] = {}

    def number(self, connection: int, message: Message | None, numbered: bool = False) -> int:
        """Return the number of a message that is about to be sent.

        Args:
            connection: Names the connection: a number that no other has.
            message: The message as the application gave it; None where it comes in parts.
            numbered: Whether the message carries a number of its own, so that two messages are never equal by chance.
        """
        if connection != self._connection:
            self._reconnected(connection)
        number = 0
        if self._earlier and message is not None:
            number = self._again(message, numbered)
        if not number:
            self._last = number = self._last + 1
        if message is not None and len(message) <= limits.MAX_HELD_CHARS:
            self._held.append((number, message, numbered))
        return number

    def failed(self, number: int) -> None:
        """Take note that sending the message with this number raised, so that it was not handed on."""
        if number == self._last:
            self._last = number - 1
        if self._held and self._held[-1][0] == number:
            self._held.pop()

    def _reconnected(self, connection: int) -> None:
        self._connection = connection
        self._earlier = tuple(self._held)
        self._same = {id(message): number for number, message, _ in self._earlier}
        self._equal = {hash(message): number for number, message, numbered in self._earlier if numbered}

    def _again(self, message: Message, numbered: bool) -> int:
        return self._same.get(id(message), 0) or (self._equal.get(hash(message), 0) if numbered else 0)
