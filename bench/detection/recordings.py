"""The recorded answers, as frames: what crossed a wire, and what each frame means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otel_sse.dialects import Reader
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event, Parser

CORPUS: Final = Path(__file__).resolve().parents[3] / "shared" / "corpus"
"""Where the recorded streams lie, beside the project; they are no part of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event or comment as it was recorded.

    Args:
        raw: Its bytes, with the blank line that ends it.
        event: What was parsed; None for a comment.
        facts: What it means; None for a comment.
    """

    raw: bytes
    event: Event | None = None
    facts: Facts | None = None

    @property
    def content(self) -> str | None:
        """Its text, or None."""
        return None if self.facts is None else self.facts.content

    @property
    def is_end(self) -> bool:
        """Whether it is a terminal event."""
        return self.facts is not None and self.facts.terminal is not None


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded answer.

    Args:
        file: Where it lies below the corpus.
        dialect: Its format as the index names it.
        frames: Its frames.
    """

    file: str
    dialect: str
    frames: tuple[Frame, ...]

    @property
    def failed(self) -> bool:
        """Whether the service itself broke the answer off with an error."""
        return any(frame.facts is not None and frame.facts.error is not None for frame in self.frames)

    @property
    def contents(self) -> list[int]:
        """The places of the frames with content."""
        return [at for at, frame in enumerate(self.frames) if frame.content is not None]


def recordings(corpus: Path = CORPUS) -> list[Recording]:
    """Return all clean streams, those in which the model repeats itself included.

    Args:
        corpus: The folder.

    Raises:
        FileNotFoundError: It is not there.
    """
    return [_read(corpus, entry) for entry in _page(corpus, "index.json")["streams"]]


def second_starts(corpus: Path = CORPUS) -> list[Recording]:
    """Return the streams that really start twice."""
    return [_read(corpus, entry) for entry in _page(corpus, "second_starts.json")]


def hard_negatives(corpus: Path = CORPUS) -> frozenset[str]:
    """Return the files of clean streams in which the model repeats itself."""
    return frozenset(entry["file"] for entry in _page(corpus, "hard_negatives.json"))


def gaps_ms(corpus: Path = CORPUS) -> list[float]:
    """Return recorded times between neighbouring tokens, in milliseconds."""
    return [gap for entry in _page(corpus, "timing_ollama_gaps.json") for gap in entry["gaps_ms"]]


def _page(corpus: Path, name: str) -> Any:
    return json.loads((corpus / name).read_text(encoding="utf-8"))


def _read(corpus: Path, entry: dict[str, Any]) -> Recording:
    data = (corpus / entry["file"]).read_bytes()
    return Recording(entry["file"], entry["format"], tuple(frames(data)))


def frames(data: bytes) -> list[Frame]:
    """Return the frames of a body; what is left behind the last one goes with it.

    Args:
        data: The body, whole.
    """
    parser, reader = Parser(), Reader()
    found: list[Frame] = []
    start = 0
    for item in [*parser.feed(data), *parser.close()]:
        raw, start = data[start : start + item.size], start + item.size
        if isinstance(item, Event):
            found.append(Frame(raw, item, reader.read(item)))
        else:
            found.append(Frame(raw))
    if found and start < len(data):
        last = found[-1]
        found[-1] = Frame(last.raw + data[start:], last.event, last.facts)
    return found
