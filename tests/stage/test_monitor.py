"""One stage of one stream: chunks, totals, outcome."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.dialects import Reader
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import Chunk
from otel_sse.stream.digest import keyed_digest, sha1_digest
from otel_sse.stream.facts import Facts
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.wire import Event
from tests.stage.made import (
    ANSWERS,
    DONE,
    INFO,
    MS,
    OPENED,
    WORDS,
    Entry,
    chat,
    chat_chunk,
    frame,
    gemini,
    info,
    messages,
    own_json,
    plain,
    responses,
    typed,
    watch,
)


def test_chunks_are_numbered_and_measured() -> None:
    """Each event and comment is one chunk: its number, kind, digest of its content, and both lengths."""
    bodies = [b": hi\n\n", chat_chunk("Hello"), chat_chunk(" wörld"), DONE]
    made = watch(bodies)
    assert [(one.seq, one.kind, one.acc_len, one.done) for one in made.chunks] == [
        (1, "comment", 0, False),
        (2, "content", 5, False),
        (3, "content", 12, False),
        (4, "complete", 12, True),
    ]
    # A comment is complete at the end of its line; the blank line behind it belongs to the next chunk.
    assert [one.raw_len for one in made.chunks] == [5, len(bodies[1]) + 1, len(bodies[2]), len(DONE)]
    assert [one.digest for one in made.chunks] == [
        sha1_digest(text.encode()) for text in (" hi", "Hello", " wörld", "[DONE]")
    ]


def test_type_and_id_of_the_event_are_kept() -> None:
    """What the SSE fields `event` and `id` said stands on the chunk; without them it says nothing."""
    made = watch([frame({"a": 1}, "note", "7"), frame({"a": 2})])
    assert [(one.event, one.id, one.source) for one in made.chunks] == [("note", "7", ""), ("", None, "")]


def test_digest_does_not_depend_on_the_frame() -> None:
    """The same text has one digest in every dialect that names its content."""
    answers = (chat(["Hello"]), messages(["Hello"]), responses(["Hello"]), gemini(["Hello"]), plain(["Hello"]))
    digests = [{one.digest for one in watch(answer).chunks if one.kind == "content"} for answer in answers]
    assert digests == [{sha1_digest(b"Hello")}] * 5


def test_keyed_digest_is_used_where_it_is_set() -> None:
    """All chunks have the digests of the settings' own function."""
    made = watch(chat(["Hello"]), settings=StageSettings(digest=keyed_digest("key")))
    assert made.chunks[0].digest == keyed_digest("key")(b"Hello")


def test_half_of_an_emoji_is_digested_too() -> None:
    """Lone surrogates, which JavaScript back ends send, are content like any other."""
    made = watch([frame('{"content": "\\ud83d", "done": false}'), frame('{"content": "\\udc08", "done": false}')])
    assert [one.acc_len for one in made.chunks] == [3, 6]
    assert made.chunks[0].digest == sha1_digest("\ud83d".encode("utf-8", "surrogatepass"))
    lone = watch([frame('{"other": "\\ud83d"}')]).chunks
    assert lone[0].digest == sha1_digest(b'{"other": "\\ud83d"}')


def test_totals_add_up_times() -> None:
    """First, longest and last times are those of the chunks, on the caller's clock."""
    monitor = StageMonitor(INFO, StageSettings(interval_sample=1), OPENED)
    for at_ms, body in ((3, b": hi\n\n"), (5, chat_chunk("a")), (45, chat_chunk("b")), (50, DONE)):
        monitor.feed(body, OPENED + at_ms * MS)
    totals = monitor.end("completed", OPENED + 60 * MS)
    assert totals.time_to_first_chunk_ns == 3 * MS
    assert totals.time_to_first_content_ns == 5 * MS
    assert totals.max_interval_ns == 40 * MS
    assert totals.last_chunk_ns == OPENED + 50 * MS
    assert totals.ended_ns == OPENED + 60 * MS
    assert list(monitor.intervals) == [2 * MS, 40 * MS, 5 * MS]


@pytest.mark.parametrize("sample", [1, 3, 16])
def test_one_interval_in_so_many_is_kept(sample: int) -> None:
    """`interval_sample` picks chunks by their number; the first has no neighbour before it."""
    monitor = StageMonitor(INFO, StageSettings(interval_sample=sample), OPENED)
    for number in range(1, 33):
        monitor.feed(b": beat\n\n", OPENED + number * MS)
    assert list(monitor.intervals) == [MS] * (32 // sample - (sample == 1))


@pytest.mark.parametrize("extra", [0, 1])
def test_intervals_wait_up_to_the_cap(extra: int) -> None:
    """MAX_INTERVALS intervals wait to be taken; one more is left out."""
    monitor = StageMonitor(INFO, StageSettings(interval_sample=1), OPENED)
    at_ms = 0
    for number in range(limits.MAX_INTERVALS + 1 + extra):
        at_ms += number
        monitor.feed(b": beat\n\n", OPENED + at_ms * MS)
    assert len(monitor.intervals) == limits.MAX_INTERVALS
    assert monitor.intervals[0] == MS


def test_usage_is_the_last_that_was_said() -> None:
    """Token counts are not added up: vendors repeat them with growing numbers, some only one of them."""
    usages = [{"prompt_tokens": 9, "completion_tokens": 1}, {"completion_tokens": 5}, {"prompt_tokens": 10}]
    totals = watch([frame({"choices": [], "usage": usage}) for usage in usages]).totals
    assert (totals.input_tokens, totals.output_tokens) == (10, 5)


def test_body_without_bytes_is_no_chunk() -> None:
    """An empty body counts its send time and nothing else."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    monitor.feed(b"", OPENED + MS, 5)
    assert monitor.totals.send_ns == 5
    assert monitor.totals.first_chunk_ns == 0


def outcome_of(bodies: list[bytes], outcome: str = "completed", **how) -> str:
    return watch(bodies, outcome, **how).totals.outcome


@pytest.mark.parametrize(
    ("bodies", "outcome"),
    [
        ([], "completed"),
        (plain(), "completed"),
        (chat()[:-1], "completed"),
        (chat()[:-3], "incomplete"),
        (gemini()[:-1], "incomplete"),
        (messages()[:-1], "incomplete"),
        (responses()[:-1], "incomplete"),
        (own_json()[:-1], "incomplete"),
        ([*chat()[:-1], b"data: [DO"], "incomplete"),
        ([*chat(), b"data: tail"], "incomplete"),
        ([*chat()[:5], frame({"error": {"code": "overloaded"}})], "failed"),
        ([*chat()[:5], frame({"error": {"code": "overloaded"}}), DONE], "failed"),
        ([*chat()[:5], frame({"error": {"code": "overloaded"}}), *chat()[5:]], "completed"),
        ([*plain(), frame("overloaded", "error")], "failed"),
        ([*plain(), frame("overloaded", "error"), *plain()], "completed"),
        ([*responses()[:-1], typed({"type": "response.failed", "response": {"error": {"code": "e"}}})], "failed"),
    ],
)
def test_end_is_held_against_the_protocol(bodies: list[bytes], outcome: str) -> None:
    """A body that ended is complete only with the protocol's end, and failed where nothing followed an error."""
    assert outcome_of(bodies) == outcome


LEAVING = ("disconnected", "cancelled", "abandoned")
"""Ends that only say that nobody went on."""


@pytest.mark.parametrize("outcome", [one for one in OUTCOMES if one != "completed"])
def test_what_the_shell_saw_stands(outcome: str) -> None:
    """Any other way to end is taken as it is said; that nobody goes on is no news once the whole answer has crossed."""
    assert outcome_of(chat(), outcome) == ("completed" if outcome in LEAVING else outcome)
    assert outcome_of(chat()[:3], outcome) == outcome
    assert outcome_of([b"\x1f\x8b"], outcome, encoding="gzip") == outcome


def test_error_type_is_the_exceptions_or_the_events() -> None:
    """The shell's exception names the failure, else the error event does; an answer that went well has none."""
    error = frame({"error": {"code": "overloaded", "message": "secret"}})
    for outcome, given, found in (
        ("completed", "", "overloaded"),
        ("failed", "", "overloaded"),
        ("failed", "ValueError", "ValueError"),
        ("disconnected", "", "overloaded"),
    ):
        monitor = StageMonitor(INFO, StageSettings(), OPENED)
        monitor.feed(error, OPENED)
        assert monitor.end(outcome, OPENED, given).error_type == found
    unnamed = watch([frame("went wrong", "error")]).totals
    assert unnamed.error_type == "error"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_stage_ends_once(answer: Callable[[], list[bytes]]) -> None:
    """The first end counts: a second one changes neither outcome nor sums, and says nothing more."""
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    for body in answer()[:5]:
        monitor.feed(body, OPENED + MS)
    assert monitor.totals.outcome == ""
    totals = monitor.end("disconnected", OPENED + 2 * MS)
    before, entries = repr(totals), len(journal)
    for outcome in OUTCOMES:
        assert monitor.end(outcome, OPENED + 99_000 * MS, "ValueError") is totals
    assert repr(totals) == before
    assert len(journal) == entries


def test_end_of_body_foretells_the_outcome() -> None:
    """`end_of_body` says how the stream ends if nothing else happens; a later, worse end still counts."""
    for bodies, expected in ((chat(), "completed"), (chat()[:3], "incomplete"), ([b"data: tail"], "incomplete")):
        monitor = StageMonitor(INFO, StageSettings(), OPENED)
        for body in bodies:
            monitor.feed(body, OPENED)
        assert monitor.end_of_body(OPENED + MS) == expected
        assert monitor.end_of_body(OPENED + MS) == expected
        assert monitor.totals.outcome == ""
        assert monitor.end("failed", OPENED + 2 * MS).outcome == "failed"


def test_compressed_stream_is_counted_and_not_read() -> None:
    """Bytes behind a content coding are counted; there are no chunks, and nobody guesses whether the end was seen."""
    packed = gzip.compress(b"".join(chat()))
    made = watch([packed[:20], packed[20:]], encoding="gzip")
    assert made.chunks == []
    assert made.findings == []
    assert (made.totals.outcome, made.totals.bytes, made.totals.chunks) == ("unparsed", len(packed), 0)
    assert made.totals.time_to_first_chunk_ns == MS
    assert made.totals.dialect == ""


def test_lines_of_json_are_events() -> None:
    """With `lines`, each line of newline-delimited JSON is a chunk, the last one even without its line end."""
    lines = [json.dumps({"content": word, "done": False}) for word in WORDS] + [
        json.dumps({"content": "", "done": True})
    ]
    made = watch("\n".join(lines).encode(), lines=True)
    assert [chunk.raw_len for chunk in made.chunks] == [len(line) + 1 for line in lines[:-1]] + [len(lines[-1])]
    assert made.totals.content_bytes == len("".join(WORDS).encode())
    assert (made.totals.outcome, made.findings) == ("completed", [])


def test_line_that_breaks_off_is_told_like_any_other() -> None:
    """Without a last line that says so, newline-delimited answers are incomplete, and oversize lines are findings."""
    half = watch(b'{"content": "a", "done": false}\n{"content": "b", "do', lines=True)
    assert half.totals.outcome == "incomplete"
    settings = StageSettings(max_event_bytes=64)
    long = watch(b'{"content": "' + b"a" * 100, settings=settings, lines=True)
    assert [finding.kind for finding in long.findings] == ["protocol/oversize"]
    assert long.totals.outcome == "incomplete"


SECRET = "the secret of the answer"
SPOKEN = [
    chat_chunk(SECRET),
    frame({"note": SECRET}),
    b": " + SECRET.encode() + b"\n\n",
    SECRET.encode() + b"\n\n",
    SECRET.encode() + b"\xff\n\n",
    b"data: \xff" + SECRET.encode() + b"\n\n",
    chat_chunk(json.dumps({"choices": [{"delta": {"content": SECRET}}]})),
    frame(json.dumps(f"data: {SECRET}")),
    frame(f'data: {{"a":"{SECRET}"}}'),
    frame({"error": {"message": SECRET, "code": "overloaded"}}),
    frame({"error": SECRET}),
    b"retry: " + SECRET.encode() + b"\n\n",
    DONE,
    chat_chunk(SECRET),
]


def test_nothing_that_leaves_the_stage_holds_content() -> None:
    """No chunk, finding or sum holds a word of the answer, however it was framed, unless the user asked."""
    made = watch(SPOKEN)
    assert len({finding.kind for finding in made.findings}) >= 5
    assert SECRET not in repr(made)
    assert SECRET.encode() not in pickle.dumps(made)


def test_captured_content_is_each_chunks_text() -> None:
    """With `capture_content` each chunk has its content, or its data where it has none; findings still have none."""
    made = watch(SPOKEN, settings=StageSettings(capture_content=True))
    assert [chunk.content for chunk in made.chunks[:3]] == [SECRET, json.dumps({"note": SECRET}), f" {SECRET}"]
    assert SECRET not in repr(made.findings)
    assert SECRET not in repr(made.totals)


@pytest.mark.parametrize(("allowed", "kept"), [(0, 0), (2, 2), (3, 3), (100, 3)])
def test_findings_without_a_chunk_are_handed_on_up_to_the_cap(allowed: int, kept: int) -> None:
    """`max_findings` of them are handed on, the rest is only counted."""
    made = watch(b"no frame\n\n" * 3, settings=StageSettings(max_findings=allowed))
    assert len(made.notes) == kept
    assert made.totals.findings == 3


@pytest.mark.parametrize("extra", [0, 1])
def test_default_cap_on_findings(extra: int) -> None:
    """MAX_FINDINGS_PER_STREAM findings of a stage are handed on, and not one more."""
    made = watch(b"no frame\n\n" * (limits.MAX_FINDINGS_PER_STREAM + extra))
    assert len(made.notes) == limits.MAX_FINDINGS_PER_STREAM
    assert made.totals.findings == limits.MAX_FINDINGS_PER_STREAM + extra


def test_stage_without_a_journal_counts_and_checks() -> None:
    """Where nobody takes the chunks, sums and findings are the same, and `on_chunk` still sees each one."""
    bodies = [*chat(), b"no frame\n\n", DONE]
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    seen: list[Chunk] = []
    monitor.on_chunk = seen.append
    for number, body in enumerate(bodies, 1):
        monitor.feed(body, OPENED + number * MS)
    totals = monitor.end("completed", OPENED + (len(bodies) + 1) * MS)
    made = watch(bodies)
    assert repr(totals) == repr(made.totals)
    assert seen == made.chunks


def test_dialect_is_chosen_by_looking_or_named() -> None:
    """The stage tells the dialect once it is known; a name in the settings makes it known at once."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    assert monitor.dialect == ""
    monitor.feed(chat_chunk("a"), OPENED)
    assert monitor.dialect == "openai-chat"
    named = StageMonitor(INFO, StageSettings(dialect="plain-text"), OPENED)
    assert named.dialect == "plain-text"
    assert watch(chat(["a"]), settings=StageSettings(dialect="plain-text")).totals.dialect == "plain-text"


class Upper:
    """A dialect of a user: words in capitals are the answer, and it keeps state."""

    name = "upper"
    expects = "terminal"

    def __init__(self) -> None:
        self.words = 0

    def read(self, event: Event) -> Facts:
        self.words += 1
        if event.data.isupper():
            return Facts("content", event.data)
        return Facts("complete", terminal=f"end after {self.words}")


def test_each_stream_gets_a_dialect_of_its_own() -> None:
    """A function in the settings is called once a stream, so that no stream sees another's state."""
    settings = StageSettings(dialect=Upper)
    for _ in range(2):
        made = watch([frame("A"), frame("B"), frame("end")], settings=settings)
        assert (made.totals.dialect, made.totals.outcome, made.totals.content_bytes) == ("upper", "completed", 2)
    shared = watch([frame("A"), frame("end")], settings=StageSettings(dialect=Reader(dialect="plain-text")))
    assert shared.totals.content_chunks == 2


def test_users_function_finds_the_content() -> None:
    """`content_of` replaces what the dialect says of content; "" is none, and None asks the dialect."""
    settings = StageSettings(content_of=lambda payload: payload.get("words") if isinstance(payload, dict) else None)
    frames = [{"words": "Hello", "content": "no"}, {"content": "no", "words": ""}, {"content": "yes"}]
    made = watch([frame(one) for one in frames], settings=settings)
    assert [one.kind for one in made.chunks] == ["content", "control", "content"]
    assert made.totals.content_bytes == 8


@pytest.mark.parametrize("per_stage", [False, True])
def test_the_whole_message_at_the_end_can_be_declared(per_stage: bool) -> None:
    """A frame that holds all of the answer again is no repetition where the user says that it is no piece of it."""

    def pieces(payload: Any) -> str | None:
        return "" if isinstance(payload, dict) and payload.get("type") == "message" else None

    words = [f"word {number}, " for number in range(12)]
    bodies = [frame({"type": "token", "content": word}) for word in words]
    bodies.append(frame({"type": "message", "content": "".join(words)}))
    settings = StageSettings(content_of={"socket_write": pieces}) if per_stage else StageSettings()
    made = watch(bodies, settings=settings, content_of=None if per_stage else pieces)
    assert (made.told, made.totals.content_chunks) == ([], 12)


def test_bytes_after_the_end_of_the_body_are_only_counted() -> None:
    """Nothing is read behind the end; the count of bytes stays true."""
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    monitor.feed(DONE, OPENED)
    monitor.end_of_body(OPENED)
    monitor.feed(DONE, OPENED)
    assert len(journal) == 1
    assert monitor.totals.bytes == 2 * len(DONE)


def test_last_line_without_its_end_is_judged_like_any_other() -> None:
    """What the end of the body completes is read and checked too; broken UTF-8 there is no broken-off answer."""
    made = watch(b'{"content": "a", "done": true}\n{"note": "\xff"}', lines=True)
    assert [finding.kind for finding in made.findings] == ["protocol/invalid_utf8"]
    assert [(chunk.kind, chunk.send_ns) for chunk in made.chunks] == [("content", 0), ("control", 0)]
    assert made.totals.outcome == "completed"


@pytest.mark.parametrize("name", ["chat", "gemini"])
def test_end_of_the_answer_is_told_before_the_body_ends(name: str) -> None:
    """`at_end` turns true once the answer has ended as its dialect marks it, and not before."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    seen = []
    for body in {"chat": chat, "gemini": gemini}[name]():
        monitor.feed(body, OPENED)
        seen.append(monitor.at_end)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (False, True)


def test_a_dialect_without_an_end_is_never_at_its_end() -> None:
    """Where the protocol marks no end nobody can say before the body ends that nothing is missing."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    for body in plain():
        monitor.feed(body, OPENED)
    assert not monitor.at_end
    assert monitor.end("completed", OPENED).outcome == "completed"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "completed"),
        (b": hello\n\n", "completed"),
        (b"\n\n", "incomplete"),
        (b"<html>502</html>\n\n", "incomplete"),
        (b"event: only\n\n", "incomplete"),
        (b"data: hello\n\n", "completed"),
    ],
)
def test_body_without_an_event_is_no_answer(body: bytes, outcome: str) -> None:
    """Bytes that held no event and no comment are incomplete; a body without a byte has nothing to be held against."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    monitor.feed(body, OPENED + MS)
    assert monitor.end("completed", OPENED + 2 * MS).outcome == outcome


@pytest.mark.parametrize(
    ("tail", "outcome"),
    [
        ('{"text": "b"}', "completed"),
        ('{"text": "b"}\n', "completed"),
        ('{"text": "b', "incomplete"),
        ("", "completed"),
    ],
)
def test_lines_of_json_that_break_off(tail: str, outcome: str) -> None:
    """The last line may lack its end, but not half of its JSON."""
    monitor = StageMonitor(info(lines=True), StageSettings(), OPENED)
    monitor.feed(b'{"text": "a"}\n' + tail.encode(), OPENED + MS)
    assert monitor.end("completed", OPENED + 2 * MS).outcome == outcome


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("after", ["data: after", ": after", "id: 1\ndata: after"])
@pytest.mark.parametrize("long", ["data: ", "x", "data: 1\ndata: 2\ndata: "])
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_bytes_of_what_was_too_long_are_nobody_s(end: str, after: str, long: str, cut: int) -> None:
    """The rest of a line or event that is skipped is not counted to the chunk behind it, however the bytes are cut."""
    body = (long + "x" * 300 + end).encode()
    last = (after + end).encode()
    settings = StageSettings(max_event_bytes=64)
    parts = [(body + last)[at : at + cut] for at in range(0, len(body + last), cut)]
    made = watch(parts, settings=settings)
    (chunk,) = made.chunks
    # A few line ends between the two belong to what follows them, as ever.
    assert len(after) <= chunk.raw_len <= len(last) + len(end)
    assert made.totals.bytes == len(body + last)


def test_a_chunk_keeps_the_beginning_of_long_names() -> None:
    """An id and an event's name may be as long as an event; a chunk keeps MAX_NAME_CHARS of each."""
    journal: list[Entry] = []
    monitor = StageMonitor(StageInfo(StageSpec("provider"), "s"), StageSettings(), 0, journal)
    name = "n" * limits.MAX_NAME_CHARS
    monitor.feed(f"event: {name}x\nid: {name}x\ndata: a\n\n".encode(), 1, 0)
    assert [(chunk.event, chunk.id) for chunk in journal if isinstance(chunk, Chunk)] == [(name, name)]


def test_bytes_that_can_not_be_read_have_times() -> None:
    """The longest silence between compressed bodies is known, though not what is in them."""
    monitor = StageMonitor(StageInfo(StageSpec("socket_write", encoding="gzip"), "s1", ""), StageSettings(), OPENED)
    for later_ns in (5, 7, 40, 41):
        monitor.feed(b"\x1f\x8b", OPENED + later_ns)
    totals = monitor.end("completed", OPENED + 50)
    assert (totals.max_interval_ns, totals.time_to_first_chunk_ns, totals.chunks) == (33, 5, 0)
