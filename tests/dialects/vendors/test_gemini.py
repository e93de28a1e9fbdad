"""Generated content: made-up streams in the shapes that were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.gemini import Gemini, recognise
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, texts


def chunk(*parts: dict[str, Any], finish_reason: str | None = None, **more: Any) -> Event:
    """Return one chunk with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    if finish_reason:
        candidate["finishReason"] = finish_reason
    return event({"candidates": [candidate], "responseId": "g-1", **more})


def test_thoughts_then_an_answer() -> None:
    """Thoughts have their own channel; the last chunk may hold nothing but a signature and the reason."""
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13}
    stream = [
        chunk({"text": "Hm", "thought": True}, usageMetadata={"promptTokenCount": 9}),
        chunk({"text": "Moss"}),
        chunk({"text": " grows"}, usageMetadata=usage),
        chunk({"text": "", "thoughtSignature": "c2ln"}, finish_reason="STOP"),
    ]
    assert read_all(Gemini(), stream) == [
        Facts("content", "Hm", "0/reasoning", opens="g-1", input_tokens=9),
        Facts("content", "Moss", "0"),
        Facts("content", " grows", "0", input_tokens=9, output_tokens=4),
        Facts("control", finish_reason="STOP"),
    ]


def test_several_parts_in_one_chunk() -> None:
    """Thought and answer in one chunk are two deltas; two text parts are one."""
    facts = Gemini().read(chunk({"text": "Hm", "thought": True}, {"text": "Mo"}, {"text": "ss"}))
    assert facts.deltas == (("0/reasoning", "Hm"), ("0", "Moss"))


def test_several_candidates_are_channels() -> None:
    """Candidates count by their index, or by position where they have none."""
    candidates = [{"content": {"parts": [{"text": "Moss"}]}}, {"index": 3, "content": {"parts": [{"text": "Fern"}]}}]
    assert texts([Gemini().read(event({"candidates": candidates}))]) == {"0": "Moss", "3": "Fern"}


def test_each_function_call_is_a_tool_call() -> None:
    """A call comes whole, as compact JSON on a channel of its own, also where two are equal."""
    call = {"functionCall": {"name": "look", "args": {"city": "Ulm"}}}
    written = '{"name":"look","args":{"city":"Ulm"}}'
    facts = read_all(Gemini(), [chunk(call, call), chunk(call)])
    assert texts(facts) == {"0/tool:0": written, "0/tool:1": written, "0/tool:2": written}
    assert not any(one.nested for one in facts)


def test_the_number_of_calls_is_capped() -> None:
    """All calls past the cap share the last channel."""
    call = {"functionCall": {"name": "f"}}
    facts = read_all(Gemini(), [chunk(call)] * (MAX_CHANNELS + 3))
    assert len(texts(facts)) == MAX_CHANNELS + 1
    assert facts[-1].channel == f"0/tool:{MAX_CHANNELS}"


def test_code_and_its_output_have_channels() -> None:
    """Code that the model runs is not the answer's text."""
    stream = [
        chunk({"executableCode": {"language": "PYTHON", "code": "print(1)"}}),
        chunk({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}),
        chunk({"inlineData": {"data": "aGk="}}),
    ]
    facts = read_all(Gemini(), stream)
    assert texts(facts) == {"0/code": "print(1)", "0/output": "1\n"}
    assert facts[2].kind == "control"


def test_a_blocked_prompt_has_a_reason() -> None:
    """Where the prompt was refused there is no candidate; the reason ends the answer."""
    blocked = event({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})
    assert Gemini().read(blocked) == Facts("control", finish_reason="SAFETY", input_tokens=4)


def test_an_envelope_is_opened() -> None:
    """Gateways put the chunk under `response`."""
    inner = {"candidates": [{"content": {"parts": [{"text": "Moss"}]}}]}
    assert Gemini().read(event({"response": inner, "traceId": "t"})).content == "Moss"


def test_an_error_is_an_error() -> None:
    """The status says more than the number."""
    failed = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    assert Gemini().read(event(failed)) == Facts("error", error="UNAVAILABLE")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"candidates": []}, True),
        ({"response": {"candidates": []}}, True),
        ({"usageMetadata": {}, "modelVersion": "m"}, True),
        ({"usageMetadata": {}}, False),
        ({"response": "x"}, False),
        ("x", False),
    ],
)
def test_chunks_are_recognised(payload: Any, own: bool) -> None:
    """Candidates are recognised, in an envelope too, and usage with the model's version."""
    assert recognise(event(payload), payload) is own
