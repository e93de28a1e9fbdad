"""Ctrl-C while a command's modules are loaded."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from otel_sse.cli.exit_codes import INTERRUPTED

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
