"""Reads a stream whose dialect is not known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from otel_sse.dialects.dialect import Dialect
from otel_sse.dialects.frames import TYPE_KEYS, is_done_mark, unwrap
from otel_sse.dialects.generic import GenericJSON
from otel_sse.dialects.payload import NOT_JSON, decode, fields, items
from otel_sse.dialects.plain import PlainText
from otel_sse.dialects.registry import Entry, entries, make
from otel_sse.limits import MAX_CHANNELS, MAX_SNIFFED_EVENTS
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

ContentOf = Callable[[object], "str | None"]

_TYPE_KEYS: Final = (*TYPE_KEYS, "object")
"""Keys whose text says what kind of frame one is."""

_ALIKE_EVENTS: Final = 3
"""Events with content of no vendor's shape after which a stream is called generic, or plain text: a single one may be
an application's greeting before the vendor's stream."""


class Reader:
    """Reads one stream, and chooses its dialect by looking at its first events.

    Until the choice is made events are read as generic frames, so their facts are right too. From then on `read` is the
    chosen dialect's own method.

    Args:
        dialect: A dialect's name or an instance for this stream; None to choose by looking.
        content_of: Called with an event's decoded JSON (the data itself where it is not JSON). Returns the event's
            content, which replaces what the dialect says of it; "" where the event has none; None to ask the dialect.
            Not called for `[DONE]`. Where it raises or returns anything else, the dialect is asked.
        whole_types: Types of frames, or names of events, that hold the whole text once more: their text is no content.
        cumulative: Whether each frame holds all of the text so far: its content is then what is new in it.

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
        "_so_far",
        "_texts",
        "_whole_types",
        "callback_errors",
        "read",
    )

    read: Callable[[Event], Facts]
    """Return what an event means. Never raises, whatever the event holds."""

    def __init__(
        self,
        *,
        dialect: str | Dialect | None = None,
        content_of: ContentOf | None = None,
        whole_types: Iterable[str] = (),
        cumulative: bool = False,
    ) -> None:
        self.callback_errors = 0
        """How often a callback of the user (`content_of`, a registered `recognise`) raised."""
        self._content_of = content_of
        self._whole_types = frozenset(whole_types)
        self._so_far: dict[str, tuple[int, int]] | None = {} if cumulative else None
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

    @property
    def asks(self) -> bool:
        """Whether more than the dialect says what the content is: the user's function, or what was declared."""
        return self._content_of is not None or bool(self._whole_types) or self._so_far is not None

    def take_for_text(self) -> None:
        """Choose plain text, because the bytes are neither events nor lines; a choice that is made stays."""
        if self._chosen is None:
            self._choose(PlainText())

    def _choose(self, dialect: Dialect) -> None:
        self._chosen = dialect
        self._read_with(dialect.read)

    def _read_with(self, read: Callable[[Event], Facts]) -> None:
        self._read_dialect = read
        self.read = self._read_and_ask if self.asks else read

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
        if entry.keys and (type(payload) is not dict or entry.keys.isdisjoint(payload)):
            return False
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
        if is_done_mark(event.data):
            return facts
        if self._content_of is not None and (content := self._ask(event.data)) is not None:
            facts = _with_content(facts, content)
        if facts.content is None:
            return facts
        if self._whole_types and self._is_whole(event):
            return without_content(facts)
        return facts if self._so_far is None else self._difference(self._so_far, facts, facts.content)

    def _is_whole(self, event: Event) -> bool:
        payload = decode(event.data)
        pair = items(payload)
        names = {event.event, *(fields(pair[0] if pair else payload).get(key) for key in _TYPE_KEYS)}
        return any(type(each) is str and each in self._whole_types for each in names)

    @staticmethod
    def _difference(known: dict[str, tuple[int, int]], facts: Facts, whole: str) -> Facts:
        """The same facts with what is new in the text; where it does not go on with the one before, all of it is."""
        size, before = known.get(facts.channel, (0, 0))
        if facts.channel in known or len(known) < MAX_CHANNELS:
            known[facts.channel] = (len(whole), hash(whole))
        if size and len(whole) >= size and hash(whole[:size]) == before:
            if len(whole) == size:
                return without_content(facts)
            facts.content, facts.deltas = whole[size:], ()
        return facts

    def _ask(self, data: str) -> str | None:
        payload = decode(data)
        try:
            content = self._content_of(data if payload is NOT_JSON else payload) if self._content_of else None
        except Exception:
            self.callback_errors += 1
            return None
        return content if isinstance(content, str) else None


def _with_content(facts: Facts, content: str) -> Facts:
    """The same facts with the user's content in the place of the dialect's; "" is none."""
    # Who reads the frames himself is not held to what the dialect takes them for.
    facts.nested, facts.grammar, facts.calls = False, None, ()
    if not content:
        return without_content(facts)
    facts.content, facts.channel, facts.deltas, facts.kind = content, "", (), CONTENT
    return facts


def without_content(facts: Facts) -> Facts:
    """Take the content out of facts, and return them."""
    facts.content, facts.channel, facts.deltas = None, "", ()
    facts.plain = facts.plain and facts.kind != CONTENT
    if facts.kind == CONTENT:
        facts.kind = CONTROL if facts.terminal is None else COMPLETE
    return facts
