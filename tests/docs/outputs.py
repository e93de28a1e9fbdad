"""What a page shows of an output, held against what the command prints now: all but times, ids, ports and layout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher, unified_diff
from typing import Final

GAP: Final = "..."
"""In a page: lines are left out here. What stands before the first line and behind the last may be left out as well."""

_ALIKE: Final = 0.6
"""From this likeness on a changed line is taken for the one that the page shows."""

TRACE_ID: Final = re.compile(r"\b[0-9a-f]{32}\b")

_CHANGING: Final = (
    (TRACE_ID, "<trace>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<stream>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: UTC|Z)?|\b\d\d-\d\d \d\d:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b\d[\d,]*(?:\.\d+)?[ ](?:s|ms|us|µs|min)\b(?P<mark>\*?)"), "<duration>"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in <duration>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d{2,5}\b|(?<=localhost:)\d{2,5}\b"), "<port>"),
    (re.compile(r"\bcontrol {3}[0-9a-f]{12}\b"), "control <digest>"),
)
_NUMBER: Final = (re.compile(r"\b\d+(?:-\d+)?\b"), "<number>")
_LAYOUT: Final = re.compile(r"[\s─-╿]+")


def words(text: str, *, numbers_vary: bool = False) -> list[str]:
    """Return what a text says, without what changes from run to run, line breaks, and the lines of tables and trees.

    Args:
        text: The text.
        numbers_vary: Leave out every number as well.
    """
    for pattern, name in (*_CHANGING, *((_NUMBER,) if numbers_vary else ())):
        text = pattern.sub(name, text)
    return [word for word in _LAYOUT.split(text) if word]


def difference(shown: str, printed: str, *, numbers_vary: bool = False) -> str | None:
    """Return how a page's output differs from what was printed; None where it does not."""
    at, all_words = 0, words(printed, numbers_vary=numbers_vary)
    for part in _parts(words(shown, numbers_vary=numbers_vary)):
        found = _find(part, all_words, at)
        if found is None:
            return _diff(shown, printed)
        at = found + len(part)
    return None


def _parts(shown: list[str]) -> list[list[str]]:
    """The runs of words between gaps."""
    parts: list[list[str]] = [[]]
    for word in shown:
        if word == GAP:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _find(part: Sequence[str], among: Sequence[str], start: int) -> int | None:
    count = len(part)
    return next((at for at in range(start, len(among) - count + 1) if among[at : at + count] == part), None)


def _diff(shown: str, printed: str) -> str:
    sides = [[" ".join(words(line)) for line in text.splitlines()] for text in (shown, printed)]
    first, last = _nearest(sides[0], sides[1])
    lines = unified_diff(sides[0], sides[1][first:last], "the page", "the command", n=2, lineterm="")
    return "the page shows what the command does not print\n" + "\n".join(lines)


def _nearest(part: list[str], among: list[str]) -> tuple[int, int]:
    """The stretch of lines that a part is about: from its first line that is there to its last one."""
    found = [each for each in SequenceMatcher(None, part, among, autojunk=False).get_matching_blocks() if each.size]
    if not found:
        return 0, min(len(among), 40)
    first, last = found[0], found[-1]
    return max(0, first.b - first.a), min(len(among), last.b + len(part) - last.a)


def same_ids(shown: str, printed: str) -> dict[str, str]:
    """Return the trace ids of what was printed by those that the page shows in their places."""
    pairs = [list(dict.fromkeys(TRACE_ID.findall(text))) for text in (shown, printed)]
    return dict(zip(*pairs, strict=False))


def rewritten(shown: str, printed: str) -> str:
    """Return the part of what was printed that the page shows: the same lines, as they are now.

    Ids of traces stay those of the page, because its commands name them.

    Raises:
        ValueError: A line at the border of a gap is not printed any more, so that the part can't be told.
    """
    for old, new in same_ids(shown, printed).items():
        printed = printed.replace(new, old)
    made: list[str] = []
    rest = [line.rstrip() for line in printed.splitlines()]
    for part in _line_parts(shown.splitlines()):
        if len(part) == 1 and part[0].split()[-1:] == [GAP]:
            made.extend(part)
            continue
        first, last = _bounds(part, rest)
        made.extend(rest[first:last])
        rest = rest[last:]
    return "\n".join(made) + "\n"


def _line_parts(lines: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if words(line)[-1:] == [GAP]:
            parts += [[line], []]
        else:
            parts[-1].append(line)
    return [part for part in parts if part]


def _bounds(part: list[str], among: list[str]) -> tuple[int, int]:
    sides = [[" ".join(words(line)) for line in lines] for lines in (part, among)]
    if set(sides[0]) & set(sides[1]):
        return _nearest(sides[0], sides[1])
    count = len(part)
    likeness, first = max(
        ((_likeness(sides[0], sides[1][at : at + count]), -at) for at in range(len(among) - count + 1)),
        default=(0.0, 0),
    )
    if likeness < _ALIKE:
        raise ValueError(f"the output must have a line like {part[0]!r}, got none. Write this part by hand.")
    return -first, -first + count


def _likeness(part: list[str], other: list[str]) -> float:
    return SequenceMatcher(None, " ".join(part), " ".join(other), autojunk=False).ratio()
