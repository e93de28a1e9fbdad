"""Commands of a shell block."""

from __future__ import annotations

from tests.docs.environments import requirements
from tests.docs.shell import Kind, commands, is_demo, program, traces_file

BLOCK = """# first
pip install 'otel-sse[otlp]' fastapi  # both
export OTEL_SERVICE_NAME=chat
cd examples/fastapi
OTEL_SERVICE_NAME=chat opentelemetry-instrument uvicorn app:app --port 8001
otel-sse demo --serve

curl -G http://localhost:16686/api/traces \\
  --data-urlencode service=chat
"""


def test_commands_are_told_apart() -> None:
    """What installs, sets, serves and ends is told apart; a comment is no command, and a continued line is one."""
    found = commands(BLOCK)
    assert [each.kind for each in found] == [
        Kind.INSTALL,
        Kind.SETTING,
        Kind.SETTING,
        Kind.SERVER,
        Kind.SERVER,
        Kind.PLAIN,
    ]
    assert found[-1].text == "curl -G http://localhost:16686/api/traces --data-urlencode service=chat"


def test_what_an_install_line_asks_for() -> None:
    """Quotes and comments are the shell's."""
    assert requirements(commands(BLOCK)[0].text) == ["otel-sse[otlp]", "fastapi"]


def test_a_variable_before_a_command_is_not_its_name() -> None:
    """The program is what comes behind variables, and so is a run of the demo told."""
    command = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 otel-sse demo --traces FILE"
    assert (program(command), is_demo(command), traces_file(command)) == ("otel-sse", True, "FILE")
    assert not is_demo("otel-sse trace --file traces.jsonl")
