from __future__ import annotations

import subprocess

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from otel_sse import __version__
from otel_sse.cli import main as cli_main
from otel_sse.cli.main import build, main
from tests.cli.command import ROOT, command_line, environment, otel_sse


def test_version_is_printed_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the package's version to stdout and exits with 0."""
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"otel-sse {__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_the_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments the help is shown, as with `--help`, and neither is an error."""
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "demo" in out
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bad"], "No such option: --bad"),
        (["nope"], "No such command 'nope'."),
        (["demo", "--bad"], "No such option: --bad"),
        (["demo", "extra"], "extra"),
        (["demo", "--questions", "x"], "'--questions'"),
        (["demo", "--questions", "101"], "100"),
        (["demo", "--port", "65536"], "65535"),
        (["demo", "--fault"], "--fault"),
        (["demo", "--fault", "nope"], "option --fault must be one of double_emission, "),
        (["demo", "--fault", "double_emision"], "Did you mean double_emission"),
        (["demo", "--fault", ""], "option --fault must be one of double_emission, "),
        (["demo", "--pipeline", "--fault", ""], "option --fault must be one of double_emission, "),
        (["demo", "--fault", "hop_resend"], "The simple demo has no WebSocket. Give --pipeline too."),
        (["demo", "--pipeline", "--fault", "cap"], "option --fault must name a fault that the pipeline can make"),
        (["demo", "--serve", "--json"], "option --json must stand without --serve"),
    ],
)
def test_a_bad_argument_is_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be used is told in words on stderr, with exit code 2 and nothing on stdout."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("otel-sse: ")
    assert message in err
    assert "Traceback" not in err


def test_ctrl_c_in_a_command_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KeyboardInterrupt that reaches the top becomes the exit code 130."""

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_main, "_invoke", interrupted)
    assert main(["demo"]) == 130


def test_every_module_of_commands_is_a_command() -> None:
    """A file in `commands` is all that a command needs."""
    files = (ROOT / "otel_sse" / "cli" / "commands").glob("[!_]*.py")
    assert {file.stem.replace("_", "-") for file in files} == set(get_command(build()).commands)  # type: ignore[attr-defined]


def test_the_application_works_under_typers_own_runner() -> None:
    """The application can be run by whatever runs typer applications."""
    result = CliRunner().invoke(build(), ["demo", "--list-faults"])
    assert result.exit_code == 0
    assert result.stdout.startswith("fault ")


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("typer", ["--version"], "cli"),
        ("typer", ["demo"], "demo"),
        ("rich", ["demo"], "demo"),
        ("httpx", ["demo"], "demo"),
        ("fastapi", ["demo"], "demo"),
        ("openai", ["demo"], "demo"),
        ("uvicorn", ["demo"], "demo"),
    ],
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    package: str, arguments: list[str], extra: str
) -> None:
    """Where a package is missing, stderr says which extra to install, and the exit code is 2."""
    result = otel_sse(*arguments, blocked=(package,))
    assert result.returncode == 2
    assert result.stdout == ""
    assert f"Install them with: pip install 'otel-sse[{extra}]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_faults_are_listed_without_the_demos_packages() -> None:
    """`--list-faults` needs no server and no client."""
    result = otel_sse("demo", "--list-faults", blocked=("fastapi", "openai", "uvicorn", "httpx", "starlette"))
    assert result.returncode == 0
    assert result.stdout.startswith("fault ")


@pytest.mark.server
def test_a_reader_that_leaves_ends_the_command_in_silence() -> None:
    """`otel-sse demo | head -1` stops with 141 and without a traceback."""
    arguments = command_line("demo", "--questions", "1", "--port", "0")
    variables = environment({"CHUNK_DELAY_MS": "0"})
    with subprocess.Popen(
        arguments, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        talk = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in talk
    assert "Error" not in talk
