"""The list of dialects that a `Reader` chooses from."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from otel_sse.dialects.dialect import Dialect
from otel_sse.errors import ConfigurationError, must, nearest
from otel_sse.wire.events import Event

Factory = Callable[[], Dialect]
Recognise = Callable[[Event, object], bool]


class Entry(msgspec.Struct, frozen=True):
    """One dialect of the list.

    Args:
        name: Its name.
        factory: Makes one instance for one stream.
        recognise: Says from one event and its decoded data whether the stream is certainly of this dialect.
        keys: Keys of which an object must have one to be of this dialect, so that others are spared the question; empty
            where data need not be an object, or its keys say nothing.
    """

    name: str
    factory: Factory
    recognise: Recognise
    keys: frozenset[str] = frozenset()


_entries: tuple[Entry, ...] = ()


def register(name: str, factory: Factory, recognise: Recognise) -> None:
    """Add a dialect to the list; it is asked before those that are there. One of the same name is replaced.

    Args:
        name: The dialect's name, e.g. `acme-chat`; not empty.
        factory: Called without arguments, once a stream; returns a new `Dialect`.
        recognise: Called with one of a stream's first events and its decoded data (`NOT_JSON` where it is not JSON);
            returns True only where the event certainly is of this dialect.

    Raises:
        ConfigurationError: The name is empty.
    """
    add(Entry(name, factory, recognise))


def add(entry: Entry) -> None:
    """Add an entry as `register` does.

    Args:
        entry: The entry.

    Raises:
        ConfigurationError: Its name is empty.
    """
    global _entries
    name = entry.name
    if not name:
        raise ConfigurationError(must("A dialect's name", "not be empty", name, "Give it a name such as 'acme-chat'."))
    # A new tuple each time: a reader on another thread sees the old list or the new one, never half of it.
    _entries = (entry, *(each for each in _entries if each.name != name))


def unregister(name: str) -> None:
    """Remove a dialect from the list; no effect where there is none of this name.

    Args:
        name: The dialect's name.
    """
    global _entries
    _entries = tuple(entry for entry in _entries if entry.name != name)


def names() -> tuple[str, ...]:
    """Return the names of all dialects, in the order they are asked."""
    return tuple(entry.name for entry in _entries)


def entries() -> tuple[Entry, ...]:
    """Return the list as it is now."""
    return _entries


def make(name: str) -> Dialect:
    """Return a new instance of the dialect of this name.

    Raises:
        ConfigurationError: There is none of this name.
    """
    for entry in _entries:
        if entry.name == name:
            return entry.factory()
    advice = nearest(name, names(), "Use one of these or register it.")
    raise ConfigurationError(must("dialect", f"be one of {', '.join(names())}", name, advice))
