"""What any dialect may meet: `[DONE]`, a heartbeat, an error, a frame that was serialised twice.

Gateways put such events into streams of every dialect, so all dialects read them here, in one way.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from otel_sse.dialects.payload import NOT_JSON, decode, fields, items, name
from otel_sse.limits import MAX_NAME_CHARS
from otel_sse.stream.chunk import COMPLETE, CONTROL, ERROR, HEARTBEAT
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

DONE_MARK: Final = "[DONE]"
HEARTBEAT_WORDS: Final = frozenset({"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"})
TYPE_KEYS: Final = ("type", "event_type", "event")
SHORTEST_FRAME_CHARS: Final = 16
"""No text shorter than this can be a whole frame (`{"choices":[{}]}`); almost every delta is shorter."""

_CONTENT_KEYS: Final = ("content", "text", "delta", "token", "message", "chunk")
_DELTA_KEYS: Final = ("type", "text", "content", "message", "partial_json", "stop_reason", "step_details")
_NUMBERING_KEYS: Final = ("id", "item_id", "output_index", "sequence_number")
_ERROR_NAME_KEYS: Final = ("code", "type", "status", "error_type")


class ObjectReader(Protocol):
    """Reads one decoded JSON object of a dialect; None where the object is none of its own."""

    def __call__(self, payload: dict[str, Any], event: str) -> Facts | None: ...


def is_done_mark(data: str) -> bool:
    """Whether the payload is `[DONE]`, the end in every dialect."""
    return data == DONE_MARK or (len(data) < SHORTEST_FRAME_CHARS and data.strip() == DONE_MARK)


def word_of(payload: dict[str, Any], event: str) -> str:
    """Return the event's type as the payload says it, else as the `event` field does; "" where neither does."""
    for key in TYPE_KEYS:
        word = payload.get(key)
        if type(word) is str and word:
            return word
    return event


def error_name(error: object) -> str:
    """Return an error's code or type; "error" where it has none. Never its message.

    Args:
        error: The error object, or a string, which is taken for a code only where it looks like one (`rate_limit`).
    """
    if type(error) is str:
        return error[:MAX_NAME_CHARS] if error.isidentifier() and error.islower() else "error"
    details = fields(error)
    names = [found for found in (name(details.get(key)) for key in _ERROR_NAME_KEYS) if found and found != "error"]
    # A word says more than an HTTP status, and some vendors send both.
    words = [found for found in names if not found.isdigit()]
    return next(iter(words or names), "error")


def error_facts(payload: dict[str, Any], word: str, event: str) -> Facts | None:
    """Return the facts of an error event, or None where the object is not one.

    Args:
        payload: The decoded object.
        word: Its type, as `word_of` found it.
        event: The `event` field.
    """
    error = payload.get("error")
    if error is True or (error and type(error) in (dict, str)):
        return Facts(ERROR, error=error_name(payload if error is True else error))
    if word == "error" or event == "error" or payload.get("status") == "error":
        return Facts(ERROR, error=error_name(payload))
    return None


def read_aside(payload: dict[str, Any], event: str) -> Facts:
    """Return the facts of an object that is not the dialect's own."""
    word = word_of(payload, event)
    if word in HEARTBEAT_WORDS or event in HEARTBEAT_WORDS:
        return Facts(HEARTBEAT)
    facts = error_facts(payload, word, event)
    if facts is not None:
        return facts
    if payload.get("done") is True:
        return Facts(COMPLETE, terminal="done")
    return Facts(CONTROL, nested=_holds_frame(payload))


def read_object(reader: ObjectReader, payload: dict[str, Any], event: str) -> Facts:
    """Return what `reader` makes of an object, or the facts of one that is not its own."""
    facts = reader(payload, event)
    if facts is None:
        return read_aside(payload, event)
    if facts.kind == CONTROL and not any(key in payload for key in TYPE_KEYS):
        # A foreign object may stand under one of the dialect's event names.
        facts.nested = facts.nested or _holds_frame(payload)
    return facts


def _holds_frame(payload: dict[str, Any]) -> bool:
    return any(is_nested(payload.get(key)) for key in _CONTENT_KEYS)


def read_other(reader: ObjectReader, event: Event, payload: object) -> Facts:
    """Return the facts of an event whose payload is not a JSON object, in a dialect whose payloads are objects.

    Args:
        reader: The dialect's own reader, for a frame found inside a string.
        event: The event.
        payload: Its decoded data, or `NOT_JSON`.
    """
    if is_done_mark(event.data):
        return Facts(COMPLETE, terminal=DONE_MARK)
    inner = unwrap(event.data, payload)
    if inner is not None:
        facts = read_object(reader, inner, event.event)
        facts.nested, facts.plain = facts.nested or payload is not NOT_JSON, False
        return facts
    if event.event in HEARTBEAT_WORDS:
        return Facts(HEARTBEAT)
    return Facts(ERROR, error="error") if event.event == "error" else Facts(CONTROL)


def unwrap(data: str, payload: object) -> dict[str, Any] | None:
    """Return the object inside a payload that is a JSON string, or that is framed once more (`data: data: {...}`)."""
    inner: object = None
    if type(payload) is str:
        # The string may hold the whole frame: `data: "data: {...}\n\n"`.
        inner = decode(payload.removeprefix("data:"))
    elif payload is NOT_JSON and data.startswith("data:"):
        inner = decode(data[5:])
    return inner if type(inner) is dict else None


def is_nested(value: object) -> bool:
    """Whether a content text is certainly a whole serialised frame, and not JSON that a model wrote.

    Certain are only the forms that frames have and answers do not: those of `is_vendor_frame`, and an object behind
    `data:` that has a frame's keys.
    """
    if type(value) is not str or len(value) < SHORTEST_FRAME_CHARS:
        return False
    frame, framed = frame_in(value)
    return frame is not None and (is_vendor_frame(frame) or (framed and is_frame(frame)))


def frame_in(value: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the JSON object that a text is, whole, and whether `data:` stands before it."""
    body = value.strip()
    framed = body.startswith("data:")
    if framed:
        body = body[5:].lstrip()
    if not (body.startswith("{") and body.endswith("}")):
        return None, framed
    payload = decode(body)
    return (payload if type(payload) is dict else None), framed


def is_vendor_frame(frame: dict[str, Any]) -> bool:
    """Whether an object has a form that only a vendor's stream frames have: its parts, or a type and its delta."""
    if any("delta" in fields(choice) for choice in items(frame.get("choices"))):
        return True
    if any("parts" in fields(fields(one).get("content")) for one in items(frame.get("candidates"))):
        return True
    if any("generated_text" in fields(result) for result in items(frame.get("results"))):
        return True
    named = [frame[key] for key in ("type", "event_type", "object") if type(frame.get(key)) is str]
    if "choices" in frame:
        return any(one.startswith(("chat.completion", "text_completion")) for one in named)
    return bool(named) and _is_vendor_delta(frame)


def _is_vendor_delta(frame: dict[str, Any]) -> bool:
    """Whether `delta` is a piece of a stream, and not a difference that an answer tells (`"delta": "3 percent"`)."""
    delta = frame.get("delta")
    if type(delta) is str:
        return any(key in frame for key in _NUMBERING_KEYS)
    return any(key in fields(delta) for key in _DELTA_KEYS)


def is_frame(frame: dict[str, Any]) -> bool:
    """Whether an object has the keys of a stream frame: a vendor's, or content with a `done` flag or a type."""
    if is_vendor_frame(frame) or type(frame.get("choices")) is list:
        return True
    marked = type(frame.get("done")) is bool or any(type(frame.get(key)) is str for key in TYPE_KEYS)
    return marked and any(key in frame for key in _CONTENT_KEYS)
