"""A hook that hangs until a test lets it go."""

from __future__ import annotations

import threading
from typing import Any


class Hanging:
    """An `on_stream_end` that comes back when it is let go, a minute later at the latest."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, span: Any, totals: Any) -> None:
        self.reached.set()
        self.let_go.wait(60)
