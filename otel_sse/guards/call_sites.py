"""Where in the user's code something was called from."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Final, NamedTuple

_OURS: Final = "otel_sse"

_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
"""Calls that Python 3.11 and before make of a comprehension, which is a part of its function."""

_RUNNERS: Final = frozenset({"asyncio", "threading", "concurrent", "trio"})
"""What calls a task or a thread, which says nothing of who made it."""

_CALLERS: Final = 3
"""Callers that a place keeps: a helper is seldom called through more before two paths part."""


class CallSite(NamedTuple):
    """A place in code. Holds the code and not the frame, so that nobody's variables live longer for it.

    Args:
        code: The function.
        line: The line in its file.
        callers: From where it was called, the innermost first: a few functions with their lines.
    """

    code: CodeType
    line: int
    callers: tuple[tuple[CodeType, int], ...] = ()

    def __str__(self) -> str:
        return _place(self.code, self.line)

    def called_from(self, depth: int) -> str:
        """Return the place with so many of its callers, as far as they are known."""
        return ", called from ".join([str(self), *(_place(*each) for each in self.callers[:depth])])


def told_apart(first: CallSite, second: CallSite) -> tuple[str, str]:
    """Return two places in words. Where both are in one line of a helper, with the callers by which they differ."""
    most = max(len(first.callers), len(second.callers))
    for depth in range(most + 1):
        if first.called_from(depth) != second.called_from(depth):
            break
    else:
        # One line of one caller, such as a loop: its nearest caller is what there is to say.
        depth = 1
    return first.called_from(depth), second.called_from(depth)


def call_site(frame: FrameType) -> CallSite:
    """Return the innermost place outside of this package that a call came from, and what called that.

    Args:
        frame: The innermost call to look at.
    """
    while frame.f_back is not None and _is_passed_over(frame):
        frame = frame.f_back
    return CallSite(frame.f_code, frame.f_lineno, _callers(frame.f_back))


def _callers(frame: FrameType | None) -> tuple[tuple[CodeType, int], ...]:
    found: list[tuple[CodeType, int]] = []
    while frame is not None and len(found) < _CALLERS and _package(frame) not in _RUNNERS:
        if not _is_passed_over(frame):
            found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)


def is_ours(frame: FrameType) -> bool:
    """Return whether a call is one of this package's own functions."""
    return _package(frame) == _OURS


def _is_passed_over(frame: FrameType) -> bool:
    return is_ours(frame) or frame.f_code.co_name in _COMPREHENSIONS


def _package(frame: FrameType) -> str:
    module = frame.f_globals.get("__name__", "")
    return module.partition(".")[0] if isinstance(module, str) else ""


def _place(code: CodeType, line: int) -> str:
    return f"{code.co_filename}:{line} in {code.co_qualname}"
