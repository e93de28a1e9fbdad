"""`otel-sse trace`."""

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
    str, typer.Argument(metavar="[TRACE_ID]", show_default=False, help="Its id, or how it begins. Not needed for one.")
]
ChunkNumber = Annotated[
    int | None, typer.Option("--chunk", metavar="N", min=1, help="Follow the chunk with this number.")
]
StageName = Annotated[
    str, typer.Option("--stage", metavar="NAME", show_default=False, help="The stage that N is of; alone, its chunks.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Use no colours. So does the variable NO_COLOR.")]


@source_options
def command(
    source: SourceOptions,
    trace_id: TraceId = "",
    chunk: ChunkNumber = None,
    stage: StageName = "",
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> int:
    """Show the stages that a streamed answer crossed, and the way of one chunk through them.

    Reads files, or asks Jaeger or Tempo. Without TRACE_ID, lists what there is.
    """
    wanted = source.checked_id(trace_id)
    source.check_detail("--chunk", chunk, wanted)
    source.check_detail("--stage", stage, wanted)
    with leaving_at_once(), needs("cli", "command otel-sse trace"):
        from otel_sse.cli.tracing import Asked, look
        from otel_sse.demo.screen import Screen

        traces = source.open(wanted, os.environ, time.time_ns())
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    try:
        with closing(traces):
            shown = look(Asked(traces, wanted, chunk, stage))
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
