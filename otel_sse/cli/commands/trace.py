"""`otel-sse trace`."""

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
    typer.Argument(metavar="[TRACE_ID]", show_default=False, help="Its id, or how it begins. Not needed for one."),
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
    trace_id: TraceId = None,
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
        from otel_sse.cli.shown import show
        from otel_sse.cli.tracing import Asked, look
        from otel_sse.terminal.screen import Screen

        traces = source.open(wanted, os.environ, time.time_ns())
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    return show(screen, traces, lambda: look(Asked(traces, wanted, chunk, stage)), as_json=as_json)
