"""The dialect `langgraph`: a graph's messages, each with where it came from, and its state.

Source: LangGraph, "Streaming" (modes `messages`, `messages-tuple`, `values`, `updates`, `custom`).
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import NOTHING
from otel_sse.dialects.frames import error_name, is_nested, read_other
from otel_sse.dialects.growth import Growth
from otel_sse.dialects.langchain_messages import called, written
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels, Deltas, gather
from otel_sse.dialects.payload import NOT_JSON, count, decode, fields, identity, items, text
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import COMPLETE, CONTROL, ERROR
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

_PAIR: Final = "messages"
_PARTIAL: Final = "messages/partial"
_CHUNK: Final = "AIMessageChunk"
_WHOLE: Final = frozenset({"ai", "AIMessage"})


class LangGraph(ObjectDialect):
    """Reads a graph's messages. Each is a channel, by its id; one that was streamed says nothing when it comes whole.

    Of `messages/partial`, which holds all of a message so far, the content is what is new in it. Not every version says
    where a run ends.
    """

    name = "langgraph"
    expects = NOTHING
    __slots__ = ("_grown", "_numbers", "_said")

    def __init__(self) -> None:
        super().__init__()
        self._numbers = Channels()
        self._grown: dict[str, Growth] = {}
        self._said: set[str] = set()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        # A subgraph's events say where they came from behind a bar.
        kind = event.event.partition("|")[0]
        if kind == "end":
            return Facts(COMPLETE, terminal=kind)
        payload = decode(event.data)
        if kind == "error":
            return Facts(ERROR, error=error_name(payload if payload is not NOT_JSON else {}))
        if kind == "metadata":
            return Facts(CONTROL, opens=self.opened(fields(payload).get("run_id")))
        if kind == _PAIR:
            pair = items(payload)
            return self._message_facts(fields(pair[0])) if pair else Facts(CONTROL)
        if kind == _PARTIAL:
            return self._partial_facts(items(payload))
        if type(payload) is dict or type(payload) is list or payload is None:
            # The state, a step's update, what a message's metadata is: no piece of an answer.
            return Facts(CONTROL)
        return read_other(_nobodys, event, payload)

    def _message_facts(self, message: dict[str, Any]) -> Facts:
        kind, ident = text(message.get("type")) or "", identity(message.get("id")) or ""
        if kind != _CHUNK and (kind not in _WHOLE or ident in self._said):
            return Facts(CONTROL)
        facts = gather(_deltas(message, self._numbers.number(ident)))
        if facts.content is not None and len(self._said) < MAX_CHANNELS:
            self._said.add(ident)
        facts.nested = any(is_nested(one) for one in (message.get("content"),))
        usage = fields(message.get("usage_metadata"))
        facts.input_tokens, facts.output_tokens = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
        return facts

    def _partial_facts(self, messages: list[Any]) -> Facts:
        deltas: Deltas = []
        for one in messages:
            message = fields(one)
            if text(message.get("type")) not in (*_WHOLE, _CHUNK):
                continue
            for channel, whole in _deltas(message, self._numbers.number(message.get("id"))):
                grown = self._grown.get(channel)
                if grown is None and len(self._grown) < MAX_CHANNELS:
                    grown = self._grown[channel] = Growth()
                if new := whole if grown is None else grown.new_in(whole):
                    deltas.append((channel, new))
        return gather(deltas)


def _nobodys(payload: dict[str, Any], event: str) -> Facts | None:
    return None


def _deltas(message: dict[str, Any], number: int) -> Deltas:
    channel = str(number)
    deltas = written(message.get("content"), channel)
    if thought := text(fields(message.get("additional_kwargs")).get("reasoning_content")):
        deltas.append((f"{channel}/reasoning", thought))
    return [*deltas, *called(message, channel)]


def recognise(event: Event, payload: object) -> bool:
    """Whether an event holds a graph's messages by its name and their shape."""
    kind = event.event.partition("|")[0]
    if kind == _PARTIAL:
        return type(payload) is list
    pair = items(payload)
    return kind == _PAIR and len(pair) == 2 and "type" in fields(pair[0]) and type(pair[1]) is dict
