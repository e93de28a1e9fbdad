"""Regular expressions that users give: which can be used, and which would find everything."""

from __future__ import annotations

import math
import re
from typing import Final

from otel_sse import limits

_LEAST_REPEATS: Final = re.compile(r"\{(\d+)")
_MAX_DIGITS: Final = 9

# A pattern that finds something in each of these finds something in every URL, as far as anybody would notice: they
# share nothing but what all have. They are short, because a pattern that goes back often takes twice as long for each
# character more.
_PROBES: Final = (("http://a/", "/"), ("http://1/9", "/9"), ("https://Q/Z", "/Z"), ("http://[::]/~", "/~"))


def compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a pattern, compiled; None where it is none, or one that may take for ever.

    A pattern is at most `limits.MAX_PATTERN_CHARS` long, and the least repeats that it asks for, multiplied, are at
    most `limits.MAX_PATTERN_REPEATS`.
    """
    if len(pattern) > limits.MAX_PATTERN_CHARS or _least_repeats(pattern) > limits.MAX_PATTERN_REPEATS:
        return None
    try:
        return re.compile(pattern)
    except Exception:
        # Besides re.error: RecursionError, OverflowError, MemoryError, and warnings that are errors.
        return None


def finds_empty(pattern: re.Pattern[str]) -> bool:
    """Return whether a pattern finds something in a text that has nothing."""
    return pattern.search("") is not None


def split(patterns: str) -> list[str]:
    """Return the patterns of a list with commas between them, without the spaces around them; [] for an empty text."""
    return [pattern.strip() for pattern in patterns.split(",")] if patterns else []


class UrlPatterns:
    """Patterns that are looked for in a URL and in its path.

    Args:
        patterns: As `are_url_patterns` allows them.
    """

    def __init__(self, patterns: str) -> None:
        # Each by itself: joined into one, flags and groups of one pattern would change the others.
        self._patterns = [re.compile(pattern) for pattern in split(patterns)]

    def find(self, *texts: str) -> bool:
        """Return whether one of the patterns is found in one of the texts, up to `limits.MAX_MATCHED_URL_CHARS`."""
        most = limits.MAX_MATCHED_URL_CHARS
        return any(pattern.search(text, 0, most) for pattern in self._patterns for text in texts)


def are_url_patterns(patterns: str) -> bool:
    """Return whether a list can be used: all are patterns, none is empty, and they do not find every URL."""
    found = [compiled(pattern) for pattern in split(patterns)]
    if any(pattern is None or finds_empty(pattern) for pattern in found):
        return False
    return not found or not all(UrlPatterns(patterns).find(*probe) for probe in _PROBES)


def _least_repeats(pattern: str) -> int:
    counts = [number if len(number) <= _MAX_DIGITS else "9" * _MAX_DIGITS for number in _LEAST_REPEATS.findall(pattern)]
    return math.prod(max(int(number), 1) for number in counts)
