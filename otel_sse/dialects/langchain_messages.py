"""Messages of LangChain, which several formats carry: their text, reasoning and pieces of tool calls."""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.parts import Deltas
from otel_sse.dialects.payload import count, fields, items, text


def written(content: object, channel: str) -> Deltas:
    """Return the text and the reasoning of a message's content.

    Args:
        content: A text, or a list of texts and of parts.
        channel: The message's channel; reasoning has one beside it.
    """
    deltas: Deltas = []
    for part in [content] if type(content) is str else items(content):
        if piece := text(part) or text(fields(part).get("text")):
            deltas.append((channel, piece))
        elif thought := text(fields(part).get("thinking")) or text(fields(part).get("reasoning")):
            deltas.append((f"{channel}/reasoning", thought))
    return deltas


def called(message: dict[str, Any], channel: str) -> Deltas:
    """Return the pieces of arguments in a message's tool calls, each call on a channel of its own.

    Args:
        message: The message.
        channel: Its channel.
    """
    deltas: Deltas = []
    for position, one in enumerate(items(message.get("tool_call_chunks"))):
        call = fields(one)
        if arguments := text(call.get("args")):
            number = count(call.get("index"))
            deltas.append((f"{channel}/tool:{position if number is None else number}", arguments))
    return deltas
