"""Text that others wrote, made safe to show: the one way by which any of it reaches a terminal or a report.

Names of services, stages, sources and routes, ids, kinds, evidence and error types come from spans, and whoever can
send spans, or a request, chooses them. Shown as they are, they could move the cursor, turn the reading direction around
(CVE-2021-42574, "Trojan Source"), hide behind no width, or write lines of their own into a report.
"""

from __future__ import annotations

from typing import Final
from unicodedata import category

from otel_sse import limits

_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""Characters that Unicode calls letters, marks or signs and that show nothing.
Source: Unicode, DerivedCoreProperties, `Default_Ignorable_Code_Point`; and the empty Braille pattern."""

MESSAGE_CHARS: Final = 2_000
"""Characters of a message or a sentence that names several such texts, each cut off by itself where it was made."""


def escaped(text: object, most: int = limits.MAX_SHOWN_CHARS) -> str:
    """Return a text as one line in which nothing is hidden, cut off where it is too long.

    Control characters and all kinds of blanks are a space. Whatever else can't be seen (separators of lines,
    directions, zero widths, halves of surrogates) is shown by its number, as in a Python string: `\\u202e`.

    Args:
        text: The text; of anything else what `str` makes of it.
        most: Characters of it that are shown.
    """
    whole = text if isinstance(text, str) else str(text)
    shown = whole[:most]
    if not shown.isprintable() or not _INVISIBLE.isdisjoint(shown):
        shown = "".join(map(_seen, shown))
    return shown if len(whole) <= most else shown + "…"


def _seen(character: str) -> str:
    if character.isprintable() and character not in _INVISIBLE:
        return character
    if category(character) in _BLANK:
        return " "
    return character.encode("unicode_escape").decode("ascii")


_BLANK: Final = ("Cc", "Zs")
"""Unicode's categories of control characters, C0 and C1, and of spaces of whatever width."""
