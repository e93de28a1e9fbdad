from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from otel_sse.demo import faults
from otel_sse.demo.faults import FAULTS, FIRST_BYTE_THRESHOLD_S, PAUSE_S, SILENCE_THRESHOLD_S

CONTENT = 'data: {{"choices":[{{"delta":{{"content":"{}"}},"finish_reason":null}}]}}\n\n'
FINISH = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = "data: [DONE]\n\n"
ANSWER = [*(CONTENT.format(word) for word in "abcdefghijklmnopqrstuvwxyz"), FINISH, DONE]


async def injected(name: str) -> list[str]:
    """The frames of an answer with the fault made."""

    async def frames() -> AsyncIterator[str]:
        for frame in ANSWER:
            yield frame

    return [frame async for frame in FAULTS[name].inject(frames())]


async def test_doubled_sends_each_frame_twice_in_a_row() -> None:
    """`doubled` makes A A B B, the end included."""
    frames = await injected("doubled")
    assert frames[0::2] == frames[1::2] == ANSWER


async def test_missing_terminal_ends_before_the_last_word() -> None:
    """`missing_terminal` keeps all content and neither the finish reason nor the end."""
    assert await injected("missing_terminal") == ANSWER[:-2]


async def test_after_done_sends_content_after_the_end() -> None:
    """`after_done` sends the last content once more, after the end."""
    assert await injected("after_done") == [*ANSWER, ANSWER[-3]]


@pytest.mark.parametrize("name", ["stall", "first_byte"])
async def test_a_pause_changes_no_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause changes nothing but the time."""
    monkeypatch.setattr(faults, "PAUSE_S", 0)
    assert await injected(name) == ANSWER


def test_a_pause_is_longer_than_the_thresholds() -> None:
    """What shall be found as a stall takes longer than is allowed, by a margin for slow machines."""
    assert 1.2 * max(SILENCE_THRESHOLD_S, FIRST_BYTE_THRESHOLD_S) <= PAUSE_S


async def test_nested_json_makes_a_string_of_each_frame() -> None:
    """`nested_json` sends each frame as a JSON string, and the end as it is."""
    frames = await injected("nested_json")
    assert len(frames) == len(ANSWER)
    assert frames[0].startswith('data: "{\\"choices\\"')
    assert frames[-1] == DONE


async def test_double_framing_puts_data_before_data() -> None:
    """`double_framing` frames every frame once more."""
    assert await injected("double_framing") == [f"data: {frame}" for frame in ANSWER]


async def test_unframed_adds_lines_between_two_frames() -> None:
    """`unframed` loses no frame, and adds a traceback without framing."""
    text = "".join(await injected("unframed"))
    assert text.replace(faults._TRACEBACK, "") == "".join(ANSWER)
    assert f"\n\n{faults._TRACEBACK}data: " in text
