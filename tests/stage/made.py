"""Made-up streams in the shapes of several vendors, and a stage to lead them through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.stream.totals import Totals

MS = 1_000_000
S = 1_000 * MS
OPENED = 10 * S
INFO = StageInfo(StageSpec("socket_write"), "stream-1")


def info(**how: Any) -> StageInfo:
    """The stage that streams are led through, with more known of it."""
    return StageInfo(StageSpec("socket_write", **how), "stream-1")


Entry = Chunk | tuple[Finding, int]
"""What a stage leaves in its journal."""

WORDS = ("The", " cat", " sat", " on", " the", " mat", ".", "\n", "\n", " 🐈", " ha", " ha", " ha")
"""Tokens that repeat as a model's do."""


class Seen(NamedTuple):
    """What a stage made of a stream."""

    chunks: list[Chunk]
    notes: list[Finding]
    totals: Totals

    @property
    def findings(self) -> list[Finding]:
        """All findings, by the chunk they are about."""
        found = [*self.notes, *(one for chunk in self.chunks for one in chunk.findings)]
        return sorted(found, key=lambda finding: finding.seq)

    @property
    def told(self) -> list[tuple[str, int, int]]:
        """Kind, chunk and earlier chunk of all findings."""
        return [(one.kind, one.seq, one.of) for one in self.findings]


def seen(journal: Iterable[Entry], totals: Totals) -> Seen:
    """Take a journal apart."""
    entries = list(journal)
    chunks = [entry for entry in entries if isinstance(entry, Chunk)]
    return Seen(chunks, [entry[0] for entry in entries if isinstance(entry, tuple)], totals)


def watch(
    bodies: bytes | Sequence[bytes], outcome: str = "completed", settings: StageSettings | None = None, **how: Any
) -> Seen:
    """Lead bodies through a stage, one a millisecond, and end it."""
    journal: list[Entry] = []
    monitor = StageMonitor(info(**how), settings or StageSettings(), OPENED, journal)
    parts = [bodies] if isinstance(bodies, bytes) else bodies
    for number, body in enumerate(parts, 1):
        monitor.feed(body, OPENED + number * MS)
    return seen(journal, monitor.end(outcome, OPENED + (len(parts) + 1) * MS))


def frame(payload: object, event: str = "", ident: str | None = None) -> bytes:
    """One SSE event; a payload that is no text becomes JSON."""
    data = payload if isinstance(payload, str) else json.dumps(payload)
    head = (f"id: {ident}\n" if ident is not None else "") + (f"event: {event}\n" if event else "")
    return f"{head}data: {data}\n\n".encode()


DONE = frame("[DONE]")


def chat_chunk(text: str | None, *, choice: int = 0, finish: str | None = None, answer: str = "chatcmpl-1") -> bytes:
    """One chunk of an OpenAI chat completion."""
    delta = {} if text is None else {"content": text}
    choices = [{"index": choice, "delta": delta, "finish_reason": finish}]
    return frame({"id": answer, "object": "chat.completion.chunk", "choices": choices})


def chat(words: Sequence[str] = WORDS, answer: str = "chatcmpl-1") -> list[bytes]:
    """A whole chat completion with usage and `[DONE]`."""
    usage = {"id": answer, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": len(words)}}
    chunks = [chat_chunk(word, answer=answer) for word in words]
    return [*chunks, chat_chunk(None, finish="stop", answer=answer), frame(usage), DONE]


def two_choices(words: Sequence[str] = WORDS) -> list[bytes]:
    """Two choices of one completion, token by token in turn."""
    chunks = [chat_chunk(word, choice=choice) for word in words for choice in (0, 1)]
    return [*chunks, chat_chunk(None, finish="stop"), chat_chunk(None, choice=1, finish="stop"), DONE]


def typed(payload: dict[str, Any]) -> bytes:
    """An event whose `event` field is its payload's type, as OpenAI's Responses and Anthropic send it."""
    return frame(payload, payload["type"])


def responses(words: Sequence[str] = WORDS, answer: str = "resp_1") -> list[bytes]:
    """A whole answer of the Responses API, numbered from 0."""
    payloads: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": answer}}]
    payloads += [{"type": "response.output_text.delta", "output_index": 0, "delta": word} for word in words]
    payloads += [{"type": "response.completed", "response": {"id": answer, "status": "completed"}}]
    return [typed({**payload, "sequence_number": number}) for number, payload in enumerate(payloads)]


def messages(words: Sequence[str] = WORDS, answer: str = "msg_1") -> list[bytes]:
    """A whole message of Anthropic's API, with pings."""
    ping = typed({"type": "ping"})
    text = [
        typed({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}})
        for word in words
    ]
    return [
        typed({"type": "message_start", "message": {"id": answer, "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        typed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ping,
        *text,
        ping,
        typed({"type": "content_block_stop", "index": 0}),
        typed({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}}),
        typed({"type": "message_stop"}),
    ]


def gemini(words: Sequence[str] = WORDS) -> list[bytes]:
    """Generated content of Gemini, which ends with a finish reason alone."""
    parts: list[dict[str, Any]] = [{"content": {"parts": [{"text": word}]}, "index": 0} for word in words]
    parts[-1]["finishReason"] = "STOP"
    return [frame({"candidates": [part]}) for part in parts]


def own_json(words: Sequence[str] = WORDS) -> list[bytes]:
    """An application's own frames with a `done` flag, and comments that keep the connection."""
    frames = [frame({"content": word, "done": False}) for word in words]
    return [b": hello\n\n", *frames, b": still here\n\n", frame({"content": "", "done": True})]


def plain(words: Sequence[str] = WORDS) -> list[bytes]:
    """Text alone, one word an event."""
    return [frame(word.strip() or "-") for word in words]


def named(words: Sequence[str] = WORDS) -> list[bytes]:
    """An application's own frames with ids that count from 1."""
    return [frame({"content": word, "done": False}, ident=f"{number}") for number, word in enumerate(words, 1)]


ANSWERS = {
    "openai-chat": chat,
    "openai-chat, two choices": two_choices,
    "openai-responses": responses,
    "anthropic-messages": messages,
    "gemini": gemini,
    "own JSON": own_json,
    "plain text": plain,
}
