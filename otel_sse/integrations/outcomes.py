"""How the exception that leaves an application ends its stream."""

from __future__ import annotations

import asyncio
import sys

from otel_sse.stream import outcome as outcomes

if sys.version_info >= (3, 11):
    _Group = BaseExceptionGroup
else:
    # Made by anyio's task groups on Python 3.10.
    from exceptiongroup import BaseExceptionGroup as _Group


def outcome_of(error: BaseException) -> str:
    """Return `cancelled`, `abandoned` or `failed` for what an application raised."""
    leaves = list(_leaves(error))
    if all(_is_cancellation(leaf) for leaf in leaves):
        return outcomes.CANCELLED
    if all(isinstance(leaf, GeneratorExit) for leaf in leaves):
        return outcomes.ABANDONED
    return outcomes.FAILED


def error_type(error: BaseException) -> str:
    """Return the class name for `error.type`: of the one exception in a group where there is but one."""
    leaves = [leaf for leaf in _leaves(error) if not _is_cancellation(leaf)]
    found = leaves[0] if len(leaves) == 1 else error
    return type(found).__qualname__


def _is_cancellation(error: BaseException) -> bool:
    # trio's Cancelled is known by name, so that trio need not be there.
    return isinstance(error, asyncio.CancelledError) or type(error).__module__.startswith("trio.")


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, _Group):
        return [error]
    return [leaf for each in error.exceptions for leaf in _leaves(each)]
