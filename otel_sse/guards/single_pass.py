"""`single_pass(stream)`: a second iteration of a stream raises, and says where both are."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, TypeVar, overload

from otel_sse.errors import StreamReusedError, must
from otel_sse.guards.call_sites import CallSite, call_site, is_ours, told_apart
from otel_sse.integrations.pulls import BaseObjectProxy
from otel_sse.telemetry.guards import GuardTally
from otel_sse.telemetry.streams import current_stream

AsyncT = TypeVar("AsyncT", bound=AsyncIterable[Any])
SyncT = TypeVar("SyncT", bound=Iterable[Any])


@overload
def single_pass(stream: AsyncT) -> AsyncT: ...
@overload
def single_pass(stream: SyncT) -> SyncT: ...
def single_pass(stream: Any) -> Any:
    """Return `stream` guarded: it can be iterated once, and a second iteration raises instead of doubling chunks.

    One iteration is one loop (`async for`, `for`, `aiter()`, `iter()`). Chunks may be taken with `anext()` or `next()`
    before it, which is the same iteration; while it goes on, only the function that loops may take some so. A loop
    that was left can't be begun again; to go on where it stopped, loop over `chunks = aiter(stream)` both times.

    The loop gets the stream's own iterator, so a chunk costs nothing; a call of `anext()` about a microsecond. In all
    else what is returned is the stream itself: its attributes, its closing, the very objects it yields.

    Args:
        stream: An async or sync iterator or iterable: a generator, `openai.AsyncStream`, a list.

    Raises:
        StreamReusedError: Not here, but where the second iteration begins; it names both places, and where both are in
            one line of a helper, who called it. It is a RuntimeError.
        TypeError: `stream` can't be iterated.
    """
    loops = hasattr(stream, "__aiter__"), bool(getattr(stream, "__iter__", None)) or hasattr(stream, "__next__")
    if not any(loops):
        advice = "Pass what you iterate, such as the SDK's stream object."
        raise TypeError(must("stream", "be an iterator", stream, advice))
    return _GUARDS[loops](stream)


class _Pass:
    """What is known of the one iteration that a stream may have."""

    __slots__ = ("_code", "_ended", "_latest", "_ours", "_places", "_pulling", "_read")

    def __init__(self) -> None:
        self._places: dict[str, CallSite] = {}
        self._pulling: CallSite | None = None
        self._read = self._ended = False
        self._code: CodeType | None = None
        self._latest: CallSite | None = None
        self._ours = False

    def place(self, frame: FrameType) -> CallSite:
        """Return where a chunk is asked for by `frame`, a call of the function that most often asked before, too.

        Looking for the place takes longer than all else, so it is that of the function's first chunk, unless somebody
        else is asking just now.
        """
        latest = self._latest
        if frame.f_code is not self._code or latest is None or self._pulling is not None:
            latest = self._latest = call_site(frame)
            self._code, self._ours = frame.f_code, is_ours(frame)
        return latest

    def loop(self) -> None:
        """Take note that a loop begins. Raises where it is not the first, or somebody else is reading or has read."""
        here = call_site(sys._getframe(1))
        if self._pulling is not None:
            raise _reused(self._pulling, here)
        if self._ended and self._read:
            raise _reused(self._places["pull"], here)
        # Setting a default is atomic, so of two threads one is the second.
        first = self._places.setdefault("loop", here)
        if first is not here:
            raise _reused(first, here)

    def pull(self, here: CallSite) -> None:
        """Take note that one chunk is asked for, outside of any loop. Raises where somebody else is reading."""
        if self._pulling is not None:
            raise _reused(self._pulling, here)
        places = self._places
        reader = places.get("loop") or (places["pull"] if self._ended and self._read else here)
        # What stands around a guard (`observe`, a net) asks it before each loop, and then pulls for that loop.
        if reader.code is not here.code and not self._ours:
            raise _reused(reader, here)
        places.setdefault("pull", here)
        self._pulling = here

    def pulled(self, *, ended: bool) -> None:
        """Take note that the chunk has come, or the stream's end instead."""
        self._pulling = None
        self._read = self._read or not ended
        self._ended = self._ended or ended


class _SinglePass(BaseObjectProxy):
    """What both kinds share."""

    otel_sse_single_pass = True
    """Lets what is watched around a guard ask it whether one more loop may begin (`observe`, the other guards)."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._self_pass = _Pass()


class _AsyncSinglePass(_SinglePass):
    def __aiter__(self) -> AsyncIterator[Any]:
        self._self_pass.loop()
        iterator: AsyncIterator[Any] = self.__wrapped__.__aiter__()
        return iterator

    def __anext__(self) -> Awaitable[Any]:
        # The place is here and not where the awaitable is awaited: that may be a task of its own.
        one = self._self_pass
        return _pulled(one, one.place(sys._getframe(1)), self.__wrapped__.__anext__)

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered

    async def __aexit__(self, *raised: Any) -> Any:
        return await self.__wrapped__.__aexit__(*raised)


async def _pulled(one: _Pass, here: CallSite, pull: Any) -> Any:
    one.pull(here)
    ended = False
    try:
        return await pull()
    except StopAsyncIteration:
        ended = True
        raise
    finally:
        one.pulled(ended=ended)


class _SyncSinglePass(_SinglePass):
    def __iter__(self) -> Iterator[Any]:
        self._self_pass.loop()
        return iter(self.__wrapped__)

    def __next__(self) -> Any:
        one = self._self_pass
        one.pull(one.place(sys._getframe(1)))
        ended = False
        try:
            return self.__wrapped__.__next__()
        except StopIteration:
            ended = True
            raise
        finally:
            one.pulled(ended=ended)

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()
        return self if entered is self.__wrapped__ else entered

    def __exit__(self, *raised: Any) -> Any:
        return self.__wrapped__.__exit__(*raised)


class _EitherSinglePass(_AsyncSinglePass, _SyncSinglePass):
    """For a stream that can be iterated both ways (LiteLLM's): once in all."""


_GUARDS = {(True, False): _AsyncSinglePass, (False, True): _SyncSinglePass, (True, True): _EitherSinglePass}
"""Whether it can be iterated async, sync → the guard."""


def _reused(first: CallSite, second: CallSite) -> StreamReusedError:
    error = StreamReusedError(*told_apart(first, second))
    tally = GuardTally("single_pass", current_stream())
    tally.did("raised", f"at {error.second}, first at {error.first}")
    tally.end()
    return error
