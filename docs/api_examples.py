"""What stands around the examples of docstrings on the API page, where readers do not see it, so that they run.

`tests/docs` runs the page from its first block to its last, in one namespace: a later example may use names of an
earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple


class Around(NamedTuple):
    """What makes one example whole.

    Args:
        before: Python that makes the names which the example takes from an application.
        after: Python that looks at what the example did, and ends it.
        reason: Why the example is not run; "" where it is.
    """

    before: str = ""
    after: str = ""
    reason: str = ""

    def around(self, block: str) -> Iterator[str]:
        """Yield the parts of the page: the block, and before and behind it what is hidden."""
        if self.reason:
            yield f"<!-- not run: {self.reason} -->\n{block}"
            return
        if self.before:
            yield _hidden(self.before)
        yield block
        if self.after:
            yield _hidden(self.after)


def _hidden(source: str) -> str:
    return f"<!-- invisible-code-block: python\n{source.strip()}\n-->"


AROUND: Final = {
    "otel_sse.integrations.verbs.handles.stream_handle": Around(
        before="""
import asyncio
queue, prompt = asyncio.Queue(), "Tell me a joke."
""",
        after="""
assert (await queue.get())[0] == prompt
""",
    ),
    "otel_sse.integrations.verbs.handles.resume_stream": Around(
        before="""
import queue as queues
handle, pieces, prompt = otel_sse.stream_handle(), queues.SimpleQueue(), "Tell me a joke."
def ask_the_model(prompt):
    return ["Ha ", "ha."]
""",
        after="""
assert [pieces.get(), pieces.get()] == ["Ha ", "ha."]
""",
    ),
    "otel_sse.option_types.InstrumentOptions": Around(
        before="""
from typing import Unpack
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
""",
        after="""
assert isinstance(watched(FastAPI(), chunk_events="packed"), FastAPI)
""",
    ),
    "otel_sse.integrations.instrumentor.SSEInstrumentor": Around(
        before="""
from otel_sse import SSEInstrumentor
""",
        after="""
SSEInstrumentor().uninstrument()
""",
    ),
    "otel_sse.integrations.verbs.carriers.inject": Around(
        before="""
import asyncio, json
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

tasks = asyncio.get_running_loop()
messages = asyncio.Queue()
answers = asyncio.Queue()
prompt = "Hi"

async def take(connection):
    async for message in connection:
        await messages.put(message)

async def answer(message):
    await answers.put(json.loads(message)["prompt"])

server = await serve(take, "127.0.0.1", 0)
ws = await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
""",
        after="""
text = await messages.get()
assert json.loads(text)["prompt"] == "Hi"
await ws.close()
server.close()
await server.wait_closed()
""",
    ),
    "otel_sse.integrations.verbs.carriers.extract": Around(
        after="""
assert await answers.get() == "Hi"
""",
    ),
    "otel_sse.integrations.verbs.policies.wrap": Around(
        before="""
from otel_sse import policies

class Policy:
    async def generate_response_stream(self, chunks, request):
        async for chunk in chunks:
            yield chunk.upper()

async def words():
    yield "a duck"

async def send(chunk):
    sent.append(chunk)

policy, chunks, request, sent = Policy(), words(), None, []
""",
        after="""
assert sent == ["A DUCK"]
""",
    ),
    "otel_sse.integrations.websockets.serving.stream_for": Around(
        before="""
from otel_sse.websockets import stream_for

async def ask(connection):
    await connection.send('{"prompt": "One?"}')
    await connection.send('{"prompt": "Two?"}')

server = await serve(ask, "127.0.0.1", 0)
websocket = await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
""",
        after="""
assert [await answers.get(), await answers.get()] == ["One?", "Two?"]
server.close()
await server.wait_closed()
""",
    ),
    "otel_sse.integrations.websockets.websockets_lib.accept_offer": Around(
        reason="it serves until it is ended; tests/integrations/websockets runs such a server",
    ),
    "otel_sse.integrations.litellm.callback_stage": Around(
        reason="needs LiteLLM's proxy, which can't be installed with the other packages; `make litellm` tests it",
    ),
    "otel_sse.exporters.prometheus.PrometheusReader": Around(
        before="""
import prometheus_client
from opentelemetry.sdk.metrics import MeterProvider
from otel_sse.prometheus import PrometheusReader
""",
        after="""
provider.shutdown()
""",
    ),
    "otel_sse.exporters.otlp_lines.OTLPLinesExporter": Around(
        before="""
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_sse.otlp_lines import OTLPLinesExporter
""",
        after="""
provider.shutdown()
""",
    ),
    "otel_sse.testing": Around(
        reason="needs a test client of the application; docs/testing.md runs such a test",
    ),
}
"""By the name of what has the example, as the code has it. Where a name is not here, the example runs as it stands."""
