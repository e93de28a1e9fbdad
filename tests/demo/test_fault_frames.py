from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from otel_sse.demo import fault_frames, fault_tasks, faults
from otel_sse.demo.fault_frames import DONE, FRAME_FAULTS, SOME, content_of
from otel_sse.demo.fault_tasks import with_heartbeats
from otel_sse.demo.faults import FAULTS, FIRST_BYTE_THRESHOLD_S, PAUSE_S, SILENCE_THRESHOLD_S
from otel_sse.limits import MAX_EVENT_BYTES
from otel_sse.wire import Comment, Event, Parser

CONTENT = 'data: {{"choices":[{{"delta":{{"content":"{}"}},"finish_reason":null}}]}}\n\n'
FINISH = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
WORDS = [f" {word}" for word in "abcdefghijklmnopqrstuvwxyz"]
ANSWER = [*(CONTENT.format(word) for word in WORDS), FINISH, DONE]


async def frames_of(frames: list[str]) -> AsyncIterator[str]:
    for frame in frames:
        yield frame


async def injected(name: str, frames: list[str] = ANSWER) -> list[str]:
    """The frames of an answer with the fault made."""
    return [frame async for frame in FRAME_FAULTS[name](frames_of(frames))]


def words(frames: list[str]) -> list[str]:
    """The content of frames."""
    return [content for frame in frames if (content := content_of(frame))]


def test_every_fault_of_frames_is_a_row_of_the_catalogue() -> None:
    """What is made has a name that can be ordered."""
    assert FRAME_FAULTS.keys() <= FAULTS.keys()


async def test_double_emission_sends_each_frame_twice_in_a_row() -> None:
    """`double_emission` makes A A B B, the end included."""
    frames = await injected("double_emission")
    assert frames[0::2] == frames[1::2] == ANSWER


async def test_lagged_emission_sends_each_chunk_again_one_chunk_late() -> None:
    """`lagged_emission` makes A B A C B."""
    assert words(await injected("lagged_emission"))[:5] == [" a", " b", " a", " c", " b"]


async def test_double_iteration_sends_the_content_again_before_the_end() -> None:
    """`double_iteration` sends all content, all content again, and one end."""
    frames = await injected("double_iteration")
    assert words(frames) == WORDS * 2
    assert frames[-1] == DONE


async def test_reconnect_replay_sends_some_events_again_with_their_ids() -> None:
    """`reconnect_replay` numbers the events, and sends eight in a row again, ids included."""
    frames = await injected("reconnect_replay")
    assert frames[SOME + 8 : SOME + 16] == frames[SOME : SOME + 8]
    assert frames[SOME].startswith(f"id: {SOME + 1}\ndata: ")


async def test_id_regression_takes_an_older_number_for_other_content() -> None:
    """`id_regression` loses nothing, and its ids go back once."""
    frames = await injected("id_regression")
    ids = [int(frame.split("\n")[0].removeprefix("id: ")) for frame in frames]
    assert sum(after < before for before, after in pairwise(ids)) == 1
    assert [frame.partition("\n")[2] for frame in frames] == ANSWER


async def test_final_full_message_ends_with_all_text_in_one_chunk() -> None:
    """`final_full_message` sends one more chunk before the end, that is the sum of all before it."""
    assert words(await injected("final_full_message")) == [*WORDS, "".join(WORDS)]


async def test_duplicate_terminal_sends_the_end_twice() -> None:
    """`duplicate_terminal` adds an end."""
    assert await injected("duplicate_terminal") == [*ANSWER, DONE]


async def test_content_after_done_sends_content_after_the_end() -> None:
    """`content_after_done` sends a chunk with content after the end."""
    frames = await injected("content_after_done")
    assert frames[:-1] == ANSWER
    assert content_of(frames[-1])


async def test_dropped_loses_what_equals_a_chunk_of_a_moment_ago() -> None:
    """`dropped` turns 1833 into 183, and keeps what comes again much later."""
    said = ["1", "8", "3", "3", " a", " b", " c", " d", "1"]
    frames = [CONTENT.format(word) for word in said]
    assert words(await injected("dropped", frames)) == [*said[:3], *said[4:]]


async def test_reordered_loses_nothing() -> None:
    """`reordered` sends all frames, in another order, and the end last."""
    frames = await injected("reordered")
    assert frames != ANSWER
    assert sorted(frames) == sorted(ANSWER)
    assert frames[-1] == DONE


async def test_corrupted_trims_each_chunk() -> None:
    """`corrupted` takes the space before each word."""
    assert words(await injected("corrupted")) == [word.strip() for word in WORDS]


async def test_content_check_sets_a_word_in_bold() -> None:
    """`content_check` puts Markdown into one chunk that meets the demo's rule."""
    said = words(await injected("content_check"))
    assert said == [*WORDS[: SOME - 1], f" **{WORDS[SOME - 1].strip()}**", *WORDS[SOME:]]


async def test_missing_terminal_ends_before_the_last_word() -> None:
    """`missing_terminal` keeps all content and neither the finish reason nor the end."""
    assert await injected("missing_terminal") == ANSWER[:-2]


@pytest.mark.parametrize("name", ["stall", "no_first_byte"])
async def test_a_pause_changes_no_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause changes nothing but the time; what comes meanwhile are comments."""
    monkeypatch.setattr(faults, "PAUSE_S", 0.5)
    monkeypatch.setattr(fault_frames, "HEARTBEAT_S", 0.25)
    frames = await injected(name)
    assert [frame for frame in frames if not frame.startswith(":")] == ANSWER
    assert frames.count(": ping\n\n") == (2 if name == "stall" else 0)


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
    assert text.replace(fault_frames._TRACEBACK, "") == "".join(ANSWER)
    assert f"\n\n{fault_frames._TRACEBACK}data: " in text


async def test_colon_content_makes_a_comment_of_a_colon() -> None:
    """`colon_content` sends plain text, of which a client does not get what begins with a colon."""
    said = "".join(await injected("colon_content", [CONTENT.format(word) for word in ("a", ":", " b")]))
    items = Parser(max_bytes=1_000).feed(said.encode())
    assert [item.data for item in items if isinstance(item, Event)] == ["a", " b"]
    assert sum(isinstance(item, Comment) for item in items) == 1


async def test_oversize_sends_more_than_is_read() -> None:
    """`oversize` adds one event above the limit, and loses none."""
    frames = await injected("oversize")
    assert [len(frame) > MAX_EVENT_BYTES for frame in frames].count(True) == 1
    assert [frame for frame in frames if len(frame) <= MAX_EVENT_BYTES] == ANSWER


async def test_error_raises_in_mid_answer() -> None:
    """`error` sends a part, then raises."""
    frames = FRAME_FAULTS["error"](frames_of(ANSWER))
    assert [await anext(frames) for _ in range(SOME - 1)] == ANSWER[: SOME - 1]
    with pytest.raises(fault_frames.AnswerFailedError):
        await anext(frames)


async def test_heartbeats_come_while_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """What adds heartbeats hands every frame on, and its end; comments come in a pause only."""
    monkeypatch.setattr(fault_tasks, "HEARTBEAT_S", 0.02)

    beaten = asyncio.Event()

    async def pausing() -> AsyncIterator[str]:
        for frame in ANSWER:
            if frame == FINISH:
                await beaten.wait()
            yield frame

    frames = []
    async for frame in with_heartbeats(pausing(), ": ping\n\n"):
        frames.append(frame)
        if frame == ": ping\n\n":
            beaten.set()
    assert [frame for frame in frames if frame != ": ping\n\n"] == ANSWER
    assert frames[len(WORDS)] == ": ping\n\n"
    assert frames[: len(WORDS)] == ANSWER[: len(WORDS)]
