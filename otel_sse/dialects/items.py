"""Chunks that are Python objects: what an SDK's iterator yields, before anybody serialises it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Any, Final

import msgspec

from otel_sse.stream.chunk import CONTENT
from otel_sse.stream.facts import Facts


def as_json(item: object) -> str | None:
    """Return the JSON text that an object would be sent as, or None where it is not of a kind that is sent so.

    Dicts, lists, pydantic models (the SDKs' chunks), dataclasses and msgspec structs are. Values that JSON can't hold
    become their type's name, so that no content hides in a `repr`.
    """
    dump = getattr(item, "model_dump_json", None)
    try:
        if callable(dump):
            return str(dump())
        if is_dataclass(item) and not isinstance(item, type):
            item = asdict(item)
        if isinstance(item, (dict, list, tuple, msgspec.Struct)):
            return msgspec.json.encode(item, enc_hook=_type_name).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None
    return None


def _type_name(value: object) -> str:
    return type(value).__qualname__


def _openai_chat(item: Any) -> tuple[str, str] | None:
    choices = item.choices
    if len(choices) != 1 or item.usage is not None:
        return None
    choice = choices[0]
    delta = choice.delta
    if choice.finish_reason is not None or delta.tool_calls or delta.function_call or delta.refusal:
        return None
    return delta.content, str(choice.index)


def _anthropic_messages(item: Any) -> tuple[str, str] | None:
    if item.type != "content_block_delta" or item.delta.type != "text_delta":
        return None
    return item.delta.text, str(item.index)


_QUICK: Final[dict[str, Callable[[Any], tuple[str, str] | None]]] = {
    "openai-chat": _openai_chat,
    "anthropic-messages": _anthropic_messages,
}


def quick_delta(item: object, dialect: str) -> Facts | None:
    """Return the facts of an SDK's chunk that is one plain delta; None means that it is to be read in full.

    Args:
        item: The object.
        dialect: The dialect that has been chosen for its stream by reading earlier chunks in full.
    """
    look = _QUICK.get(dialect)
    if look is None:
        return None
    try:
        found = look(item)
    except (AttributeError, TypeError, IndexError):
        return None
    if found is None or type(found[0]) is not str or not found[0]:
        return None
    return Facts(CONTENT, found[0], found[1], plain=True)
