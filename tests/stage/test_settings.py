"""What a stage's monitor is told beforehand."""

from __future__ import annotations

import pytest

from otel_sse.options import Options
from otel_sse.stage import StageSettings


def test_defaults_are_those_of_the_options() -> None:
    """A stage made without options checks what one with default options checks."""
    settings, options = StageSettings(), Options()
    assert settings.first_byte_ns == options.first_byte_threshold * 1e9
    assert settings.silence_ns == options.silence_threshold * 1e9
    same = ("max_event_bytes", "max_findings", "interval_sample", "capture_content", "dialect", "content_of")
    assert [getattr(settings, name) for name in same] == [getattr(options, name) for name in same]


def test_settings_do_not_change() -> None:
    """Settings are shared by all streams of an application, so nothing may be set on them."""
    with pytest.raises(AttributeError, match="immutable"):
        StageSettings().max_findings = 0  # type: ignore[misc]
