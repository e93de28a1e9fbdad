from __future__ import annotations

from pathlib import Path

import pytest

from otel_sse.demo.command_name import shown_command


@pytest.fixture
def programs(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders, each with a program of the command's name."""
    made = tmp_path / "one" / "otel-sse", tmp_path / "two" / "otel-sse"
    for path in made:
        path.parent.mkdir()
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return made


def test_a_command_that_a_shell_finds_is_shown_by_its_name(programs: tuple[Path, Path]) -> None:
    """Where PATH leads to the very program that runs, its name is enough."""
    assert shown_command(str(programs[0]), f"{programs[0].parent}:{programs[1].parent}") == "otel-sse"


def test_another_or_no_command_of_the_name_is_not_taken_for_it(programs: tuple[Path, Path]) -> None:
    """Where a shell would find another program or none, the path is shown under which this one was started."""
    assert shown_command(str(programs[0]), str(programs[1].parent)) == str(programs[0])
    assert shown_command(str(programs[0]), str(programs[0].parents[1])) == str(programs[0])


def test_another_way_to_start_it_shows_the_name(tmp_path: Path) -> None:
    """A module or a test that calls it has no path of the command."""
    assert shown_command(str(tmp_path / "__main__.py"), "") == "otel-sse"
    assert shown_command("otel-sse", "") == "otel-sse"
