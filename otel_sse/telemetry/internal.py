"""Errors inside otel_sse itself: counted, logged once per site, never the application's trouble."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import PurePath

from otel_sse.errors import OtelSSEError

logger = logging.getLogger("otel_sse")

reraise = False
"""True under otel_sse's own test suite: an internal error is then raised as well, so that no test hides one."""


class InternalErrors:
    """Counts the internal errors of one recorder.

    Args:
        count: Called with the site's name for each error; hands it to the metric.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self.count = count
        """Counts an error at a site, where it needs no line in the log."""
        self._logged: set[str] = set()

    def report(self, site: str, error: Exception) -> None:
        """Take note of an error at `site`. To be called from an `except Exception` block.

        Args:
            site: Where it happened, e.g. `socket_write.observe`. One of few: it becomes a metric label.
            error: What was raised.

        Raises:
            Exception: `error` itself, only where `reraise` is set.
        """
        self.count(site)
        if site not in self._logged:
            self._logged.add(site)
            # The message of the error may quote a frame, so only its class and place are logged.
            logger.warning("internal error at %s: %s; the stream goes on unharmed", site, _place(error))
            logger.debug("internal error at %s: %s", site, _way(error))
        if reraise:
            raise error

    def guarded(self, site: str, step: Callable[..., object], *args: object) -> None:
        """Call a step, and report the exception that it raises.

        Args:
            site: The site of such an error, see `report`.
            step: The step.
            *args: Its arguments.
        """
        try:
            step(*args)
        except Exception as error:
            self.report(site, error)


def _way(error: Exception) -> str:
    """The calls that an error came through. Lines of code and names alone: its message may quote a frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


def _place(error: Exception) -> str:
    if isinstance(error, OtelSSEError):
        # Written here for the user, who can do something about it: what a hook of theirs must return.
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = type(error).__name__
    if trace is None:
        return name
    return f"{name} in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
