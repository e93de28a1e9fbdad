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
from typing import Any

import httpx
import pytest

from tests.integrations.answers import DIGESTS, WORDS, plain
from tests.integrations.servers import Uvicorn

ROOT = Path(__file__).resolve().parents[2]

needs_litellm = pytest.mark.skipif(
    find_spec("litellm") is None or find_spec("apscheduler") is None,
    reason="needs LiteLLM's proxy, in an environment of its own: pip install 'otel-sse[litellm]' 'litellm[proxy]'",
)

HOOKS = """
import os
from pathlib import Path

from litellm.integrations.custom_logger import CustomLogger
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import otel_sse
from otel_sse.integrations.litellm import CallbackStage, callback_stage

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
litellm_settings: {{callbacks: [hooks.{hook}], telemetry: false, num_retries: 0}}
general_settings: {{disable_spend_logs: true}}
"""


def chat_chunk(content: str | None, finish: str | None = None) -> bytes:
    """One chunk of a chat completion as OpenAI sends it."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    payload = {"id": "c", "created": 1, "model": "small", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(payload)}\n\n".encode()


class Proxy:
    """LiteLLM's proxy in a process of its own, and the spans that it wrote."""

    def __init__(self, folder: Path, model: str, hook: str, **environment: str) -> None:
        (folder / "hooks.py").write_text(HOOKS)
        (folder / "config.yaml").write_text(CONFIG.format(model=model, hook=hook))
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
        self._process = subprocess.Popen(
            [*command, "--config", str(folder / "config.yaml")],
            env=environment, cwd=folder, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Return the condition's value once it is true; fail after a minute, with the proxy's log."""
        end = time.monotonic() + 60
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
        with httpx.stream("POST", address, json=question, headers=headers, timeout=30) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line.removeprefix("data: ")).get("choices") or [{}]
                    read += choices[0].get("delta", {}).get("content") or ""
        return read

    def stages(self, *labels: str) -> dict[str, dict[str, Any]]:
        """Wait until the stages with these labels have ended; return each."""
        self.wait(lambda: {*labels} <= {_label(span) for span in self.ended()}, f"the end of {labels}")
        found = [span for span in self.ended() if _label(span) in labels]
        assert len(found) == len(labels)
        return {_label(span): span for span in found}

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


def _label(span: dict[str, Any]) -> str:
    said = span["attributes"]
    return ".".join(said[name] for name in ("sse.stage", "sse.stage.direction") if name in said)


@pytest.fixture
def make_proxy(tmp_path: Path, uvicorn_server: Uvicorn) -> Iterator[Callable[..., Proxy]]:
    """Starts the proxy with one of the hooks, before a model server."""
    made: list[Proxy] = []
    model = uvicorn_server.serve(plain([*map(chat_chunk, WORDS), chat_chunk(None, "stop"), b"data: [DONE]\n\n"]))

    def make(hook: str, **environment: str) -> Proxy:
        made.append(Proxy(tmp_path, model, hook, **environment))
        made[-1].wait(made[-1].ready, "the proxy's start")
        return made[-1]

    yield make
    for proxy in made:
        proxy.stop()


def chunks(span: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a stage."""
    return [event["attributes"] for event in span["events"] if event["name"] == "sse.chunk"]


def contents(span: dict[str, Any]) -> list[str]:
    """The digests of a stage's chunks with content."""
    return [chunk["sse.chunk.digest"] for chunk in chunks(span) if "sse.chunk.kind" not in chunk]


@needs_litellm
@pytest.mark.server
@pytest.mark.parametrize(
    ("hook", "kind"),
    [("stage", "CallbackStage"), ("inherited", "CallbackStage"), ("own", "Own"), ("decorated", "Decorated")],
)
def test_hook_of_the_proxy_is_the_stage_callback(hook: str, kind: str, make_proxy: Callable[..., Proxy]) -> None:
    """What comes in and what goes out are the chunks of one answer, read as OpenAI's, and the client gets it whole."""
    proxy = make_proxy(hook)
    assert proxy.answer() == "".join(WORDS)
    found = proxy.stages("callback.in", "callback.out")
    assert len(proxy.ended()) == 2
    came_in, went_out = found["callback.in"], found["callback.out"]
    assert contents(came_in) == contents(went_out) == DIGESTS[: len(WORDS)]
    assert came_in["attributes"]["sse.stream.dialect"] == went_out["attributes"]["sse.stream.dialect"] == "openai-chat"
    assert came_in["attributes"]["sse.stage.class"].startswith(f"{kind}.")
    assert went_out["attributes"]["sse.stage.upstream"] == "callback.in"
    assert came_in["context"]["trace_id"] == went_out["context"]["trace_id"]
    by_seq = {chunk["sse.chunk.seq"]: chunk["sse.chunk.digest"] for chunk in chunks(came_in)}
    for chunk in chunks(went_out):
        assert by_seq[chunk["sse.chunk.upstream.first"]] == chunk["sse.chunk.digest"]
    # The one that hands on text alone leaves out why the answer ended.
    ways = [side["attributes"]["sse.stream.outcome"] for side in (came_in, went_out)]
    assert ways == ["completed", "incomplete" if hook == "own" else "completed"]


@needs_litellm
@pytest.mark.server
def test_client_reads_the_same_with_and_without(make_proxy: Callable[..., Proxy]) -> None:
    """The text of an answer is what it is behind a hook that nobody watches; that makes no stage."""
    proxy = make_proxy("bare")
    assert proxy.answer() == "".join(WORDS)
    assert proxy.ended() == []


@needs_litellm
@pytest.mark.server
def test_hook_that_fails_is_seen_to(make_proxy: Callable[..., Proxy]) -> None:
    """An exception of a hook's own ends its side as failed, and LiteLLM deals with it as ever."""
    proxy = make_proxy("decorated")
    assert proxy.answer("broken") != "".join(WORDS)
    found = proxy.stages("callback.in", "callback.out")
    assert found["callback.out"]["attributes"]["sse.stream.outcome"] == "failed"
    assert found["callback.out"]["attributes"]["error.type"] == "RuntimeError"
    assert found["callback.in"]["attributes"]["sse.stream.outcome"] == "abandoned"


@needs_litellm
@pytest.mark.server
def test_proxy_that_is_instrumented_as_a_whole(make_proxy: Callable[..., Proxy]) -> None:
    """With `instrument(app)` in the module that the configuration names, all stages are one stream in one trace."""
    proxy = make_proxy("stage", INSTRUMENT="yes")
    assert proxy.answer() == "".join(WORDS)
    chain = ["provider", "callback.in", "callback.out", "emit", "socket_write"]
    found = proxy.stages(*chain)
    assert len({span["attributes"]["sse.stream.id"] for span in found.values()}) == 1
    assert len({span["context"]["trace_id"] for span in found.values()}) == 1
    assert [found[name]["attributes"].get("sse.stage.upstream") for name in chain] == [None, *chain[:-1]]
    assert all(contents(found[name]) == DIGESTS[: len(WORDS)] for name in chain)


def test_without_litellm_the_message_says_what_to_install() -> None:
    """Where LiteLLM is not there, importing the integration names the extra."""
    script = """
        import sys
        sys.modules["litellm"] = None
        from otel_sse.errors import MissingExtraError
        try:
            import otel_sse.integrations.litellm
        except MissingExtraError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("Install them with: pip install 'otel-sse[litellm]'")
    assert done.stdout.startswith("otel_sse.integrations.litellm must find the packages of the extra 'litellm'")
