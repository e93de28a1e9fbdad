"""What a stage's monitor is told beforehand."""

from __future__ import annotations

import pytest

from otel_sse.options import Options
from otel_sse.stage import StageSettings
from otel_sse.stream.stage import StageSpec


def test_defaults_are_those_of_the_options() -> None:
    """A stage made without options checks what one with default options checks."""
    settings, options = StageSettings(), Options()
    assert settings.first_byte_ns == options.first_byte_threshold * 1e9
    assert settings.silence_ns == options.silence_threshold * 1e9
    same = ("max_event_bytes", "max_findings", "interval_sample", "capture_content", "dialect", "content_of")
    assert [getattr(settings, name) for name in same] == [getattr(options, name) for name in same]


def first(value: object) -> str | None:
    """Find content."""
    return "a"


def second(value: object) -> str | None:
    """Find content otherwise."""
    return "b"


def test_the_function_of_the_stage_itself_comes_first() -> None:
    """Then the one of its label, then of its name, then the only one; a dialect likewise."""
    inward = StageSpec("policy.judge", "in")
    by_stage = StageSettings(content_of={"policy.judge.in": first, "policy.judge": second})
    assert by_stage.content_of_stage(inward) is first
    assert by_stage.content_of_stage(StageSpec("policy.judge", "out")) is second
    assert by_stage.content_of_stage(StageSpec("emit")) is None
    assert by_stage.content_of_stage(StageSpec("emit", content_of=first)) is first
    assert StageSettings(content_of=second).content_of_stage(StageSpec("emit")) is second
    settings = StageSettings(dialect="gemini")
    assert settings.dialect_of_stage(StageSpec("emit")) == "gemini"
    assert settings.dialect_of_stage(StageSpec("emit", dialect=lambda: "ollama")) == "ollama"


def test_settings_do_not_change() -> None:
    """Settings are shared by all streams of an application, so nothing may be set on them."""
    with pytest.raises(AttributeError, match="immutable"):
        StageSettings().max_findings = 0  # type: ignore[misc]
