"""Streams at which their vendor's SDK raises, and tool calls that nobody can carry out, each alone at one stage."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.stream.chunk import CERTAIN
from tests.stage.made import DONE, frame, messages, responses, typed, watch

GRAMMAR, TOOL_ARGUMENTS = "protocol/grammar", "protocol/tool_arguments"


def told(bodies: list[bytes]) -> list[tuple[str, int, int, str]]:
    """Kind, chunk, amount and evidence of what is found, all of it certain."""
    findings = watch(bodies).findings
    assert {finding.certainty for finding in findings} <= {CERTAIN}
    return [(one.kind, one.seq, one.amount, one.evidence.rpartition(", first")[0]) for one in findings]


def block(index: int, kind: str, **more: Any) -> bytes:
    """Anthropic's start of a block."""
    return typed({"type": "content_block_start", "index": index, "content_block": {"type": kind, **more}})


def delta(index: int, kind: str, **text: str) -> bytes:
    """Anthropic's delta."""
    return typed({"type": "content_block_delta", "index": index, "delta": {"type": kind, **text}})


def stop(index: int) -> bytes:
    """Anthropic's end of a block."""
    return typed({"type": "content_block_stop", "index": index})


def message(*events: bytes, reason: str = "tool_use") -> list[bytes]:
    """A message of Anthropic's around these events."""
    return [
        typed({"type": "message_start", "message": {"id": "msg_1"}}),
        *events,
        typed({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}}),
        typed({"type": "message_stop"}),
    ]


TOOL = {"id": "toolu_1", "name": "find", "input": {}}


def test_text_in_a_tool_s_block() -> None:
    """A server that translates writes the text between two calls into the block that is open (sglang#24293)."""
    arguments = [delta(0, "input_json_delta", partial_json=part) for part in ('{"where":', '"pier"}')]
    stream = message(
        block(0, "tool_use", **TOOL),
        *arguments,
        delta(0, "text_delta", text="\n"),
        delta(0, "text_delta", text="\n\n"),
        stop(0),
        block(1, "tool_use", id="toolu_2", name="find", input={}),
        delta(1, "input_json_delta", partial_json="{}"),
        stop(1),
    )
    assert told(stream) == [(GRAMMAR, 5, 2, "text_delta, but its block is of type tool_use")]


@pytest.mark.parametrize(
    ("left_out", "wrong"),
    [(1, "content_block_stop, but its block was never opened"), (0, "message_delta before message_start")],
)
def test_an_opening_that_was_left_out(left_out: int, wrong: str) -> None:
    """Without the block's start its deltas and its stop hang in the air; without the message's start its end does."""
    stream = messages()
    del stream[left_out]
    assert {(kind, evidence) for kind, _, _, evidence in told(stream)} == {(GRAMMAR, wrong)}
    assert len(told(stream)) == 1


def test_a_delta_behind_its_block_s_end() -> None:
    """What comes late belongs to nothing any more."""
    stream = message(
        block(0, "text"), delta(0, "text_delta", text="a"), stop(0), delta(0, "text_delta", text="b"), reason="end_turn"
    )
    assert told(stream) == [(GRAMMAR, 5, 1, "text_delta, but its block is closed")]


def test_events_that_an_application_picks_out_are_in_order() -> None:
    """Who hands on a model's deltas alone writes no message for an SDK."""
    for kept in ((b"_delta", b"message_stop"), (b"message_start", b"content_block_delta", b"message_stop")):
        assert told([body for body in messages() if any(each in body for each in kept)]) == []
    assert told([body for body in responses() if b".delta" in body or b".completed" in body]) == []


def response(*events: dict[str, Any], reason: str = "completed") -> list[bytes]:
    """An answer of the Responses API around these events."""
    payloads: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "resp_1"}},
        *events,
        {"type": f"response.{reason}", "response": {"id": "resp_1", "status": reason}},
    ]
    return [typed({**payload, "sequence_number": number}) for number, payload in enumerate(payloads)]


def item(number: int, kind: str, event: str = "added", **more: Any) -> dict[str, Any]:
    """The beginning or end of an output item."""
    return {"type": f"response.output_item.{event}", "output_index": number, "item": {"type": kind, **more}}


def part(event: str = "added") -> dict[str, Any]:
    """The beginning or end of a message's content part."""
    return {"type": f"response.content_part.{event}", "output_index": 0, "content_index": 0}


def piece(kind: str, text: str, **where: int) -> dict[str, Any]:
    """A delta of the Responses API."""
    return {"type": f"response.{kind}.delta", "output_index": 0, "delta": text, **where}


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ((item(1, "message"), piece("output_text", "a")), "output_text.delta, but its output item was never opened"),
        (
            (item(0, "reasoning"), piece("output_text", "a")),
            "output_text.delta, but its output item is of type reasoning",
        ),
        (
            (item(0, "message"), part(), piece("output_text", "a", content_index=1)),
            "output_text.delta, but its content part was never opened",
        ),
        (
            (part(), piece("output_text", "a", content_index=0), part("done"), item(0, "message", "done")),
            "response.output_item.done, but its output item was never opened",
        ),
        (
            (item(0, "message"), part(), item(0, "message", "done"), piece("output_text", "a", content_index=0)),
            "output_text.delta, but its output item is closed",
        ),
    ],
)
def test_an_item_or_part_that_is_not_open(events: tuple[dict[str, Any], ...], wrong: str) -> None:
    """The SDK looks for the item and the part that a delta belongs to."""
    ((kind, _, amount, evidence),) = told(response(*events))
    assert (kind, amount, evidence) == (GRAMMAR, 1, wrong)


def test_an_answer_that_is_asked_for_from_its_middle_is_in_order() -> None:
    """Behind `starting_after` what was opened before does not come again."""
    whole = response(
        item(0, "message"), part(), *[piece("output_text", word, content_index=0) for word in "abcdef"],
        part("done"), item(0, "message", "done"), item(1, "message"),
    )  # fmt: skip
    assert told(whole[5:]) == []


def test_a_run_of_messages_and_steps() -> None:
    """A delta for a message that was never created, or is completed."""

    def run(event: str, **more: Any) -> bytes:
        return frame({"id": "m-1", **more}, f"thread.{event}")

    said = {"delta": {"content": [{"index": 0, "type": "text", "text": {"value": "a"}}]}}
    stream = [
        run("run.created"),
        run("message.delta", **said),
        run("message.created"),
        run("message.delta", **said),
        run("message.completed"),
        run("message.delta", **said),
        DONE,
    ]
    # A stream without a single message that was created is one whose deltas were picked out.
    assert told(stream) == [(GRAMMAR, 6, 1, "thread.message.delta, but its message is closed")]


def test_parts_of_a_ui_message() -> None:
    """A delta without its part, and one behind the part's end."""
    stream = [
        frame({"type": "start", "messageId": "m-1"}),
        frame({"type": "text-start", "id": "0"}),
        frame({"type": "text-delta", "id": "0", "delta": "a"}),
        frame({"type": "text-delta", "id": "1", "delta": "b"}),
        frame({"type": "text-end", "id": "0"}),
        frame({"type": "text-delta", "id": "0", "delta": "c"}),
        frame({"type": "finish"}),
        DONE,
    ]
    assert told(stream) == [
        (GRAMMAR, 4, 1, "text-delta, but its text part was never opened"),
        (GRAMMAR, 6, 1, "text-delta, but its text part is closed"),
    ]


def test_a_part_of_a_ui_message_that_only_ends() -> None:
    """Its start was lost."""
    stream = [
        frame({"type": "start", "messageId": "m-1"}),
        frame({"type": "text-delta", "id": "0", "delta": "a"}),
        frame({"type": "text-end", "id": "0"}),
        DONE,
    ]
    assert told(stream) == [(GRAMMAR, 3, 1, "text-end, but its text part was never opened")]


def test_an_agent_s_run() -> None:
    """A message without a start, and a run that is finished while a message is open."""
    stream = [
        frame({"type": "RUN_STARTED", "runId": "r"}),
        frame({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m-1", "delta": "a"}),
        frame({"type": "TEXT_MESSAGE_START", "messageId": "m-2"}),
        frame({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m-2", "delta": "b"}),
        frame({"type": "RUN_FINISHED", "runId": "r"}),
    ]
    assert told(stream) == [
        (GRAMMAR, 2, 1, "TEXT_MESSAGE_CONTENT, but its text message was never opened"),
        (GRAMMAR, 5, 1, "RUN_FINISHED while a text message is open"),
    ]


def test_a_tool_s_input_without_its_block_s_start() -> None:
    """Nobody knows which tool it is; text needs no start."""
    stream = [
        frame({"messageStart": {"role": "assistant"}}),
        frame({"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}}),
        frame({"contentBlockStop": {"contentBlockIndex": 0}}),
        frame({"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{}"}}}}),
        frame({"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"text": "a"}}}),
        frame({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "b"}}}),
        frame({"messageStop": {"stopReason": "end_turn"}}),
    ]
    assert told(stream) == [
        (GRAMMAR, 4, 1, "toolUse delta, but its tool was never opened"),
        (GRAMMAR, 6, 1, "contentBlockDelta, but its block is closed"),
    ]


def call(
    *pieces: str, reason: str = "tool_calls", ident: str | None = "call-1", name: str | None = "find"
) -> list[bytes]:
    """A chat's tool call in pieces."""

    def chunk(choice: dict[str, Any]) -> bytes:
        return frame({"id": "c-1", "object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]})

    first = {"index": 0, "id": ident, "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    chunks = [chunk({"delta": {"tool_calls": [one]}, "finish_reason": None}) for one in (first, *rest)]
    return [*chunks, chunk({"delta": {}, "finish_reason": reason}), DONE]


CUT = ('{"where":', '"pi')
WHOLE = (*CUT, 'er"}')


def made_calls(pieces: tuple[str, ...], *, cut: bool) -> dict[str, list[bytes]]:
    """The same call in four dialects, finished as usual or by the limit of tokens."""
    added = item(0, "function_call", call_id="call-1", name="find", arguments="")
    call_ids = {"toolCallId": "call-1", "toolCallName": "find"}
    made = {
        "openai-chat": call(*pieces, reason="length" if cut else "tool_calls"),
        "anthropic-messages": message(
            block(0, "tool_use", **TOOL),
            *[delta(0, "input_json_delta", partial_json=each) for each in pieces],
            stop(0),
            reason="max_tokens" if cut else "tool_use",
        ),
        "openai-responses": response(
            added,
            *[piece("function_call_arguments", each) for each in pieces],
            reason="incomplete" if cut else "completed",
        ),
    }
    if not cut:
        made["ag-ui"] = [
            frame({"type": "RUN_STARTED", "runId": "r"}),
            frame({"type": "TOOL_CALL_START", **call_ids}),
            *[frame({"type": "TOOL_CALL_ARGS", "toolCallId": "call-1", "delta": each}) for each in pieces],
            frame({"type": "TOOL_CALL_END", "toolCallId": "call-1"}),
            frame({"type": "RUN_FINISHED", "runId": "r"}),
        ]
    return made


@pytest.mark.parametrize("dialect", made_calls(CUT, cut=False))
def test_arguments_that_are_no_json(dialect: str) -> None:
    """They are told at the answer's end, of the chunk at which the call began; whole ones are in order."""
    assert told(made_calls(WHOLE, cut=False)[dialect]) == []
    ((kind, _, amount, _),) = told(made_calls(CUT, cut=False)[dialect])
    assert (kind, amount) == (TOOL_ARGUMENTS, 1)


@pytest.mark.parametrize("dialect", made_calls(CUT, cut=True))
def test_arguments_that_the_limit_cut_off_are_no_fault(dialect: str) -> None:
    """The finish says that the answer is not whole."""
    assert told(made_calls(CUT, cut=True)[dialect]) == []


@pytest.mark.parametrize(("ident", "name"), [(None, "find"), ("", "find"), ("call-1", None), ("call-1", "")])
def test_a_call_without_an_id_or_a_name(ident: str | None, name: str | None) -> None:
    """It is told although its arguments are JSON (vllm#51697)."""
    ((kind, seq, _, _),) = told(call(*WHOLE, ident=ident, name=name))
    assert (kind, seq) == (TOOL_ARGUMENTS, 1)
