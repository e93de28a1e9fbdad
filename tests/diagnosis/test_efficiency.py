"""Bytes of framing, sizes of pieces, and the slowest step."""

from __future__ import annotations

from otel_sse import semconv
from otel_sse.diagnosis.efficiency import sizes_of, slowest_of
from tests.diagnosis.made_pipeline import framed, merged, stream_of, whole
from tests.diagnosis.made_trace import MS

WORDS = ["a", "bb", "ccc", "dddd"]


def test_framing_is_told_from_content() -> None:
    """Raw bytes and bytes of content, in all and by piece; what is no content counts as framing."""
    first, behind = stream_of(WORDS, framed).stages
    sizes = sizes_of(first)
    assert (sizes.chunks, sizes.content_chunks, sizes.raw_bytes, sizes.content_bytes) == (4, 4, 10 + 4 * 8, 10)
    assert (sizes.median_content_bytes, sizes.raw_per_content) == (2, 4.2)
    assert (sizes_of(behind).chunks, sizes_of(behind).content_chunks, sizes_of(behind).content_bytes) == (8, 4, 10)


def test_what_the_stage_itself_counted_goes_before_what_is_in_the_trace() -> None:
    """Chunks may be missing in a trace; the stage's own sums have them."""
    stage = stream_of(WORDS).stages[0]
    says = {semconv.STREAM_BYTES: 9_000, semconv.STREAM_CONTENT_BYTES: 900, semconv.STREAM_CONTENT_CHUNKS: 90}
    stage.attributes = {**stage.attributes, **says}
    sizes = sizes_of(stage)
    assert (sizes.content_chunks, sizes.raw_bytes, sizes.content_bytes, sizes.raw_per_content) == (90, 9_000, 900, 10)


def test_a_stage_without_content_has_no_ratio() -> None:
    """Nothing is divided by nothing."""
    assert sizes_of(stream_of([]).stages[0]).raw_per_content is None


def test_larger_pieces_are_seen() -> None:
    """Where a stage puts pieces together, their median grows."""
    assert [sizes_of(stage).median_content_bytes for stage in stream_of(WORDS, merged(2)).stages] == [2, 3]


def test_the_slowest_step_is_named() -> None:
    """By the median of its chunks, with the share that it has of all."""
    stream = stream_of(WORDS, whole, whole)
    for chunk in stream.stages[2].chunks:
        chunk.time_ns += 9 * MS
    slowest = slowest_of(stream)
    assert slowest is not None
    assert (slowest.upstream, slowest.position, slowest.median_ns, slowest.all_ns) == (1, 2, 10 * MS, 11 * MS)
    assert slowest_of(stream_of(WORDS)) is None
