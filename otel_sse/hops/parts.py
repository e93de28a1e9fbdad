"""Messages in parts: each part is handed on by itself, and the first one carries the envelope."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

from otel_sse.hops.envelope import Envelope, is_unfinished, opened
from otel_sse.hops.hop import Hop, Leaving
from otel_sse.hops.messages import Message, plain

BYTES_LIKE = (bytes, bytearray, memoryview)


class _Whole:
    """Joins the parts of a message, so that it is observed as one. A message of more than `max_bytes` is not kept.

    The parts share one buffer: a peer may cut a message into any number of parts, and a part by itself takes 50 bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._kept = bytearray()
        self._begun = False
        self._is_text = True

    def add(self, part: Message) -> None:
        is_text = type(part) is str
        raw = part.encode("utf-8", "surrogatepass") if is_text else part  # type: ignore[union-attr]
        self._begun = True
        self._is_text = self._is_text and is_text
        self._left -= len(raw)
        if self._left >= 0:
            self._kept += raw  # type: ignore[arg-type]
        else:
            self._kept.clear()

    def message(self) -> Message | None:
        if self._left < 0 or not self._begun:
            return None
        return self._kept.decode("utf-8", "surrogatepass") if self._is_text else bytes(self._kept)


class SealedParts:
    """The parts of a message that is sent. Call `sent` after the last one, or `Hop.unsent` with `leaving`.

    Args:
        hop: This end of the connection.
        max_bytes: Longer messages are counted and not read.
    """

    def __init__(self, hop: Hop, max_bytes: int) -> None:
        self._hop = hop
        self._whole = _Whole(max_bytes)
        self._first = True
        self.leaving: Leaving | None = None

    def of(self, parts: Iterable[Any]) -> Iterator[Any]:
        """Yield the parts, the first one sealed."""
        for part in parts:
            yield self._sealed(part)

    async def of_async(self, parts: AsyncIterable[Any]) -> AsyncIterator[Any]:
        """Yield the parts, the first one sealed."""
        async for part in parts:
            yield self._sealed(part)

    def sent(self) -> None:
        """Observe the message, after its last part was sent."""
        self._hop.sent(self.leaving, self._whole.message())

    def _sealed(self, part: Any) -> Any:
        if not isinstance(part, (str, *BYTES_LIKE)):
            # The library will refuse it.
            return part
        exact = plain(part)
        self._whole.add(exact)
        if not self._first:
            return part
        self._first = False
        head, self.leaving = self._hop.head()
        if not head:
            return part
        return head + exact if type(exact) is str else head.encode() + exact  # type: ignore[operator]


async def opened_parts(hop: Hop, parts: AsyncIterator[Any], max_bytes: int) -> AsyncIterator[Any]:
    """Yield the parts of a received message without the envelope, and observe the message at its end.

    A library may cut a message anywhere. Parts that may be the beginning of an envelope are joined and pending until
    that is certain: `otel-s`, `se/1 … 1 17…\\nHel`, `lo` come out as `Hel`, `lo`.

    Args:
        hop: This end of the connection.
        parts: The parts as the library gives them.
        max_bytes: Longer messages are counted and not read.
    """
    whole = _Whole(max_bytes)
    found: Envelope | None = None
    start: Any = None
    looking = hop.agreement is not None
    async for part in parts:
        if looking:
            start = part if start is None else start + part
            if is_unfinished(start.encode() if type(start) is str else start):
                continue
            looking = False
            found, part = opened(start)
        whole.add(part)
        yield part
    if looking and start is not None:
        whole.add(start)
        yield start
    message = whole.message()
    hop.arrived(b"" if message is None else message, found)
