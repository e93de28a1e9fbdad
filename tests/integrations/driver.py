"""A small ASGI server inside the test: it speaks any version, leaves when told to, and cancels at any await."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.integrations.answers import App, Message, Scope


class Driver:
    """Serves one request.

    Args:
        app: The application.
        spec_version: `2.4`: a send after the client has left raises OSError. `2.3`: it does nothing, and receive
            returns `http.disconnect`.
        leaves_after: Bodies that the client takes before it leaves, 0 for one that is gone already; None for all.
        cancel_at: Number of the await at which the request is cancelled; 0 for never.
        send_s: How long each body takes, in seconds.
        scope: Further keys of the scope, or others.
    """

    def __init__(
        self,
        app: App,
        *,
        spec_version: str = "2.4",
        leaves_after: int | None = None,
        cancel_at: int = 0,
        send_s: float = 0.0,
        **scope: Any,
    ) -> None:
        self._app = app
        self._version = spec_version
        self._leaves_after = leaves_after
        self._cancel_at = cancel_at
        self._send_s = send_s
        self._gone = leaves_after == 0
        self._over = asyncio.Event()
        self._asked = False
        self._bodies = 0
        self._task: asyncio.Task[None] | None = None
        self.pauses = 0
        """Awaits of the server and, where the application uses `pause`, of the application so far."""
        self.begun = False
        """Whether the application has come so far as to send a response's start."""
        self.messages: list[Message] = []
        """What the application sent, the very objects."""
        self.send_times_ns: list[int] = []
        """Wall time at the end of each body's send."""
        self.error: BaseException | None = None
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": spec_version},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/chat",
            "raw_path": b"/chat",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"example.org")],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
            "pause": self.pause,
            **scope,
        }

    async def run(self) -> Driver:
        """Serve the request to its end, whatever that is; what the application raised is kept in `error`."""
        self._task = asyncio.ensure_future(self._app(self.scope, self.receive, self.send))
        try:
            await self._task
        except BaseException as error:
            self.error = error
        return self

    async def pause(self) -> None:
        """Give way once; where it is this await's turn, the request is cancelled at it."""
        self.pauses += 1
        if self.pauses == self._cancel_at and self._task is not None:
            self._task.cancel()
        await asyncio.sleep(0)

    async def receive(self) -> Message:
        """Return the request, then nothing until the client leaves or the response is complete."""
        await self.pause()
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if not self._gone:
            await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message, or say in the way of the version that there is nobody to take it."""
        self.begun = True
        if self._gone and self._version == "2.4":
            raise OSError("the client has left")
        if message["type"] == "http.response.body":
            await asyncio.sleep(self._send_s)
            self.send_times_ns.append(time.time_ns())
        await self.pause()
        if self._gone:
            return
        self.messages.append(message)
        if message["type"] != "http.response.body":
            return
        self._bodies += 1
        self._gone = self._bodies == self._leaves_after
        if self._gone or not message.get("more_body", False):
            self._over.set()

    @property
    def body(self) -> bytes:
        """All bytes of the response's body."""
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The response's headers."""
        return [(name, value) for name, value in self.messages[0]["headers"]]


async def call(app: App, **how: Any) -> Driver:
    """Serve one request to an application, see `Driver`."""
    return await Driver(app, **how).run()
