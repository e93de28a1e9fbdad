"""`otel-sse diagnose`."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from otel_sse.cli.loading import leaving_at_once
from otel_sse.cli.source_options import SourceOptions, source_options
from otel_sse.errors import needs

TraceId = Annotated[
    str | None,
    typer.Argument(metavar="[TRACE_ID]", show_default=False, help="Its id, or how it begins. All where left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Use no colours. So does the variable NO_COLOR.")]


@source_options
def command(source: SourceOptions, trace_id: TraceId = None, as_json: AsJson = False, no_color: NoColor = False) -> int:
    """Say which stage duplicated, lost, delayed or changed what, and where to look.

    Without TRACE_ID, goes through all traces of files, or those that a search finds, and lists the ones not in order.
    """
    wanted = source.checked_id(trace_id)
    with leaving_at_once(), needs("cli", "command otel-sse diagnose"):
        from otel_sse.cli.diagnosing import look
        from otel_sse.cli.shown import show
        from otel_sse.terminal.screen import Screen

        traces = source.open(wanted, os.environ, time.time_ns())
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    return show(screen, traces, lambda: look(traces, wanted, screen.out.width), as_json=as_json)
