"""Ends of connections without a socket between them, and messages as a peer writes them."""

from __future__ import annotations

from typing import Any

from otel_sse.hops.envelope import Agreement
from otel_sse.hops.hop import CLIENT, SERVER, Hop
from otel_sse.hops.messages import Hooks
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.integrations.seen import Telemetry


class Ends:
    """A client's and a server's end."""

    def __init__(self, recorder: Recorder, peer: str = "", **hooks: Any) -> None:
        own = Stream(recorder, now_ns())
        asked = Hooks(**hooks)
        self.client = Hop(CLIENT, recorder, asked, Agreement("1", peer), own)
        self.server = Hop(SERVER, recorder, asked, Agreement("1", peer), Stream(recorder, now_ns(), None, own.id))

    def cross(self, message: Any) -> Any:
        """Send a message from the client to the server; return what the server's application sees."""
        sealed, leaving = self.client.seal(message)
        self.client.sent(leaving)
        return self.server.open(sealed)

    def end(self) -> None:
        """Close the connection in order."""
        self.client.ended("completed")
        self.server.ended("completed")


HELLO = '{"hello": 1}'


def opening(stream: str, payload: str = HELLO) -> str:
    """The first message of a stream, as a peer writes it."""
    return f"otel-sse/1 {stream} 1 1 -\n{payload}"


def later(stream: str, number: int, payload: str = HELLO) -> str:
    """A further one."""
    return f"otel-sse/1 {stream} {number} 1\n{payload}"


def server(recorder: Recorder, peer: str = "x") -> Hop:
    """A server's end of a new connection."""
    return Hop(SERVER, recorder, Hooks(), Agreement("1", peer), Stream(recorder, now_ns()))


def unobserved(telemetry: Telemetry, stage: str = "ws.receive") -> int:
    """How many messages were passed on without a look."""
    return sum(
        point.value for labels, point in telemetry.metric("sse.recorder.dropped").items() if ("stage", stage) in labels
    )
