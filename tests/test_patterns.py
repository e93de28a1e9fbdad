"""Regular expressions that users give."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.patterns import UrlPatterns, are_url_patterns, compiled, finds_empty, split

EVERYTHING = [
    ".*",
    ".",
    ".+",
    "^",
    "$",
    "|x",
    "x|",
    "x*",
    "()",
    "(?:)",
    "/",
    "^/",
    "http",
    "^https?:",
    "^http",
    ":",
    "\\b",
]


@pytest.mark.parametrize("pattern", [*EVERYTHING, "^/$,^/.", "[a-z],/[0-9~]"])
def test_what_finds_every_url_is_refused(pattern: str) -> None:
    """A list that leaves no request over is no list of exceptions, be it one pattern or several together."""
    assert not are_url_patterns(pattern)


@pytest.mark.parametrize("patterns", ["health,", ",health", "a,,b", ",", " ", "a, ,b", "\t", "a,\n"])
def test_empty_pattern_is_refused(patterns: str) -> None:
    """A stray comma is no pattern that finds everything: it is refused."""
    assert not are_url_patterns(patterns)


@pytest.mark.parametrize(
    "patterns", ["", "health", "^/health$", "health, live", "(?i)a,(?i)b", "localhost", ":8080/", "e"]
)
def test_what_leaves_something_over_is_taken(patterns: str) -> None:
    """An empty text is no pattern, flags belong to their own pattern, and spaces around commas do not count."""
    assert are_url_patterns(patterns)


def test_each_pattern_is_looked_for_by_itself() -> None:
    """Spaces around commas go, case counts as the pattern says, and a comment of one does not swallow the next."""
    patterns = UrlPatterns("(?i)HEALTH , ^/live$,(?x)a b # c,end")
    assert split(" a , b") == ["a", "b"]
    assert patterns.find("http://h/health")
    assert patterns.find("http://h/x", "/live")
    assert patterns.find("the ab")
    assert patterns.find("the end")
    assert not patterns.find("http://h/LIVE", "/LIVE")


@pytest.mark.parametrize(("more", "found"), [(0, True), (1, False)])
def test_url_is_looked_at_up_to_a_length(more: int, found: bool) -> None:
    """Of a URL that a client has made long on purpose only the beginning is looked at."""
    url = "/" * (limits.MAX_MATCHED_URL_CHARS - 1 + more) + "x"
    assert UrlPatterns("x").find(url) is found


@pytest.mark.parametrize(("more", "is_pattern"), [(0, True), (1, False)])
def test_length_is_capped(more: int, is_pattern: bool) -> None:
    """A pattern is as long as the cap says, and no longer."""
    assert (compiled("x" * (limits.MAX_PATTERN_CHARS + more)) is not None) is is_pattern


@pytest.mark.parametrize(("repeats", "is_pattern"), [("x{1000}", True), ("x{1001}", False), ("x{99999999999}", False)])
def test_least_repeats_are_capped(repeats: str, is_pattern: bool) -> None:
    """What multiplies to more steps than the cap is no pattern: nested, it would take hours on an empty text."""
    assert limits.MAX_PATTERN_REPEATS == 1_000_000
    assert (compiled(f"(?:{repeats}){{1000}}") is not None) is is_pattern


@pytest.mark.parametrize(
    "pattern", ["(", "*", "[a", "(?P<a>x)(?P<a>y)", "x{4294967296}", "(" * 4_000 + ")" * 90, "a(?i)"]
)
def test_what_does_not_compile_is_no_pattern(pattern: str) -> None:
    """Whatever Python raises over a pattern, it is none."""
    assert compiled(pattern) is None
    assert not are_url_patterns(f"x,({pattern}")


def test_finding_nothing_in_particular() -> None:
    """A pattern that finds something in an empty text is told from one that needs a character."""
    assert [finds_empty(found) for each in ("x*", "$", "x", "\\b") if (found := compiled(each))] == [
        True,
        True,
        False,
        False,
    ]
