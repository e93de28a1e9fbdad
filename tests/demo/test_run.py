"""The demo as a person runs it: a process of its own, real servers, a real client."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from otel_sse.demo.answers import QUESTIONS, answer
from otel_sse.demo.servers import HOST
from tests.cli.command import otel_sse, started

pytestmark = pytest.mark.server

FAST = {"CHUNK_DELAY_MS": "0"}
ANY_PORT = ("--port", "0")
SLOW_MS = "30000"
"""Between two tokens of a model that is sure to be speaking still when the demo is interrupted."""


def test_a_default_run_shows_answers_traces_and_metrics() -> None:
    """All answers, traces and metrics go to stdout, addresses and advice to stderr."""
    result = otel_sse("demo", *ANY_PORT)
    assert result.returncode == 0
    for question in QUESTIONS:
        lines = "".join(f"     {line}\n" if line else "\n" for line in answer(question).split("\n"))
        assert f"  {question}\n{lines}" in result.stdout
    assert result.stdout.count("\ntrace ") == 3
    assert len(re.findall(r"^3  socket_write .* same +completed *$", result.stdout, re.MULTILINE)) == 3
    assert result.stdout.count("\nchunks of stage 3, socket_write\n") == 3
    assert "! " not in result.stdout.partition("\ntrace ")[2]
    assert "\nmetrics  " in result.stdout
    assert "sse.findings" not in result.stdout
    assert f"gateway  http://{HOST}:" in result.stderr
    assert "\nNext:\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_fault_is_shown_in_the_middle_answer_and_in_the_metrics() -> None:
    """With `--fault doubled` the second answer is doubled, its finish comes twice, and the counter says where."""
    result = otel_sse("demo", "--fault", "doubled", *ANY_PORT, variables=FAST)
    assert result.returncode == 0
    assert "AA duck duck walks walks" in result.stdout
    assert len(re.findall(r"! 2 emit: \d+ x duplicate/doubled, certain, first at \d+: ", result.stdout)) == 1
    assert re.search(
        r"! 2 emit: duplicate/terminal, certain, at (\d+): choice 0 finished at \d+ \(stop\) and again at \1",
        result.stdout,
    )
    assert re.search(r"sse\.duplicate_chunks +stage=emit, route=/chat, kind=terminal, +2 ", result.stdout)
    assert not re.search(r"sse\.duplicate_chunks +stage=provider", result.stdout)


def test_json_is_all_that_stands_on_stdout(tmp_path: Path) -> None:
    """With `--json` stdout is one object whose traces are those of the file that `--traces` wrote."""
    path = tmp_path / "traces.jsonl"
    result = otel_sse(
        "demo", "--json", "--fault", "after_done", "--questions", "2", "--traces", str(path), *ANY_PORT, variables=FAST
    )
    found = json.loads(result.stdout)
    assert [(stream["fault"], stream["error"]) for stream in found["streams"]] == [("after_done", None), (None, None)]
    kinds = [[each["kind"] for stage in stream["stages"] for each in stage["findings"]] for stream in found["streams"]]
    # The fault is the gateway's own: what it emits and what is written have it, what the model sent has not.
    assert kinds[0] == ["protocol/after_done", "protocol/after_done"]
    assert kinds[1] == []
    in_file = set(re.findall('"traceId":"([0-9a-f]{32})"', path.read_text()))
    assert in_file == {stream["trace_id"] for stream in found["streams"]}


def test_the_taken_port_is_told_and_replaced() -> None:
    """Where the wanted port is taken, the demo says so on stderr and goes on with another."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        result = otel_sse("demo", "--questions", "1", "--port", str(port), variables=FAST)
    assert result.returncode == 0
    assert f"port {port} is taken, so it uses " in result.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_SSE_CHUNK_EVENTS", "some"), ("CHUNK_DELAY_MS", "fast"), ("OTEL_SSE_SEGMENT_SECONDS", "long")],
)
def test_a_bad_variable_is_named(variable: str, value: str) -> None:
    """A variable that can't be used ends the demo with 2, its name and its value."""
    result = otel_sse("demo", *ANY_PORT, variables={variable: value})
    assert result.returncode == 2
    assert f"otel-sse: {variable} must be " in result.stderr
    assert f"got '{value}'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_SPAN_EVENT_COUNT_LIMIT", "many"), ("OTEL_METRICS_EXEMPLAR_FILTER", "some")]
)
def test_a_variable_that_the_sdk_refuses_is_told(variable: str, value: str) -> None:
    """What OpenTelemetry's SDK says of a bad variable is passed on, with 2 and no traceback."""
    result = otel_sse("demo", *ANY_PORT, variables={variable: value})
    assert result.returncode == 2
    assert "otel-sse: variables OTEL_... must have values that OpenTelemetry's SDK takes" in result.stderr
    assert value in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("OTEL_SDK_DISABLED", "true", "There is no trace of it."),
        ("OTEL_TRACES_SAMPLER", "always_off", "There is no trace of it."),
        ("OTEL_SSE_ENABLED", "false", "There is no trace of it."),
        ("OTEL_SSE_CHUNK_EVENTS", "off", "119 (119 not here)"),
        ("OTEL_SSE_CHUNK_EVENTS", "findings", "119 (117 not here)"),
        ("OTEL_SSE_CHUNK_EVENTS", "packed", "  control   "),
    ],
)
def test_other_settings_are_shown_as_they_are(variable: str, value: str, shown: str) -> None:
    """With less recorded the demo still ends well and says what there is."""
    result = otel_sse("demo", "--questions", "1", *ANY_PORT, variables={**FAST, variable: value})
    assert result.returncode == 0
    assert shown in result.stdout
    assert "Traceback" not in result.stderr


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    """Where stdout can't take lines, the tables are drawn with ASCII."""
    result = otel_sse(
        "demo", "--questions", "1", *ANY_PORT, variables={**FAST, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    )
    assert result.returncode == 0
    assert re.search(r"^# +\|stage .*\n[-+]{60,}\n1 +\|provider ", result.stdout, re.MULTILINE)


def until(process: subprocess.Popen[str], stream: str, mark: str) -> str:
    """Read a stream of the process up to the line that holds `mark`."""
    pipe = getattr(process, stream)
    read = ""
    for line in pipe:
        read += line
        if mark in line:
            return read
    raise AssertionError(f"{mark!r} not in {read!r}")


@pytest.mark.parametrize(
    ("arguments", "stream", "mark", "delay_ms"),
    [
        ((), "stderr", "Starting", SLOW_MS),
        ((), "stderr", "gateway  http", SLOW_MS),
        ((), "stdout", "Here are four teas", "100"),
        (("--json",), "stderr", "1/3", SLOW_MS),
        (("--questions", "1"), "stdout", "3  socket_write", "0"),
        (("--serve", "--questions", "0"), "stderr", "Serving.", SLOW_MS),
    ],
)
def test_ctrl_c_ends_the_demo_cleanly(arguments: tuple[str, ...], stream: str, mark: str, delay_ms: str) -> None:
    """SIGINT at any time ends the demo, with 130 and no traceback; where its model is done, it may finish first."""
    with started("demo", *arguments, *ANY_PORT, variables={"CHUNK_DELAY_MS": delay_ms}) as process:
        until(process, stream, mark)
        process.send_signal(signal.SIGINT)
        out, talk = process.communicate(timeout=60)
    finished = delay_ms == "0" and "\nNext:\n" in talk
    assert process.returncode == 130 or (finished and process.returncode == 0)
    # A signal amid an import leaves that module's file to the garbage collector, which says so under -W error.
    talk = re.sub(r"Exception ignored in.*?\nResourceWarning: [^\n]*\n", "", talk, flags=re.DOTALL)
    assert "Traceback" not in out + talk
    assert "Error" not in out + talk


def test_a_served_demo_answers_and_shows_each_trace() -> None:
    """With `--serve` the gateway answers others, and the trace of each answer comes to stdout."""
    with started("demo", "--serve", "--questions", "0", *ANY_PORT, variables=FAST) as process:
        talk = until(process, "stderr", "Serving.")
        urls = re.findall(r"curl -N (\S+) -H \S+ \S+ -d '([^']+)'", talk)
        assert len(urls) == 2
        for url, body in urls:
            response = httpx.post(url, json=json.loads(body), trust_env=False)
            assert until(process, "stdout", f"trace {response.headers['x-trace-id']}")
        assert until(process, "stdout", "! 2 emit: duplicate/terminal")
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped." in rest


def test_a_reply_that_breaks_off_is_told() -> None:
    """A fault that ends the answer early is no failure of the demo: its trace is incomplete, without a finding."""
    result = otel_sse("demo", "--questions", "1", "--fault", "missing_terminal", *ANY_PORT, variables=FAST)
    assert result.returncode == 0
    assert re.search(r"^3  socket_write .* incomplete *$", result.stdout, re.MULTILINE)
    assert "! " not in result.stdout.partition("\ntrace ")[2].partition("\nmetrics ")[0]
