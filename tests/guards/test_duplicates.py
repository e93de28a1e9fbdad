"""What proves that a chunk came before is dropped; what only looks so is not."""

from __future__ import annotations

import json

import pytest

from otel_sse import limits
from tests.guards.made import Told, anthropic, doubled, duplicates, frame, message_start, through


def ids(count: int, **more: object) -> list[bytes]:
    """Events with ids 1, 2, 3 … and contents that repeat."""
    return [f"id: {n}\n".encode() + frame(f"t{n % 3}", **more) for n in range(1, count + 1)]


@pytest.mark.parametrize("text", ["1833", "000000", "ha ha ha ha "])
def test_equal_chunks_without_an_identity_pass(text: str) -> None:
    """`1833` stays `1833`: a model repeats its tokens."""
    told = Told()
    assert "".join(through(duplicates(told), text)) == text
    assert told.of("dropped") == 0


def test_equal_chunks_within_the_window_are_counted_as_kept() -> None:
    """Each one that content alone would have dropped is told, with its number and the one it equals."""
    told = Told()
    through(duplicates(told), "1833")
    assert told.all == [("kept", "seq=4 of=3 by=content", 1)]


def test_content_is_enough_where_the_user_says_so() -> None:
    """`by_content` drops an equal chunk within the window, and destroys `1833`."""
    told = Told()
    assert "".join(through(duplicates(told, by_content=True), "1833")) == "183"
    assert told.all == [("dropped", "seq=4 of=3 by=content", 1)]


@pytest.mark.parametrize(("apart_ms", "dropped"), [(100, 1), (101, 0)])
def test_window_is_measured_from_the_chunk_that_passed(apart_ms: int, dropped: int) -> None:
    """A repetition exactly at the window's end is dropped, one a millisecond later is not."""
    told = Told()
    through(duplicates(told, by_content=True), ["a", "a"], step_ms=apart_ms)
    assert told.of("dropped") == dropped


def test_event_with_the_id_of_another_is_dropped() -> None:
    """Once three different ids have been seen, a repeated event goes; what came in between stays."""
    told, once = Told(), ids(30)
    out = through(duplicates(told), [*once[:20], *once[15:20], *once[20:]])
    assert out == once
    assert ("dropped", "seq=21 of=16 by=id", 1) in told.all
    assert told.of("dropped") == 5


def test_id_that_all_chunks_share_names_none() -> None:
    """The message's id on each of its chunks proves nothing, however equal two of them are."""
    told = Told()
    events = [b"id: msg_1\n" + frame(text) for text in "1833333"]
    assert through(duplicates(told), events) == events


def test_repeated_event_behind_the_window_passes() -> None:
    """A replay long after is somebody else's to judge."""
    told, once = Told(), ids(20)
    assert len(through(duplicates(told), [*once, once[3]], step_ms=10)) == 21


def test_repeated_sequence_number_with_its_content_is_dropped() -> None:
    """OpenAI's Responses number their events; one that comes twice goes."""
    told = Told()
    events = [
        b"data: "
        + json.dumps(
            {"type": "response.output_text.delta", "sequence_number": n, "delta": "ha", "item_id": "i"}
        ).encode()
        + b"\n\n"
        for n in range(20)
    ]
    assert through(duplicates(told), doubled(events)) == events
    assert told.of("dropped") == 20
    assert told.all[0][1] == "seq=2 of=1 by=number"


def test_second_terminal_event_is_dropped() -> None:
    """`[DONE]` twice is one `[DONE]`."""
    told, done = Told(), b"data: [DONE]\n\n"
    assert through(duplicates(told), [frame("a"), done, done]) == [frame("a"), done]
    assert told.all == [("dropped", "seq=3 of=2 by=terminal", 1)]


def test_next_answer_may_number_anew() -> None:
    """An agent's second answer on the same stream has its own end, and is whole."""
    told = Told()
    events = [message_start("a"), anthropic("message_stop"), message_start("b"), anthropic("message_stop")]
    assert through(duplicates(told), events) == events


def test_users_key_is_the_identity() -> None:
    """Objects with one key are one; an object without a key passes."""
    told = Told()
    items = [{"n": 1, "t": "a"}, {"n": 1, "t": "b"}, {"t": "a"}, {"t": "a"}, {"n": 2}]
    out = through(duplicates(told, key=lambda item: item.get("n")), items)
    assert out == [items[0], *items[2:]]
    assert told.all == [("dropped", "seq=2 of=1 by=key", 1)]


def test_users_key_is_called_with_an_events_data() -> None:
    """Where the stream is framed text, the key comes from the data of each event."""
    told = Told()
    made = duplicates(told, key=lambda data: json.loads(data)["n"])
    events = [f'data: {{"n": {n}}}\n\n' for n in (1, 1, 2)]
    assert through(made, events) == [events[0], events[2]]


def test_heartbeats_and_comments_are_never_duplicates() -> None:
    """A ping may repeat as often as it likes, even where content is enough."""
    told = Told()
    pings = [b": ping\n\n", b": ping\n\n", anthropic("ping"), anthropic("ping")]
    assert b"".join(through(duplicates(told, by_content=True), pings)) == b"".join(pings)


def test_repeated_event_within_one_body_is_cut_out() -> None:
    """Of a body that holds an event twice one is handed on, as the bytes that it was."""
    told, once = Told(), ids(12)
    assert b"".join(through(duplicates(told), [b"".join(once), b"".join([once[11], once[11]])])) == b"".join(once)


def test_body_without_a_duplicate_is_the_very_same_object() -> None:
    """However many events a body holds, it is handed on as it came."""
    body = b"".join(ids(3))
    (out,) = duplicates(Told()).feed(body, 0)
    assert out is body


def test_memory_is_bounded() -> None:
    """A chunk beyond the cap pushes the oldest out, which is then not known any more."""
    for count, dropped in ((limits.MAX_REMEMBERED_CHUNKS, 1), (limits.MAX_REMEMBERED_CHUNKS + 1, 0)):
        told = Told()
        made = duplicates(told, window_ms=60_000, by_content=True)
        for n in range(count):
            made.feed(f"text {n} ", 0)
        made.feed("text 0 ", 0)
        assert told.of("dropped") == dropped
