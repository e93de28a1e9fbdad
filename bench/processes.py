"""A fresh process for each measure of memory and of delay, so that none sees what another left behind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

T = TypeVar("T")


def alone(function: Callable[..., T], *args: Any) -> T:
    """Return what a module's function returns in a process of its own."""
    return side_by_side((function, *args), at_once=1)[0]  # type: ignore[no-any-return]


def side_by_side(*calls: tuple[Any, ...], at_once: int) -> list[Any]:
    """Return what several functions return, each in a process of its own, in the order of the calls.

    Args:
        *calls: A module's function and its arguments, each.
        at_once: How many run at the same time, 1 or more.
    """
    # Only waits for its process; what is measured runs there.
    with ThreadPoolExecutor(at_once) as waiting:
        return list(waiting.map(_call, calls))


def _call(call: tuple[Any, ...]) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(*call).result()
