"""Faults to order: each takes the frames of an answer and makes the mistake of a real program.

A frame is one SSE event as text, `data: ...` and a blank line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

Frames = AsyncIterator[str]

SILENCE_THRESHOLD_S: Final = 1.5
"""The gateway's threshold for silence in an answer; lower than the default, so that a demo need not wait 15 s."""

FIRST_BYTE_THRESHOLD_S: Final = 1.5
"""The gateway's threshold for the first byte; the default is 5 s."""

PAUSE_S: Final = 2.0
"""How long `stall` and `first_byte` wait: longer than both thresholds."""

_DONE: Final = "data: [DONE]\n\n"
_SOME_FRAMES: Final = 20
"""Frames that pass before something happens in the middle of an answer."""

_TRACEBACK: Final = """\
Traceback (most recent call last):
  File "gateway.py", line 41, in answer
KeyError: 'citations'
"""


class Fault(NamedTuple):
    """One mistake.

    Args:
        inject: Wraps the frames of an answer.
        brief: What goes wrong, in one line.
        finding: What the trace says of it.
    """

    inject: Callable[[Frames], Frames]
    brief: str
    finding: str


async def doubled(frames: Frames) -> Frames:
    """Two code paths push each chunk: A A B B, the end included."""
    async for frame in frames:
        yield frame
        yield frame


async def missing_terminal(frames: Frames) -> Frames:
    """The answer breaks off before the model's last word: no finish reason, no [DONE]."""
    async for frame in frames:
        if '"finish_reason":"' in frame:
            return
        yield frame


async def after_done(frames: Frames) -> Frames:
    """A late chunk is sent after [DONE]."""
    late = ""
    async for frame in frames:
        yield frame
        late = frame if '"content":"' in frame else late
    yield late


async def stall(frames: Frames) -> Frames:
    """The answer pauses in its middle."""
    passed = 0
    async for frame in frames:
        passed += 1
        if passed == _SOME_FRAMES:
            await asyncio.sleep(PAUSE_S)
        yield frame


async def first_byte(frames: Frames) -> Frames:
    """Nothing at all is sent for a while."""
    await asyncio.sleep(PAUSE_S)
    async for frame in frames:
        yield frame


async def nested_json(frames: Frames) -> Frames:
    """A frame that is JSON already is serialised once more, as a string."""
    async for frame in frames:
        yield frame if frame == _DONE else f"data: {json.dumps(_payload(frame))}\n\n"


async def double_framing(frames: Frames) -> Frames:
    """A frame is framed once more: `data: data: {...}`."""
    async for frame in frames:
        yield f"data: {frame}"


async def unframed(frames: Frames) -> Frames:
    """A traceback is written into the stream as it is."""
    passed = 0
    async for frame in frames:
        passed += 1
        yield _TRACEBACK + frame if passed == _SOME_FRAMES else frame


def _payload(frame: str) -> str:
    return frame.removeprefix("data: ").removesuffix("\n\n")


FAULTS: Final = {
    "doubled": Fault(doubled, "two code paths push each chunk: A A B B", "duplicate/terminal"),
    "missing_terminal": Fault(missing_terminal, "the answer breaks off before its end", "outcome incomplete"),
    "after_done": Fault(after_done, "a late chunk comes after [DONE]", "protocol/after_done"),
    "stall": Fault(stall, f"the answer pauses for {PAUSE_S:g} s in its middle", "stall/content"),
    "first_byte": Fault(first_byte, f"nothing is sent for {PAUSE_S:g} s", "stall/first_byte"),
    "nested_json": Fault(nested_json, "each frame is serialised to JSON twice", "protocol/nested_json"),
    "double_framing": Fault(double_framing, "each frame is framed twice: data: data: {...}", "protocol/double_framing"),
    "unframed": Fault(unframed, "a traceback is written into the stream unframed", "protocol/unframed"),
}
"""Every fault by its name. What each one's `finding` says is held against a real run by the tests."""
