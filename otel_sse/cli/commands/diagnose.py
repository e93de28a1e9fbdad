"""`otel-sse diagnose`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from otel_sse.cli.exit_codes import INPUT
from otel_sse.cli.extras import needs
from otel_sse.cli.interrupts import leaving_at_once
from otel_sse.errors import ConfigurationError, must
from otel_sse.sources.errors import SourceError

TraceId = Annotated[
    str, typer.Argument(metavar="[TRACE_ID]", show_default=False, help="Its id, or how it begins. All where left out.")
]
Files = Annotated[
    list[Path], typer.Option("--file", metavar="FILE", help="OTLP JSON lines. Again for each file of the same traces.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Use no colours. So does the variable NO_COLOR.")]

_HEX = frozenset("0123456789abcdef")


def command(file: Files, trace_id: TraceId = "", as_json: AsJson = False, no_color: NoColor = False) -> int:
    """Say which stage duplicated, lost, delayed or changed what, and where to look.

    Without TRACE_ID, goes through all traces and lists those that are not in order.
    """
    wanted = trace_id.lower()
    if len(wanted) > 32 or not set(wanted) <= _HEX:
        advice = "Take it from the response header X-Trace-ID, or leave it out to go through all traces."
        raise ConfigurationError(must("TRACE_ID", "be up to 32 hex digits", trace_id, advice))
    with leaving_at_once(), needs("cli", "command otel-sse diagnose"):
        from otel_sse.cli.diagnosing import FileSource, look
        from otel_sse.demo.screen import Screen
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    try:
        shown = look(FileSource(tuple(file)), wanted, screen.out.width)
    except SourceError as error:
        print(f"otel-sse: {error}", file=sys.stderr)
        return INPUT
    if as_json:
        screen.data(json.dumps(shown.data, indent=2))
    else:
        screen.out.print(shown.view)
    if shown.damage is not None:
        print(f"otel-sse: {shown.damage}", file=sys.stderr)
    return shown.exit_code
