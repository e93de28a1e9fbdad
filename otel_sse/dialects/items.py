"""Chunks that are Python objects: what an SDK's iterator yields, before anybody serialises it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Any, Final

import msgspec

QuickText = Callable[[Any], "str | None"]
"""Returns the text of an object that is one plain delta, else None. Raises what it likes on any other object."""


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


def _openai_chat(item: Any, index: int) -> str | None:
    # Looked up in the models' dicts where that is faster than their attributes.
    said = item.__dict__
    (choice,) = said["choices"]
    chosen = choice.__dict__
    delta = chosen["delta"]
    if chosen["finish_reason"] or said["usage"] or chosen["index"] != index:
        return None
    if delta.__pydantic_fields_set__ != _CONTENT_ALONE and _says_more(delta):
        return None
    text: str | None = delta.content
    return text


_CONTENT_ALONE: Final = frozenset({"content"})


def _says_more(delta: Any) -> bool:
    every = {**delta.__dict__, **(delta.__pydantic_extra__ or {})}
    return any(value for name, value in every.items() if name not in ("content", "role"))


def _litellm_chat(item: Any, index: int) -> str | None:
    # LiteLLM's models keep what is said among their extra fields.
    said = item.__dict__
    (choice,) = said["choices"]
    chosen = choice.__pydantic_extra__
    delta = chosen["delta"]
    parts = delta.__pydantic_extra__
    if chosen["finish_reason"] or item.__pydantic_extra__ or any(delta.__dict__.values()) or choice.index != index:
        return None
    text: str | None = parts["content"]
    return text if sum(map(bool, parts.values())) == 1 else None


def _anthropic_messages(item: Any, index: int) -> str | None:
    if item.type != "content_block_delta" or item.delta.type != "text_delta" or item.index != index:
        return None
    text: str | None = item.delta.text
    return text


_QUICK: Final[dict[tuple[str, str], Callable[[Any, int], str | None]]] = {
    ("openai-chat", "openai"): _openai_chat,
    ("openai-chat", "litellm"): _litellm_chat,
    ("anthropic-messages", "anthropic"): _anthropic_messages,
}


def quick_text(item: object, dialect: str, channel: str) -> QuickText | None:
    """Return the function that reads the plain deltas among objects like `item`; None where all are read in full.

    Args:
        item: An object of the stream.
        dialect: The dialect that has been chosen for the stream by reading earlier chunks in full.
        channel: The channel of `item`; the function reads this one alone.
    """
    package = type(item).__module__.partition(".")[0]
    read = _QUICK.get((dialect, package))
    if read is None or not channel.isdecimal():
        return None
    index = int(channel)
    return lambda item: read(item, index)
