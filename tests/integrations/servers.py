"""Real servers on loopback, in threads, and a client that is nothing but a socket."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio
import h2.connection
import h2.errors
import h2.events
import hypercorn.asyncio
import hypercorn.config
import uvicorn

from tests.integrations.answers import App, Receive, Scope, Send


class Uvicorn:
    """uvicorn in a thread. Serves whatever application `serve` was given last.

    Args:
        http: Which parser it reads HTTP with, `h11` or `httptools`.
    """

    def __init__(self, http: Literal["h11", "httptools"] = "h11") -> None:
        self._app: App | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._dispatch,
            interface="asgi3",
            http=http,
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def serve(self, app: Any) -> str:
        """Serve `app` from now on; return the address."""
        self._app = app
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        """Stop the server."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None
        await self._app(scope, receive, send)


class Hypercorn:
    """hypercorn in a thread, on asyncio, for HTTP/1.1 and HTTP/2 without TLS. Serves what `serve` was given last."""

    def __init__(self) -> None:
        self._app: App | None = None
        listening = socket.create_server(("127.0.0.1", 0))
        self._port = listening.getsockname()[1]
        self._stopping = threading.Event()
        # hypercorn makes a socket of its own from the descriptor.
        self._thread = threading.Thread(target=self._run, args=(listening.detach(),))
        self._thread.start()

    def serve(self, app: Any) -> str:
        """Serve `app` from now on; return the address."""
        self._app = app
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Stop the server."""
        self._stopping.set()
        self._thread.join()

    def _run(self, descriptor: int) -> None:
        asyncio.run(self._serve_with(hypercorn.asyncio.serve, descriptor))

    async def _serve_with(self, serve: Any, descriptor: int) -> None:
        config = hypercorn.config.Config()
        config.bind = [f"fd://{descriptor}"]
        config.errorlog = None
        config.graceful_timeout = 0.1
        await serve(self._dispatch, config, shutdown_trigger=self._stopped, mode="asgi")

    async def _stopped(self) -> None:
        while not self._stopping.is_set():
            await anyio.sleep(0.02)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        assert self._app is not None
        await self._app(scope, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    """Answer a server that starts, and then stops."""
    for _ in range(2):
        message = await receive()
        await send({"type": message["type"] + ".complete"})


def connect(address: str) -> socket.socket:
    """Return a connection to a server's address."""
    parts = urlsplit(address)
    return socket.create_connection((str(parts.hostname), parts.port or 80), timeout=60)


class H2Client:
    """One HTTP/2 connection with prior knowledge, whose streams can be reset one by one."""

    def __init__(self, address: str) -> None:
        self._authority = urlsplit(address).netloc
        self._socket = connect(address)
        self._connection = h2.connection.H2Connection()
        self._connection.initiate_connection()
        self._flush()
        self.received: dict[int, bytes] = {}
        self.ended: set[int] = set()

    def get(self, path: str) -> int:
        """Send a request; return its stream's number."""
        number = self._connection.get_next_available_stream_id()
        pseudo = {":method": "GET", ":scheme": "http", ":authority": self._authority, ":path": path}
        self._connection.send_headers(number, list(pseudo.items()), end_stream=True)
        self.received[number] = b""
        self._flush()
        return number

    def read_until(self, number: int, mark: bytes | None = None) -> bytes:
        """Read until `mark` has come on this stream, or its end; return all that has come on it."""
        while number not in self.ended if mark is None else mark not in self.received[number]:
            for event in self._connection.receive_data(self._socket.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    self.received[event.stream_id] += event.data
                    self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.ended.add(event.stream_id)
            self._flush()
        return self.received[number]

    def reset(self, number: int) -> None:
        """Leave one stream; the others go on."""
        self._connection.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _flush(self) -> None:
        self._socket.sendall(self._connection.data_to_send())


class RawClient:
    """One connection that sends a request and reads bytes."""

    def __init__(self, address: str, path: str = "/chat", method: str = "GET", *headers: str) -> None:
        self._socket = connect(address)
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self.received = b""

    def read_until(self, mark: bytes) -> bytes:
        """Read until `mark` has come; return all that has."""
        while mark not in self.received:
            part = self._socket.recv(65536)
            assert part, f"{mark!r} never came"
            self.received += part
        return self.received

    def read_all(self) -> bytes:
        """Read until the server closes the connection; return all that came."""
        while part := self._socket.recv(65536):
            self.received += part
        self._socket.close()
        return self.received

    def leave(self) -> None:
        """Close the connection at once, in the middle of whatever comes (a reset)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def read_raw(address: str, path: str = "/chat", method: str = "GET", *headers: str) -> bytes:
    """Return every byte of the answer to one request, as the socket had them."""
    return RawClient(address, path, method, *headers).read_all()
