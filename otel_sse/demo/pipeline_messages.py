"""What the gateway and the control plane say to each other: JSON texts, each with the id of its answer.

{"type": "START", "stream_id": "5f0c…", "policy": "judge"}
{"type": "CHUNK", "stream_id": "5f0c…", "content": "Hello"}
{"type": "heartbeat", "stream_id": "5f0c…"}
{"type": "END", "stream_id": "5f0c…"}
{"type": "ERROR", "stream_id": "5f0c…", "error": "why"}
"""

from __future__ import annotations

import json
from typing import Any, Final

START: Final = "START"
CHUNK: Final = "CHUNK"
HEARTBEAT: Final = "heartbeat"
"""In small letters, as most protocols write it, so that it is read as what it is."""

END: Final = "END"
ERROR: Final = "ERROR"


def start(stream_id: str, policy: str, fault: str = "") -> str:
    """Begin an answer, and say which policy it is to go through; and which fault is to be made with it, if any."""
    ordered = {"fault": fault} if fault else {}
    return _message(START, stream_id, policy=policy, **ordered)


def chunk(stream_id: str, content: str) -> str:
    """A piece of an answer."""
    return _message(CHUNK, stream_id, content=content)


def heartbeat(stream_id: str) -> str:
    """Nothing yet; the answer is still being made."""
    return _message(HEARTBEAT, stream_id)


def end(stream_id: str) -> str:
    """The end of an answer."""
    return _message(END, stream_id)


def error(stream_id: str, why: str) -> str:
    """The end of an answer that could not be finished."""
    return _message(ERROR, stream_id, error=why)


def read(text: str | bytes) -> dict[str, Any]:
    """Return what a message says.

    Raises:
        ValueError: It is no JSON object.
    """
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError(f"message must be a JSON object, got {type(message).__name__}.")
    return message


def _message(kind: str, stream_id: str, **more: str) -> str:
    return json.dumps({"type": kind, "stream_id": stream_id, **more}, ensure_ascii=False)
