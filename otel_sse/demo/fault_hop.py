"""The fault of a hop: a relay between two processes sends again what had arrived."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, Final

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection, serve

from otel_sse.demo.fault_frames import SOME
from otel_sse.demo.servers import HOST

HOP_RESEND: Final = "hop_resend"

_AGAIN: Final = 8
"""Messages that no acknowledgement has come for, as the relay sees it."""

_OWN_HEADERS: Final = ("connection", "upgrade", "host", "sec-websocket", "date", "server", "content-")


@contextmanager
def relayed(url: str) -> Iterator[str]:
    """Give the address of a relay to a WebSocket, for as long as the block lasts.

    It hands on every message both ways as it is. After a while it takes its own connection for lost, and sends the
    last messages again.

    Args:
        url: The WebSocket behind it.
    """
    scheme, _, rest = url.partition("://")
    path = rest.partition("/")[2]
    with _Relay(url).server() as server:
        thread = threading.Thread(target=server.serve_forever, name="demo-relay", daemon=True)
        thread.start()
        yield f"{scheme}://{HOST}:{server.socket.getsockname()[1]}/{path}"
        server.shutdown()


class _Relay:
    """Connects to what is behind it before it accepts, so that both ends agree on what they agree on.

    Args:
        url: The WebSocket behind it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._behind: dict[ServerConnection, ClientConnection] = {}

    def server(self) -> Server:
        """Return the server, which is to be closed."""
        return serve(
            self._serve,
            HOST,
            0,
            process_request=self._connect,
            process_response=self._answer,
            compression=None,
        )

    def _connect(self, front: ServerConnection, request: Any) -> Any:
        try:
            headers = _handed_on(request.headers)
            self._behind[front] = connect(self._url, additional_headers=headers, compression=None, proxy=None)
        except OSError:
            return front.respond(HTTPStatus.BAD_GATEWAY, "")
        return None

    def _answer(self, front: ServerConnection, request: Any, response: Any) -> None:
        behind = self._behind.get(front)
        if behind is not None and behind.response is not None:
            response.headers.update(_handed_on(behind.response.headers))

    def _serve(self, front: ServerConnection) -> None:
        with self._behind.pop(front) as behind:
            back = threading.Thread(target=_hand_back, args=(behind, front), name="demo-relay-back", daemon=True)
            back.start()
            with suppress(ConnectionClosed):
                _hand_on(front, behind)


def _hand_on(front: ServerConnection, behind: ClientConnection) -> None:
    kept: deque[str | bytes] = deque(maxlen=_AGAIN)
    for count, message in enumerate(front, 1):
        behind.send(message)
        kept.append(message)
        if count == SOME:
            for each in kept:
                behind.send(each)


def _hand_back(behind: ClientConnection, front: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        for message in behind:
            front.send(message)
    front.close()


def _handed_on(headers: Headers) -> Headers:
    return Headers((name, value) for name, value in headers.raw_items() if not name.lower().startswith(_OWN_HEADERS))
