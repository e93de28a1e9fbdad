"""Chunks that each hold all of the text so far."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.cumulative import CumulativeDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Chunk, Finding
from otel_sse.stream.digest import sha1_digest

WORDS = ["The", " fog", " and", " the", " bell", " 🔔", " rang", " twice", " at", " the", " pier", " wall", "."]
SO_FAR = ["".join(WORDS[: at + 1]) for at in range(len(WORDS))]


def judge(texts: list[str], *, batch: int = 100, channels: str = "0") -> list[Finding]:
    """Everything said of texts, so many at a look; their channels take turns."""
    detector = CumulativeDetector("emit")
    found: list[Finding] = []
    said = 0
    for first in range(0, len(texts), batch):
        start, chunks, large = said, [], []
        for seq, text in enumerate(texts[first : first + batch], first + 1):
            raw = text.encode()
            said += len(raw)
            chunk = Chunk(seq, 0, "content", sha1_digest(raw), said, 0, False, channel=channels[seq % len(channels)])
            chunks.append(chunk)
            if len(raw) >= limits.ACCUMULATED_BYTES:
                large.append((chunk, text, CERTAIN))
        found += detector.look(chunks, large, start)
    return found


def test_example() -> None:
    """The example that stands in the code, with the real numbers: the eighth chunk proves it, from the first on."""
    (found,) = judge(SO_FAR)
    assert (found.kind, found.certainty, found.seq, found.of, found.amount) == (
        "duplicate/cumulative", SUSPECTED, 8, 1, limits.CUMULATIVE_CHUNKS,
    )  # fmt: skip
    assert found.evidence == "each of 8 chunks, from chunk 1 on, begins with the whole one before it"


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_it_is_told_once_however_many_are_looked_at(batch: int) -> None:
    """With fewer at a look the short ones at the beginning are not known, and it is told some chunks later."""
    long = ["".join(WORDS * 3)[: 5 * at] for at in range(1, 40)]
    assert [one.kind for one in judge(long, batch=batch)] == ["duplicate/cumulative"]


@pytest.mark.parametrize(("chunks", "count"), [(limits.CUMULATIVE_CHUNKS - 1, 0), (limits.CUMULATIVE_CHUNKS, 1)])
def test_so_many_chunks_make_it(chunks: int, count: int) -> None:
    """CUMULATIVE_CHUNKS that grow, and no fewer."""
    assert len(judge(SO_FAR[5 : 5 + chunks] if chunks < 8 else SO_FAR[5:13])) == count


def test_the_whole_text_again_does_not_end_the_run() -> None:
    """A source that sends its text once more, with the usage, is cumulative all the same."""
    long = ["".join(WORDS * 3)[: 5 * at] for at in range(1, 30)]
    assert len(judge([text for text in long for _ in range(2)])) == 1


@pytest.mark.parametrize(
    "texts",
    [
        [f"{'line ' * 7}{number:03d}" for number in range(20)],
        ["x" * (32 + at) + "y" for at in range(20)],
        [text + "X" if at % 3 == 0 else text for at, text in enumerate(SO_FAR)],
        ["".join(reversed(text)) for text in SO_FAR],
        WORDS,
        SO_FAR[::-1],
    ],
    ids=["equal lengths", "growing", "changed", "other ends", "pieces", "shrinking"],
)
def test_what_does_not_hold_all_before_it_is_no_news(texts: list[str]) -> None:
    """Lines that grow, or rows of one length, are pieces."""
    assert judge(texts) == []


def test_channels_that_take_turns_are_not_judged() -> None:
    """A chunk follows the one before only on its own channel."""
    assert judge([text for text in SO_FAR for _ in range(2)], channels="01") == []
