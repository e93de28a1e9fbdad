"""The streams that are measured are what they are said to be."""

from __future__ import annotations

import json

import pytest

from bench.chunks import LARGE, SHAPES, SMALL, large, small


@pytest.mark.parametrize(("name", "size"), [(SMALL, 60), (LARGE, 170)])
def test_frames_have_the_size_that_they_are_named_after(name: str, size: int) -> None:
    """All frames but the first and the last few are of exactly the size in the name."""
    frames = SHAPES[name](2_000)
    assert {len(frame) for frame in frames[1:-2]} == {size}


@pytest.mark.parametrize("name", list(SHAPES))
def test_a_stream_has_as_many_frames_as_asked_for(name: str) -> None:
    """The frames that end a stream are counted in."""
    assert len(SHAPES[name](50)) == 50


def test_small_stream_marks_its_end() -> None:
    """Only the last frame of an application's own stream is done."""
    done = [json.loads(frame[6:])["done"] for frame in small(10)]
    assert done == [False] * 9 + [True]


def test_large_stream_ends_as_openai_ends_it() -> None:
    """A finish reason, then `[DONE]`."""
    *_, finish, done = large(10)
    assert json.loads(finish[6:])["choices"][0]["finish_reason"] == "stop"
    assert done == b"data: [DONE]\n\n"
