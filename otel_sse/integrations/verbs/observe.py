"""`observe(stream, stage)`: any iterator becomes a stage of the current stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar, overload

from otel_sse.dialects.dialect import Dialect
from otel_sse.errors import must
from otel_sse.integrations.verbs.reading import ContentOf, checked
from otel_sse.iterators.cursor import StageCursor
from otel_sse.iterators.observed import ObservedAsyncIterator, ObservedIterator, stream_around
from otel_sse.iterators.proxy import loops_of
from otel_sse.recording.registry import stage_name
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import ORIGINS

AsyncT = TypeVar("AsyncT", bound=AsyncIterable[Any])
SyncT = TypeVar("SyncT", bound=Iterable[Any])


@overload
def observe(
    stream: AsyncT,
    stage: str,
    *,
    source: str = "",
    rewrites: bool = False,
    whole_types: Sequence[str] = (),
    cumulative: bool = False,
    dialect: str | Callable[[], Dialect] | None = None,
    content_of: ContentOf | None = None,
) -> AsyncT: ...
@overload
def observe(
    stream: SyncT,
    stage: str,
    *,
    source: str = "",
    rewrites: bool = False,
    whole_types: Sequence[str] = (),
    cumulative: bool = False,
    dialect: str | Callable[[], Dialect] | None = None,
    content_of: ContentOf | None = None,
) -> SyncT: ...
def observe(
    stream: Any,
    stage: str,
    *,
    source: str = "",
    rewrites: bool = False,
    whole_types: Sequence[str] = (),
    cumulative: bool = False,
    dialect: str | Callable[[], Dialect] | None = None,
    content_of: ContentOf | None = None,
) -> Any:
    """Return `stream` as a stage: it yields the very same objects, and each is a chunk of the stage.

    The stage belongs to the stream of the request that is being served, in whatever task or thread has that request's
    context (a bare thread or an executor has not, see `stream_handle`); outside of any request it makes a stream of its
    own, which what is watched around it shares. It begins with the first pull and ends once: with the iterator's end,
    its exception, its `aclose` or `close`, or when it is dropped.

    Args:
        stream: An async or sync iterator or iterable: a generator, `openai.AsyncStream`, a list.
        stage: The stage's name, e.g. `provider`; at most 64 characters count.
        source: Which adapter or path this is, where several feed one stage.
        rewrites: Whether what lies between this stage and the one before may change content.
        whole_types: Types of its frames (`type`, `event`, `object`, or the event's name) that hold the whole text once
            more, next to those of the option `whole_types`: their text is no content.
        cumulative: Whether each of its chunks holds all of the text so far, on purpose. Its content is then what is new
            in it, so that it is compared with stages that hand on pieces.
        dialect: The dialect of this stage's chunks, by name or a function that makes one; None for the option's, which
            looks at the first chunks.
        content_of: Called with a chunk of this stage as JSON (its text where it is none). Returns its content, "" where
            it has none, or None to ask the dialect. None for the option's.

    Raises:
        ConfigurationError: `dialect` is none.
        TypeError: `stream` can't be iterated, `stage` is no text, `whole_types` is no sequence of texts, or
            `content_of` can't be called.
        ValueError: `stage` is empty.
    """
    stage = stage_name("stage", stage)
    # Where a client library is watched as well, its stage `provider` comes before the application's own of that name.
    spec = StageSpec(
        stage,
        rewrites=rewrites,
        source=source,
        relays=stage not in ORIGINS,
        pulls=True,
        whole_types=_types(whole_types),
        cumulative=cumulative,
        **checked(dialect, content_of),
    )
    around = stream_around(stream)
    begin = partial(around.stage, spec)
    cursor = StageCursor(begin)
    kind = ObservedAsyncIterator if loops_of(stream).by_async else ObservedIterator
    return kind(stream, cursor, around)


def _types(given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(each, str) for each in given):
        raise TypeError(must("whole_types", "be a sequence of texts", given, "Pass for instance ('final', 'message')."))
    return tuple(given)
