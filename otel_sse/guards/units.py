"""What a guard decides about, one by one: an iterator's objects, or the events that its bytes are cut into. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from otel_sse.dialects import Reader
from otel_sse.stage.items import ItemReader
from otel_sse.stage.settings import StageSettings
from otel_sse.stream.chunk import CONTENT, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.stream.stage import StageSpec
from otel_sse.wire import Comment, Event, Parser


class Unit(msgspec.Struct):
    """One thing that is handed on, or not.

    Args:
        piece: What is handed on: the iterator's own object, or the part of it that is this event.
        facts: What it means; None for what is no event: a violation, line ends, the part of an event.
        event: The event that it is or would be sent as; None for a comment too.
        plain: Whether it is text that stands for itself, so that a part of it may be handed on.
    """

    piece: Any
    facts: Facts | None = None
    event: Event | None = None
    plain: bool = False

    @property
    def keeps_connection(self) -> bool:
        """Whether it says nothing and is there for the connection: a heartbeat, a comment."""
        return self.facts is not None and self.facts.kind == HEARTBEAT


class UnitReader:
    """Cuts what one iterator yields into units.

    Text and bytes that are framed as events may be cut anywhere. Of an event that has not come whole the bytes wait for
    the rest, which delays nothing, since no reader can use half an event; line ends that are left over go on at once.

    Args:
        settings: How the stream is read.
    """

    __slots__ = ("_gone", "_items", "_limit", "_parser", "_reader", "_rest", "_text", "aligned")

    def __init__(self, settings: StageSettings) -> None:
        spec = StageSpec("")
        content_of = settings.content_of_stage(spec)
        self._reader = Reader(dialect=settings.dialect_of_stage(spec), content_of=content_of)
        self._items = ItemReader(self._reader, asks=content_of is not None)
        self._parser = Parser(max_bytes=settings.max_event_bytes)
        self._limit = settings.max_event_bytes
        self._rest = b""
        self._gone = 0
        self._text = False
        self.aligned = True
        """Whether the last item's units are the item and nothing else."""

    def read(self, item: Any) -> Sequence[Unit]:
        """Return the units that `item` completes, in order."""
        self.aligned = True
        text = self._items.plain(item)
        if text is not None:
            return (Unit(item, Facts(CONTENT, text), Event(text), type(item) is str),)
        framed = self._items.framed(item)
        if framed:
            return self._framed(item, framed)
        facts, event = self._items.read(item)
        plain = type(item) is str and facts.content == item
        return (Unit(item, facts, event, plain),)

    def rest(self) -> Sequence[Unit]:
        """Return what has waited in vain, now that nothing more will come."""
        rest, self._rest = self._rest, b""
        return (Unit(self._as_given(rest)),) if rest else ()

    def _framed(self, item: Any, raw: bytes) -> Sequence[Unit]:
        self._text = type(item) is str
        found = self._parser.feed(raw)
        if len(found) == 1 and found[0].size == len(raw) and not self._rest:
            return (self._unit(item, found[0]),)
        self.aligned = not self._rest
        waiting, at, units = self._rest + raw, 0, []
        for each in found:
            end = at + each.size - self._gone
            self._gone = 0
            units.append(self._unit(self._as_given(waiting[at:end]), each))
            at = end
        return [*units, *self._left_over(waiting[at:])]

    def _left_over(self, rest: bytes) -> Sequence[Unit]:
        self._rest = b""
        if not rest:
            return ()
        if not rest.strip(b"\r\n") or len(rest) > self._limit:
            self._gone += len(rest)
            return (Unit(self._as_given(rest)),)
        self._rest = rest
        self.aligned = False
        return ()

    def _unit(self, piece: Any, found: Any) -> Unit:
        if type(found) is Event:
            return Unit(piece, self._reader.read(found), found)
        return Unit(piece, Facts(HEARTBEAT) if type(found) is Comment else None)

    def _as_given(self, raw: bytes) -> Any:
        return raw.decode("utf-8", "surrogatepass") if self._text else raw
