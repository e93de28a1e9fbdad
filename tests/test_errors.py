"""Messages of one form."""

from __future__ import annotations

import pytest

from otel_sse.errors import (
    ConfigurationError,
    MissingExtraError,
    NotAnApplicationError,
    OtelSSEError,
    must,
    nearest,
    needs,
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
    ("name", "known", "prefix", "advice"),
    [
        ("emitt", ["emit", "websockets"], "", "Did you mean emit?"),
        ("emit_rewrite", ["emit", "emit_rewrites"], "", "Did you mean emit_rewrites?"),
        ("ab_cd", ["ab_ce", "ab_cf"], "", "Did you mean ab_cf or ab_ce?"),
        ("OTEL_SSE_EMITT", ["OTEL_SSE_EMIT", "OTEL_SSE_DIALECT"], "OTEL_SSE_", "Did you mean OTEL_SSE_EMIT?"),
        ("OTEL_SSE_QQQQ", ["OTEL_SSE_EMIT", "OTEL_SSE_DIALECT"], "OTEL_SSE_", "See the list."),
        ("capture", ["capture_content", "chunk_events"], "", "Did you mean capture_content?"),
        (
            "emit",
            ["emit_all", "emit_few", "emit_one", "emit_two"],
            "",
            "Did you mean emit_all or emit_few or emit_one?",
        ),
        ("cap", ["capture_content"], "", "See the list."),
        ("q" * 100_000, ["emit"], "", "See the list."),
        ("emit", [], "", "See the list."),
    ],
)
def test_nearest_name_is_named(name: str, known: list[str], prefix: str, advice: str) -> None:
    """Names that are spelt alike or begin so are the advice, the nearest first; a beginning of all makes none alike."""
    assert nearest(name, known, "See the list.", prefix=prefix) == advice


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


def test_a_package_of_others_is_told_with_its_extra() -> None:
    """An import error of another package becomes words that name the extra."""
    with pytest.raises(MissingExtraError, match=r"pip install 'otel-sse\[demo\]'"), needs("demo", "the demo"):
        raise ModuleNotFoundError("No module named 'rich'", name="rich.console")


def test_an_error_of_our_own_package_stays() -> None:
    """A module of otel_sse that is missing is a defect and not a missing extra."""
    with pytest.raises(ModuleNotFoundError) as caught, needs("demo", "the demo"):
        raise ModuleNotFoundError("No module named 'otel_sse.gone'", name="otel_sse.gone")
    assert not isinstance(caught.value, MissingExtraError)


def test_other_errors_stay() -> None:
    """What is not an import error passes."""
    with pytest.raises(ZeroDivisionError), needs("demo", "the demo"):
        _ = 1 / 0
