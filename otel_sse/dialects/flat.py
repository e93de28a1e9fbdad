"""The frame that most applications send: one text and a few plain marks, all at top level."""

from __future__ import annotations

from typing import Any, Final

CONTENT_KEYS: Final = frozenset({"delta", "content", "text", "token", "chunk", "message", "answer", "response"})
_TYPE_KEYS: Final = frozenset({"type", "event_type", "event"})
_CONTENT_WORDS: Final = frozenset({"content_chunk", "content", "chunk", "token", "text", "delta", "message"})
_NAMES: Final = frozenset(
    {"id", "model", "object", "role", "stream_id", "session_id", "conversation_id", "message_id", "trace_id", "sha1"}
)
"""Keys whose text names something and says nothing of the event."""

_SPOKEN: Final = frozenset({"sequence_number", "seq", "sequence", "finish_reason", "done_reason", "stop_reason"})
"""Keys whose number says something, so that the frame is read in full."""

_NUMBERS: Final = frozenset({int, float})


def flat_content(payload: dict[str, Any]) -> str | None:
    """Return the text of a frame that carries one text and ends, numbers, counts and breaks nothing; else None.

    None means no more than that the frame has to be read in full. The general reading of a frame for which this
    returns a text finds the same text and nothing besides.
    """
    content = None
    for key, value in payload.items():
        if type(value) is str:
            if key in CONTENT_KEYS:
                if content is not None:
                    return None
                content = value
            elif key not in _NAMES and not (key in _TYPE_KEYS and value in _CONTENT_WORDS):
                return None
        elif value is not None and value is not False and (type(value) not in _NUMBERS or key in _SPOKEN):
            return None
    return content or None
