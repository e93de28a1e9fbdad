"""`otel-sse demo --pipeline` as a program."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from otel_sse.cli.main import main
from otel_sse.demo.pipeline_policies import POLICIES, WITHHELD
from tests.cli.command import otel_sse, started

FAST = {"CHUNK_DELAY_MS": "2"}


@pytest.mark.server
def test_the_pipeline_is_shown(tmp_path: Path) -> None:
    """The answers, then the judge's trace with its stages, and the way of a chunk that was replaced."""
    traces = tmp_path / "traces.jsonl"
    result = otel_sse("demo", "--pipeline", "--traces", str(traces), variables=FAST)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
    for policy in POLICIES:
        assert f"\n{policy}  Tell me a joke.\n" in result.stdout
    assert WITHHELD.strip() in result.stdout
    _, _, shown = result.stdout.partition("\ntrace ")
    for stage in ("provider", "callback", "ws.send", "ws.receive", "endpoint", "normalize", "emit", "socket_write"):
        assert shown.count(f" {stage}") >= 2, stage
    assert "replaced, with " in shown.partition("the way of chunk")[2]
    listed = otel_sse("trace", "--file", str(traces))
    assert listed.returncode == 0
    assert shown.split()[0] in listed.stdout


@pytest.mark.server
def test_json_is_all_that_stands_on_stdout() -> None:
    """With `--json` stdout is one object: the answers, and the trace of one with a chunk's way."""
    result = otel_sse("demo", "--pipeline", "--json", variables=FAST)
    found = json.loads(result.stdout)
    assert [(each["policy"], each["error"]) for each in found["answers"]] == [(policy, "") for policy in POLICIES]
    (stream,) = found["trace"]["streams"]
    assert found["trace"]["trace_id"] == found["answers"][1]["trace_id"]
    assert [step["became"] for step in stream["way"]].count("replaced") == 1
    assert len(stream["way"]) == len(stream["stages"])


@pytest.mark.server
def test_a_fault_is_diagnosed(tmp_path: Path) -> None:
    """With a fault one answer is in order, the other is diagnosed; and stderr says what to run next."""
    traces = tmp_path / "traces.jsonl"
    result = otel_sse("demo", "--pipeline", "--fault", "doubled", "--traces", str(traces), variables=FAST)
    assert result.returncode == 0
    assert "AA duck duck walks walks" in result.stdout
    assert "\ncontrol policy.pass.out handed on 103 chunks twice, at 2, 4, 6, 8 and 99 more places; " in result.stdout
    assert f"otel-sse diagnose --file {traces}" in result.stderr
    found = otel_sse("diagnose", "--file", str(traces), "--json")
    assert (json.loads(found.stdout)["traces_total"], json.loads(found.stdout)["in_order"]) == (2, 1)


@pytest.mark.server
def test_a_fault_in_json() -> None:
    """With a fault the JSON has the diagnosis in the place of the trace."""
    result = otel_sse("demo", "--pipeline", "--fault", "dropped", "--json", variables=FAST)
    found = json.loads(result.stdout)
    assert [each["fault"] for each in found["answers"]] == [None, "dropped"]
    (stream,) = found["diagnosis"]["streams"]
    assert [(each["kind"], each["stage"]) for each in stream["faults"]] == [("gap/lost", "callback")]


@pytest.mark.server
def test_without_a_trace_the_demo_says_so() -> None:
    """Where variables switch tracing off, the answers still come and nothing breaks."""
    result = otel_sse("demo", "--pipeline", variables={**FAST, "OTEL_SDK_DISABLED": "true"})
    assert result.returncode == 0
    assert "There is no trace of it." in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.server
def test_ctrl_c_ends_all_processes() -> None:
    """SIGINT ends the demo, with 130 and no traceback of any process."""
    with started("demo", "--pipeline", variables={"CHUNK_DELAY_MS": "100"}) as process:
        assert process.stdout is not None
        while "Tell me a joke." not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, talk = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + talk


def test_a_missing_package_is_told() -> None:
    """Without `websockets` the demo says what to install, and starts nothing."""
    result = otel_sse("demo", "--pipeline", blocked=("websockets",))
    assert result.returncode == 2
    assert "pip install 'otel-sse[demo]'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fault", "cap"], "option --fault must name a fault that the pipeline can make, got 'cap'."),
        (["--serve"], "option --pipeline must stand without --serve"),
        (["--traces", "."], "option --traces must name a file that can be written, got '.'."),
    ],
)
def test_what_does_not_go_together_is_told(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that can't be used with the pipeline ends the demo with 2."""
    assert main(["demo", "--pipeline", *arguments]) == 2
    assert says in capsys.readouterr().err
