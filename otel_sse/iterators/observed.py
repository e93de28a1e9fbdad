"""Iterators that are watched: the very same objects come out, and whatever way it ends the stage ends, once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from otel_sse.iterators.cursor import StageCursor
from otel_sse.iterators.proxy import AsyncPassProxy, PassProxy, SyncPassProxy, layers
from otel_sse.iterators.pulls import AsyncGeneratorPulls, AsyncPulls, GeneratorPulls, Pulls, closing
from otel_sse.recording.registry import StreamLater


class _Observed(PassProxy):
    """What both kinds share: each pass is a stage, and closing or leaving the iterator ends it.

    Args:
        iterable: What is iterated.
        cursor: Its stage.
        around: The stream that its stage belongs to, which what is watched around it shares.
    """

    def __init__(self, iterable: Any, cursor: StageCursor, around: StreamLater | None = None) -> None:
        super().__init__(iterable)
        self._self_cursor = cursor
        self._self_around = around

    def _self_begin_anew(self) -> None:
        self._self_cursor = self._self_cursor.again()

    def _self_closing(self, name: str, close: Any) -> Any:
        return partial(closing, self._self_cursor, close)

    def _self_entered(self, entered: Any) -> Any:
        # Always this one: the chunks of a stage are pulled through it, whatever the context manager gives.
        return self

    def _self_left(self, leave: Callable[..., Any], *raised: Any) -> Any:
        return closing(self._self_cursor, leave, *raised)


class ObservedAsyncIterator(_Observed, AsyncPassProxy):
    """An async iterator or iterable that is watched; in all else the object it wraps.

    Args:
        iterable: What is iterated.
        cursor: Its stage.
        around: The stream that its stage belongs to, which what is watched around it shares.
    """

    def _self_begin(self, iterator: Any) -> AsyncPulls:
        kind = AsyncGeneratorPulls if hasattr(iterator, "asend") else AsyncPulls
        return kind(iterator, self._self_cursor)


class ObservedIterator(_Observed, SyncPassProxy):
    """A sync iterator or iterable that is watched; in all else the object it wraps.

    Args:
        iterable: What is iterated.
        cursor: Its stage.
        around: The stream that its stage belongs to, which what is watched around it shares.
    """

    def _self_begin(self, iterator: Any) -> Pulls:
        kind = GeneratorPulls if hasattr(iterator, "send") else Pulls
        return kind(iterator, self._self_cursor)


def stream_around(iterable: Any) -> StreamLater:
    """Return the stream that a stage around `iterable` belongs to: that of the stage it is, where it is one."""
    return stage_inside(iterable) or StreamLater()


def stage_inside(iterable: Any) -> StreamLater | None:
    """Return the stream of the stage that `iterable` is, or that guards stand around; None where there is no stage."""
    for layer in layers(iterable):
        if isinstance(layer, _Observed) and layer._self_around is not None:
            return layer._self_around
    return None
