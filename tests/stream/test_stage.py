"""What is known of a stage beforehand."""

from __future__ import annotations

import pytest

from otel_sse.stream.stage import StageInfo, StageSpec


def test_stage_is_known_by_name_and_stream_and_does_not_change() -> None:
    """Name and stream are all that must be given; the rest says "unknown", and nothing can be changed later."""
    info = StageInfo(StageSpec("socket_write"), "s1")
    spec = info.spec
    assert (spec.direction, spec.rewrites, spec.source, info.route) == ("", False, "", "")
    with pytest.raises(AttributeError, match="immutable"):
        info.route = "/chat"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable"):
        spec.name = "emit"  # type: ignore[misc]


@pytest.mark.parametrize(("direction", "label"), [("", "policy.judge"), ("in", "policy.judge.in")])
def test_stage_is_called_by_name_and_direction(direction: str, label: str) -> None:
    """A stage's label has its direction, where there is one, and its name never has."""
    info = StageInfo(StageSpec("policy.judge", direction), "s1")
    assert (info.name, info.label) == ("policy.judge", label)
