"""`otel-sse demo`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from otel_sse.cli.exit_codes import FINDINGS, OK
from otel_sse.cli.loading import leaving_at_once
from otel_sse.demo.faults import ALIASES, FAULTS, Fault, Place, full_name
from otel_sse.errors import ConfigurationError, must, nearest, needs

Questions = Annotated[int, typer.Option("--questions", metavar="N", min=0, max=100, help="How many questions to ask.")]
FaultName = Annotated[
    str | None,
    typer.Option(
        "--fault", metavar="NAME", show_default=False, help="A fault in the middle answer; in the pipeline's second."
    ),
]
ListFaults = Annotated[
    bool, typer.Option("--list-faults", help="Print which faults there are and where they happen, and exit.")
]
Serve = Annotated[bool, typer.Option("--serve", help="Stay up until Ctrl-C, to be asked with curl.")]
Port = Annotated[
    int,
    typer.Option(
        "--port", metavar="N", min=0, max=65_535, help="Port of the gateway. 0, or a taken one: any free one."
    ),
]
Traces = Annotated[Path | None, typer.Option("--traces", metavar="FILE", help="Write the spans as OTLP JSON lines.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Pipeline = Annotated[
    bool,
    typer.Option("--pipeline", help="Run a pipeline of three processes, and show the way of one chunk through it."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same pauses.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Use no colours. So does the variable NO_COLOR.")]


def command(
    questions: Questions = 3,
    fault: FaultName = None,
    list_faults: ListFaults = False,
    serve: Serve = False,
    port: Port = 8765,
    traces: Traces = None,
    as_json: AsJson = False,
    pipeline: Pipeline = False,
    seed: Seed = 1,
    no_color: NoColor = False,
) -> int:
    """Stream three answers through an instrumented gateway and show their traces.

    All of it runs on loopback. With OTEL_EXPORTER_OTLP_ENDPOINT set, traces and metrics go there as well.
    """
    if list_faults:
        print("\n".join(_fault_list()))
        return OK
    _check(fault, serve, as_json, pipeline)
    if pipeline:
        return _pipeline(fault, serve, traces, seed, as_json, no_color)
    with leaving_at_once():
        if not as_json:
            print("Starting ...", file=sys.stderr, flush=True)
        with needs("demo", "command otel-sse demo"):
            from otel_sse.cli.demo_view import DemoViews
            from otel_sse.demo.asking import load
            from otel_sse.demo.run import Order, run
            from otel_sse.terminal.screen import Screen

            load()
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    order = Order(questions, fault, seed, port, serve, as_json, traces)
    return OK if run(order, screen, os.environ, DemoViews(screen.out.width)) else FINDINGS


def _pipeline(fault: str | None, serve: bool, traces: Path | None, seed: int, as_json: bool, no_color: bool) -> int:
    if serve:
        raise ConfigurationError(must("option --pipeline", "stand without --serve", "both", "Leave one of them out."))
    with leaving_at_once(), needs("demo", "command otel-sse demo"):
        # The processes need it, and could say so in a traceback only.
        import_module("websockets")
        from otel_sse.cli.pipeline_demo import show_pipeline
        from otel_sse.demo.asking import load
        from otel_sse.terminal.screen import Screen

        load()
    screen = Screen(os.environ, color=not no_color, quiet=as_json)
    return show_pipeline(traces, seed, screen, as_json=as_json, fault=full_name(fault or ""))


def _check(fault: str | None, serve: bool, as_json: bool, pipeline: bool) -> None:
    if fault is not None:
        _check_fault(fault, pipeline)
    if serve and as_json:
        message = must("option --json", "stand without --serve", "both", "Leave one of them out.")
        raise ConfigurationError(message)


def _check_fault(name: str, pipeline: bool) -> None:
    fault = FAULTS.get(full_name(name))
    if fault is None:
        known = [*FAULTS, *ALIASES]
        advice = nearest(name, known, "`otel-sse demo --list-faults` says what they are.")
        raise ConfigurationError(must("option --fault", f"be one of {', '.join(known)}", name, advice))
    if (fault.pipeline if pipeline else fault.gateway) is None:
        where = "the pipeline" if pipeline else "the simple demo"
        advice = f"{fault.why_not[0].upper()}{fault.why_not[1:]}."
        advice += " Give --pipeline too." if fault.pipeline is not None else ""
        raise ConfigurationError(must("option --fault", f"name a fault that {where} can make", name, advice))


_HEAD: Final = ("fault", "in --pipeline", "in the simple demo", "the diagnosis says", "what goes wrong")
_NOT_MADE: Final = "-"


def _fault_list() -> Iterator[str]:
    """Yield the lines: a table with the faults, why some can't be made, and shorter names."""
    rows = [_HEAD, *(_row(name, fault) for name, fault in FAULTS.items())]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    yield from (_line(row, widths) for row in rows)
    yield ""
    yield f"{_NOT_MADE}  can't be made there, because"
    yield from (f"   {name}: {fault.why_not}" for name, fault in FAULTS.items() if fault.why_not)
    yield f"Shorter names: {', '.join(f'{short} for {name}' for short, name in ALIASES.items())}"


def _row(name: str, fault: Fault) -> Sequence[str]:
    pipeline = fault.pipeline
    where = f"{pipeline.service} {pipeline.stage}" if pipeline else _NOT_MADE
    simple = fault.gateway.stage if fault.gateway else _NOT_MADE
    return name, where, simple, _says(pipeline or fault.gateway), fault.brief


def _says(place: Place | None) -> str:
    if place is None:
        return _NOT_MADE
    return place.kind if place.certain else f"{place.kind} (suspected)"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
