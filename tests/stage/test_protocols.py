"""Clean streams of the protocols that applications and agents speak, each alone at one stage."""

from __future__ import annotations

import pytest

from otel_sse.dialects import Reader
from otel_sse.wire import Event, LineParser, Parser
from tests.dialects.made import texts
from tests.dialects.protocols import PROTOCOLS, TEXT, WORDS, Made
from tests.stage.made import watch

ENDLESS = {"langchain-events", "langgraph", "langgraph, partial", "generic-json, Flowise"}
"""Of these an end may be left out, or is not known beforehand."""

CLEAN = pytest.mark.parametrize("name", PROTOCOLS)


def dialect_of(name: str) -> str:
    """The dialect of a stream, by its name in the list."""
    return name.partition(",")[0]


def events(made: Made) -> list[Event]:
    """The events of a stream."""
    parser = LineParser() if made.lines else Parser()
    return [one for one in (*parser.feed(b"".join(made.bodies)), *parser.close()) if isinstance(one, Event)]


@CLEAN
def test_a_clean_stream_is_read_whole(name: str) -> None:
    """All bytes of the answer are content, on their channels, and nothing else is."""
    made = PROTOCOLS[name]
    reader = Reader()
    assert texts([reader.read(event) for event in events(made)]) == made.texts
    assert reader.name == dialect_of(name)


@CLEAN
def test_a_clean_stream_is_in_order(name: str) -> None:
    """It completes, by its protocol's own end, and nothing is wrong with it."""
    made = PROTOCOLS[name]
    seen = watch(made.bodies, lines=made.lines)
    assert (seen.totals.outcome, seen.totals.dialect, seen.told) == ("completed", dialect_of(name), [])
    assert seen.totals.content_bytes == made.size_bytes


@pytest.mark.parametrize("name", sorted(PROTOCOLS.keys() - ENDLESS))
def test_a_stream_that_breaks_off_is_incomplete(name: str) -> None:
    """Without the last half the answer's end has not crossed."""
    made = PROTOCOLS[name]
    assert watch(made.bodies[: len(made.bodies) // 2], lines=made.lines).totals.outcome == "incomplete"


@CLEAN
def test_the_first_event_of_its_own_decides(name: str) -> None:
    """A stream is known within its first three events, so that few are read as frames of no vendor."""
    reader = Reader()
    for event in events(PROTOCOLS[name])[:4]:
        reader.read(event)
    assert reader.name == dialect_of(name)


JSON_LINES = [b'{"content": "word %d ", "done": false}\n' % number for number in range(12)]


@pytest.mark.parametrize(
    ("bodies", "dialect", "size"),
    [
        ([word.encode() for word in WORDS], "plain-text", len(TEXT.encode())),
        ([b'{"title":', b' "Fog", "words": [', b"1, 2]}"], "plain-text", 33),
        (
            [*JSON_LINES, b'{"content": "", "done": true}\n'],
            "generic-json",
            sum(len(b"word %d " % n) for n in range(12)),
        ),
        (PROTOCOLS["tgi"].bodies, "tgi", len(TEXT.encode())),
        (PROTOCOLS["ollama, chat"].bodies, "ollama", len(TEXT.encode())),
    ],
    ids=["text", "a document", "lines", "events", "Ollama's lines"],
)
def test_bodies_that_are_sent_as_plain_text(bodies: list[bytes], dialect: str, size: int) -> None:
    """They are read as what they are, and nothing is wrong with them."""
    seen = watch(bodies, text=True)
    assert (seen.totals.outcome, seen.totals.dialect, seen.told) == ("completed", dialect, [])
    assert (seen.totals.content_bytes, seen.totals.chunks) == (size, len(bodies))
