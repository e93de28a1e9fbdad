"""What `otel-sse trace` was asked, answered: the list of traces, one trace, one stage's chunks, or one chunk's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Group, RenderableType

from otel_sse.cli.shown import Shown
from otel_sse.cli.stage_view import chunks_view
from otel_sse.cli.trace_json import chunks_json, trace_json, traces_json, way_json
from otel_sse.cli.trace_view import trace_view, traces_view, way_view
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.path import first_stage_with, telling_chunk, way
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import Trace, TraceStream
from otel_sse.errors import ConfigurationError, must, nearest
from otel_sse.sources.errors import SourceError
from otel_sse.sources.reading import Listed, Traces, some


class Asked(NamedTuple):
    """What the user wants to see.

    Args:
        source: Where the traces are.
        trace_id: The trace's id, or how it begins where the source takes that, or "".
        chunk: Number of a chunk, or None.
        stage: Name of a stage, with its process before it where that matters, or its number in the table; or "".
        telling: Whether to choose a chunk whose way has something to tell, where there is one.
    """

    source: Traces
    trace_id: str = ""
    chunk: int | None = None
    stage: str = ""
    telling: bool = False


def look(asked: Asked) -> Shown:
    """Read the source and return what was asked for.

    Raises:
        SourceError: The source can't be read, holds no span, or has not the trace, the stage or the chunk.
        ConfigurationError: The id is the beginning of several, or several traces are there and none is named.
    """
    source = asked.source
    if not asked.trace_id:
        listed = source.listed()
        if len(listed.traces) > 1 and (asked.chunk is not None or asked.stage):
            advice = f"Name one of the {len(listed.traces)} traces; without --chunk and --stage they are listed."
            raise ConfigurationError(must("TRACE_ID", "be given with --chunk and --stage", asked.trace_id, advice))
        if len(listed.traces) != 1 or not source.shows_only_one:
            return _list(listed)._replace(damage=source.damage(), notes=source.notes())
        asked = asked._replace(trace_id=listed.traces[0].id)
    trace = source.trace(asked.trace_id)
    if asked.telling:
        asked = asked._replace(chunk=telling_chunk(trace.streams[0]))
    return _shown(trace, asked)._replace(damage=source.damage())


def _list(listed: Listed) -> Shown:
    view = traces_view(listed.traces) if listed.traces else Group()
    return Shown(view, traces_json(listed), all(each.is_clean for each in listed.traces))


def _shown(trace: Trace, asked: Asked) -> Shown:
    details = list(_details(trace, asked))
    views: list[RenderableType] = [trace_view(trace, brief=bool(details))]
    data = trace_json(trace)
    if not details and (asked.chunk is not None or asked.stage):
        raise _not_there(trace, asked)
    for number, view, found in details:
        views.append(view)
        data["streams"][number].update(found)
    return Shown(Group(*views), data, all(diagnose(stream).is_clean for stream in trace.streams))


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
        labels = list(dict.fromkeys(stage.label for stage in stages))
        advice = f"{nearest(asked.stage, labels, '')} It has {some(labels)}.".lstrip()
        return SourceError(must("option --stage", "name a stage of the trace", asked.stage, advice))
    most = max((stage.total for stage in stages), default=0)
    where = f"stage {asked.stage!r}" if asked.stage else "the trace"
    advice = f"No stage of the trace has more than {most} chunks, and not all of them need stand in it."
    return SourceError(must("option --chunk", f"be the number of a chunk in {where}", asked.chunk, advice))
