"""A clean, made-up stream of each protocol that applications and agents speak, whole, with its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

WORDS = ("The", " harbour", " was", " quiet", ",", " was", " it", "?", "\n", "Ja", " 🐈", " ha", " ha", ".")
"""Tokens that repeat as a model's do."""

TEXT = "".join(WORDS)


class Made(NamedTuple):
    """A stream, and what it says.

    Args:
        bodies: One event each.
        texts: The whole text of each channel.
        lines: Whether the bodies are lines of JSON and no events.
    """

    bodies: list[bytes]
    texts: dict[str, str]
    lines: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes of all content."""
        return sum(len(text.encode()) for text in self.texts.values())


def sse(payload: object, event: str = "", ident: str | None = None) -> bytes:
    """One event; a payload that is no text becomes JSON."""
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    head = (f"id: {ident}\n" if ident is not None else "") + (f"event: {event}\n" if event else "")
    return f"{head}data: {data}\n\n".encode()


def frames(payloads: Sequence[dict[str, Any]]) -> list[bytes]:
    """One event each, without a name."""
    return [sse(payload) for payload in payloads]


def ag_ui() -> Made:
    run = {"threadId": "t-1", "runId": "run-1"}
    text = [{"type": "TEXT_MESSAGE_CONTENT", "messageId": "m-1", "delta": word} for word in WORDS]
    thoughts = [{"type": "THINKING_TEXT_MESSAGE_CONTENT", "delta": word} for word in ("Hm", ".", " Hm")]
    call = {"toolCallId": "c-1", "toolCallName": "find"}
    payloads: list[dict[str, Any]] = [
        {"type": "RUN_STARTED", **run},
        {"type": "STATE_SNAPSHOT", "snapshot": {"text": TEXT}},
        {"type": "THINKING_START"},
        {"type": "THINKING_TEXT_MESSAGE_START"},
        *thoughts,
        {"type": "THINKING_TEXT_MESSAGE_END"},
        {"type": "THINKING_END"},
        {"type": "TOOL_CALL_START", **call},
        {"type": "TOOL_CALL_ARGS", "toolCallId": "c-1", "delta": '{"where":'},
        {"type": "TOOL_CALL_ARGS", "toolCallId": "c-1", "delta": '"pier"}'},
        {"type": "TOOL_CALL_END", "toolCallId": "c-1"},
        {"type": "TOOL_CALL_RESULT", "messageId": "r-1", "toolCallId": "c-1", "content": "nobody there"},
        {"type": "TEXT_MESSAGE_START", "messageId": "m-1", "role": "assistant"},
        *text,
        {"type": "TEXT_MESSAGE_END", "messageId": "m-1"},
        {"type": "MESSAGES_SNAPSHOT", "messages": [{"id": "m-1", "role": "assistant", "content": TEXT}]},
        {"type": "RUN_FINISHED", **run},
    ]
    return Made(frames(payloads), {"reasoning:0": "Hm. Hm", "tool:1": '{"where":"pier"}', "2": TEXT})


def dashscope(words: Sequence[str], *, key: str) -> Made:
    """DashScope's native stream, with the text in the output itself or in a choice's message."""

    def output(text: str, reason: str) -> dict[str, Any]:
        if key == "text":
            return {"text": text, "finish_reason": reason}
        return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}]}

    events = [output(word, "null") for word in words]
    events.append(output(words[-1] if words[-1] == TEXT else "", "stop"))
    bodies = [
        sse({"output": one, "usage": {"input_tokens": 5, "output_tokens": at}, "request_id": "q-1"}, "result", str(at))
        for at, one in enumerate(events, 1)
    ]
    return Made(bodies, {"0": TEXT})


def so_far() -> list[str]:
    """All text so far, after each word."""
    return ["".join(WORDS[: at + 1]) for at in range(len(WORDS))]


def a2a(*, envelope: bool) -> Made:
    ids = {"taskId": "task-1", "contextId": "ctx-1"}

    def artifact(word: str, last: bool) -> dict[str, Any]:
        body = {"artifactId": "art-1", "parts": [{"kind": "text", "text": word}]}
        return {"kind": "artifact-update", **ids, "append": True, "lastChunk": last, "artifact": body}

    updates: list[dict[str, Any]] = [
        {"kind": "task", "id": "task-1", "contextId": "ctx-1", "status": {"state": "submitted"}},
        {"kind": "status-update", **ids, "status": {"state": "working"}, "final": False},
        *[artifact(word, at == len(WORDS)) for at, word in enumerate(WORDS, 1)],
        {"kind": "status-update", **ids, "status": {"state": "completed"}, "final": True},
    ]
    enveloped: list[dict[str, Any]] = [{"jsonrpc": "2.0", "id": 1, "result": one} for one in updates]
    return Made(frames(enveloped if envelope else updates), {"0": TEXT})


def a2a_1() -> Made:
    """The form of version 1.0: the kind is a key, states are written in capitals."""
    ids = {"taskId": "task-1", "contextId": "ctx-1"}
    pieces = [
        {"artifactUpdate": {**ids, "append": True, "artifact": {"artifactId": "a", "parts": [{"text": word}]}}}
        for word in WORDS
    ]
    whole = {"artifactId": "a", "parts": [{"text": TEXT}]}
    payloads = [
        {"task": {"id": "task-1", "contextId": "ctx-1", "status": {"state": "TASK_STATE_SUBMITTED"}}},
        *pieces,
        {"statusUpdate": {**ids, "status": {"state": "TASK_STATE_COMPLETED"}}},
        {"task": {"id": "task-1", "status": {"state": "TASK_STATE_COMPLETED"}, "artifacts": [whole]}},
    ]
    return Made(frames([{"jsonrpc": "2.0", "id": "1", "result": one} for one in payloads]), {"0": TEXT})


def bedrock(*, named: bool) -> Made:
    events: list[tuple[str, dict[str, Any]]] = [
        ("messageStart", {"role": "assistant"}),
        *[("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in WORDS],
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t-1", "name": "find"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"where":'}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '"pier"}'}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": {"inputTokens": 9, "outputTokens": 20}, "metrics": {"latencyMs": 12}}),
    ]
    bodies = [sse(found, name) if named else sse({name: found}) for name, found in events]
    return Made(bodies, {"0": TEXT, "1/tool": '{"where":"pier"}'})


def langserve() -> Made:
    def patch(path: str, value: object) -> bytes:
        return sse({"ops": [{"op": "add", "path": path, "value": value}]}, "data")

    start = {"ops": [{"op": "replace", "path": "", "value": {"id": "run-1", "streamed_output": [], "logs": {}}}]}
    bodies = [sse({"run_id": "run-1"}, "metadata"), sse(start, "data")]
    for word in WORDS:
        bodies += [patch("/logs/Model/streamed_output_str/-", word), patch("/streamed_output/-", {"content": word})]
    return Made([*bodies, patch("/final_output", {"content": TEXT}), sse("", "end")], {"": TEXT})


def librechat() -> Made:
    def delta(event: str, kind: str, key: str, word: str) -> dict[str, Any]:
        return {"event": event, "data": {"id": "step-1", "delta": {"content": [{"type": kind, key: word}]}}}

    step = {"id": "step-1", "runId": "run-1", "index": 0, "stepDetails": {"type": "message_creation"}}
    answer = {"messageId": "m-2", "text": TEXT, "content": [{"type": "text", "text": TEXT}]}
    payloads: list[dict[str, Any]] = [
        {"message": {"messageId": "m-1", "text": "How is it?"}, "created": True},
        {"event": "on_run_step", "data": step},
        *[delta("on_reasoning_delta", "think", "think", word) for word in ("Hm", ".", " Hm")],
        *[delta("on_message_delta", "text", "text", word) for word in WORDS],
        {"final": True, "conversation": {}, "requestMessage": {"text": "How is it?"}, "responseMessage": answer},
    ]
    return Made([sse(one, "message") for one in payloads], {"0/reasoning": "Hm. Hm", "0": TEXT})


def ollama(key: str, *, lines: bool) -> Made:
    def one(word: str, **more: object) -> dict[str, Any]:
        said = {"response": word} if key == "response" else {"message": {"role": "assistant", "content": word}}
        return {"model": "m", "created_at": "2026-01-01T00:00:00Z", **said, "done": False, **more}

    counts = {"prompt_eval_count": 9, "eval_count": 14, "total_duration": 5}
    payloads = [*[one(word) for word in WORDS], one("", done=True, done_reason="stop", **counts)]
    bodies = [json.dumps(payload).encode() + b"\n" for payload in payloads] if lines else frames(payloads)
    return Made(bodies, {"": TEXT}, lines)


def langchain_events() -> Made:
    def happened(kind: str, chunk: object) -> bytes:
        return sse({"event": kind, "run_id": "r-1", "name": "Model", "data": {"chunk": chunk}}, "data")

    bodies = [happened("on_chain_start", None)]
    for word in WORDS:
        bodies += [happened("on_chat_model_stream", {"content": word}), happened("on_chain_stream", {"content": word})]
    return Made([*bodies, happened("on_chain_end", {"content": TEXT}), sse("", "end")], {"0": TEXT})


def langgraph() -> Made:
    node = {"langgraph_node": "agent"}
    chunks = [sse([{"content": word, "type": "AIMessageChunk", "id": "r-1"}, node], "messages") for word in WORDS]
    whole = sse([{"content": TEXT, "type": "ai", "id": "r-1"}, node], "messages")
    state = sse({"messages": [{"content": TEXT, "type": "ai", "id": "r-1"}]}, "values")
    return Made([sse({"run_id": "run-1"}, "metadata"), *chunks, whole, state, sse("null", "end")], {"0": TEXT})


def langgraph_partial() -> Made:
    chunks = [sse([{"content": text, "type": "ai", "id": "r-1"}], "messages/partial") for text in so_far()]
    return Made([sse({"run_id": "run-1"}, "metadata"), *chunks, sse("null", "end")], {"0": TEXT})


def flowise() -> Made:
    tokens = [{"event": "token", "data": word} for word in WORDS]
    end: list[dict[str, Any]] = [{"event": "metadata", "data": {"chatId": "c"}}, {"event": "end", "data": "[DONE]"}]
    return Made(frames([{"event": "start", "data": ""}, *tokens, *end]), {"": TEXT})


def tgi() -> Made:
    tokens = [
        {"index": at, "token": {"id": at, "text": word, "special": False}, "generated_text": None, "details": None}
        for at, word in enumerate(WORDS)
    ]
    details = {"finish_reason": "eos_token", "generated_tokens": 15}
    end = {"token": {"id": 2, "text": "</s>", "special": True}, "generated_text": TEXT, "details": details}
    return Made(frames([*tokens, end]), {"": TEXT})


def llama_cpp() -> Made:
    pieces = [{"index": 0, "content": word, "tokens": [1], "stop": False} for word in WORDS]
    counts = {"tokens_predicted": 14, "tokens_evaluated": 9}
    return Made(frames([*pieces, {"index": 0, "content": "", "stop": True, "stop_type": "eos", **counts}]), {"0": TEXT})


def dify() -> Made:
    ids = {"task_id": "t", "message_id": "m-1", "conversation_id": "c"}
    usage = {"prompt_tokens": 9, "completion_tokens": 14}
    payloads: list[dict[str, Any]] = [
        {"event": "workflow_started", **ids, "data": {"id": "w"}},
        *[{"event": "message", **ids, "answer": word} for word in WORDS],
        {"event": "node_finished", **ids, "data": {"outputs": {"text": TEXT}}},
        {"event": "workflow_finished", **ids, "data": {"status": "succeeded", "outputs": {"answer": TEXT}}},
        {"event": "message_end", **ids, "metadata": {"usage": usage}},
    ]
    return Made([b"event: ping\n\n", *frames(payloads)], {"": TEXT})


def n8n() -> Made:
    node = {"metadata": {"nodeId": "n-1", "nodeName": "Agent", "runIndex": 0, "itemIndex": 0}}
    items = [{"type": "item", "content": word, **node} for word in WORDS]
    return Made(frames([{"type": "begin", **node}, *items, {"type": "end", **node}]), {"0": TEXT})


def openai_agents() -> Made:
    inner: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "resp-1"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "i"}},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0},
        *[
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": word}
            for word in WORDS
        ],
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": TEXT},
        {"type": "response.completed", "response": {"id": "resp-1", "status": "completed"}},
    ]
    raw = [{"type": "raw_response_event", "data": {**one, "sequence_number": at}} for at, one in enumerate(inner)]
    updated = {"type": "agent_updated_stream_event", "new_agent": {"name": "Helper"}}
    item = {"type": "run_item_stream_event", "name": "message_output_created", "item": {"text": TEXT}}
    return Made(frames([updated, *raw, item]), {"0/0": TEXT})


PROTOCOLS = {
    "ag-ui": ag_ui(),
    "dashscope, incremental": dashscope(WORDS, key="choices"),
    "dashscope, so far": dashscope(so_far(), key="choices"),
    "dashscope, text so far": dashscope(so_far(), key="text"),
    "a2a": a2a(envelope=True),
    "a2a, bare": a2a(envelope=False),
    "a2a, version 1": a2a_1(),
    "bedrock-converse": bedrock(named=False),
    "bedrock-converse, named": bedrock(named=True),
    "langserve-log": langserve(),
    "librechat": librechat(),
    "ollama, generate": ollama("response", lines=True),
    "ollama, chat": ollama("message", lines=True),
    "ollama, chat as events": ollama("message", lines=False),
    "langchain-events": langchain_events(),
    "langgraph": langgraph(),
    "langgraph, partial": langgraph_partial(),
    "generic-json, Flowise": flowise(),
    "tgi": tgi(),
    "llama-cpp": llama_cpp(),
    "dify": dify(),
    "n8n": n8n(),
    "openai-agents": openai_agents(),
}
"""By the dialect's name, up to the comma."""
