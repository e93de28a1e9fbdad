"""The entry point. Each module in `commands` is one command, named like the module; its function is `command`."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from otel_sse import __version__
from otel_sse.cli import commands
from otel_sse.cli.exit_codes import FINDINGS, INTERRUPTED, OK, USAGE
from otel_sse.cli.loading import STOPPED, leaving_at_once
from otel_sse.errors import ConfigurationError, MissingExtraError, OtelSSEError, needs
from otel_sse.terminal.escaping import MESSAGE_CHARS, escaped

if TYPE_CHECKING:
    import typer


def run() -> None:
    """Run `otel-sse` with the process's arguments, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character gets a question mark, and no traceback.
            stream.reconfigure(errors="replace")
    code = main(sys.argv[1:])
    # All is said: a Ctrl-C that comes now would only tear the interpreter down with a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code == INTERRUPTED:
        print(STOPPED, file=sys.stderr)
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run `otel-sse` and return its exit code; what goes wrong is told on stderr.

    Args:
        arguments: What stands behind `otel-sse`.
    """
    try:
        with leaving_at_once(), needs("demo" if "demo" in arguments[:1] else "cli", "command otel-sse"):
            app = build()
        return _invoke(app, arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OtelSSEError as error:
        print(f"otel-sse: {escaped(error, MESSAGE_CHARS)}", file=sys.stderr)
        return USAGE if isinstance(error, ConfigurationError | MissingExtraError) else FINDINGS


def build() -> typer.Typer:
    """Return the application with every command in it."""
    import typer

    app = typer.Typer(name="otel-sse", add_completion=False, pretty_exceptions_enable=False)

    @app.callback()
    def otel_sse(
        version: bool = typer.Option(
            False, "--version", is_eager=True, callback=_print_version, help="Print it; exit."
        ),
    ) -> None:
        """OpenTelemetry for streamed answers."""

    for module in iter_modules(commands.__path__):
        found = import_module(f"{commands.__name__}.{module.name}")
        app.command(module.name.replace("_", "-"))(found.command)
    return app


def _invoke(app: typer.Typer, arguments: Sequence[str]) -> int:
    import typer

    try:
        command = typer.main.get_command(app)
        code = command.main(list(arguments) or ["--help"], prog_name="otel-sse", standalone_mode=False)
    except typer.TyperException as error:
        print(f"otel-sse: {error.format_message()}", file=sys.stderr)
        context = getattr(error, "ctx", None)
        if context is not None:
            print(f"Try '{context.command_path} --help'.", file=sys.stderr)
        return error.exit_code
    return code if isinstance(code, int) else OK


def _print_version(wanted: bool) -> None:
    if wanted:
        import typer

        print(f"otel-sse {__version__}")
        raise typer.Exit
