"""What `otel-sse trace` was asked, answered: the list of traces, one trace, one stage's chunks, or one chunk's way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Group, RenderableType

from otel_sse import semconv
from otel_sse.cli.exit_codes import FINDINGS, INPUT, OK
from otel_sse.cli.trace_json import chunks_json, trace_json, traces_json, way_json
from otel_sse.cli.trace_view import chunks_view, trace_view, traces_view, way_view
from otel_sse.errors import ConfigurationError, must
from otel_sse.lineage.spans import Span
from otel_sse.lineage.stages import TraceStage
from otel_sse.lineage.trace import Trace, TraceStream, trace_of
from otel_sse.lineage.way import first_stage_with, telling_chunk, way
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles
from otel_sse.sources.traces import summaries

_ID_DIGITS: Final = 32
_NAMED: Final = 5
"""Traces or stages that a message names."""


class Asked(NamedTuple):
    """What the user wants to see.

    Args:
        files: OTLP JSON lines.
        trace_id: Hex digits that the trace's id begins with, or "".
        chunk: Number of a chunk, or None.
        stage: Name of a stage, with its process before it where that matters, or its number in the table; or "".
        telling: Whether to choose a chunk whose way has something to tell, where there is one.
    """

    files: tuple[Path, ...]
    trace_id: str = ""
    chunk: int | None = None
    stage: str = ""
    telling: bool = False


class Shown(NamedTuple):
    """What there is to see.

    Args:
        view: For the eye.
        data: For programs.
        in_order: Whether nothing was found, and nothing failed or broke off.
        damage: What of the files could not be read, or None.
    """

    view: RenderableType
    data: dict[str, Any]
    in_order: bool
    damage: SourceError | None = None

    @property
    def exit_code(self) -> int:
        """0, 1 where something is not in order, 3 where a part could not be read."""
        return INPUT if self.damage is not None else OK if self.in_order else FINDINGS


def look(asked: Asked) -> Shown:
    """Read the files and return what was asked for.

    Raises:
        SourceError: A file can't be read, holds no span, or has not the trace, the stage or the chunk.
        ConfigurationError: The id is the beginning of several, or several traces are there and none is named.
    """
    files = OtlpFiles(asked.files)
    if not asked.trace_id:
        found = summaries(files.spans())
        damage = files.damage()
        if not found:
            raise damage or files.nothing()
        if len(found) > 1 and (asked.chunk is not None or asked.stage):
            advice = f"Name one of the {len(found)} traces; without --chunk and --stage they are listed."
            raise ConfigurationError(must("TRACE_ID", "be given with --chunk and --stage", asked.trace_id, advice))
        if len(found) > 1:
            return Shown(traces_view(found), traces_json(found), all(each.in_order for each in found), damage)
        asked = asked._replace(trace_id=found[0].id)
    trace = _trace(files, asked.trace_id)
    if asked.telling:
        asked = asked._replace(chunk=telling_chunk(trace.streams[0]))
    return _shown(trace, asked)._replace(damage=files.damage())


def _trace(files: OtlpFiles, wanted: str) -> Trace:
    by_trace: dict[str, list[Span]] = {}
    others: dict[str, None] = {}
    for span in files.spans():
        if semconv.STAGE not in span.attributes:
            continue
        if span.trace_id.startswith(wanted):
            by_trace.setdefault(span.trace_id, []).append(span)
        elif len(others) <= _NAMED:
            others[span.trace_id] = None
    if not by_trace:
        raise _unknown_trace(files, wanted, list(others))
    if len(by_trace) > 1:
        raise ConfigurationError(
            must("TRACE_ID", "be the beginning of one trace's id", wanted, f"{_some(list(by_trace))} begin so.")
        )
    trace = trace_of(next(iter(by_trace.values())))
    assert trace is not None, "a group of stage spans has at least one stage"
    return trace


def _unknown_trace(files: OtlpFiles, wanted: str, others: list[str]) -> SourceError:
    if not others:
        return files.damage() or files.nothing()
    damaged = "" if files.damage() is None else " Damaged lines, where it may have been, were passed over."
    message = must("TRACE_ID", f"be in {files.name}", wanted, f"It has {_some(others)}.")
    return SourceError(message + damaged)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" and more" if len(names) > _NAMED else "")


def _shown(trace: Trace, asked: Asked) -> Shown:
    views: list[RenderableType] = [trace_view(trace)]
    data = trace_json(trace)
    details = list(_details(trace, asked))
    if not details and (asked.chunk is not None or asked.stage):
        raise _not_there(trace, asked)
    for number, view, found in details:
        views.append(view)
        data["streams"][number].update(found)
    return Shown(Group(*views), data, trace.in_order)


def _details(trace: Trace, asked: Asked) -> Iterator[tuple[int, RenderableType, dict[str, Any]]]:
    """For each stream that has what was asked for: its number, for the eye, for programs."""
    for number, stream in enumerate(trace.streams):
        position = _position(stream, asked)
        if position is None:
            continue
        if asked.chunk is None:
            yield number, chunks_view(stream, position), {"stage": chunks_json(stream, position)}
        else:
            steps = way(stream, position, asked.chunk)
            yield number, way_view(stream, steps, position, asked.chunk), {"way": way_json(stream, steps)}


def _position(stream: TraceStream, asked: Asked) -> int | None:
    """The stage that is meant: of several with one name, the first that has the chunk."""
    if not asked.stage:
        return None if asked.chunk is None else first_stage_with(stream, asked.chunk)
    named = _named(stream, asked.stage)
    if asked.chunk is None:
        return named[0] if named else None
    return next((n for n in named if asked.chunk in stream.stages[n].by_seq), None)


def _named(stream: TraceStream, name: str) -> list[int]:
    return [n for n, stage in enumerate(stream.stages) if name in _names(n, stage)]


def _names(position: int, stage: TraceStage) -> tuple[str, ...]:
    """What the user may call a stage: its number in the table, its name, and either with its process before it."""
    own = dict.fromkeys((stage.name, stage.label))
    return str(position + 1), *own, *(f"{stage.service}:{name}" for name in own)


def _not_there(trace: Trace, asked: Asked) -> SourceError:
    stages = [stage for stream in trace.streams for stage in stream.stages]
    if asked.stage and not any(_named(stream, asked.stage) for stream in trace.streams):
        advice = f"It has {_some(list(dict.fromkeys(stage.label for stage in stages)))}."
        return SourceError(must("option --stage", "name a stage of the trace", asked.stage, advice))
    most = max((stage.total for stage in stages), default=0)
    where = f"stage {asked.stage!r}" if asked.stage else "the trace"
    advice = f"No stage of the trace has more than {most} chunks, and not all of them need stand in it."
    return SourceError(must("option --chunk", f"be the number of a chunk in {where}", asked.chunk, advice))
