"""What is known of a stage beforehand."""

from __future__ import annotations

import dataclasses

import pytest

from otel_sse.stream.stage import StageInfo


def test_stage_is_known_by_name_and_stream_and_does_not_change() -> None:
    """Name and stream are all that must be given; the rest says "unknown", and nothing can be changed later."""
    info = StageInfo("socket_write", "s1")
    assert (info.direction, info.rewrites, info.source, info.route) == ("", False, "", "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.route = "/chat"  # type: ignore[misc]
