"""Plays a case through an application and writes down all that server and application can see.

No event loop: the request is a coroutine that is driven by hand, so that each run is the same and any exception can be
thrown into it at any place, those that would stop a loop as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from types import coroutine
from typing import Any

from otel_sse.hops.envelope import HEADER, opened
from otel_sse.integrations.protocol import kind_of
from tests.fuzz.cases import Case

App = Callable[..., Any]
OURS = ("traceresponse", "x-trace-id")
"""The two headers that a stream's response has more."""
_OUR_VALUES = {OURS[0]: re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"), OURS[1]: re.compile(rb"[0-9a-f]{32}")}

OUR_KEYS = ("otel_sse", "fastapi.telemetry")
"""Keys that we leave in a scope while a request is served, and not a moment longer."""


@coroutine
def pause() -> Generator[None, None, None]:
    """Give way once."""
    yield


class Play:
    """One run of one case.

    Args:
        case: The case; its objects are this run's own.
        unwraps: Whether the server's messages may be in an envelope, where the client has offered it.
    """

    def __init__(self, case: Case, *, unwraps: bool = False) -> None:
        self._case = case
        self._unwraps = unwraps and case.agrees
        self._given = case.scope
        self._received = 0
        self._sends = 0
        self.seen: list[Any] = []
        """What was seen, in order."""

    def through(self, app: App) -> list[Any]:
        """Serve the request with an application to its end, and return what was seen."""
        copy_context().run(self._drive, app)
        self.seen.append(("scope afterwards", frozen(self._given, ())))
        return self.seen

    async def app(self, scope: Any, receive: Any, send: Any) -> Any:
        """Do what the case says, as the application."""
        self.seen.append(("scope", scope is self._given, frozen(scope)))
        for step, *rest in self._case.steps:
            try:
                if step == "send":
                    self.seen.append(("sent", await send(rest[0])))
                elif step == "receive":
                    self.seen.append(("got", self._name(await receive())))
                elif step == "pause":
                    await pause()
                elif step == "raise":
                    raise rest[0]
                else:
                    return rest[0]
            except BaseException as error:
                self.seen.append(("raised in the application", self._name(error)))
                # Who stops a request from being closed breaks Python's rule, which ends differently at each depth.
                if step not in ("send", "receive") or not rest[-1] or isinstance(error, GeneratorExit):
                    raise
        return None

    async def receive(self) -> Any:
        """Give what the case says, as the server."""
        await pause()
        number = min(self._received, len(self._case.received) - 1)
        self._received += 1
        given = self._case.received[number]
        if isinstance(given, BaseException):
            raise given
        return given

    async def send(self, message: Any) -> None:
        """Take a message, as the server."""
        self._sends += 1
        self.seen.append(("taken", self._is_the_same(message), self._taken(message)))
        await pause()
        if self._sends in self._case.refused:
            raise self._case.refused[self._sends]

    def _drive(self, app: App) -> None:
        at, thrown = self._case.thrown
        pauses = 0
        request = None
        try:
            request = app(self._given, self.receive, self.send)
            step = request.__await__()
            step.send(None)
            while True:
                pauses += 1
                if thrown is not None and pauses == at:
                    step.throw(thrown)
                else:
                    step.send(None)
        except StopIteration as end:
            self.seen.append(("returned", end.value))
        except BaseException as error:
            self.seen.append(("raised", self._name(error), _story(error)))
        finally:
            if request is not None and hasattr(request, "close"):
                request.close()

    def _name(self, value: Any) -> Any:
        """What an object is: of the case's own the place, which no other object has."""
        if isinstance(value, (str, bytes, int, float, type(None))):
            return (type(value).__name__, repr(value))
        if isinstance(value, GeneratorExit):
            # What closes a request is thrown anew into each coroutine within; only the outermost sees the object.
            return "closed"
        if self._case.agrees and type(value) is dict:
            return frozen(value)
        for name, own in self._own():
            if value is own:
                return name
        return ("another", frozen(value))

    def _own(self) -> Iterator[tuple[Any, Any]]:
        case = self._case
        yield from ((("received", at), each) for at, each in enumerate(case.received))
        yield from ((("step", at), step[1]) for at, step in enumerate(case.steps) if len(step) > 1)
        yield from ((("refused", at), each) for at, each in case.refused.items())
        yield "thrown", case.thrown[1]

    def _is_the_same(self, message: Any) -> Any:
        """Whether a message is the very object that was sent; what we add a header to is not."""
        if kind_of(message) in ("http.response.start", "websocket.accept") or self._case.agrees:
            return "may be another"
        return self._name(message)

    def _taken(self, message: Any) -> Any:
        if type(message) is not dict:
            return frozen(message)
        taken = dict(message)
        if kind_of(message) in ("http.response.start", "websocket.accept") and "headers" in taken:
            taken["headers"] = _headers(taken["headers"], self._case.agrees)
        if self._case.agrees and taken.get("headers") in (("sequence",), frozen(None)):
            # No headers, in three ways; the answer to the client's offer is added to each.
            taken.pop("headers")
        if self._unwraps and kind_of(message) == "websocket.send":
            texts = [key for key in ("text", "bytes") if isinstance(taken.get(key), (str, bytes))]
            taken.update({key: opened(taken[key])[1] for key in texts})
        return frozen(taken)


def _headers(headers: Any, agrees: bool) -> Any:
    if isinstance(headers, (dict, str, bytes, int, float, set, range)) or not hasattr(headers, "__iter__"):
        return frozen(headers)
    # A server reads them once, in order; what holds them is nothing to it.
    found = list(headers)
    if agrees:
        return ("sequence", *(frozen(each) for each in found if not _has_name(each, HEADER)))
    return ("sequence", *map(frozen, without_ours(found)))


def without_ours(headers: list[Any]) -> list[Any]:
    """Return a response's headers without those that we add: at the end, in order, where there is none of the name."""
    kept = list(headers)
    for name in reversed(OURS):
        others = [each for each in kept[:-1] if _has_name(each, name)]
        if kept and not others and _has_name(kept[-1], name) and _OUR_VALUES[name].fullmatch(kept[-1][1]):
            kept.pop()
    return kept


def _has_name(header: Any, name: str) -> bool:
    return type(header) is tuple and len(header) == 2 and header[0] == name.encode() and type(header[1]) is bytes


def _story(error: BaseException) -> Any:
    """What an exception says of how it came about."""
    return (
        type(error.__cause__).__name__,
        type(error.__context__).__name__,
        error.__suppress_context__,
        frozen(error.args),
    )


def frozen(value: Any, ours: tuple[str, ...] = OUR_KEYS) -> Any:
    """Return a value as one that stays, and that equals that of an equal value.

    Args:
        value: The value.
        ours: Keys of mappings that are not looked at.
    """
    if isinstance(value, dict):
        items = [(repr(key), frozen(each)) for key, each in value.items() if key not in ours]
        return (type(value).__name__, *items)
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *(frozen(each) for each in value))
    if type(value).__name__ in ("list_iterator", "generator"):
        return ("once", *(frozen(each) for each in value))
    # Of what can't be read this is its place in memory.
    return (type(value).__name__, re.sub(" at 0x[0-9a-fA-F]+", "", repr(value)))
