"""The exceptions that users of otel_sse may meet.

Every message has the form ``<subject> must <rule>, got <value>. <What to do.>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = [
    "ConfigurationError",
    "MissingExtraError",
    "NotAnApplicationError",
    "OtelSSEError",
    "StreamReusedError",
    "alike_names",
    "must",
    "nearest",
    "needs",
]


class OtelSSEError(Exception):
    """Base of all errors raised by otel_sse on purpose."""


class ConfigurationError(OtelSSEError, ValueError):
    """A setting has a value that is not allowed."""


class NotAnApplicationError(OtelSSEError, TypeError):
    """`instrument()` was given something that is not an ASGI application."""


class MissingExtraError(OtelSSEError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} must find the packages of the extra {extra!r}, got an import error. "
            f"Install them with: pip install 'otel-sse[{extra}]'"
        )


@contextmanager
def needs(extra: str, feature: str) -> Iterator[None]:
    """Turn an import error in the block into words that say what to install.

    Args:
        extra: The extra that brings what is missing.
        feature: What needs it.

    Raises:
        MissingExtraError: A module of another package is not there, or is too old to have what is needed.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "otel_sse":
            raise
        raise MissingExtraError(feature, extra) from error


class StreamReusedError(OtelSSEError, RuntimeError):
    """A stream under `single_pass` was iterated a second time.

    Args:
        first: Where its first iteration began: `file:line in function`, with its callers where both are in one line.
        second: Where the second one was about to.
    """

    def __init__(self, first: str, second: str) -> None:
        super().__init__(
            f"stream must be iterated once, got a second iteration at {second}; the first is at {first}. "
            "Iterate it in one place and hand each chunk on from there, or collect it in a list first."
        )
        self.first = first
        self.second = second

    def __reduce__(self) -> tuple[type[StreamReusedError], tuple[str, str]]:
        # Exceptions are pickled with their message alone otherwise, and this one is made from two places.
        return type(self), (self.first, self.second)


def must(subject: str, rule: str, value: object, advice: str) -> str:
    """Return an error message in the project's one form.

    Args:
        subject: What is wrong, for instance a variable's name.
        rule: What it must be, without the word "must".
        value: What was found; shown by `repr`, shortened to 120 characters, by its type where that can't be had.
        advice: One sentence that says what to do.
    """
    shown = _shown(value)
    if len(shown) > 120:
        shown = shown[:117] + "..."
    return f"{subject} must {rule}, got {shown}. {advice}"


def nearest(name: str, known: Iterable[str], otherwise: str, *, prefix: str = "") -> str:
    """Return the advice on a name that is not known: the known names that it may be meant for, the nearest first.

    Args:
        name: What was given.
        known: The names that there are.
        otherwise: The advice where there is none.
        prefix: How all of them begin, the given one too. It is not compared: it would make any two of them alike.
    """
    alike = alike_names(name.removeprefix(prefix), [each.removeprefix(prefix) for each in known])
    return f"Did you mean {' or '.join(prefix + each for each in alike)}?" if alike else otherwise


def alike_names(name: str, known: Iterable[str]) -> list[str]:
    """Return those of the known names that `name` may be meant for, three at most.

    They are spelt alike, the nearest first, or begin with it: `capture` stands for `capture_content`.
    """
    # Only a caller with a mistake pays for loading it.
    from difflib import get_close_matches

    every = list(known)
    alike = get_close_matches(name[:_MOST_COMPARED], every, cutoff=_ALIKE)
    begun = [each for each in every if len(name) >= _SHORTEST_BEGINNING and each.startswith(name)]
    return [*alike, *(each for each in begun if each not in alike)][:_MOST_ALIKE]


_ALIKE: Final = 0.75
"""How much alike two names are that are meant to be one, from 0 to 1, by `difflib.SequenceMatcher.ratio`."""

_MOST_ALIKE: Final = 3
"""Names that one message has at most."""

_SHORTEST_BEGINNING: Final = 4
"""Characters from which on the beginning of a name is taken for the name."""

_MOST_COMPARED: Final = 200
"""Characters of a name. Comparing takes time that grows with the square of its length."""


def _shown(value: object) -> str:
    try:
        return repr(value[:120] if type(value) is str else value)
    except Exception:
        # A number of more digits than Python writes, a list in itself, a `__repr__` that raises.
        return f"a value of type {type(value).__name__}"
