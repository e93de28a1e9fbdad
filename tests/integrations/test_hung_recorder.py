"""A recorder that hangs in a hook or an exporter: no request, no shutdown and no exit waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from opentelemetry.context import attach, create_key, get_value, set_value

from otel_sse.integrations.asgi import Message, Receive, Scope, Send
from otel_sse.integrations.waiting import wait_until
from tests.hanging import Hanging
from tests.integrations.answers import ANSWER
from tests.integrations.driver import Driver, call
from tests.integrations.made import Gate, plain_app
from tests.integrations.processes import TO_FILE
from tests.integrations.seen import Telemetry


@pytest.fixture
def hook() -> Iterator[Hanging]:
    """A hook that hangs until the test is over, at the latest."""
    made = Hanging()
    yield made
    made.let_go.set()


async def reached(hook: Hanging) -> None:
    """Wait until the recorder hangs, without holding the loop up."""
    assert await wait_until(hook.reached.is_set, 60)


async def test_requests_are_served_while_a_hook_hangs(telemetry: Telemetry, hook: Hanging) -> None:
    """Streams begin, end, fail and are cancelled while the recorder is in a hook; each goes through whole."""
    app = telemetry.instrument(plain_app(), on_stream_end=hook)
    await call(app)
    await reached(hook)
    for _ in range(20):
        assert (await call(app)).body == ANSWER
    gate = Gate()
    open_app = telemetry.instrument(plain_app(gate.parts), on_stream_end=hook)
    requests = [asyncio.ensure_future(Driver(open_app).run()) for _ in range(20)]
    await asyncio.sleep(0)
    for request in requests:
        request.cancel()
    await asyncio.wait(requests)
    # The loop ran all the while: had it waited for the hook, this would come a minute later.
    assert not hook.let_go.is_set()


async def test_a_start_hook_is_not_waited_for(telemetry: Telemetry, hook: Hanging) -> None:
    """A stream goes out whole while the hook at its start hangs; the hook sees the span, the scope and the context."""
    seen: list[Any] = []
    key = create_key("asked")

    def start(span: Any, scope: Any) -> None:
        hook(span, scope)
        span.set_attribute("app.path", scope["path"])
        seen.append(get_value(key))

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        attach(set_value(key, "by the application"))
        await plain_app()(scope, receive, send)

    assert (await call(telemetry.instrument(asking, on_stream_start=start))).body == ANSWER
    await reached(hook)
    hook.let_go.set()
    assert telemetry.stage().attributes["app.path"] == "/chat"
    assert seen == ["by the application"]


class Living:
    """An application that streams, with a lifespan that takes both of its messages, and its server."""

    def __init__(self) -> None:
        self.incoming: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        self.seen: list[Message] = []

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await plain_app()(scope, receive, send)
            return
        self.seen.append(await receive())
        self.seen.append(await receive())

    async def receive(self) -> Message:
        return self.incoming[len(self.seen)]

    async def send(self, message: Message) -> None:
        raise AssertionError("nothing was to be sent")


async def test_lifespan_does_not_hold_the_loop_up(telemetry: Telemetry, hook: Hanging) -> None:
    """While an application shuts down the loop goes on, so that what the recorder waits for can come."""
    living = Living()
    watched = telemetry.instrument(living.app, on_stream_end=hook, shutdown_timeout_seconds=60.0)
    await call(watched)
    await reached(hook)

    ending = asyncio.ensure_future(watched({"type": "lifespan"}, living.receive, living.send))
    while len(living.seen) < 1:
        await asyncio.sleep(0)
    # Only a loop that runs can let the hook go.
    asyncio.get_running_loop().call_later(0.01, hook.let_go.set)
    await ending
    assert living.seen == living.incoming
    assert telemetry.stage().outcome == "completed"


async def test_lifespan_waits_once_and_says_so(
    telemetry: Telemetry, hook: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the recorder hangs for good the application's shutdown goes on after the timeout, with one warning."""
    living = Living()
    watched = telemetry.instrument(living.app, on_stream_end=hook, shutdown_timeout_seconds=0.01)
    await call(watched)
    await reached(hook)

    with caplog.at_level("WARNING", "otel_sse"):
        await watched({"type": "lifespan"}, living.receive, living.send)
        assert living.seen == living.incoming
        watched._self_middleware.recorder.shutdown()
    (line,) = caplog.messages
    assert "not done after 0.01 s" in line
    assert "lost" in line


EXIT = """
import asyncio
import threading
from tests.integrations.made import plain_app

app = otel_sse.instrument(
    plain_app(),
    tracer_provider=provider,
    shutdown_timeout_seconds=0.05,
    on_stream_end=lambda span, totals: threading.Event().wait(),
)
for _ in range(3):
    asyncio.run(call(app))
print("served", flush=True)
"""


def test_the_process_exits(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A hook that never comes back does not keep the process from exiting."""
    assert run_script(TO_FILE + EXIT, SPANS=str(tmp_path / "spans")) == "served\n"


def test_trios_loop_is_not_held_up_either(hook: Hanging) -> None:
    """Under trio what is waited for can come as well, from a task of the same loop."""

    async def let_go() -> None:
        await trio.sleep(0.01)
        hook.let_go.set()

    async def main() -> bool:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(let_go)
            return await wait_until(hook.let_go.is_set, 60)

    assert trio.run(main)


async def test_waiting_ends_with_what_is_waited_for() -> None:
    """It is over as soon as it is so, and after the time that it is given."""
    answers = iter([False, False, True])
    assert await wait_until(lambda: next(answers), 60)
    assert not await wait_until(lambda: False, 0)


def test_nobody_waits_on_an_unknown_event_loop() -> None:
    """Outside of asyncio and trio nothing is awaited that the loop there does not know."""
    waiting = wait_until(lambda: False, 60)
    with pytest.raises(StopIteration) as stopped:
        waiting.send(None)
    assert stopped.value.value is False
