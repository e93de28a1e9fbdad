"""Evidence as one sentence for a person."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.faults.sentences import sentence_of


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (
            "4 is 3 again: both are 2 of provider, digest 6dcd4ce2; 9 chunks so; seen at socket_write too; [DONE]",
            "Chunk 4 is 3 again: both are 2 of provider, seen at socket_write too.",
        ),
        (
            "29-31, 38, 40 and 3 more places of provider did not come, digest 5c10b5 and 9 more; upstream 29",
            "Chunks 29-31, 38, 40 and 3 more places of provider did not come.",
        ),
        (
            "2 was made from 3 of emit: digest c987761f9973, then 5ece240085b9, by digest",
            "Chunk 2 was made from 3 of emit, with other content.",
        ),
        (
            "13-24 is the beginning of the answer again, 1-12 of a, digests ab to cd",
            "Chunks 13-24 are the beginning of the answer again, 1-12 of a.",
        ),
        ("outcome incomplete, after 104 chunks", "Outcome incomplete, after 104 chunks."),
        ("3.025 s, allowed 2.4 s", "3.025 s, allowed 2.4 s."),
        ("", ""),
    ],
)
def test_evidence_is_one_sentence(evidence: str, sentence: str) -> None:
    """The first statement alone, without digests, with where it was seen too."""
    assert sentence_of(evidence) == sentence
