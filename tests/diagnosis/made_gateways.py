"""Gateways that are honest: they cut answers anew, leave channels out, add words of their own. Made answers too."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from bench.detection.pipeline import Change, Clock, Frames, Step, as_it_is, run
from bench.detection.recordings import Frame, frames
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.channels import is_beside
from otel_sse.stream.stages import EMIT, PROVIDER, SOCKET_WRITE

Delta = tuple[str, str]
"""A channel, and a piece of its text."""

PREFACE: Final = ["Sure", ",", " here", " is", " the", " answer", ":", "\n\n"]
NOTE: Final = [" (", "the", " tool", " is", " running", ",", " and", " it", " may", " take", " a", " while", ")", "\n"]
SOURCES: Final = ["\n\n", "Sources", ":", " the", " handbook", ",", " and", " the", " page", " of", " it", "."]
OWN: Final[dict[str, Sequence[str]]] = {"nothing": (), "preface": PREFACE, "note": NOTE, "sources": SOURCES}


class Cut:
    """Cuts the text of one channel anew: so many deltas together, or at the places that a pattern finds."""

    def __init__(self, count: int = 0, pattern: str = "") -> None:
        self._count, self._pattern = count, re.compile(pattern, re.DOTALL) if pattern else None
        self._held: list[str] = []

    def feed(self, text: str) -> list[str]:
        self._held.append(text)
        if self._pattern is None:
            return self.end() if len(self._held) >= self._count else []
        pieces = self._pattern.findall("".join(self._held))
        whole = "".join(pieces)
        self._held = ["".join(self._held)[len(whole) :]]
        return [piece for piece in pieces if piece]

    def end(self) -> list[str]:
        rest, self._held = "".join(self._held), []
        return [rest] if rest else []


CUTS: Final[dict[str, Callable[[], Cut]]] = {
    "each": lambda: Cut(count=1),
    "by 3": lambda: Cut(count=3),
    "sentences": lambda: Cut(pattern=r"[^.!?\n]*[.!?\n]+(?=[^.!?\n])"),
    "words": lambda: Cut(pattern=r"\s*\S+(?=\s)"),
}
"""The four honest cuts, by name."""


def deltas_of(frame: Frame) -> list[Delta]:
    """The pieces of text in a frame, each with its channel."""
    facts = frame.facts
    if facts is None or facts.content is None:
        return []
    return list(facts.deltas or [(facts.channel, facts.content)])


def own_frame(text: str, channel: str = "") -> Frame:
    """A frame in the gateway's own JSON."""
    kind = {"type": channel.rpartition("/")[2].partition(":")[0]} if is_beside(channel) else {}
    data = json.dumps({**kind, "content": text})
    (made,) = frames(f"data: {data}\n\n".encode())
    return made


END: Final = frames(b"data: [DONE]\n\n")[0]


def gateway(cut: str, *, beside: bool, own: str = "nothing", fault: Callable[[Frames], Frames] | None = None) -> Change:
    """A gateway's loop.

    Args:
        cut: One of `CUTS`.
        beside: Whether it hands on channels beside the text too: reasoning, tool calls.
        own: One of `OWN`, what it says of its own.
        fault: What it makes of its frames in the end; None for an honest one.
    """

    def stage(came: Frames, clock: Clock) -> Frames:
        made = _honest(came, cut, beside=beside, own=own)
        return made if fault is None else fault(made)

    return stage


def _honest(came: Iterator[Frame], cut: str, *, beside: bool, own: str) -> Iterator[Frame]:
    said, half = OWN[own], 3
    if own == "preface":
        yield from map(own_frame, said)
    cuts: dict[str, Cut] = {}
    latest, number = "", 0
    for frame in came:
        for channel, text in deltas_of(frame):
            if is_beside(channel) and not beside:
                continue
            if channel != latest and latest in cuts:
                yield from (own_frame(piece, latest) for piece in cuts[latest].end())
            latest = channel
            for piece in cuts.setdefault(channel, CUTS[cut]()).feed(text):
                yield own_frame(piece, channel)
                number += 1
                if own == "note" and number == half:
                    yield from map(own_frame, said)
    for channel, each in cuts.items():
        yield from (own_frame(piece, channel) for piece in each.end())
    if own == "sources":
        yield from map(own_frame, said)
    yield END


def watched(frames_in: Sequence[Frame], change: Change, *, lineage: bool, seed: int = 1) -> TraceStream:
    """The trace of provider, the gateway's iterator and its socket."""
    chance = random.Random(seed)
    times_ns, now = [], 1_000_000_000
    for _ in frames_in:
        now += chance.randrange(4_000_000, 30_000_000)
        times_ns.append(now)
    steps = [Step(PROVIDER, as_it_is), Step(EMIT, change), Step(SOCKET_WRITE, as_it_is)]
    return run(frames_in, times_ns, steps, lineage=lineage)


THOUGHT: Final = ["We", " need", " the", " tide", ",", " and", " the", " bell", ".", " Say", " yes", " politely", "."]
TEXT: Final = [
    *("Yes", ",", " the", " har", "bour", " was", " quiet", ".", " Two", " boats", " left", " before", " the", " fog"),
    *(
        " came",
        " in",
        ".",
        "\n\n",
        "Nora",
        " count",
        "ed",
        " them",
        ",",
        " wrote",
        " the",
        " num",
        "bers",
        " down",
        ",",
    ),
    *(" and", " wait", "ed", " for", " the", " bell", ".", " No", "body", " on", " the", " pier", " spoke", "."),
]
CALL: Final = ['{"', "harbour", '":', ' "', "North", "gate", '"', ",", ' "unit', '":', ' "m', '"', "}"]


def _event(payload: dict[str, object], name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(payload).encode() + b"\n\n"


def openai_chat() -> bytes:
    """Reasoning, an answer, and the call of a tool."""

    def delta(**says: object) -> bytes:
        return _event({"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": says}]})

    def call(text: str) -> dict[str, object]:
        return {"index": 0, "function": {"arguments": text}}

    return b"".join(
        [
            *(delta(reasoning_content=text) for text in THOUGHT),
            *(delta(content=text) for text in TEXT),
            *(delta(tool_calls=[call(text)]) for text in CALL),
            b"data: [DONE]\n\n",
        ]
    )


def anthropic_messages() -> bytes:
    """Blocks of thinking, of text, and of a tool's use."""
    blocks = [("thinking_delta", "thinking", THOUGHT), ("text_delta", "text", TEXT)]
    blocks.append(("input_json_delta", "partial_json", CALL))
    kinds = ("thinking", "text", "tool_use")
    sent = [_event({"type": "message_start", "message": {"id": "m1", "role": "assistant"}}, "message_start")]
    for index, (kind, key, texts) in enumerate(blocks):
        opened = {"type": "content_block_start", "index": index, "content_block": {"type": kinds[index]}}
        sent.append(_event(opened, "content_block_start"))
        for text in texts:
            says = {"type": "content_block_delta", "index": index, "delta": {"type": kind, key: text}}
            sent.append(_event(says, "content_block_delta"))
        sent.append(_event({"type": "content_block_stop", "index": index}, "content_block_stop"))
    return b"".join([*sent, _event({"type": "message_stop"}, "message_stop")])


def openai_responses() -> bytes:
    """A summary of the reasoning, an answer, and the call of a function."""
    sent, number = [], 0
    for part, (name, texts) in enumerate(
        [("reasoning_summary_text", THOUGHT), ("output_text", TEXT), ("function_call_arguments", CALL)]
    ):
        for text in texts:
            kind = f"response.{name}.delta"
            says = {"type": kind, "sequence_number": number, "output_index": part, "content_index": 0, "delta": text}
            sent.append(_event({**says, "item_id": f"i{part}", "summary_index": 0}, kind))
            number += 1
    end = {"type": "response.completed", "sequence_number": number, "response": {"id": "r1", "status": "completed"}}
    return b"".join([*sent, _event(end, "response.completed")])


ANSWERS: Final[dict[str, Callable[[], bytes]]] = {
    "openai_chat": openai_chat,
    "anthropic_messages": anthropic_messages,
    "openai_responses": openai_responses,
}
"""Made answers in three dialects, each with three channels."""
