"""Messages of one form."""

from __future__ import annotations

import pytest

from otel_sse.errors import (
    ConfigurationError,
    MissingExtraError,
    NotAnApplicationError,
    OtelSSEError,
    must,
)


def test_message_says_what_must_be_what_is_and_what_to_do() -> None:
    """The one form: subject, rule, value, advice."""
    message = must("OTEL_SSE_QUEUE_SIZE", "be a whole number", "ten", "Correct it.")
    assert message == "OTEL_SSE_QUEUE_SIZE must be a whole number, got 'ten'. Correct it."


@pytest.mark.parametrize(("length", "shown"), [(118, 118 + 2), (119, 120), (100_000, 120)])
def test_long_values_are_cut(length: int, shown: int) -> None:
    """A value is shown up to 120 characters of its `repr`; a longer one ends in three dots."""
    message = must("it", "be short", "x" * length, "Cut it.")
    value = message.removeprefix("it must be short, got ").removesuffix(". Cut it.")
    assert len(value) == shown
    assert value.endswith("...") is (length > 118)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [(ConfigurationError, ValueError), (NotAnApplicationError, TypeError), (MissingExtraError, ImportError)],
)
def test_errors_are_ours_and_pythons(error: type[OtelSSEError], builtin: type[Exception]) -> None:
    """Each can be caught as otel_sse's and as the built-in that it means."""
    assert issubclass(error, OtelSSEError)
    assert issubclass(error, builtin)


def test_missing_extra_says_what_to_install() -> None:
    """The message names the feature and the command that installs what it needs."""
    assert str(MissingExtraError("`otel-sse demo`", "demo")) == (
        "`otel-sse demo` must find the packages of the extra 'demo', got an import error. "
        "Install them with: pip install 'otel-sse[demo]'"
    )
