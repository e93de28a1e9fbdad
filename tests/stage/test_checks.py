"""Which detector is asked about which event, seen through a stage."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from otel_sse.stream.stage import StageInfo, StageSpec
from tests.stage.made import (
    ANSWERS,
    DONE,
    INFO,
    MS,
    OPENED,
    WORDS,
    Entry,
    S,
    Seen,
    chat,
    chat_chunk,
    frame,
    gemini,
    info,
    messages,
    named,
    own_json,
    responses,
    seen,
    two_choices,
    typed,
    watch,
)

TWICE, AGAIN, TWIN = "duplicate/terminal", "duplicate/replayed", "duplicate/doubled"
GAP, BACK = "gap/sequence", "reorder/sequence"
AFTER, NESTED, DOUBLE = "protocol/after_done", "protocol/nested_json", "protocol/double_framing"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_whole_answers_have_no_finding(answer) -> None:
    """Repeated tokens, blank lines, pings, comments, usage and several choices are no faults in any dialect."""
    made = watch(answer())
    assert made.findings == []
    assert made.totals.outcome == "completed"


@pytest.mark.parametrize(
    "answers",
    [
        [*chat(answer="chatcmpl-1"), *chat(answer="chatcmpl-2")],
        [*responses(answer="resp_1"), *responses(answer="resp_2")],
        [*messages(answer="msg_1"), *messages(answer="msg_2"), *messages(answer="msg_3")],
    ],
    ids=["openai-chat", "openai-responses", "anthropic-messages"],
)
def test_several_answers_on_one_connection_are_suspected_alone(answers: list[bytes]) -> None:
    """An answer with an identity of its own may follow another's end, and no chunk counts as a duplicate for it."""
    made = watch(answers)
    assert {(one.kind, one.certainty, one.amount) for one in made.findings} == {("duplicate/restarted", SUSPECTED, 0)}
    assert made.totals.duplicates == 0
    assert made.totals.outcome == "completed"


def test_new_answer_may_use_the_ids_again() -> None:
    """`id:` may count anew with each answer."""
    first = [
        frame({"id": "a", "choices": [{"delta": {"content": word}}]}, ident=f"{n}") for n, word in enumerate(WORDS)
    ]
    second = [part.replace(b'"a"', b'"b"').replace(b"The", b"A") for part in first]
    assert watch([*first, DONE, *second, DONE]).told == [("duplicate/restarted", len(first) + 2, 1)]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([*chat(["a"]), DONE], [(TWICE, 5, 4)]),
        ([*messages(["a"]), typed({"type": "message_stop"})], [(TWICE, 9, 8)]),
        ([*own_json(["a"]), frame({"content": "", "done": True})], [(TWICE, 5, 4)]),
        ([*chat(["a"]), chat_chunk("b")], [(AFTER, 5, 4)]),
        ([*own_json(["a"]), frame({"content": "b", "done": False})], [(AFTER, 5, 4)]),
    ],
)
def test_what_follows_the_end_is_told(bodies: list[bytes], expected: list[tuple[str, int, int]]) -> None:
    """`[DONE]`, `done: true` and a vendor's last event twice, and content behind them, name both chunks."""
    assert watch(bodies).told == expected


def test_error_and_usage_behind_the_end_are_no_fault() -> None:
    """Only content and the end itself must not follow the end."""
    assert watch([*chat(["a"]), frame({"usage": {"total_tokens": 3}}), frame({"error": "late"})]).findings == []


def without(bodies: Sequence[bytes], at: int) -> list[bytes]:
    return [*bodies[:at], *bodies[at + 1 :]]


def swapped(bodies: Sequence[bytes], at: int) -> list[bytes]:
    return [*bodies[:at], bodies[at + 1], bodies[at], *bodies[at + 2 :]]


def doubled(bodies: Sequence[bytes]) -> list[bytes]:
    return [body for body in bodies for _ in range(2)]


@pytest.mark.parametrize("answer", [responses, named], ids=["sequence numbers", "ids"])
def test_numbers_tell_what_was_dropped_swapped_and_replayed(answer) -> None:
    """A payload's sequence numbers and counting ids both prove a loss, a swap and a replay, with the chunk."""
    whole = answer([f"w{number}" for number in range(40)])
    assert watch(whole).findings == []
    assert watch(without(whole, 5)).told == [(GAP, 6, 5)]
    assert watch(swapped(whole, 5)).told == [(BACK, 7, 6)]
    assert watch([*whole[:20], *whole[17:]]).told == [(AGAIN, 21, 18), (AGAIN, 22, 19), (AGAIN, 23, 20)]
    assert watch(doubled(whole[:-1])).told == [(TWIN, 2 * one, 2 * one - 1) for one in range(1, len(whole))]


def test_stream_that_is_resumed_in_its_middle_is_no_fault() -> None:
    """Numbers may begin anywhere, with ids and with sequence numbers."""
    words = [f"w{number}" for number in range(40)]
    assert watch(responses(words)[17:]).findings == []
    assert watch(named(words)[17:]).findings == []


def test_one_repeat_is_told_once_however_often_it_shows() -> None:
    """A doubled last event with a sequence number and an id is one duplicate, not three."""
    stop = {"type": "response.completed", "response": {"id": "r"}, "sequence_number": 9}
    bodies = [
        *[
            frame({"type": "response.output_text.delta", "delta": "x", "sequence_number": n}, ident=f"{n}")
            for n in range(9)
        ],
        frame(stop, ident="9"),
        frame(stop, ident="9"),
    ]
    made = watch(bodies)
    assert made.told == [(TWICE, 11, 10)]
    assert made.totals.duplicates == 1
    lost = watch(without(bodies[:-1], 5))
    assert lost.told == [(GAP, 6, 5)]
    assert lost.totals.gaps == 1


def test_gap_that_is_told_late_is_about_its_own_chunk() -> None:
    """A gap is noted beside the chunks, with the chunk where it arose, and marks no other chunk."""
    made = watch(without(named([f"w{number}" for number in range(60)]), 30))
    assert all(not chunk.findings for chunk in made.chunks)
    assert made.notes == [Finding(GAP, CERTAIN, "socket_write", 31, 30, "id 30 then 32, 1 did not come")]


def test_heartbeats_with_an_id_are_no_replay() -> None:
    """Pings that all carry one id, or the latest event's, are no faults."""
    pings = [frame({"type": "ping"}, ident="beat"), frame({"type": "ping"}, ident="beat")]
    bodies = [part for number, body in enumerate(named()) for part in (body, *pings[: number % 3])]
    assert watch(bodies).findings == []


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([chat_chunk('{"choices": [{"delta": {"content": "a"}}]}')], [NESTED]),
        ([frame('data: {"choices": [{"delta": {"content": "a"}}]}')], [DOUBLE]),
        ([chat_chunk("a"), frame("data: [DONE]")], [DOUBLE]),
        ([frame('event: delta\n{"content": "a"}'.replace("\n", "\ndata: "))], [DOUBLE]),
        ([b"Traceback (most recent call last):\n\n"], ["protocol/unframed"]),
        ([b'{"error": "boom"}\n\n'], ["protocol/unframed"]),
        ([b"x-note: 1\n\n"], ["protocol/unknown_field"]),
        ([b"data: \xff\n\n"], ["protocol/invalid_utf8"]),
    ],
)
def test_broken_frames_are_told(frames: list[bytes], expected: list[str]) -> None:
    """What was serialised twice, framed twice or not at all is found at whatever event it stands."""
    made = watch([*chat(["a", "b"])[:2], *frames])
    assert [finding.kind for finding in made.findings] == expected
    assert all(finding.seq in (2, 3, 4) for finding in made.findings)


def test_frame_in_an_applications_own_frame_is_told() -> None:
    """An application that serialises its frames twice is found in its own JSON as well."""
    twice = frame({"content": '{"content": "a", "done": false}', "done": False})
    assert [one.kind for one in watch([*own_json(["a"])[:2], twice]).findings] == [NESTED]


def test_doubly_framed_answer_is_read_all_the_same() -> None:
    """The content inside frames that were framed twice is counted."""
    made = watch([body[:6] + body for body in own_json(["a", "b"])[1:3]])
    assert made.totals.content_bytes == 2
    assert {finding.kind for finding in made.findings} == {DOUBLE}


@pytest.mark.parametrize("size", [200, 201])
def test_event_above_the_cap_is_told_and_the_rest_is_read(size: int) -> None:
    """Data at `max_event_bytes` is an event, one byte more is `protocol/oversize`; what follows is read again."""
    data = "x" * (size - len("data: "))
    made = watch([frame(data), *plain_end()], settings=StageSettings(max_event_bytes=200))
    assert [finding.kind for finding in made.findings] == ["protocol/oversize"] * (size > 200)
    assert made.totals.chunks == 3 + (size == 200)


def plain_end() -> list[bytes]:
    return [frame("a"), frame("b"), frame("c")]


def paced(steps: Sequence[tuple[float, bytes]], outcome: str = "completed", end_s: float = 0.0, **how) -> Seen:
    """Lead bodies through a stage, each so many seconds after the one before."""
    journal: list[Entry] = []
    monitor = StageMonitor(info(**how), StageSettings(), OPENED, journal)
    time_ns = OPENED
    for pause_s, body in steps:
        time_ns += round(pause_s * S)
        monitor.feed(body, time_ns)
    return seen(journal, monitor.end(outcome, time_ns + round(end_s * S)))


PING = frame({"type": "ping"})


def test_heartbeats_keep_the_connection_and_not_the_answer() -> None:
    """A silence full of pings and comments is one stall, told at the content that ends it, with their number."""
    start, *rest = messages()
    beats = [(5.0, PING), (5.0, b": keep-alive\n\n"), (5.0, PING)]
    made = paced([(0.1, start), (0.0, rest[0]), *beats, (0.1, rest[2]), *[(0.1, body) for body in rest[3:]]])
    assert made.told == [("stall/content", 6, 0)]
    assert made.findings[0].evidence == "15.100 s, allowed 15 s, 3 heartbeats meanwhile"
    assert made.totals.stalls == 1


def test_late_first_byte_is_told_at_the_first_chunk() -> None:
    """A first byte after 5 s is a stall; one in time that is followed by silence is another."""
    assert paced([(5.001, chat_chunk("a")), (0.0, DONE)]).told == [("stall/first_byte", 1, 0)]
    assert paced([(5.0, chat_chunk("a")), (0.0, DONE)]).told == []


@pytest.mark.parametrize("outcome", ["disconnected", "failed", "completed"])
def test_stream_that_never_said_anything_is_told(outcome: str) -> None:
    """Where the client leaves before a first byte, the wait is told all the same, about the whole stream."""
    made = paced([], outcome, end_s=30)
    assert [(one.kind, one.seq, one.evidence) for one in made.findings] == [
        ("stall/first_byte", 0, "30.000 s, allowed 5 s")
    ]
    assert paced([], outcome, end_s=5).findings == []


@pytest.mark.parametrize("half", [b'data: {"content"', b": hello\n\n", b"retry: 100\n\n"])
def test_silence_up_to_the_end_is_told(half: bytes) -> None:
    """Where nothing followed the first bytes until the client left, the silence is a stall."""
    assert [one.kind for one in paced([(0.1, half)], "disconnected", end_s=16).findings] == ["stall/content"]


@pytest.mark.parametrize("answer", [chat(["a"]), chat(["a"])[:-2], gemini(["a"])], ids=["[DONE]", "finish", "gemini"])
def test_connection_that_stays_open_behind_the_end_is_no_stall(answer: list[bytes]) -> None:
    """After the terminal event or the finish reason nothing is waited for."""
    assert paced([(0.1, body) for body in answer], "disconnected", end_s=100).findings == []


def test_compressed_stream_has_no_content_stalls() -> None:
    """Nobody knows what compressed bytes brought, so silence is judged by the first byte alone."""
    made = paced([(6.0, b"\x1f\x8b"), (60.0, b"\x00")], end_s=60, encoding="gzip")
    assert made.told == [("stall/first_byte", 1, 0)]


def test_times_of_chunks_are_those_of_their_bodies() -> None:
    """All chunks that one body completes have that body's time and its send time."""
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    monitor.feed(chat_chunk("a")[:9], OPENED + MS, 1)
    monitor.feed(chat_chunk("a")[9:] + b": c\n\n" + chat_chunk("b"), OPENED + 5 * MS, 7)
    chunks = seen(journal, monitor.totals).chunks
    assert [(chunk.time_ns - OPENED, chunk.send_ns) for chunk in chunks] == [(5 * MS, 7)] * 3
    assert monitor.totals.send_ns == 8


@pytest.mark.parametrize("key", ["seq", "sequence"])
def test_numbers_of_an_application_s_own_frames(key: str) -> None:
    """Frames that an application numbers itself give a gap where one is missing; heartbeats are counted too."""
    frames = [f'data: {{"{key}": {number}, "content": "word {number} "}}\n\n' for number in range(1, 30)]
    frames[4] = f'data: {{"{key}": 5, "type": "heartbeat"}}\n\n'
    monitor = StageMonitor(StageInfo(StageSpec("emit"), "s"), StageSettings(), 0)
    for each in (*frames[:19], *frames[21:]):
        monitor.feed(each.encode(), 1)
    totals = monitor.end("completed", 2)
    assert {kind: sums for (kind, _), sums in totals.by_kind.items()} == {"gap/sequence": [1, 2]}


@pytest.mark.parametrize(
    ("numbers", "expected", "resumed"),
    [
        (range(6, 30), [], True),
        (range(5, 30), [(AGAIN, 2, 0)], False),
        (range(9, 30), [(GAP, 2, 0)], True),
    ],
    ids=["right behind", "the event itself", "later"],
)
def test_answer_to_a_reader_that_had_an_event(
    numbers: range, expected: list[tuple[str, int, int]], resumed: bool
) -> None:
    """Its ids go on behind that event; a heartbeat may carry the id of what came last."""
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    monitor.resume_after("5")
    for each in (frame({"type": "ping"}, ident="5"), *(frame(f"word {one}", ident=str(one)) for one in numbers)):
        monitor.feed(each, OPENED + MS)
    made = seen(journal, monitor.end("completed", OPENED + 2 * MS))
    assert made.told == expected
    assert made.totals.resumed is resumed


def completion(words: Sequence[str], ids: Sequence[str], end: str = "stop") -> list[bytes]:
    """Chunks of a chat completion with these ids, and its finish under the last one."""
    chunks = [chat_chunk(word, answer=ident) for word, ident in zip(words, ids, strict=False)]
    return [*chunks, chat_chunk(None, finish=end, answer=ids[-1])]


SENTENCE = [f" word{number}" for number in range(30)]
OWN_IDS = [f"id-{number}" for number in range(31)]


def generated(words: Sequence[str], ids: Sequence[str]) -> list[bytes]:
    """Generated content of Gemini with these ids."""
    parts = [{"candidates": [{"content": {"parts": [{"text": word}]}, "index": 0}]} for word in words]
    parts[-1]["candidates"][0]["finishReason"] = "STOP"
    return [frame({**part, "responseId": ident}) for part, ident in zip(parts, ids, strict=False)]


def legacy(words: Sequence[str], ids: Sequence[str]) -> list[bytes]:
    """Older completions with these ids."""
    texts = [{"index": 0, "text": word, "finish_reason": None} for word in words]
    texts[-1]["finish_reason"] = "stop"
    return [frame({"id": ident, "choices": [each]}) for each, ident in zip(texts, ids, strict=False)]


@pytest.mark.parametrize("made", [completion, generated, legacy])
@pytest.mark.parametrize(
    "ids", [OWN_IDS, ["gateway", *["model"] * 30], ["a"] * 29 + ["b", "b"]], ids=["own", "first", "last"]
)
def test_an_id_that_is_no_answers_is_no_news(made, ids: list[str]) -> None:
    """An id on each event, on the first one alone, or on the last one alone begins no second answer."""
    seen_so = watch([*made(SENTENCE, ids), DONE])
    assert seen_so.findings == []
    assert seen_so.totals.outcome == "completed"


def test_ids_of_each_event_reopen_nothing() -> None:
    """Content behind `[DONE]` under one more id is late, and a number that is skipped is missing."""
    late = [*completion(SENTENCE, OWN_IDS), DONE, chat_chunk("late", answer="id-99")]
    assert watch(late).told == [(AFTER, 33, 32)]
    numbered = [
        body.replace(b"data:", f"id: {number}\ndata:".encode(), 1)
        for number, body in enumerate(completion(SENTENCE, OWN_IDS), 1)
    ]
    assert watch([*numbered[:14], *numbered[15:], DONE]).told == [(GAP, 15, 14)]


def test_usage_under_another_id_is_no_answer() -> None:
    """The answer that has finished stays finished."""
    usage = frame({"id": "other", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 30}})
    made = watch([*completion(SENTENCE, ["a"] * 31), usage])
    assert (made.findings, made.totals.outcome) == ([], "completed")


def test_numbers_may_go_on_over_another_answer() -> None:
    """Ids that count through two answers lack what is skipped; ids that begin anew lack nothing."""
    first, second = completion(SENTENCE, ["a"] * 31), completion(SENTENCE[::-1], ["b"] * 31)
    through = [
        body.replace(b"data:", f"id: {number}\ndata:".encode(), 1) for number, body in enumerate([*first, *second], 1)
    ]
    assert watch([*through[:40], *through[41:]]).told == [("duplicate/restarted", 32, 1), (GAP, 41, 40)]
    anew = [*through[:31], *[body.replace(b"data:", b"data:") for body in through[:31]]]
    anew[31:] = [body.replace(b'"a"', b'"b"').replace(b" word", b" ward") for body in anew[31:]]
    assert watch(anew).told == [("duplicate/restarted", 32, 1)]


def test_finish_of_a_choice_comes_once() -> None:
    """A second one is told, and so is content behind the first; choices finish each by itself."""
    words = chat()[:-3]
    stop = chat_chunk(None, finish="stop")
    count = len(words)
    assert watch([*words, stop, stop, DONE]).told == [(TWICE, count + 2, count + 1)]
    assert watch([*words, stop, chat_chunk("late"), DONE]).told == [(AFTER, count + 2, count + 1)]
    every = [chat_chunk(word, finish="stop") for word in WORDS]
    assert watch([*every, DONE]).told == [(TWICE, 2, 1)]
    assert watch(two_choices()).findings == []


@pytest.mark.parametrize("word", ["null", "None", "FINISH_REASON_UNSPECIFIED"])
def test_word_for_no_finish_is_none(word: str) -> None:
    """A service may write `null` as text: an answer that breaks off behind it is incomplete."""
    made = watch([chat_chunk(each, finish=word) for each in WORDS])
    assert (made.findings, made.totals.outcome, made.totals.finish_reasons) == ([], "incomplete", [])


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        (chat(), ["stop"]),
        (two_choices(), ["stop", "stop"]),
        (messages(), ["end_turn"]),
        (responses(), ["completed"]),
        (gemini(), ["STOP"]),
        (own_json(), []),
    ],
)
def test_finish_reasons_are_kept(answer: list[bytes], reasons: list[str]) -> None:
    """One for each choice, in the service's own words."""
    assert watch(answer).totals.finish_reasons == reasons


def test_answers_that_end_with_a_flag_may_follow_one_another() -> None:
    """Three turns on one stream, each with its `done`, are suspected at most; the last one counts for the outcome."""
    turn = [*[frame({"response": word, "done": False}) for word in WORDS], frame({"response": "", "done": True})]
    made = watch([*turn, *turn, *turn])
    assert {one.certainty for one in made.findings} == {SUSPECTED}
    assert [one.kind for one in made.findings].count("duplicate/restarted") == 1
    assert made.totals.outcome == "completed"
    assert watch([*turn, *turn, *turn[:5]]).totals.outcome == "incomplete"


def call(arguments: str, ident: str | None = None, name: str | None = None) -> bytes:
    """A piece of a tool call under index 0."""
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    one = {"index": 0, "function": function} | ({} if ident is None else {"id": ident})
    return frame(
        {"id": "a", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"tool_calls": [one]}}]}
    )


@pytest.mark.parametrize("dialect", ["openai-chat", "generic-json"])
def test_two_calls_under_one_index_are_no_repetition(dialect: str) -> None:
    """Another id and name is another call, though its arguments are all that the first one's say."""
    arguments = '{"harbour": "Northgate", "unit": "metric", "detail": "full"}'
    pieces = [call(arguments[at : at + 9]) for at in range(0, len(arguments), 9)]
    calls = [call("", "call_a", "boats"), *pieces, call(arguments, "call_b", "people")]
    made = watch([*calls, chat_chunk(None, finish="tool_calls", answer="a")], settings=StageSettings(dialect=dialect))
    assert made.findings == []
    again = [call("", "call_a", "boats"), *pieces, call(arguments)]
    assert [one.kind for one in watch(again).findings] == ["duplicate/accumulated"]


def test_answers_that_take_turns_finish_one_before_the_other() -> None:
    """Events of two answers in one stream, told apart by their ids: content behind a finish may be the other's."""
    one, other = (
        [chat_chunk(word, answer=answer) for word in SENTENCE[:at]] + [chat_chunk(None, finish="stop", answer=answer)]
        for answer, at in (("a", 10), ("b", 30))
    )
    mixed = [each for pair in zip(one, other, strict=False) for each in pair] + other[len(one) :]
    assert CERTAIN not in {one.certainty for one in watch([*mixed, DONE]).findings}


def test_whole_message_behind_reasoning_is_judged_soon() -> None:
    """Also between two looks: a channel that began a moment ago has a whole text of its own."""
    words = [f" word{number}" for number in range(12)]
    thinking = [
        frame({"id": "a", "choices": [{"index": 0, "delta": {"reasoning_content": f" thought {number}"}}]})
        for number in range(40)
    ]
    text = [chat_chunk(word, answer="a") for word in words]
    whole = frame({"id": "a", "choices": [{"index": 0, "message": {"content": "".join(words)}}]})
    made = watch([*thinking, *text, whole, DONE])
    assert CERTAIN not in {one.certainty for one in made.findings}
