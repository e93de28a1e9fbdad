"""The stage `callback` in LiteLLM's own proxy, between a model server and a client."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.integrations.answers import DIGESTS, WORDS, plain
from tests.integrations.servers import Uvicorn

ROOT = Path(__file__).resolve().parents[2]

needs_litellm = pytest.mark.skipif(
    find_spec("litellm") is None or find_spec("apscheduler") is None,
    reason="needs LiteLLM's proxy, in an environment of its own, which `make litellm` makes: pip install -e "
    "'.[litellm,sdk]' 'litellm[proxy]' pytest pytest-asyncio hypothesis hypercorn h2 anthropic",
)

START_S = 180
"""A proxy takes half a minute to start, and several start at once."""

HOOKS = """
import os
from pathlib import Path

from litellm.integrations.custom_logger import CustomLogger
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import otel_sse
from otel_sse.litellm import CallbackStage, callback_stage

spans = Path(os.environ["SPANS"]).open("a", buffering=1)
provider = TracerProvider()
provider.add_span_processor(
    SimpleSpanProcessor(ConsoleSpanExporter(out=spans, formatter=lambda span: span.to_json(indent=None) + chr(10)))
)
trace.set_tracer_provider(provider)


if "INSTRUMENT" in os.environ:
    from litellm.proxy.proxy_server import app

    otel_sse.instrument(app)


class Inherited(CallbackStage):
    pass


class Own(CallbackStage):
    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        async for chunk in response:
            if chunk.choices[0].delta.content:
                yield chunk


class Decorated(CustomLogger):
    @callback_stage
    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        async for chunk in response:
            yield chunk
            if request_data["model"] == "broken":
                raise RuntimeError("mine")


class Bare(CustomLogger):
    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        async for chunk in response:
            yield chunk


stage, inherited, own, decorated, bare = CallbackStage(), Inherited(), Own(), Decorated(), Bare()
"""

CONFIG = """
model_list:
  - model_name: "*"
    litellm_params: {{model: openai/small, api_base: "{model}/v1", api_key: none}}
litellm_settings: {{callbacks: [{hooks}], telemetry: false, num_retries: 0}}
general_settings: {{disable_spend_logs: true}}
"""


def chat_chunk(content: str | None, finish: str | None = None) -> bytes:
    """One chunk of a chat completion as OpenAI sends it."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    payload = {"id": "c", "created": 1, "model": "small", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(payload)}\n\n".encode()


class Proxy:
    """LiteLLM's proxy in a process of its own, and the spans that it wrote.

    Args:
        folder: Where its files go.
        model: The model server's address.
        hooks: Its callbacks, each around the one before.
        environment: Further variables.
    """

    def __init__(self, folder: Path, model: str, *hooks: str, **environment: str) -> None:
        (folder / "hooks.py").write_text(HOOKS)
        named = ", ".join(f"hooks.{hook}" for hook in hooks)
        (folder / "config.yaml").write_text(CONFIG.format(model=model, hooks=named))
        self._spans = folder / "spans.jsonl"
        self._key = f"sk-{secrets.token_hex(32)}"
        self._log = (folder / "log.txt").open("w+b")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            **environment,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "SPANS": str(self._spans),
            "OTEL_SSE_FLUSH_INTERVAL_SECONDS": "0.01",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": self._key,
        }
        command = [sys.executable, "-m", "litellm.proxy.proxy_cli", "--host", "127.0.0.1", "--port", str(port)]
        self.text = ""
        """What the last answer said."""
        self._process = subprocess.Popen(
            [*command, "--config", str(folder / "config.yaml")],
            env=environment, cwd=folder, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Return the condition's value once it is true; fail after three minutes, with the proxy's log."""
        end = time.monotonic() + START_S
        while not (value := condition()):
            self._log.seek(0)
            assert self._process.poll() is None, self._log.read().decode()
            assert time.monotonic() < end, f"{what} did not happen: {self._log.read().decode()}"
            time.sleep(0.05)
        return value

    def ready(self) -> bool:
        """Whether the proxy answers."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.address}/health/liveliness").status_code == 200
        return False

    def answer(self, model: str = "small") -> str:
        """Ask a question; return the text of the answer."""
        question = {"model": model, "messages": [{"role": "user", "content": "?"}], "stream": True}
        read = ""
        address, headers = f"{self.address}/v1/chat/completions", {"Authorization": f"Bearer {self._key}"}
        with httpx.stream("POST", address, json=question, headers=headers, timeout=60) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line.removeprefix("data: ")).get("choices") or [{}]
                    read += choices[0].get("delta", {}).get("content") or ""
        return read

    def stages(self, count: int, model: str = "small", kind: str = "") -> list[dict[str, Any]]:
        """Ask a question, and wait until so many stages of its answer have ended; return them.

        There must not be more.

        Args:
            count: How many.
            model: Which one is asked.
            kind: Class of the hook that is meant; "" for all.
        """
        before = {span["context"]["span_id"] for span in self.ended()}

        def found() -> list[dict[str, Any]]:
            new = [span for span in self.ended() if span["context"]["span_id"] not in before]
            return [span for span in new if not kind or _kind(span) == kind]

        self.text = self.answer(model)
        self.wait(lambda: len(found()) >= count, f"the end of {count} stages")
        assert len(found()) == count, [_label(span) for span in found()]
        return found()

    def ended(self) -> list[dict[str, Any]]:
        """The spans of all stages that have ended."""
        text = self._spans.read_text() if self._spans.exists() else ""
        spans = [json.loads(line) for line in text.split("\n")[:-1]]
        return [span for span in spans if {"sse.stage", "sse.stream.outcome"} <= span["attributes"].keys()]

    def stop(self) -> None:
        """Stop the proxy."""
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _kind(span: dict[str, Any]) -> str:
    return str(span["attributes"].get("sse.stage.class", "")).partition(".")[0]


def _label(span: dict[str, Any]) -> str:
    said = span["attributes"]
    return ".".join(said[name] for name in ("sse.stage", "sse.stage.direction") if name in said)


class Proxies(NamedTuple):
    """Both proxies, which start at the same time, once for all tests."""

    chain: Proxy
    """With all hooks, one around the other."""
    whole: Proxy
    """With one hook, and its application instrumented."""


CHAIN = ("stage", "inherited", "decorated", "bare", "own")
KINDS = ("CallbackStage", "CallbackStage", "Decorated", "Own")
"""The classes behind the stages of the chain, in order: nobody watches `bare`."""


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    """LiteLLM's proxies before a model server."""
    server = Uvicorn()
    model = server.serve(plain([*map(chat_chunk, WORDS), chat_chunk(None, "stop"), b"data: [DONE]\n\n"]))
    both = Proxies(
        Proxy(tmp_path_factory.mktemp("chain"), model, *CHAIN),
        Proxy(tmp_path_factory.mktemp("whole"), model, "stage", INSTRUMENT="yes"),
    )
    try:
        for proxy in both:
            proxy.wait(proxy.ready, "the proxy's start")
        yield both
    finally:
        for proxy in both:
            proxy.stop()
        server.stop()


def chunks(span: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a stage."""
    return [event["attributes"] for event in span["events"] if event["name"] == "sse.chunk"]


def contents(span: dict[str, Any]) -> list[str]:
    """The digests of a stage's chunks with content."""
    return [chunk["sse.chunk.digest"] for chunk in chunks(span) if "sse.chunk.kind" not in chunk]


@needs_litellm
@pytest.mark.server
def test_hooks_of_the_proxy_are_stages_callback(proxies: Proxies) -> None:
    """What comes in and what goes out of each are the chunks of one answer, and the client gets it whole.

    A hook of LiteLLM's that nobody watches makes no stage, and changes nothing of those around it.
    """
    found = proxies.chain.stages(2 * len(KINDS))
    assert proxies.chain.text == "".join(WORDS)
    ins = [span for span in found if _label(span) == "callback.in"]
    outs = [span for span in found if _label(span) == "callback.out"]
    for sides in (ins, outs):
        assert sorted(side["attributes"]["sse.stage.class"].partition(".")[0] for side in sides) == sorted(KINDS)
        assert all(contents(side) == DIGESTS[: len(WORDS)] for side in sides)
        assert {side["attributes"]["sse.stream.dialect"] for side in sides} == {"openai-chat"}
    assert {side["attributes"]["sse.stage.upstream"] for side in outs} == {"callback.in"}
    assert len({side["context"]["trace_id"] for side in found}) == 1
    # The one that hands on text alone leaves out why the answer ended.
    ways = {(_kind(side), side["attributes"]["sse.stream.outcome"]) for side in (*ins, *outs)}
    assert ways == {(kind, "completed") for kind in KINDS} | {("Own", "incomplete")}


@needs_litellm
@pytest.mark.server
def test_each_chunk_of_a_hook_knows_what_it_was_made_of(proxies: Proxies) -> None:
    """By its digest, the chunk that it names is the very same."""
    found = proxies.chain.stages(2 * len(KINDS))
    by_id = {span["context"]["span_id"]: span for span in found}
    for out in (span for span in found if _label(span) == "callback.out"):
        (link,) = out["links"]
        upstream = {chunk["sse.chunk.seq"]: chunk for chunk in chunks(by_id[link["context"]["span_id"]])}
        assert _kind(by_id[link["context"]["span_id"]]) == _kind(out)
        for chunk in chunks(out):
            assert upstream[chunk["sse.chunk.upstream.first"]]["sse.chunk.digest"] == chunk["sse.chunk.digest"]


@needs_litellm
@pytest.mark.server
def test_proxy_that_is_instrumented_as_a_whole(proxies: Proxies) -> None:
    """With `instrument(app)` in the module that the configuration names, all stages are one stream in one trace."""
    chain = ["provider", "callback.in", "callback.out", "emit", "socket_write"]
    found = {_label(span): span for span in proxies.whole.stages(len(chain))}
    assert proxies.whole.text == "".join(WORDS)
    assert set(found) == set(chain)
    assert len({span["attributes"]["sse.stream.id"] for span in found.values()}) == 1
    assert len({span["context"]["trace_id"] for span in found.values()}) == 1
    assert [found[name]["attributes"].get("sse.stage.upstream") for name in chain] == [None, *chain[:-1]]
    assert all(contents(found[name]) == DIGESTS[: len(WORDS)] for name in chain)


@needs_litellm
@pytest.mark.server
def test_hook_that_fails_is_seen_to(proxies: Proxies) -> None:
    """An exception of a hook's own ends its side as failed, and LiteLLM deals with it as ever.

    The last of these tests: how long LiteLLM keeps the hooks before this one open is its own affair.
    """
    found = proxies.chain.stages(2, "broken", kind="Decorated")
    assert proxies.chain.text != "".join(WORDS)
    sides = {_label(span): span["attributes"] for span in found}
    assert sides["callback.out"]["sse.stream.outcome"] == "failed"
    assert sides["callback.out"]["error.type"] == "RuntimeError"
    assert sides["callback.in"]["sse.stream.outcome"] == "abandoned"


def test_without_litellm_the_message_says_what_to_install() -> None:
    """Where LiteLLM is not there, importing the integration names the extra."""
    script = """
        import sys
        sys.modules["litellm"] = None
        from otel_sse.errors import MissingExtraError
        try:
            import otel_sse.litellm
        except MissingExtraError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("Install them with: pip install 'otel-sse[litellm]'")
    assert done.stdout.startswith("otel_sse.litellm must find the packages of the extra 'litellm'")
