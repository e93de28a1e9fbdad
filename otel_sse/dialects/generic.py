"""The dialect `generic-json`: the frames that applications make up for themselves.

No specification stands behind them, so only what such frames commonly agree on is read: a text under one of a few keys,
at top level or one level down; a `done` flag; a type that says heartbeat, end or error; OpenAI's shapes in an envelope.
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import NOTHING, TERMINAL
from otel_sse.dialects.flat import flat_content
from otel_sse.dialects.frames import (
    DONE_MARK,
    HEARTBEAT_WORDS,
    SHORTEST_FRAME_CHARS,
    error_facts,
    frame_in,
    is_done_mark,
    is_frame,
    is_nested,
    is_vendor_frame,
    unwrap,
    word_of,
)
from otel_sse.dialects.parts import Deltas, ToolCalls, gather
from otel_sse.dialects.payload import count, decode, fields, items, name, text
from otel_sse.dialects.plain import PlainText, read_named
from otel_sse.dialects.vendors.openai_chat import choices_facts, tool_call_deltas
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, HEARTBEAT
from otel_sse.stream.facts import NO_REASONS, Facts
from otel_sse.wire.events import Event

# `delta` first: frames that carry the whole text so far carry the new part under this name.
_CONTENT_KEYS: Final = ("delta", "content", "text", "token", "chunk", "message", "answer", "response")
_CONTAINERS: Final = ("delta", "message", "data", "chunk", "content", "token")
_ENVELOPES: Final = ("data", "chunk", "message", "delta", "response", "result")
_REASONING_KEYS: Final = ("reasoning_content", "reasoning", "thinking")
_NUMBER_KEYS: Final = ("seq", "sequence")
_FINISH_KEYS: Final = ("finish_reason", "done_reason", "stop_reason")

_CONTENT_WORDS: Final = frozenset({"content_chunk", "content", "chunk", "token", "text", "delta", "message"})
_FRAME_STARTS: Final = "{d \t\r\n"
"""What a serialised frame, framed or not, can begin with."""
_REASONING_WORDS: Final = frozenset({"reasoning", "thinking", "thought"})
_END_WORDS: Final = frozenset({"complete", "completed", "done"})
# What an application says about its work: their text is no part of the answer.
_SILENT_WORDS: Final = frozenset(
    {"start", "init", "connected", "session", "status", "progress", "info", "log", "debug", "metadata", "usage"}
)


class GenericJSON:
    """Reads frames of no known vendor.

    Expects nothing until a frame shows that the application marks its end (a `done` flag, or the words for it); then a
    terminal.
    """

    name = "generic-json"
    __slots__ = ("_keys", "_record_names", "_text", "_tools", "_wrote_content", "_wrote_strings", "expects")

    def __init__(self) -> None:
        self.expects = NOTHING
        self._text = PlainText()
        self._tools = ToolCalls()
        self._wrote_content = False
        self._wrote_strings = False
        self._record_names: set[str] | None = set()
        self._keys: frozenset[str] = frozenset()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        data = event.data
        if data[:1] != "{" and is_done_mark(data):
            return Facts(COMPLETE, terminal=DONE_MARK)
        payload = decode(data)
        if type(payload) is dict:
            content = None if event.event else flat_content(payload)
            if content is not None and (len(content) < SHORTEST_FRAME_CHARS or content[0] not in _FRAME_STARTS):
                return self._read_flat(payload, content)
            return self._read_object(payload, event.event)
        inner = unwrap(event.data, payload)
        if type(payload) is str:
            return self._read_string(event, payload, inner)
        if inner is None:
            inner = _message_of_pair(payload)
        if inner is not None:
            return self._read_object(inner, event.event)
        return read_named(event) or Facts(CONTROL) if payload is None else self._text.read(event)

    def _read_flat(self, payload: dict[str, Any], content: str) -> Facts:
        self._wrote_content = True
        self._keys = frozenset(payload)
        if self.expects is NOTHING and (payload.get("done") is False or word_of(payload, "") == "content_chunk"):
            self.expects = TERMINAL
        return Facts(CONTENT, content, plain=True)

    def _read_object(self, payload: dict[str, Any], event: str) -> Facts:
        self._keys = frozenset(payload)
        word = word_of(payload, event)
        if word in HEARTBEAT_WORDS or event in HEARTBEAT_WORDS:
            # Who counts frames counts these too.
            return Facts(HEARTBEAT, number=_number(payload))
        error = error_facts(payload, word, event)
        if error is not None:
            self.expects = TERMINAL
            error.number = _number(payload)
            return error
        facts = self._content_facts(payload, word)
        _add_marks(facts, payload)
        self._add_end(facts, payload, word, event)
        return facts

    def _content_facts(self, payload: dict[str, Any], word: str) -> Facts:
        chunk = _chunk_in(payload)
        if chunk is not None:
            self._tools.renumber(items(chunk["choices"]))
            return choices_facts(chunk)
        for holder in _holders(payload, _CONTAINERS):
            self._tools.renumber_calls(items(holder.get("tool_calls")))
        deltas = _deltas(payload, word)
        facts = gather(deltas)
        facts.nested = any(self._is_nested(content, payload) for channel, content in deltas if not channel)
        self._wrote_content = self._wrote_content or bool(deltas)
        return facts

    def _is_nested(self, content: str, payload: dict[str, Any]) -> bool:
        """Whether the content is itself a frame: a vendor's, one with a `done` flag, or one with the same keys."""
        if is_nested(content):
            return True
        frame, _ = frame_in(content)
        if frame is None:
            return False
        if type(frame.get("done")) is bool and type(frame.get("content")) is str:
            return True
        # An answer in JSON that was not streamed comes as the first content and alone, and may share one key by chance.
        return frame.keys() == payload.keys() and (len(frame) > 1 or self._wrote_content)

    def _read_string(self, event: Event, payload: str, inner: dict[str, Any] | None) -> Facts:
        # Applications also send each token as a JSON string, and a token may look like an object: `{}`.
        under_names = self._are_records_under_names(event.event, inner)
        if inner is not None and (under_names or (not self._wrote_strings and self._is_frame(inner))):
            facts = self._read_object(inner, event.event)
            facts.nested = True
            return facts
        self._wrote_strings = True
        return Facts(CONTENT, payload) if payload else Facts(CONTROL)

    def _are_records_under_names(self, event: str, inner: dict[str, Any] | None) -> bool:
        """Whether all strings so far were whole objects of several keys, and came under events of different names.

        The pieces of a text come under one name, and hardly one of them is a whole object.
        """
        names = self._record_names
        if inner is None or len(inner) < 2 or names is None:
            self._record_names = None
            return False
        if event and len(names) < 2:
            names.add(event)
        return len(names) > 1

    def _is_frame(self, inner: dict[str, Any]) -> bool:
        # Several keys that the object before it has too are those of the stream's own events, whatever they mean.
        same = len(inner) > 1 and inner.keys() == self._keys
        return same or is_frame(inner) or bool(_deltas(inner, ""))

    def _add_end(self, facts: Facts, payload: dict[str, Any], word: str, event: str) -> None:
        done = payload.get("done")
        ends = word in _END_WORDS or event in _END_WORDS
        if type(done) is bool or ends or word == "content_chunk":
            self.expects = TERMINAL
        if done is True:
            facts.terminal = "done"
            _add_final_counts(facts, payload)
        elif is_done_mark(payload["data"] if type(payload.get("data")) is str else ""):
            # An object around the mark: `{"event": "end", "data": "[DONE]"}`.
            facts.terminal, facts.content, facts.kind = DONE_MARK, None, COMPLETE
            self.expects = TERMINAL
        elif ends:
            facts.terminal = word if word in _END_WORDS else event
        if facts.terminal is not None:
            facts.finish_reason = facts.finish_reason or name(payload.get("reason"))
            facts.kind = COMPLETE if facts.kind == CONTROL else facts.kind


def _chunk_in(payload: dict[str, Any]) -> dict[str, Any] | None:
    """A chunk of OpenAI's shape, at top level or in an envelope."""
    holders = _holders(payload, _ENVELOPES)
    return next((one for one in holders if type(one.get("choices")) is list), None)


def _holders(payload: dict[str, Any], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """The object and, one level down, those objects in it that stand under one of the keys."""
    if dict not in map(type, payload.values()):
        return [payload]
    return [payload, *(payload[key] for key in keys if type(payload.get(key)) is dict)]


def _deltas(payload: dict[str, Any], word: str) -> Deltas:
    if word in _SILENT_WORDS:
        return []
    holders = _holders(payload, _CONTAINERS)
    deltas: Deltas = []
    if reasoning := _first(holders, _REASONING_KEYS):
        deltas.append(("reasoning", reasoning))
    content = _first(holders, _CONTENT_KEYS) or (text(payload.get("data")) if word in _CONTENT_WORDS else None)
    if content:
        deltas.append(("reasoning" if word in _REASONING_WORDS else "", content))
    for holder in holders:
        if "tool_calls" in holder:
            deltas.extend(tool_call_deltas(items(holder["tool_calls"]), ""))
    return deltas


def _first(holders: list[dict[str, Any]], keys: tuple[str, ...]) -> str | None:
    for holder in holders:
        # A token that the model's own vocabulary calls special (an end mark) is shown to nobody.
        if holder.get("special") is True:
            continue
        for key in keys:
            if key not in holder:
                continue
            if found := _written(holder[key]):
                return found
            if key == "delta" and type(holder[key]) is str:
                # The new part is empty, and what stands beside it is the whole text.
                return None
    return None


def _written(value: object) -> str | None:
    """A text, or the texts of a list of content parts."""
    if type(value) is list:
        return "".join(part for part in (text(fields(one).get("text")) for one in value) if part) or None
    return text(value)


def _add_marks(facts: Facts, payload: dict[str, Any]) -> None:
    for key in _FINISH_KEYS:
        if key in payload and (reason := name(payload[key])) not in NO_REASONS:
            facts.finish_reason = facts.finish_reason or reason
    facts.sequence, facts.number = count(payload.get("sequence_number")), _number(payload)
    if "usage" in payload and facts.input_tokens is None and facts.output_tokens is None:
        usage = fields(payload["usage"])
        facts.input_tokens = count(usage.get("prompt_tokens", usage.get("input_tokens")))
        facts.output_tokens = count(usage.get("completion_tokens", usage.get("output_tokens")))


def _number(payload: dict[str, Any]) -> int | None:
    return next((found for key in _NUMBER_KEYS if (found := count(payload.get(key))) is not None), None)


def _add_final_counts(facts: Facts, payload: dict[str, Any]) -> None:
    """The token counts that local model servers put into their last frame."""
    facts.input_tokens = facts.input_tokens or count(payload.get("prompt_eval_count"))
    facts.output_tokens = facts.output_tokens or count(payload.get("eval_count"))


def _message_of_pair(payload: object) -> dict[str, Any] | None:
    """The message where a payload is the pair of a message and its metadata, as agent frameworks send it."""
    pair = items(payload)
    if len(pair) == 2 and type(pair[1]) is dict and "content" in fields(pair[0]):
        return fields(pair[0])
    return None


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is certainly an application's own frame: a text beside a `done` flag, or a `content_chunk`."""
    found = fields(payload)
    if word_of(found, event.event) == "content_chunk":
        return bool(found)
    return type(found.get("done")) is bool and any(key in found for key in _CONTENT_KEYS)


def holds_protocol_frame(event: Event, content: str | None) -> bool:
    """Whether a frame that stands inside an event is one of a protocol's, and not a line of JSON that somebody sends.

    Args:
        event: The event.
        content: Its content, or None.
    """
    inner = unwrap(event.data, decode(event.data))
    if inner is None and content is not None:
        inner = frame_in(content)[0]
    if inner is None:
        # What the event holds is behind a key that a frame's own content never stands under.
        return content is None
    # A string of an object that has a text and nothing else: rows of data have more.
    bare = event.data[:1] == '"' and len(inner) == 1 and content in inner.values()
    return bare or is_vendor_frame(inner) or recognise(event, inner)
