"""uvicorn in a thread, on a port of loopback."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

import uvicorn

from otel_sse.errors import OtelSSEError, must

HOST: Final = "127.0.0.1"

_START_S: Final = 60.0
_STOP_S: Final = 3.0
_POLL_S: Final = 0.01


def bind(port: int) -> socket.socket:
    """Return a socket bound to a port of loopback: the wanted one, or any free one where that is taken.

    Args:
        port: The wanted port; 0 for any.
    """
    try:
        return _bound(port)
    except OSError:
        return _bound(0)


def _bound(port: int) -> socket.socket:
    # TCP is named, because asyncio switches Nagle's algorithm off only where the socket says so; with it, a burst of
    # small chunks waits 40 ms for the client's acknowledgement.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        # Ports of connections that were just closed may be used again. Elsewhere it means to share a port in use.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError:
        found.close()
        raise
    return found


class LoopbackServer:
    """One ASGI application behind a real uvicorn, in a thread of its own. A context manager.

    Args:
        app: The application.
        port: The wanted port; 0 for any. Where it is taken, another is used.
    """

    def __init__(self, app: Any, port: int = 0) -> None:
        self._socket = bind(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        config = uvicorn.Config(
            app, lifespan="on", log_config=None, log_level="critical", access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name=f"demo-server-{self.port}", daemon=True)

    def __enter__(self) -> LoopbackServer:
        """Start, and return once requests are answered.

        Raises:
            OtelSSEError: The application did not start within 60 s.
        """
        self._thread.start()
        deadline_s = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline_s:
                self.stop()
                raise OtelSSEError(must("server", f"start within {_START_S:g} s", self.url, "Try again."))
            time.sleep(_POLL_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(at_once=kind is not None)

    def stop(self, *, at_once: bool = False) -> None:
        """Stop, after at most 3 s.

        Args:
            at_once: Drop connections that are open instead of letting them end.
        """
        self._server.force_exit = at_once
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._socket.close()

    def _run(self) -> None:
        # uvicorn ends itself this way where the application's start fails; `__enter__` tells it.
        with suppress(SystemExit):
            self._server.run(sockets=[self._socket])
