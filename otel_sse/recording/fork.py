"""What a forked child must forget: gunicorn and uvicorn fork their workers after the application was made."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that holds a thread, a lock or streams."""

    def after_fork(self) -> None:
        """Forget the parent's thread, locks and streams; called in the child before anything else runs."""


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()
_registered = False


def watch(what: Forkable) -> None:
    """Call `what.after_fork()` in every child forked from now on, for as long as `what` lives."""
    global _registered
    _watched.add(what)
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
        _registered = True


def _after_fork() -> None:
    for each in list(_watched):
        each.after_fork()
