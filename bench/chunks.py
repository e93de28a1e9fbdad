"""What the measured streams say: whole, clean answers in two sizes of frame, with the end their protocol asks for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

SMALL: Final = "60 B"
LARGE: Final = "170 B"


def small(count: int) -> list[bytes]:
    """Return an answer in frames of 60 bytes, as applications make them up.

    Args:
        count: Frames, the terminal one included; 1 or more.
    """
    frames = [_frame({"content": f"hello {text}", "done": False, "n": 1_234_567_890}) for text in _texts(count)]
    return [*frames[:-1], _frame({"content": "", "done": True, "n": 1_234_567_890})]


def large(count: int) -> list[bytes]:
    """Return an answer in OpenAI's chat completion chunks of 170 bytes.

    Args:
        count: Frames, the role, the finish reason and `[DONE]` included; 3 or more.
    """
    texts = [_choice({"content": f" {text}"}) for text in _texts(count - 3)]
    return [
        _choice({"role": "assistant", "content": ""}),
        *texts,
        _choice({}, finish_reason="stop"),
        b"data: [DONE]\n\n",
    ]


SHAPES: Final[dict[str, Callable[[int], list[bytes]]]] = {SMALL: small, LARGE: large}
"""The sizes that are measured: name → function from a number of frames to the frames."""


def _texts(count: int) -> list[str]:
    """So many pieces of text, two in five from among a few that come again and again, as in recorded answers."""
    chance = random.Random(1)
    return [f"{chance.randrange(20 if chance.random() < 0.4 else 10_000):04d}" for _ in range(count)]


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _frame(
        {
            "id": "chatcmpl-7f3",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "m-1",
            "choices": [choice],
        }
    )


def _frame(payload: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"
