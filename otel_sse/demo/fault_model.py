"""Faults of the model itself, or of the agent around it: what its server sends in the place of the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Final

from otel_sse.demo.fault_frames import SOME, Frames, content_check, content_of, missing_terminal, no_first_byte

HEADER: Final = "x-demo-fault"
"""Header of a request to the model server that orders one of these faults."""

_SENTENCE: Final = 18
"""Chunks with content that are said again."""

_CALL: Final = [
    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"what": "ducks"}'}}
]


async def reasserted(frames: Frames) -> Frames:
    """Behind a tool's step the model says again what it had said before it."""
    said: list[str] = []
    async for frame in frames:
        if content_of(frame) and len(said) < _SENTENCE:
            said.append(frame)
            if len(said) == _SENTENCE:
                yield frame
                yield _with_delta(frame, {"tool_calls": _CALL})
                for each in said:
                    yield each
                continue
        yield frame


def _with_delta(frame: str, delta: dict[str, object]) -> str:
    chunk = json.loads(frame.removeprefix("data: "))
    chunk["choices"][0]["delta"] = delta
    return f"data: {json.dumps(chunk)}\n\n"


MODEL_FAULTS: Final[dict[str, Callable[[Frames], Frames]]] = {
    "missing_terminal": missing_terminal,
    "no_first_byte": no_first_byte,
    "reasserted": reasserted,
    "content_check": content_check,
}
"""By the name in the catalogue."""


IN_THE_SIMPLE_DEMO: Final = ("reasserted", "content_check")
"""Those that its gateway orders from the model; all others it makes itself."""


def with_fault(fault: str, frames: AsyncIterator[str]) -> AsyncIterator[str]:
    """Return the model's frames with a fault made, or as they are where the model does not make it."""
    return MODEL_FAULTS[fault](frames) if fault in MODEL_FAULTS else frames


def answered(fault: str, ask: Callable[[], AsyncIterator[str]]) -> AsyncIterator[str]:
    """Return the answer to a question, which is asked twice where the fault is `second_start`.

    Args:
        fault: The fault that was ordered, or "".
        ask: Asks the model.
    """
    return _asked_again(ask) if fault == "second_start" else ask()


async def _asked_again(ask: Callable[[], AsyncIterator[str]]) -> AsyncIterator[str]:
    passed = 0
    async for part in ask():
        yield part
        passed += 1
        if passed == SOME:
            # A deadline is over, and whoever retries does not know that a part was handed on.
            break
    async for part in ask():
        yield part
