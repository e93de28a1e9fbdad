"""Faults of whatever writes the frames of an answer: each takes the frames and makes the mistake of a real program.

A frame is one SSE event as text, `data: ...` and a blank line.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from otel_sse.demo import faults
from otel_sse.demo.fault_tasks import HEARTBEAT_S, written_by_two
from otel_sse.limits import MAX_EVENT_BYTES

Frames = AsyncIterator[str]

DONE: Final = "data: [DONE]\n\n"
SOME: Final = 20
"""Chunks that pass before something happens in the middle of an answer."""

_AGAIN: Final = 8
"""Events that a reconnect repeats."""

LATEST: Final = 4
"""Chunks that a filter against duplicates remembers."""


_TRACEBACK: Final = """\
Traceback (most recent call last):
  File "gateway.py", line 41, in answer
KeyError: 'citations'
"""


class AnswerFailedError(Exception):
    """What a step of the demo raises in the middle of an answer, where that was ordered."""


async def double_emission(frames: Frames) -> Frames:
    """Two code paths push each chunk: A A B B, the end included."""
    async for frame in frames:
        yield frame
        yield frame


async def lagged_emission(frames: Frames) -> Frames:
    """A second path pushes each chunk too, one chunk late: A B A C B."""
    before = ""
    async for frame in frames:
        yield frame
        if before and content_of(frame) and content_of(before):
            yield before
        before = frame


async def double_iteration(frames: Frames) -> Frames:
    """What was sent is kept, and sent once more before the end: two loops over one answer."""
    kept: list[str] = []
    async for frame in frames:
        if frame == DONE:
            for each in kept:
                yield each
        elif content_of(frame):
            kept.append(frame)
        yield frame


async def final_full_message(frames: Frames) -> Frames:
    """The event that ends the answer carries the whole message, and is sent on like one more piece."""
    text, last = "", ""
    async for frame in frames:
        if frame == DONE:
            yield with_content(last, text)
        elif content := content_of(frame):
            text, last = text + content, frame
        yield frame


async def duplicate_terminal(frames: Frames) -> Frames:
    """Two layers each close the stream."""
    async for frame in frames:
        yield frame
    yield DONE


async def content_after_done(frames: Frames) -> Frames:
    """A late chunk is sent after [DONE]."""
    late = ""
    async for frame in frames:
        yield frame
        late = frame if content_of(frame) else late
    yield with_content(late, " By the way: all ducks like bread.")


async def dropped(frames: Frames) -> Frames:
    """A filter takes a chunk that equals one of the last few for a duplicate, as it turns 1833 into 183."""
    latest: deque[str] = deque(maxlen=LATEST)
    async for frame in frames:
        if frame not in latest:
            yield frame
        latest.append(frame)


async def reordered(frames: Frames) -> Frames:
    """Two tasks write to one stream; the one that has more to do is overtaken."""
    async for frame in written_by_two(frames, DONE):
        yield frame


async def corrupted(frames: Frames) -> Frames:
    """Each chunk is trimmed at its left."""
    async for frame in frames:
        content = content_of(frame)
        trimmed = content.lstrip(" ")
        yield with_content(frame, trimmed) if trimmed and trimmed != content else frame


async def content_check(frames: Frames) -> Frames:
    """A word is set in bold, in Markdown, where HTML is wanted."""
    passed = 0
    async for frame in frames:
        content = content_of(frame)
        passed += bool(content)
        yield with_content(frame, in_bold(content)) if content and passed == SOME else frame


async def missing_terminal(frames: Frames) -> Frames:
    """The answer breaks off before the model's last word: no finish reason, no [DONE]."""
    async for frame in frames:
        if '"finish_reason":"' in frame:
            return
        yield frame


async def stall(frames: Frames) -> Frames:
    """The answer pauses in its middle, and heartbeats keep the connection."""
    passed = 0
    async for frame in frames:
        passed += 1
        if passed == SOME:
            for _ in range(int(faults.PAUSE_S / HEARTBEAT_S)):
                yield ": ping\n\n"
                await asyncio.sleep(HEARTBEAT_S)
        yield frame


async def no_first_byte(frames: Frames) -> Frames:
    """Nothing at all is sent for a while."""
    await asyncio.sleep(faults.PAUSE_S)
    async for frame in frames:
        yield frame


async def nested_json(frames: Frames) -> Frames:
    """A frame that is JSON already is serialised once more, as a string."""
    async for frame in frames:
        yield frame if frame == DONE else f"data: {json.dumps(_payload(frame))}\n\n"


async def double_framing(frames: Frames) -> Frames:
    """A frame is framed once more: `data: data: {...}`."""
    async for frame in frames:
        yield f"data: {frame}"


async def unframed(frames: Frames) -> Frames:
    """A traceback is written into the stream as it is."""
    passed = 0
    async for frame in frames:
        passed += 1
        yield _TRACEBACK + frame if passed == SOME else frame


async def colon_content(frames: Frames) -> Frames:
    """The answer is sent as plain text, and a line with a colon in it is taken for one that is framed already."""
    async for frame in frames:
        if frame == DONE:
            yield frame
        elif content := content_of(frame):
            yield "".join(f"{_field(line)}\n" for line in content.split("\n")) + "\n"


def _field(line: str) -> str:
    return line if ":" in line else f"data: {line}"


async def reconnect_replay(frames: Frames) -> Frames:
    """The events have ids; after a reconnect some are sent again, though the client had them."""
    log: list[str] = []
    async for frame in frames:
        log.append(f"id: {len(log) + 1}\n{frame}")
        yield log[-1]
        if len(log) == SOME + _AGAIN:
            for event in log[-_AGAIN:]:
                yield event


async def id_regression(frames: Frames) -> Frames:
    """The events have ids, whose counter goes back: another worker took over with an older one."""
    number = passed = 0
    async for frame in frames:
        number, passed = number + 1, passed + 1
        if passed == SOME:
            number -= _AGAIN
        yield f"id: {number}\n{frame}"


async def oversize(frames: Frames) -> Frames:
    """A whole document is sent in one event."""
    passed = 0
    async for frame in frames:
        passed += 1
        if passed == SOME:
            yield f"data: {json.dumps({'citation': 'x' * MAX_EVENT_BYTES})}\n\n"
        yield frame


async def error(frames: Frames) -> Frames:
    """The generator raises."""
    passed = 0
    async for frame in frames:
        passed += 1
        if passed == SOME:
            raise AnswerFailedError("the store of citations can't be reached")
        yield frame


def in_bold(content: str) -> str:
    """Return a piece of text in bold, in Markdown, with the space before it left as it is."""
    return content.replace(content.strip(), f"**{content.strip()}**")


def content_of(frame: str) -> str:
    """Return the text in a frame of OpenAI's chat completions or of the pipeline's gateway; "" where it has none."""
    if frame == DONE:
        return ""
    delta = _delta(json.loads(_payload(frame)))
    return str(delta.get("content") or "")


def with_content(frame: str, content: str) -> str:
    """Return such a frame with another text in it."""
    said = json.loads(_payload(frame))
    _delta(said)["content"] = content
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n"


def _delta(said: dict[str, Any]) -> dict[str, Any]:
    choices = said.get("choices")
    if choices is None:
        return said
    found: dict[str, Any] = choices[0]["delta"] if choices else {}
    return found


def _payload(frame: str) -> str:
    return frame.removeprefix("data: ").removesuffix("\n\n")


FRAME_FAULTS: Final[dict[str, Callable[[Frames], Frames]]] = {
    each.__name__: each
    for each in (
        double_emission, lagged_emission, double_iteration, reconnect_replay, final_full_message, duplicate_terminal,
        content_after_done, dropped, reordered, corrupted, nested_json, double_framing, unframed, colon_content,
        missing_terminal, no_first_byte, stall, id_regression, error, oversize, content_check,
    )
}  # fmt: skip
"""By the name in the catalogue."""
