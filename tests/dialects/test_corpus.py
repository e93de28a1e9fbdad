"""The recorded streams beside the project, read with nothing said about their format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from otel_sse.dialects import Reader
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event, Parser
from tests.dialects.made import texts

pytestmark = pytest.mark.corpus

MISLABELLED = {"streams/other-001.sse", "streams/other-002.sse"}
"""Called `vercel-ui` in the index, but an evaluation tool's own progress events: no event of theirs has a type."""

NO_IDENTITY = {"replicate", "watsonx", "writer-completions"}
"""Formats whose events carry no id of the answer."""


@dataclass
class Recording:
    """One recorded stream as it was read."""

    entry: dict[str, Any]
    events: list[Event]
    facts: list[Facts]
    name: str
    expects: str

    @property
    def file(self) -> str:
        """Where it lies below the corpus."""
        return str(self.entry["file"])

    @property
    def format(self) -> str:
        """Its format as the index says."""
        return str(self.entry["format"])

    def payloads(self) -> Iterator[tuple[dict[str, Any], Facts]]:
        """Yield each event that is a JSON object with its facts."""
        for event, facts in zip(self.events, self.facts, strict=True):
            if event.data.startswith("{"):
                yield json.loads(event.data), facts


def read(corpus: Path, entry: dict[str, Any]) -> Recording:
    """Read one stream as a stage would."""
    parser = Parser()
    items = [*parser.feed((corpus / entry["file"]).read_bytes()), *parser.close()]
    events = [item for item in items if isinstance(item, Event)]
    reader = Reader()
    facts = [reader.read(event) for event in events]
    return Recording(entry, events, facts, reader.name, reader.expects)


@pytest.fixture(scope="module")
def recordings(corpus: Path) -> list[Recording]:
    """All clean streams."""
    entries = json.loads((corpus / "index.json").read_text(encoding="utf-8"))["streams"]
    return [read(corpus, entry) for entry in entries]


def exceptions(recordings: list[Recording], is_one: Any) -> list[str]:
    """Return the files for which a rule does not hold."""
    return [one.file for one in recordings if is_one(one)]


def test_every_format_is_recognised(recordings: list[Recording]) -> None:
    """The chosen dialect is the stream's format, by shape alone."""
    assert len(recordings) == 727
    wrong = {one.file: one.name for one in recordings if one.name != one.format}
    assert set(wrong) == MISLABELLED


def test_nothing_is_nested(recordings: list[Recording]) -> None:
    """No clean stream holds a frame that was serialised twice."""
    assert exceptions(recordings, lambda one: any(facts.nested for facts in one.facts)) == []


def test_content_is_content(recordings: list[Recording]) -> None:
    """An event has text where, and only where, it is of kind content, and its deltas are its text."""
    for one in recordings:
        for facts in one.facts:
            assert (facts.content is not None) == (facts.kind == "content"), one.file
            if facts.deltas:
                assert "".join(text for _, text in facts.deltas) == facts.content, one.file


def test_each_mark_of_the_end_comes_once(recordings: list[Recording]) -> None:
    """A terminal of one name never repeats, and no text follows the first of any name."""
    for one in recordings:
        ends = [number for number, facts in enumerate(one.facts) if facts.terminal]
        assert max(Counter(one.facts[number].terminal for number in ends).values(), default=0) <= 1, one.file
        after = one.facts[ends[0] + 1 :] if ends else []
        assert not any(facts.content for facts in after), one.file


def test_every_stream_is_complete(recordings: list[Recording]) -> None:
    """Each stream shows what its dialect expects of a complete one."""

    def is_cut(one: Recording) -> bool:
        ended = any(facts.terminal for facts in one.facts)
        finished = any(facts.finish_reason for facts in one.facts)
        return not (one.expects == "nothing" or ended or (one.expects == "finish" and finished))

    assert exceptions(recordings, is_cut) == []


def test_numbers_never_skip(recordings: list[Recording]) -> None:
    """Sequence numbers grow by exactly one."""

    def skips(one: Recording) -> bool:
        numbers = [facts.sequence for facts in one.facts if facts.sequence is not None]
        return any(later != earlier + 1 for earlier, later in pairwise(numbers))

    assert sum(any(facts.sequence is not None for facts in one.facts) for one in recordings) > 100
    assert exceptions(recordings, skips) == []


def test_each_answer_opens_once(recordings: list[Recording]) -> None:
    """Where the format has ids, a clean stream opens exactly one answer."""
    for one in recordings:
        expected = 0 if one.format in NO_IDENTITY or one.file in MISLABELLED else 1
        assert sum(facts.opens is not None for facts in one.facts) == expected, one.file


def test_second_starts_open_again(corpus: Path) -> None:
    """Streams that really start again open an answer each time, and end each of them."""
    for entry in json.loads((corpus / "second_starts.json").read_text(encoding="utf-8")):
        one = read(corpus, entry)
        opened = [facts.opens for facts in one.facts if facts.opens]
        assert len(opened) > 1, one.file
        assert len(opened) == sum(facts.terminal is not None for facts in one.facts), one.file


def test_as_many_contents_as_the_index_counts(recordings: list[Recording]) -> None:
    """Events with content are those that the index counts, but for three kinds on which the two differ.

    The index counts Anthropic's signatures, which are no text; it does not count the code that Gemini runs and its
    output, nor the thought summaries of an interaction.
    """
    for one in recordings:
        own = sum(facts.content is not None for facts in one.facts)
        assert own - uncounted(one) == one.entry["n_deltas"] - signatures(one), one.file


def signatures(one: Recording) -> int:
    """Return the number of Anthropic's signature deltas."""
    if one.format != "anthropic-messages":
        return 0
    return sum("signature" in (payload.get("delta") or {}) for payload, _ in one.payloads())


def uncounted(one: Recording) -> int:
    """Return the number of contents that the index does not count."""
    branches = {"gemini": ("/code", "/output"), "gemini-interactions": ("/reasoning",)}.get(one.format, ())
    return sum(facts.channel.endswith(branches) for facts in one.facts)


def chat_text(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a simple client would show of one chunk: each choice's text."""
    for choice in payload.get("choices") or []:
        content = (choice.get("delta") or {}).get("content")
        if isinstance(content, str):
            yield str(choice["index"]), content


def completion_text(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a simple client would show of one completion chunk."""
    for choice in payload["choices"]:
        yield str(choice.get("index", 0)), choice.get("text", "")


def anthropic_text(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a simple client would show of one Messages event."""
    if payload["type"] == "content_block_delta" and payload["delta"]["type"] == "text_delta":
        yield str(payload["index"]), payload["delta"]["text"]


def cohere_text(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a simple client would show of one chat event."""
    if payload["type"] == "content-delta":
        yield str(payload["index"]), payload["delta"]["message"]["content"]["text"]


def gemini_text(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a simple client would show of one chunk."""
    for part in payload["candidates"][0]["content"].get("parts", []):
        if "text" in part and not part.get("thought"):
            yield "0", part["text"]


CLIENTS = {
    "openai-chat": chat_text,
    "openai-completions": completion_text,
    "anthropic-messages": anthropic_text,
    "cohere-v2": cohere_text,
    "gemini": gemini_text,
}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_answer_is_what_a_simple_client_shows(recordings: list[Recording], name: str) -> None:
    """The text of each numbered channel is what a client of that vendor, written for nothing else, would join."""
    for one in (one for one in recordings if one.format == name):
        shown: dict[str, str] = {}
        for payload, _ in one.payloads():
            for channel, text in CLIENTS[name](payload):
                shown[channel] = shown.get(channel, "") + text
        answer = {channel: text for channel, text in texts(one.facts).items() if channel.isdigit()}
        assert answer == {channel: text for channel, text in shown.items() if text}, one.file


def test_responses_deltas_are_the_texts_they_end_with(recordings: list[Recording]) -> None:
    """The deltas of each part, joined, are the text that the part's own `done` event tells."""
    keys = {"output_text": "text", "refusal": "refusal", "reasoning_summary_text": "text"}
    checked = 0
    for one in (one for one in recordings if one.format == "openai-responses"):
        whole = texts(one.facts)
        for payload, _ in one.payloads():
            kind = payload["type"].removeprefix("response.").removesuffix(".done")
            if not payload["type"].endswith(".done") or kind not in (*keys, "function_call_arguments"):
                continue
            told = payload[keys.get(kind, "arguments")]
            channel = f"{payload['output_index']}/{payload.get('content_index', payload.get('summary_index', 0))}"
            branches = [text for name, text in whole.items() if name.startswith(f"{payload['output_index']}/")]
            assert told in ([whole.get(channel)] if kind == "output_text" else branches) or not told, one.file
            checked += 1
    assert checked > 100


def test_assistants_deltas_are_the_messages_they_end_with(recordings: list[Recording]) -> None:
    """The deltas of each message, joined, are the text of the finished message."""
    checked = 0
    for one in (one for one in recordings if one.format == "openai-assistants"):
        whole = texts(one.facts).values()
        for payload, _ in one.payloads():
            if payload.get("object") == "thread.message" and payload["content"]:
                assert "".join(part["text"]["value"] for part in payload["content"]) in whole, one.file
                checked += 1
    assert checked == 8


def test_usage_is_what_the_last_chunk_tells(recordings: list[Recording]) -> None:
    """Token counts are read wherever a chat chunk has them."""
    for one in (one for one in recordings if one.format == "openai-chat"):
        for payload, facts in one.payloads():
            usage = payload.get("usage") or {}
            assert facts.input_tokens == usage.get("prompt_tokens"), one.file
            assert facts.output_tokens == usage.get("completion_tokens"), one.file
