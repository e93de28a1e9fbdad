"""What the options say, and what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.registry import names
from otel_sse.errors import ConfigurationError
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.settings import stage_settings

RULE = "be a dialect, by name or by a function that makes one (with name, expects and read)"


def refused(**given: Any) -> str:
    """The message with which a recorder is refused."""
    providers = {name: given.pop(name) for name in ("tracer_provider", "meter_provider") if name in given}
    with pytest.raises(ConfigurationError) as raised:
        Recorder(Options.resolve(None, **given), **providers)
    return str(raised.value)


def test_times_are_nanoseconds_and_rules_are_compiled() -> None:
    """A stage gets its settings in the units it counts in."""
    found = stage_settings(Options(silence_threshold=1.5, first_byte_threshold=0.25, content_checks={"x": "a+"}))
    assert (found.silence_ns, found.first_byte_ns) == (1_500_000_000, 250_000_000)
    assert [(name, rule.pattern) for name, rule in found.content_checks] == [("x", "a+")]


def test_unknown_dialect_is_named_by_where_it_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name says which argument or variable holds it, and which names there are."""
    known = f"be one of {', '.join(names())}, got 'gpt'. Use one of these or register it."
    assert refused(dialect="gpt") == f"option dialect must {known}"
    monkeypatch.setenv("OTEL_SSE_DIALECT", "gpt")
    assert refused() == f"OTEL_SSE_DIALECT must {known}"


@pytest.mark.parametrize("dialect", [lambda: 3, lambda: 1 / 0, lambda name: name])
def test_function_that_makes_no_dialect_is_refused(dialect: Any) -> None:
    """What it raised is the cause, and not the message."""
    assert refused(dialect=dialect).startswith(f"option dialect must {RULE}, got <function ")


@pytest.mark.parametrize(
    ("name", "value", "kind"), [("tracer_provider", 3, "TracerProvider"), ("meter_provider", "x", "MeterProvider")]
)
def test_provider_that_is_none_is_refused(name: str, value: object, kind: str) -> None:
    """The argument is named with its value and what is allowed."""
    expected = f"{name} must be a {kind} of OpenTelemetry or None, got {value!r}. Pass one or leave it."
    assert refused(**{name: value}) == expected
