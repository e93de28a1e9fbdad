from __future__ import annotations

import re
from typing import Any

import pytest
from typer.main import get_command

from otel_sse.cli.main import build
from otel_sse.demo.faults import FAULTS
from tests.cli.command import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
APP: Any = get_command(build())
COMMANDS: dict[str, Any] = APP.commands
OPTIONS = sorted(
    (name, option)
    for name, command in COMMANDS.items()
    for parameter in command.params
    for option in (*parameter.opts, *parameter.secondary_opts)
    if option.startswith("-")
)


def section(command: str) -> str:
    """The part of the page that is about one command."""
    found = re.search(rf"^## `{command}`$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_section(command: str) -> None:
    """docs/cli.md has a section for each command."""
    assert section(command)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_every_option_stands_in_its_commands_section(command: str, option: str) -> None:
    """Each option of a command stands in the table of the command's section."""
    assert re.search(rf"^\| `{re.escape(option)}[` ]", section(command), re.MULTILINE)


def test_every_option_in_a_table_exists() -> None:
    """A table names no option that the command does not have."""
    for command in COMMANDS:
        told = {(command, option) for option in re.findall(r"^\| `(--[\w-]+)", section(command), re.MULTILINE)}
        assert told <= set(OPTIONS)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_options_of_the_command_itself_are_told(option: str) -> None:
    """The options before a command stand at the top of the page."""
    assert f"`{option}`" in PAGE.partition("## ")[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told_with_its_finding(fault: str) -> None:
    """The table of faults names each fault, where it happens, and what the diagnosis says of it."""
    row = re.search(rf"^\| `{fault}` \|.*$", section("demo"), re.MULTILINE)
    assert row is not None
    for place in (FAULTS[fault].pipeline, FAULTS[fault].gateway):
        assert place is None or (f"`{place.stage}`" in row[0] and f"`{place.kind}`" in row[0])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command: str) -> None:
    """`--help` says something about each option."""
    assert [each.name for each in COMMANDS[command].params if not each.help] == []
