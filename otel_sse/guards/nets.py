"""`deduplicate` and `trim_restarts`: nets that are off unless an application puts one around its stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Hashable, Iterable
from typing import Any, Final, TypeVar, overload

from otel_sse.errors import ConfigurationError, must
from otel_sse.guards.duplicates import DuplicateFilter
from otel_sse.guards.filtered import Begin, Filter, FilteredAsyncIterator, FilteredIterator, NetPass
from otel_sse.guards.restarts import RestartFilter
from otel_sse.guards.units import UnitReader
from otel_sse.integrations.iterators import stage_inside
from otel_sse.integrations.observe import observe
from otel_sse.limits import MAX_OPENING_CHARS
from otel_sse.options import Options
from otel_sse.stage.settings import StageSettings
from otel_sse.telemetry.guards import GuardTally
from otel_sse.telemetry.streams import Stream, current_stream

AsyncT = TypeVar("AsyncT", bound=AsyncIterable[Any])
SyncT = TypeVar("SyncT", bound=Iterable[Any])
Key = Callable[[Any], "Hashable | None"]

BY: Final = ("identity", "content")

MIN_CHARS: Final = 64
"""Default of `trim_restarts(min_chars=)`: of 727 recorded streams two repeat their opening for so long, and both are
an answer given twice."""

_NS_PER_MS: Final = 1_000_000


@overload
def deduplicate(
    stream: AsyncT, *, window_ms: int | None = None, by: str = "identity", key: Key | None = None
) -> AsyncT: ...
@overload
def deduplicate(
    stream: SyncT, *, window_ms: int | None = None, by: str = "identity", key: Key | None = None
) -> SyncT: ...
def deduplicate(stream: Any, *, window_ms: int | None = None, by: str = "identity", key: Key | None = None) -> Any:
    """Return `stream` without the chunks that came before, a short while ago.

    What came before is told by identity, as the detectors judge it: the same `id:` or the same number in the payload
    with the same content, the same terminal event again; or by `key`. A chunk that has no identity passes, however
    equal it is to the one before: models repeat themselves, and dropping equal chunks turns `1833` into `183`. Where
    it is equal to one within the window it is counted as `kept`, which is how often `by="content"` would have dropped.

    Nothing is delayed: of an event whose bytes come in parts the first ones wait, and half an event is of no use.

    Within a request, and around a stage, the net is a stage itself: `guard.deduplicate`, which may leave chunks out.

    Args:
        stream: An async or sync iterator or iterable of text, of server-sent events as text or bytes, or of objects.
        window_ms: Longest time between a chunk and its repetition, in milliseconds, 1 to 60000; where None, the option
            `dedup_window_ms` (`OTEL_SSE_DEDUP_WINDOW_MS`, 100).
        by: `identity`, or `content` to drop equal chunks although text may be lost.
        key: Returns a chunk's identity, or None where it has none; in place of all others. It is called with the
            object, or with an event's data where the stream is text.

    Raises:
        ConfigurationError: An argument is not allowed. It is a ValueError.
        TypeError: `stream` can't be iterated.
    """
    if by not in BY:
        advice = 'Leave it out, or say "content" where lost text does no harm.'
        raise ConfigurationError(must("by", 'be "identity" or "content"', by, advice))
    if key is not None and (by != "identity" or not callable(key)):
        advice = "Pass a function, and leave `by` out: what it returns is the identity."
        raise ConfigurationError(must("key", 'be a function, with by="identity"', key, advice))
    if window_ms is not None and (not _is_whole(window_ms) or not 1 <= window_ms <= 60_000):
        advice = "Pass milliseconds, or leave it out."
        raise ConfigurationError(must("window_ms", "be a whole number from 1 to 60000", window_ms, advice))

    def make(options: Options, tally: GuardTally) -> Filter:
        window_ns = (window_ms or options.dedup_window_ms) * _NS_PER_MS
        asked = None if key is None else _guarded(key, tally)
        return DuplicateFilter(_reader(options), window_ns, tally.did, by_content=by == "content", key=asked)

    return _net(stream, "deduplicate", make)


@overload
def trim_restarts(stream: AsyncT, *, min_chars: int = MIN_CHARS) -> AsyncT: ...
@overload
def trim_restarts(stream: SyncT, *, min_chars: int = MIN_CHARS) -> SyncT: ...
def trim_restarts(stream: Any, *, min_chars: int = MIN_CHARS) -> Any:
    """Return `stream` without the opening of an answer that begins again in its middle.

    A retry or an agent's loop may give the answer from the start once more. What is repeated is withheld, up to where
    the answer stood or something new is said; that goes on. A last chunk that holds the whole answer again is withheld
    too. Chunks that say more than their text (an end, a finish reason, usage, an error) always pass.

    This net delays, other than all that observes: a chunk that begins as the answer did waits, and those behind it,
    until enough matches (they are dropped) or it no longer does (all are handed on untouched, in order).
    At most 64 chunks wait. Heartbeats and comments don't. Within a request, and around a stage, the net is a stage
    itself: `guard.trim_restarts`, which may leave chunks out. An answer that repeats itself on purpose, from its first
    word on and for longer than that, loses the repetition.

    Args:
        stream: An async or sync iterator or iterable of text, of server-sent events as text or bytes, or of objects.
        min_chars: Characters of the opening that must come again, 1 to 65536, besides the 16 chunks with 8 different
            contents that the detectors ask for. As many must have been said before.

    Raises:
        ConfigurationError: An argument is not allowed. It is a ValueError.
        TypeError: `stream` can't be iterated.
    """
    if not _is_whole(min_chars) or not 1 <= min_chars <= MAX_OPENING_CHARS:
        rule = f"be a whole number from 1 to {MAX_OPENING_CHARS}"
        raise ConfigurationError(must("min_chars", rule, min_chars, "Leave it out, or pass characters."))

    def make(options: Options, tally: GuardTally) -> Filter:
        return RestartFilter(_reader(options), min_chars, tally.did)

    return _net(stream, "trim_restarts", make)


def _net(stream: Any, guard: str, make: Callable[[Options, GuardTally], Filter]) -> Any:
    around = current_stream()
    # Read here, so that a variable that is not allowed is told to who puts the net up, and not in mid-stream.
    options = _options(around) if around is not None else Options.resolve()

    def begin() -> NetPass:
        found = around or current_stream()
        tally = GuardTally(guard, found)
        return NetPass(make(options if found is around else _options(found), tally), tally)

    filtered = _filtered(stream, begin)
    if around is None and stage_inside(stream) is None:
        return filtered
    # Without a stage of its own, what the net withholds would be lost between two others, and they be accused of it.
    return observe(filtered, f"guard.{guard}", rewrites=True)


def _filtered(stream: Any, begin: Begin) -> Any:
    if hasattr(stream, "__aiter__"):
        return FilteredAsyncIterator(stream, begin)
    if getattr(stream, "__iter__", None) or hasattr(stream, "__next__"):
        return FilteredIterator(stream, begin)
    advice = "Pass what you iterate, such as the SDK's stream object."
    raise TypeError(must("stream", "be an iterator", stream, advice))


def _options(stream: Stream | None) -> Options:
    return Options.resolve() if stream is None else stream.recorder.options


def _reader(options: Options) -> UnitReader:
    settings = StageSettings(
        max_event_bytes=options.max_event_bytes, dialect=options.dialect, content_of=options.content_of
    )
    return UnitReader(settings)


def _guarded(key: Key, tally: GuardTally) -> Key:
    def asked(item: Any) -> Hashable | None:
        try:
            found = key(item)
            hash(found)
        except Exception as error:
            tally.failed(error)
            return None
        return found

    return asked


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
