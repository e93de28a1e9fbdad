"""One end of one connection: messages go out in envelopes and come in without, and no application sees a change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.hops.envelope import Agreement
from otel_sse.hops.hop import CLIENT, Hop
from otel_sse.hops.messages import Hooks
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.hops.ends import Ends
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages, chunk, end, start


def test_a_large_message_that_an_envelope_would_lift_over_a_limit_goes_without(ends: Ends, stages: Stages) -> None:
    """It arrives as it is, is a chunk at both ends, and takes no number."""
    for message in ("a", "x" * (1 << 20), "b"):
        assert ends.cross(message) == message
    sealed = ends.client.seal("x" * (1 << 20))[0]
    assert sealed == "x" * (1 << 20)
    ends.end()
    assert stages.one("ws.receive").lineage == [1, 0, 3]


def test_a_send_that_raised_leaves_no_hole(ends: Ends, stages: Stages) -> None:
    """The next message takes its number."""
    ends.cross(start())
    _, leaving = ends.client.seal(chunk("lost"))
    ends.client.unsent(leaving, OSError())
    ends.cross(chunk("sent"))
    ends.end()
    assert stages.one("ws.receive").lineage == [1, 2]
    assert len(stages.one("ws.send").chunks) == 2


def test_a_connection_that_is_over_begins_no_stage(ends: Ends, stages: Stages) -> None:
    """Whatever an application still tries to send there."""
    ends.cross(chunk("a"))
    ends.end()
    for _ in range(3):
        sealed, leaving = ends.client.seal(chunk("b"))
        assert sealed == chunk("b")
        ends.client.unsent(leaving, OSError())
    assert len(stages.named("ws.send")) == 1


def test_messages_under_way_have_their_chunks(ends: Ends, stages: Stages) -> None:
    """Tasks that send at the same time: each message says which chunk it will be."""
    sealed = [ends.client.seal(message) for message in (start(), chunk("a"), chunk("b"))]
    for each, leaving in sealed:
        ends.client.sent(leaving)
        ends.server.open(each)
    ends.end()
    assert stages.one("ws.receive").lineage == [1, 2, 3]


def test_messages_that_hold_several_events_keep_both_ends_in_step(ends: Ends, stages: Stages) -> None:
    """Each event is a chunk at both ends, and names the same one."""
    for message in ("data: a\n\ndata: b\n\n", "data: c\n\n", "data: d\n", "\ndata: e\n\n"):
        ends.cross(message)
    ends.end()
    send, receive = stages.all()
    assert len(send.chunks) == 5
    assert receive.lineage == [1, 2, 3, 4, 5]


def test_a_send_that_was_cancelled_has_sent(ends: Ends, stages: Stages) -> None:
    """Libraries hand a message on before they wait for room."""
    _, leaving = ends.client.seal(start())
    ends.client.unsent(leaving, asyncio.CancelledError())
    ends.end()
    assert len(stages.one("ws.send").chunks) == 1


def test_a_hook_that_raises_changes_no_message(
    instrumented: Callable[..., Recorder], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted, and every message arrives as it was sent."""
    monkeypatch.setattr(internal, "reraise", False)
    failing = iter([1, 2, 3, 4])

    def stream_of(message: Any) -> str:
        if next(failing) in (2, 3):
            raise ValueError("mine")
        return "a"

    ends = Ends(instrumented(), stream_of=stream_of)
    assert [ends.cross(message) for message in ("one", "two")] == ["one", "two"]
    assert telemetry.value("sse.internal_errors", site="observe") == 2
    ends.end()


def test_an_envelope_that_names_no_stream_is_taken_off(recorder: Recorder, stages: Stages) -> None:
    """A peer's id that may name nothing is not taken over; the message is the application's all the same."""
    ends = Ends(recorder)
    name = "x" * 65
    assert [ends.server.open(f"otel-sse/1 {name} {n} 2\nhello") for n in (1, 2)] == ["hello", "hello"]
    ends.end()
    receive = stages.one("ws.receive")
    assert receive.stream_id != name
    assert receive.lineage == [1, 2]


def test_the_stream_of_a_message_is_found(ends: Ends) -> None:
    """By the message that came last, by its text or the dict that it was decoded to, and by the stream's id."""
    first, second = start("a"), start("b")
    for message in (first, second):
        ends.cross(message)
    of_first, of_second = ends.server.stream_of(first), ends.server.stream_of(second)
    assert of_first is not None
    assert of_second is not None
    assert of_first is not of_second
    assert ends.server.stream_of({"type": "CHUNK", "stream_id": "a"}) is of_first
    assert ends.server.stream(of_first.id) is of_first
    unknown: list[object] = [start("c"), {}, 5]
    assert [ends.server.stream_of(each) for each in unknown] == [None] * 3
    assert ends.server.stream("no such") is None


def test_a_message_without_a_key_has_the_stream_that_it_came_on(ends: Ends) -> None:
    """For as long as no other message has come."""
    message = "a text without a key"
    ends.server.open(message)
    assert ends.server.stream_of(message) is not None
    ends.server.open("another one")
    assert ends.server.stream_of(message) is None


@pytest.mark.parametrize(
    ("error", "ended", "outcome"),
    [
        (ValueError("mine"), "completed", ("failed", "ValueError")),
        (ValueError("mine"), "disconnected", ("disconnected", None)),
        (asyncio.CancelledError(), "disconnected", ("cancelled", None)),
        (None, "disconnected", ("disconnected", None)),
    ],
)
@pytest.mark.parametrize("how", ["left", "closing"])
def test_an_exception_of_the_application_is_why_a_connection_ends(
    error: BaseException | None, ended: str, outcome: Any, how: str, recorder: Recorder, stages: Stages
) -> None:
    """Unless the other end was gone before; the name of a failure's exception is kept."""
    ends = Ends(recorder)
    ends.cross(chunk("a"))
    if error is None:
        ends.client.closing()
    elif how == "left":
        ends.client.left_by(error)
    else:
        try:
            raise error
        except BaseException:
            ends.client.closing()
    ends.client.ended(ended)
    send = stages.one("ws.send")
    assert (send.outcome, send.attributes.get("error.type")) == outcome
    ends.server.ended("completed")


def test_an_exception_from_before_the_connection_is_no_reason(recorder: Recorder, stages: Stages) -> None:
    """A client that connects again handles the exception of the connection before."""
    try:
        raise ConnectionError("the connection before")
    except ConnectionError:
        ends = Ends(recorder)
        ends.cross(chunk("a"))
        ends.client.closing()
        ends.end()
    assert [stage.outcome for stage in stages] == ["completed", "completed"]


def sealed(ends: Ends, *messages: str) -> list[Any]:
    """What the client's end makes of messages that are sent."""
    found = []
    for message in messages:
        made, leaving = ends.client.seal(message)
        ends.client.sent(leaving)
        found.append(made)
    return found


def test_a_message_may_come_behind_the_end(ends: Ends, stages: Stages) -> None:
    """Its number is pending, so the stage stays open for it, and nothing is lost."""
    first, second, last = sealed(ends, start("a"), chunk("x", "a"), end("a"))
    for message in (first, last, second):
        ends.server.open(message)
    receive = stages.one("ws.receive")
    assert (receive.outcome, receive.lineage) == ("completed", [1, 3, 2])
    kinds = [finding[0] for finding in receive.findings]
    assert "reorder/hop" in kinds
    assert "gap/hop" not in kinds


@pytest.mark.parametrize("less", [0, 1])
def test_an_end_waits_for_so_many_messages(ends: Ends, stages: Stages, less: int) -> None:
    """Messages of any stream count; then the stage ends, and what is missing is lost."""
    first, _, last = sealed(ends, start("a"), chunk("x", "a"), end("a"))
    for message in (first, last):
        ends.server.open(message)
    for message in sealed(ends, start("b"), *[chunk("y", "b")] * (limits.MAX_LATE_CHUNKS - 1 - less)):
        ends.server.open(message)
    ended = stages.named("ws.receive")
    assert [[finding[0] for finding in stage.findings] for stage in ended] == ([] if less else [["gap/hop"]])


@pytest.mark.parametrize("more", [0, 1])
def test_a_limit_that_the_other_end_has_named_is_kept(recorder: Recorder, more: int) -> None:
    """A message that fits with its head has one; one byte more and it goes without, as do messages in parts."""
    hop = Hop(CLIENT, recorder, Hooks(), Agreement("1", max_bytes=4096), Stream(recorder, now_ns()))
    _, leaving = hop.seal("a")
    hop.sent(leaving)
    head_bytes = 64 + len(leaving[0].stream_id)  # type: ignore[index]
    message = "x" * (4096 - head_bytes + more)
    made, leaving = hop.seal(message)
    hop.sent(leaving)
    assert (made == message) is bool(more)
    assert len(made) <= 4096
    head, leaving = hop.head()
    hop.sent(leaving, "abc")
    assert head == ""
    hop.ended("completed")
    assert hop.head() == ("", None)


def talk(ends: Ends, *says: tuple[str, dict[str, Any]]) -> None:
    """Send messages to and fro: `?` from the client, `!` from the server."""
    for who, message in says:
        here, there = (ends.client, ends.server) if who == "?" else (ends.server, ends.client)
        sealed, leaving = here.seal(json.dumps(message))
        here.sent(leaving)
        there.open(sealed)


WORDS = [f" word{number}" for number in range(30)]
TOKENS = [("!", {"type": "token", "content": word}) for word in WORDS]
DONE = ("!", {"type": "done"})


@pytest.mark.parametrize("answers", [2, 3])
@pytest.mark.parametrize("question", [{"turn": 1}, {"type": "message", "content": "What happened?"}])
def test_a_message_from_the_other_side_begins_another_answer(
    ends: Ends, stages: Stages, question: dict[str, Any], answers: int
) -> None:
    """Who asks the same once more may get the same answer: nothing of it is repeated, or behind an end."""
    talk(ends, *[("?", question), *TOKENS, DONE] * answers)
    ends.end()
    for stage in stages.all():
        assert (stage.attributes["sse.stream.findings"], stage.outcome) == (0, "completed")


@pytest.mark.parametrize("between", [[], [("?", {"type": "ping"})]], ids=["none", "a heartbeat"])
def test_an_answer_that_nobody_asked_for_again_is_judged(
    ends: Ends, stages: Stages, between: list[tuple[str, dict[str, Any]]]
) -> None:
    """Without a message from the other side, or with a heartbeat alone, content behind the end is late."""
    talk(ends, ("?", {"turn": 1}), *TOKENS, DONE, *between, TOKENS[0])
    ends.end()
    answers = [stage for stage in stages.named("ws.send") if len(stage.chunks) > 2]
    assert [finding[0] for stage in answers for finding in stage.findings] == ["protocol/after_done"]


def test_vocabulary_of_vendors_is_known_on_sockets(ends: Ends, stages: Stages) -> None:
    """OpenAI's Responses are sent as messages too: several answers on one connection, each asked for."""
    for ident in ("resp_1", "resp_2"):
        payloads: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": ident}}]
        payloads += [{"type": "response.output_text.delta", "output_index": 0, "delta": word} for word in WORDS]
        payloads += [{"type": "response.completed", "response": {"id": ident, "status": "completed"}}]
        numbered = [("!", {**payload, "sequence_number": number}) for number, payload in enumerate(payloads)]
        talk(ends, ("?", {"type": "response.create"}), *numbered)
    ends.end()
    answers = [stage for stage in stages.named("ws.send") if len(stage.chunks) > 2]
    assert [(each.attributes["sse.stream.dialect"], each.outcome) for each in answers] == [
        ("openai-responses", "completed")
    ] * 2
    assert [each.attributes["sse.stream.findings"] for each in answers] == [0, 0]
