"""`otel-sse diagnose`."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from typing import Annotated

import typer

from otel_sse.cli.exit_codes import INPUT
from otel_sse.cli.extras import needs
from otel_sse.cli.interrupts import leaving_at_once
from otel_sse.cli.source_options import SourceOptions, source_options
from otel_sse.sources.errors import SourceError

TraceId = Annotated[
    str, typer.Argument(metavar="[TRACE_ID]", show_default=False, help="Its id, or how it begins. All where left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Use no colours. So does the variable NO_COLOR.")]


@source_options
def command(source: SourceOptions, trace_id: TraceId = "", as_json: AsJson = False, no_color: NoColor = False) -> int:
    """Say which stage duplicated, lost, delayed or changed what, and where to look.

    Without TRACE_ID, goes through all traces of files, or those that a search finds, and lists the ones not in order.
    """
    wanted = source.checked_id(trace_id)
    with leaving_at_once(), needs("cli", "command otel-sse diagnose"):
        from otel_sse.cli.diagnosing import look
        from otel_sse.demo.screen import Screen

        traces = source.open(wanted, os.environ, time.time_ns())
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    try:
        with closing(traces):
            shown = look(traces, wanted, screen.out.width)
    except SourceError as error:
        print(f"otel-sse: {error}", file=sys.stderr)
        return INPUT
    if as_json:
        screen.data(json.dumps(shown.data, indent=2))
    else:
        screen.out.print(shown.view)
    for note in shown.notes:
        screen.say(note)
    if shown.damage is not None:
        print(f"otel-sse: {shown.damage}", file=sys.stderr)
    return shown.exit_code
