"""The files of examples/pipeline, served as their page says."""

from __future__ import annotations

import runpy
from typing import Any

import httpx
import pytest

import otel_sse
from otel_sse.demo.answers import answer
from otel_sse.demo.pipeline_control import PATH
from otel_sse.demo.servers import LoopbackServer
from tests.cli.command import ROOT


def app(name: str) -> Any:
    return runpy.run_path(str(ROOT / "examples" / "pipeline" / f"{name}.py"))["app"]


@pytest.mark.server
def test_the_three_files_are_a_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, control plane and gateway answer a question together; each is instrumented."""
    monkeypatch.setenv("CHUNK_DELAY_MS", "1")
    model, control = app("model"), app("control_plane")
    with LoopbackServer(model) as model_server, LoopbackServer(control) as control_server:
        monkeypatch.setenv("MODEL_URL", model_server.url)
        monkeypatch.setenv("CONTROL_URL", control_server.url.replace("http", "ws") + PATH)
        gateway = app("gateway")
        with LoopbackServer(gateway) as server:
            body = {"question": "joke", "policy": "merge"}
            response = httpx.post(f"{server.url}/chat", json=body, trust_env=False, timeout=60)
    assert response.text.endswith("data: [DONE]\n\n")
    assert answer("joke").split("\n")[-1][-10:] in response.text
    for each in (model, control, gateway):
        plain = each.build_middleware_stack
        otel_sse.uninstrument(each)
        assert each.build_middleware_stack != plain
