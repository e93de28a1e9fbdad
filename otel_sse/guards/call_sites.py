"""Where in the user's code something was called from."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Final, NamedTuple

_OURS: Final = "otel_sse"

_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
"""Calls that Python 3.11 and before make of a comprehension, which is a part of its function."""


class CallSite(NamedTuple):
    """A place in code. Holds the code and not the frame, so that nobody's variables live longer for it.

    Args:
        code: The function.
        line: The line in its file.
    """

    code: CodeType
    line: int

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{self.line} in {_name(self.code)}"


def call_site(frame: FrameType) -> CallSite:
    """Return the innermost place outside of this package that a call came from.

    Args:
        frame: The innermost call to look at.
    """
    while frame.f_back is not None and (is_ours(frame) or frame.f_code.co_name in _COMPREHENSIONS):
        frame = frame.f_back
    return CallSite(frame.f_code, frame.f_lineno)


def is_ours(frame: FrameType) -> bool:
    """Return whether a call is one of this package's own functions."""
    module = frame.f_globals.get("__name__", "")
    return module.partition(".")[0] == _OURS if isinstance(module, str) else False


def _name(code: CodeType) -> str:
    # Python 3.10 knows only the short name.
    return str(getattr(code, "co_qualname", code.co_name))
