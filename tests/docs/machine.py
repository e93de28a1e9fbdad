"""What the pages of one run share: a backend, the demo's runs, and what every command finds set."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tests.backends.jaeger_server import JaegerServer
from tests.docs.environments import usual
from tests.docs.pages import SHELL, Block, blocks

PACE_MS: Final = "7"
"""The demo's pause before each token. So slow that a burst is told from an answer that came piece by piece."""

COLUMNS: Final = "104"
"""Width of the terminal: the widest table that pages show fits."""

OTLP: Final = "4318"
_JAEGER: Final = "16686"

Done = subprocess.CompletedProcess[str]


class _Kept(NamedTuple):
    done: Done
    traces: bytes


class Machine:
    """What all pages share.

    Args:
        otlp_port: Where a backend takes spans.
        jaeger: A Jaeger; None where there is none.
        real_pace: Let the demo answer as slowly as it does for a reader, for outputs that are written into pages.
    """

    def __init__(self, otlp_port: str, jaeger: JaegerServer | None, *, real_pace: bool = False) -> None:
        self.usual = usual()
        """What a page without an install line of its own has: all that README offers to install."""
        self.variables = {"COLUMNS": COLUMNS, "VENV": sys.prefix, "PYTHONDONTWRITEBYTECODE": "1"}
        if not real_pace:
            self.variables["CHUNK_DELAY_MS"] = PACE_MS
        self._otlp_port = otlp_port
        self._jaeger = jaeger
        self._kept: dict[str, _Kept] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def ports(self, page: str) -> dict[str, str]:
        """Return the ports that this run has for those of a page where a backend listens."""
        if self._jaeger is not None and needs_jaeger(page):
            return {OTLP: _port_of(self._jaeger.otlp_url), _JAEGER: _port_of(self._jaeger.url)}
        return {OTLP: self._otlp_port}

    def demo(self, script: str, run: Callable[[str], Done], traces: Path) -> Done:
        """Run the demo, or give what the same command gave on another page: what it printed, and its file."""
        with self._locks[script]:
            if script not in self._kept:
                done = run(script)
                self._kept[script] = _Kept(done, traces.read_bytes() if traces.is_file() else b"")
        kept = self._kept[script]
        if kept.traces:
            traces.write_bytes(kept.traces)
        return kept.done


def _port_of(url: str) -> str:
    return url.rpartition(":")[2]


def needs_jaeger(page: str) -> bool:
    """Whether a command of the page that is run asks Jaeger."""
    return any(_asks_jaeger(block) for block in blocks(page))


def _asks_jaeger(block: Block) -> bool:
    return block.language == SHELL and block.reason is None and f"localhost:{_JAEGER}" in block.source
