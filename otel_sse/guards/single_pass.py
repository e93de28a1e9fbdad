"""`single_pass(stream)`: a second iteration of a stream raises, and says where both are."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, TypeVar, overload

from otel_sse.errors import StreamReusedError
from otel_sse.guards.call_sites import CallSite, call_site, is_ours, told_apart
from otel_sse.iterators.proxy import AsyncIteratorProxy, IteratorProxy, Loops, SyncIteratorProxy, loops_of
from otel_sse.recording.guard_tally import GuardTally
from otel_sse.recording.live_stream import current_stream

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
    return _GUARDS[loops_of(stream)](stream)


class _Pass:
    """The one iteration of a stream: who loops, who pulls, and whether it has ended."""

    __slots__ = ("_code", "_ended", "_latest", "_ours", "_places", "_pulling", "_read")

    def __init__(self) -> None:
        self._places: dict[str, CallSite] = {}
        self._pulling: CallSite | None = None
        self._read = self._ended = False
        self._code: CodeType | None = None
        self._latest: CallSite | None = None
        self._ours = False

    def place(self, frame: FrameType) -> CallSite:
        """Return the place of a pull by `frame`.

        The search for a place takes longer than all else. So pulls of one function share the place of its first pull,
        while nobody else is pulling.
        """
        latest = self._latest
        if frame.f_code is not self._code or latest is None or self._pulling is not None:
            latest = self._latest = call_site(frame)
            self._code, self._ours = frame.f_code, is_ours(frame)
        return latest

    def loop(self) -> None:
        """Begin a loop.

        Raises:
            StreamReusedError: It is a second loop, or another place is pulling or has read the stream to its end.
        """
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
        """Begin a pull outside of any loop.

        Raises:
            StreamReusedError: Another place is reading the stream.
        """
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
        """End a pull.

        Args:
            ended: Whether the end of the stream came, and no chunk.
        """
        self._pulling = None
        self._read = self._read or not ended
        self._ended = self._ended or ended


class _SinglePass(IteratorProxy):
    """What all kinds share."""

    otel_sse_single_pass = True
    """Tells the proxies around this guard to ask it whether one more loop may begin."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._self_pass = _Pass()


class _AsyncSinglePass(_SinglePass, AsyncIteratorProxy):
    def __aiter__(self) -> AsyncIterator[Any]:
        self._self_pass.loop()
        iterator: AsyncIterator[Any] = self.__wrapped__.__aiter__()
        return iterator

    def __anext__(self) -> Awaitable[Any]:
        # The place is here and not where the awaitable is awaited: that may be a task of its own.
        one = self._self_pass
        return _pulled(one, one.place(sys._getframe(1)), self.__wrapped__.__anext__)


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


class _SyncSinglePass(_SinglePass, SyncIteratorProxy):
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


class _EitherSinglePass(_AsyncSinglePass, _SyncSinglePass):
    """For a stream that can be iterated both ways (LiteLLM's): once in all."""


_GUARDS = {
    Loops(by_async=True, by_sync=False): _AsyncSinglePass,
    Loops(by_async=False, by_sync=True): _SyncSinglePass,
    Loops(by_async=True, by_sync=True): _EitherSinglePass,
}


def _reused(first: CallSite, second: CallSite) -> StreamReusedError:
    error = StreamReusedError(*told_apart(first, second))
    tally = GuardTally("single_pass", current_stream())
    tally.did("raised", f"at {error.second}, first at {error.first}")
    tally.end()
    return error
