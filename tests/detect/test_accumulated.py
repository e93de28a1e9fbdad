"""A chunk that says everything again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.detect.accumulated import AccumulatedDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Chunk, Finding
from otel_sse.stream.digest import sha1_digest

WORDS = ["The ", "cat ", "sat ", "on ", "the ", "mat, ", "as ", "cats ", "do. 🐈"]


def judge(
    *batches: list[str], channel: str = "0", detector: AccumulatedDetector | None = None, certainty: str = CERTAIN
) -> list[Finding]:
    """Everything said of texts, batch by batch."""
    detector = detector or AccumulatedDetector("emit")
    found: list[Finding] = []
    seq, acc_len = 0, detector._acc_len
    for texts in batches:
        chunks = []
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            seq += 1
            acc_len += len(raw)
            chunks.append(Chunk(seq, 0, "content", sha1_digest(raw), acc_len, 0, False))
        large = [
            (chunk, text, certainty)
            for chunk, text in zip(chunks, texts, strict=True)
            if len(text.encode()) >= limits.ACCUMULATED_BYTES
        ]
        found += detector.look(channel, chunks, large) if chunks else []
    return found


@pytest.mark.parametrize("batch", [1, 4, 10])
def test_whole_answer_behind_its_deltas_is_certain(batch: int) -> None:
    """The finding names the chunk, the first one of those it repeats, and how much they say."""
    texts = [*WORDS, "".join(WORDS)]
    (found,) = judge(*[texts[at : at + batch] for at in range(0, len(texts), batch)])
    assert (found.kind, found.certainty, found.seq, found.of) == ("duplicate/accumulated", CERTAIN, 10, 1)
    size = len("".join(WORDS).encode())
    assert found.evidence == f"its {size} bytes are all that the 9 chunks before it say"


def test_whole_answer_twice_is_told_twice() -> None:
    """What repeats everything is not added to what was said."""
    assert [one.seq for one in judge([*WORDS, *["".join(WORDS)] * 2])] == [10, 11]


@pytest.mark.parametrize(
    "last", ["".join(WORDS)[1:], "".join(WORDS) + " ", "".join(WORDS).upper(), "".join(reversed(WORDS)), ""]
)
def test_what_differs_is_no_repeat(last: str) -> None:
    """One character more, less or other, and it is content."""
    assert judge([*WORDS, last]) == []


@pytest.mark.parametrize(("size", "count"), [(limits.ACCUMULATED_BYTES - 1, 0), (limits.ACCUMULATED_BYTES, 1)])
def test_short_texts_are_not_judged(size: int, count: int) -> None:
    """Below ACCUMULATED_BYTES a model may say the same once more: `ha ha` behind `ha` and ` ha`."""
    text = "x" * (size - 4)
    assert len(judge(["a", "b", "cd", text, f"abcd{text}"])) == count


@pytest.mark.parametrize(("chunks", "count"), [(limits.ACCUMULATED_CHUNKS - 1, 0), (limits.ACCUMULATED_CHUNKS, 1)])
def test_one_large_chunk_twice_is_left_to_others(chunks: int, count: int) -> None:
    """Behind fewer than ACCUMULATED_CHUNKS chunks an equal one is a chunk said twice, and no whole answer."""
    texts = [f"{'x' * 40}{at}" for at in range(chunks)]
    assert len(judge([*texts, "".join(texts)])) == count


def test_long_answer_is_known_by_its_beginning_and_its_length() -> None:
    """Of more chunks than ACCUMULATED_PIECES the first are compared, so that no text has to be kept."""
    words = [f" word{at}" for at in range(3 * limits.ACCUMULATED_PIECES)]
    whole = "".join(words)
    assert [one.seq for one in judge([*words, whole])] == [len(words) + 1]
    assert judge([*words, "X" + whole[1:]]) == []


def test_channels_are_judged_apart() -> None:
    """All that one choice said is nothing that the other one said."""
    detector = AccumulatedDetector("emit")
    assert judge(WORDS, channel="0", detector=detector) == []
    assert judge(["".join(WORDS)], channel="1", detector=detector) == []
    assert [one.kind for one in judge(["".join(WORDS)], channel="0", detector=detector)] == ["duplicate/accumulated"]


@given(st.lists(st.text(min_size=1), max_size=30), st.integers(1, 16))
def test_batches_change_nothing(texts: list[str], batch: int) -> None:
    """Whatever the texts are, the one that is all of them is found where they are long enough, and no other."""
    whole = "".join(texts)
    said = [*texts, whole]
    parts = [said[at : at + batch] for at in range(0, len(said), batch)]
    found = [one.seq for one in judge(*parts)]
    long_enough = len(texts) >= limits.ACCUMULATED_CHUNKS and len(whole.encode()) >= limits.ACCUMULATED_BYTES
    earlier = [
        at + 1
        for at in range(limits.ACCUMULATED_CHUNKS, len(texts))
        if texts[at] == "".join(texts[:at]) and len(texts[at].encode()) >= limits.ACCUMULATED_BYTES
    ]
    assert found == ([len(said)] if long_enough and not earlier else found if earlier else [])


@pytest.mark.parametrize(("channel", "count"), [(limits.MAX_CHANNELS - 1, 1), (limits.MAX_CHANNELS, 0)])
def test_channels_are_remembered_up_to_the_cap(channel: int, count: int) -> None:
    """The last of MAX_CHANNELS channels is judged; one more is not."""
    detector = AccumulatedDetector("emit")
    for each in range(limits.MAX_CHANNELS + 1):
        judge(WORDS, channel=f"{each}", detector=detector)
    assert len(judge(["".join(WORDS)], channel=f"{channel}", detector=detector)) == count


def test_answer_that_has_ended_is_forgotten_as_the_next_one_begins() -> None:
    """The whole of the next one is what it says itself; what the caller knows of the form is how sure it is."""
    detector = AccumulatedDetector("emit")
    assert judge(WORDS, detector=detector) == []
    assert detector.size("0") == len("".join(WORDS).encode())
    assert detector.says_all("0", "".join(WORDS), detector.size("0"))
    detector.end("0")
    assert (detector.size("0"), detector.says_all("0", "".join(WORDS), 0)) == (0, False)
    other = [word.upper() for word in WORDS]
    found = judge([*other, "".join(WORDS), "".join([*other, *WORDS])], detector=detector, certainty=SUSPECTED)
    assert [(one.seq, one.of, one.certainty) for one in found] == [(11, 1, SUSPECTED)]
    detector.end()
    assert detector.size("0") == 0
