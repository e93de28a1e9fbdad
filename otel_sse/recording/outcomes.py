"""Which outcome an exception of the application's gives its stream."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from otel_sse.stream import outcome as outcomes

_DISCONNECTS: Final = frozenset({"ClientDisconnect", "ClientDisconnected", "RequestAborted"})
"""Exceptions by which frameworks (Starlette, Django) and servers say that the client has disconnected."""


def outcome_of(error: BaseException) -> str:
    """Return `cancelled`, `abandoned` or `failed`, as an application's exception says."""
    singles = list(_singles(error))
    if all(_is_cancellation(single) for single in singles):
        return outcomes.CANCELLED
    if all(isinstance(single, GeneratorExit) for single in singles):
        return outcomes.ABANDONED
    return outcomes.FAILED


def error_type(error: BaseException) -> str:
    """Return the full name of an exception's class, for `error.type`; for a group of one failure, of that one's class.

    Source: OpenTelemetry's semantic conventions, `error.type`: the fully qualified class name; builtins have no module.
    """
    failures = [single for single in _singles(error) if not _is_cancellation(single)]
    found = failures[0] if len(failures) == 1 else error
    module, name = type(found).__module__, type(found).__qualname__
    # A class that is made while the program runs may have any value as its module.
    return name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}"


def is_of_background(error: BaseException) -> bool:
    """Return whether a background task of Starlette's raised it. Those run after the response is complete."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == "starlette.background":
            return True
        trace = trace.tb_next
    return False


def tells_of_disconnect(error: BaseException, lost_by: BaseException | None) -> bool:
    """Return whether the application raised an exception because the client has disconnected.

    Args:
        error: The exception. Of a group each one must come of the disconnect, but for cancellations.
        lost_by: The server's exception for the disconnect, or None where it raised none.
    """
    failures = [single for single in _singles(error) if not _is_cancellation(single)]
    return bool(failures) and all(
        type(each).__name__ in _DISCONNECTS or (lost_by is not None and _comes_of(each, lost_by)) for each in failures
    )


def _comes_of(error: BaseException, first: BaseException) -> bool:
    """Whether `error` is `first`, or was raised while `first` was handled."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        if following is first:
            return True
        seen.add(id(following))
        following = following.__cause__ or following.__context__
    return False


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, asyncio.CancelledError):
        return True
    # Whoever raises trio's own exception has loaded trio; nobody else needs it.
    trio = sys.modules.get("trio")
    return trio is not None and isinstance(error, trio.Cancelled)


def _singles(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [single for each in error.exceptions for single in _singles(each)]
