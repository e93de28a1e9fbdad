"""`otel-sse demo --pipeline`: runs the pipeline, then shows one answer's trace as `otel-sse trace` does.

Where a fault was ordered, the answer that has it is diagnosed as `otel-sse diagnose` does.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from otel_sse import __version__
from otel_sse.cli.diagnosing import look as diagnosed
from otel_sse.cli.exit_codes import FINDINGS, OK
from otel_sse.cli.shown import Shown
from otel_sse.cli.tracing import Asked, look
from otel_sse.demo.asking import NO_TRACE
from otel_sse.demo.command_name import shown_command
from otel_sse.demo.pipeline_run import Outcome, run
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles
from otel_sse.sources.reading import FileTraces
from otel_sse.terminal.screen import Screen


def show_pipeline(traces: Path | None, seed: int, screen: Screen, *, as_json: bool, fault: str = "") -> int:
    """Run the pipeline and show what it left; return the exit code.

    Args:
        traces: Where to write the spans of all processes, or None.
        seed: The same seed gives the same pauses.
        screen: Where to write.
        as_json: Whether stdout gets JSON.
        fault: Full name of the fault that is to be made, or "".
    """
    with run(traces, seed, screen, tell=as_json, fault=fault) as outcome:
        shown = _diagnosed(outcome, screen) if fault else _look(outcome)
        if as_json:
            answers = [asdict(answer) for answer in outcome.answers]
            found = None if shown is None else shown.data
            name = "diagnosis" if fault else "trace"
            screen.data(json.dumps({"version": __version__, "answers": answers, name: found}, indent=2))
        else:
            screen.out.print()
            screen.out.print(NO_TRACE if shown is None else shown.view)
            _say_next(screen, traces, fault)
    return FINDINGS if any(answer.error for answer in outcome.answers) else OK


def _look(outcome: Outcome) -> Shown | None:
    if not outcome.shown.trace_id:
        return None
    try:
        return look(Asked(FileTraces(OtlpFiles((outcome.traces,))), outcome.shown.trace_id, telling=True))
    except SourceError:
        return None


def _diagnosed(outcome: Outcome, screen: Screen) -> Shown | None:
    if not outcome.shown.trace_id:
        return None
    try:
        return diagnosed(FileTraces(OtlpFiles((outcome.traces,))), outcome.shown.trace_id, screen.out.width)
    except SourceError:
        return None


def _say_next(screen: Screen, traces: Path | None, fault: str) -> None:
    command, ordered = shown_command(), f" --fault {fault}" if fault else ""
    name = "FILE" if traces is None else str(traces)
    steps = [
        (f"{command} trace --file {name}", "the answers' traces"),
        (f"{command} trace --file {name} TRACE_ID --chunk N", "the way of one chunk"),
    ]
    if fault:
        steps.insert(0, (f"{command} diagnose --file {name}", "which of the answers are not in order, and why"))
    if traces is None:
        steps.insert(0, (f"{command} demo --pipeline{ordered} --traces FILE", "keep the spans"))
    screen.steps("Next", steps)
