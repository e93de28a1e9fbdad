"""Reads a stream whose dialect is not known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_sse.dialects.dialect import Dialect
from otel_sse.dialects.frames import is_done_mark, unwrap
from otel_sse.dialects.generic import GenericJSON
from otel_sse.dialects.payload import NOT_JSON, decode
from otel_sse.dialects.plain import PlainText
from otel_sse.dialects.registry import Entry, entries, make
from otel_sse.limits import MAX_SNIFFED_EVENTS
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

ContentOf = Callable[[object], "str | None"]

_ALIKE_EVENTS: Final = 3
"""Events with content of no vendor's shape after which a stream is called generic, or plain text: a single one may be
an application's greeting before the vendor's stream."""


class Reader:
    """Reads one stream, and chooses its dialect by looking at its first events.

    Until the choice is made events are read as generic frames, so their facts are right too. From then on `read` is the
    chosen dialect's own method.

    Args:
        dialect: A dialect's name or an instance for this stream; None to choose by looking.
        content_of: Called with an event's decoded JSON (the data itself where it is not JSON); returns the event's
            content, or None where it has none. Replaces what the dialect says of content. Not called for `[DONE]`.

    Raises:
        ConfigurationError: `dialect` is a name that is not registered.
    """

    __slots__ = (
        "_candidate",
        "_chosen",
        "_content_of",
        "_frames",
        "_looked",
        "_read_dialect",
        "_texts",
        "callback_errors",
        "read",
    )

    read: Callable[[Event], Facts]
    """Return what an event means. Never raises, whatever the event holds."""

    def __init__(self, *, dialect: str | Dialect | None = None, content_of: ContentOf | None = None) -> None:
        self.callback_errors = 0
        """How often a callback of the user (`content_of`, a registered `recognise`) raised."""
        self._content_of = content_of
        self._candidate = GenericJSON()
        self._chosen: Dialect | None = None
        self._looked = self._frames = self._texts = 0
        if dialect is None:
            self._read_with(self._sniff)
        else:
            self._choose(make(dialect) if isinstance(dialect, str) else dialect)

    @property
    def name(self) -> str:
        """The chosen dialect's name; "" until the choice is made."""
        return "" if self._chosen is None else self._chosen.name

    @property
    def expects(self) -> str:
        """What a complete stream must have shown by its end, as far as is known now."""
        return (self._chosen or self._candidate).expects

    def _choose(self, dialect: Dialect) -> None:
        self._chosen = dialect
        self._read_with(dialect.read)

    def _read_with(self, read: Callable[[Event], Facts]) -> None:
        self._read_dialect = read
        self.read = read if self._content_of is None else self._read_and_ask

    def _sniff(self, event: Event) -> Facts:
        if self._chosen is not None:
            # A caller that took `read` before the choice was made.
            return self._read_dialect(event)
        payload = decode(event.data)
        entry = self._recognise(event, payload)
        if entry is not None:
            self._choose(self._candidate if entry.factory is GenericJSON else entry.factory())
            return self._read_dialect(event)
        facts = self._candidate.read(event)
        self._count(event, facts, payload)
        return facts

    def _recognise(self, event: Event, payload: object) -> Entry | None:
        inner = unwrap(event.data, payload)
        found = payload if inner is None else inner
        return next((entry for entry in entries() if self._asked(entry, event, found)), None)

    def _asked(self, entry: Entry, event: Event, payload: object) -> bool:
        try:
            return entry.recognise(event, payload)
        except Exception:
            self.callback_errors += 1
            return False

    def _count(self, event: Event, facts: Facts, payload: object) -> None:
        if facts.kind == HEARTBEAT or (payload is NOT_JSON and event.data[:1] == ":"):
            # An application may wait for its model for many heartbeats, and they say nothing about what will follow.
            # Nor do comments that were sent as data.
            return
        self._looked += 1
        if facts.kind == CONTENT:
            is_frame = type(payload) in (dict, list, str)
            self._frames += is_frame
            self._texts += not is_frame
        if self._frames >= _ALIKE_EVENTS or self._looked >= MAX_SNIFFED_EVENTS:
            self._choose(PlainText() if self._texts and not self._frames else self._candidate)
        elif self._texts >= _ALIKE_EVENTS and not self._frames:
            self._choose(PlainText())

    def _read_and_ask(self, event: Event) -> Facts:
        facts = self._read_dialect(event)
        return facts if is_done_mark(event.data) else _with_content(facts, self._ask(event.data))

    def _ask(self, data: str) -> str | None:
        payload = decode(data)
        try:
            content = self._content_of(data if payload is NOT_JSON else payload) if self._content_of else None
        except Exception:
            self.callback_errors += 1
            return None
        return content if isinstance(content, str) and content else None


def _with_content(facts: Facts, content: str | None) -> Facts:
    """The same facts with the user's content in the place of the dialect's."""
    facts.content, facts.channel, facts.deltas = content, "", ()
    if content is not None:
        facts.kind = CONTENT
    elif facts.kind == CONTENT:
        facts.kind = CONTROL if facts.terminal is None else COMPLETE
    return facts
