"""What can happen while a command's modules are loaded: Ctrl-C, and packages that the package alone does not bring."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from otel_sse.cli.exit_codes import INTERRUPTED
from otel_sse.errors import MissingExtraError

STOPPED: Final = "\nStopped."
"""What stderr says after Ctrl-C; on a line of its own, because the cursor may stand behind half an answer."""


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process on the spot, for a block that has nothing to clean up.

    An exception raised in the middle of an import may be swallowed there, or come out as an import error. Where the
    process was started with SIGINT ignored, as a shell does with `command &` in a script, it stays ignored.
    """
    # None is a handler that no Python code has set, and that none can put back.
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, f"{STOPPED}\n".encode())
    os._exit(INTERRUPTED)


@contextmanager
def needs(extra: str, feature: str) -> Iterator[None]:
    """Turn an import error in the block into words that say what to install.

    Args:
        extra: The extra that brings what is missing.
        feature: What needs it.

    Raises:
        MissingExtraError: A module of another package is not there, or is too old to have what is needed.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "otel_sse":
            raise
        raise MissingExtraError(feature, extra) from error
