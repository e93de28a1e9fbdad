"""Whatever stands around an iterator is in all else the iterator: `observe`, the nets, `single_pass`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import wrapt

import otel_sse
from otel_sse import guards
from otel_sse.errors import StreamReusedError
from otel_sse.iterators.proxy import IteratorProxy, Loops, layers, loops_of
from tests.integrations.pipeline import produced, produced_at_once
from tests.iterators.made import AsyncBody, AsyncSource, Source, fail


def observed(stream: Any) -> Any:
    """Watch a stream as a stage."""
    return otel_sse.observe(stream, "x")


PASSES = [observed, guards.deduplicate, guards.trim_restarts]
"""Those that have a pass of their own."""

AROUND = [*PASSES, guards.single_pass]

every = pytest.mark.parametrize("around", AROUND)
passing = pytest.mark.parametrize("around", PASSES)


@every
def test_all_have_one_base(around: Any) -> None:
    """Of what is async, of what is not, and of what is both."""
    for stream in (produced("ab"), [1], Both("ab")):
        assert type(around(stream)).__mro__.count(IteratorProxy) == 1


class Both:
    """A stream that can be iterated both ways."""

    def __init__(self, each: Any) -> None:
        self.each = iter(each)

    def __aiter__(self) -> Both:
        return self

    async def __anext__(self) -> Any:
        for one in self.each:
            return one
        raise StopAsyncIteration

    def __iter__(self) -> Both:
        return self

    def __next__(self) -> Any:
        return next(self.each)


def test_stream_is_iterated_in_the_ways_that_it_has() -> None:
    """A file, a generator, an SDK's stream: by `async for`, by `for` or `next`, or both."""
    assert loops_of(AsyncBody("a")) == Loops(by_async=True, by_sync=False)
    assert loops_of(iter("a")) == loops_of([]) == Loops(by_async=False, by_sync=True)
    assert loops_of(Both("a")) == Loops(by_async=True, by_sync=True)


@every
def test_what_can_not_be_iterated_is_refused(around: Any) -> None:
    """The error says what to pass, in the same words everywhere."""
    with pytest.raises(TypeError, match=r"^stream must be an iterator, got 5\. Pass what you iterate"):
        around(5)


@every
async def test_object_that_is_both_is_iterated_by_async(around: Any) -> None:
    """Where both ways are there, that is the one."""
    assert [item async for item in around(Both("ab"))] == ["a", "b"]


@every
def test_list_takes_in_an_iterator(around: Any) -> None:
    """`a_list += iterator` iterates it, as it would the iterator itself, and what is no iterator is added as it is."""
    taken = ["x"]
    taken += around(produced_at_once(["a", "b"]))
    assert taken == ["x", "a", "b"]
    assert ["x"] + around(["a"]) == ["x", "a"]  # noqa: RUF005


@passing
@pytest.mark.parametrize("inside", PASSES)
async def test_what_can_be_iterated_anew_can_behind_two(around: Any, inside: Any) -> None:
    """Each loop over a list, or what is like it, gets all of it, however many stand around it."""
    at_once = around(inside(["a", "b"]))
    assert list(at_once) == list(at_once) == ["a", "b"]
    later = around(inside(AsyncBody(["a", "b"])))
    assert [item async for item in later] == [item async for item in later] == ["a", "b"]


@passing
def test_guard_inside_is_asked_for_each_loop(around: Any) -> None:
    """A second loop over what may be iterated once raises, though it could be iterated anew."""
    stream = around(guards.single_pass(["a", "b"]))
    assert list(stream) == ["a", "b"]
    with pytest.raises(StreamReusedError):
        iter(stream)


class Mailbox:
    """What can be iterated anew by `async for`, and has a method that is called as a generator's is."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, text: str) -> str:
        self.sent.append(text)
        return "sent"

    async def __aiter__(self) -> AsyncIterator[str]:
        for text in self.sent:
            yield text


@every
async def test_method_called_send_is_its_own(around: Any) -> None:
    """What is no generator of the kind keeps its methods, whatever they are called."""
    later = around(Mailbox())
    assert later.send("a") == "sent"
    assert [item async for item in later] == ["a"]


@passing
async def test_generators_are_sent_to_through_the_pass(around: Any) -> None:
    """What is pulled by `send` and `asend` is of the pass that the loop goes on with."""
    at_once = around(produced_at_once(["a", "b", "c"]))
    assert [at_once.send(None), next(at_once), *at_once] == ["a", "b", "c"]
    later = around(produced(["a", "b", "c"]))
    assert [await later.asend(None), await anext(later), *[item async for item in later]] == ["a", "b", "c"]


class Entering(Source):
    """Its context manager gives what it was told to."""

    gives: Any = None

    def __enter__(self) -> Any:
        return self.gives or self


@every
def test_context_manager_gives_the_proxy_for_what_it_wraps(around: Any) -> None:
    """Chunks are then pulled through it; and leaving is what is wrapped's own."""
    source = Source("ab")
    with around(source) as stream:
        assert isinstance(stream, IteratorProxy)
        fail()
    assert source.closed == 1


@pytest.mark.parametrize("around", [guards.deduplicate, guards.trim_restarts, guards.single_pass])
def test_context_manager_that_gives_another_object_gives_it(around: Any) -> None:
    """A guard stands around one stream; a stage takes whatever is entered."""
    source = Entering("ab")
    source.gives = object()
    with around(source) as stream:
        assert stream is source.gives
    with observed(source) as watched:
        assert next(watched) == "a"


@every
async def test_async_context_manager_gives_the_proxy_for_what_it_wraps(around: Any) -> None:
    """Likewise without the sync kind."""
    source = AsyncSource("ab")
    async with around(source) as stream:
        assert isinstance(stream, IteratorProxy)
        fail()
    assert source.closed == 1


def test_layers_are_the_proxies_from_outside_in() -> None:
    """Those of other libraries too; the object inside is none of them."""
    inner = guards.single_pass(["a"])
    theirs: Any = wrapt.ObjectProxy(inner)
    outer = guards.deduplicate(theirs)
    assert [id(layer) for layer in layers(outer)] == [id(outer), id(theirs), id(inner)]
    assert list(layers(["a"])) == []
