"""`observe(stream, stage)`: any iterator becomes a stage of the current stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from functools import partial
from typing import Any, Final, TypeVar, overload

from otel_sse.errors import must
from otel_sse.integrations.iterators import ObservedAsyncIterator, ObservedIterator, StageCursor, stream_around
from otel_sse.integrations.recorders import stage_name

PROVIDER: Final = "provider"
"""The stage whose chunks come from outside the process. Several may feed one stream, and none feeds another; but where
a client library is watched as well, its stage `provider` comes before the application's own."""

AsyncT = TypeVar("AsyncT", bound=AsyncIterable[Any])
SyncT = TypeVar("SyncT", bound=Iterable[Any])


@overload
def observe(stream: AsyncT, stage: str, *, source: str = "", rewrites: bool = False) -> AsyncT: ...
@overload
def observe(stream: SyncT, stage: str, *, source: str = "", rewrites: bool = False) -> SyncT: ...
def observe(stream: Any, stage: str, *, source: str = "", rewrites: bool = False) -> Any:
    """Return `stream` as a stage: it yields the very same objects, and each is a chunk of the stage.

    The stage belongs to the stream of the request that is being served, in whatever task or thread; outside of any
    request it makes a stream of its own, which what is watched around it shares. It begins with the first pull and ends
    once: with the iterator's end, its exception, its `aclose` or `close`, or when it is dropped.

    Args:
        stream: An async or sync iterator or iterable: a generator, `openai.AsyncStream`, a list.
        stage: The stage's name, e.g. `provider`; at most 64 characters count.
        source: Which adapter or path this is, where several feed one stage.
        rewrites: Whether what lies between this stage and the one before may change content.

    Raises:
        TypeError: `stream` can't be iterated, or `stage` is no text.
        ValueError: `stage` is empty.
    """
    stage = stage_name("stage", stage)
    around = stream_around(stream)
    begin = partial(around.stage, stage, source=source, rewrites=rewrites, relays=stage != PROVIDER)
    cursor = StageCursor(begin)
    if hasattr(stream, "__aiter__"):
        return ObservedAsyncIterator(stream, cursor, around)
    if getattr(stream, "__iter__", None) or hasattr(stream, "__next__"):
        return ObservedIterator(stream, cursor, around)
    raise TypeError(must("stream", "be an iterator", stream, "Pass what you iterate, such as the SDK's stream object."))
