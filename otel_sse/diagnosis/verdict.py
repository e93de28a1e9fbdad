"""The verdict: one sentence that names the stage, what it did, and to how many chunks."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.causes import CAUSES
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.faults.fault import Fault, ranges
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.diagnosis.unread import Unread, told
from otel_sse.stream.chunk import CONTENT
from otel_sse.stream.kinds import CORRUPTION, DOUBLED, DUPLICATE, GAP, OUTCOME, PHRASES, REORDER
from otel_sse.stream.stages import EMIT


def verdict_of(stream: TraceStream, faults: Sequence[Fault], unread: Sequence[Unread] = ()) -> str:
    """Return the verdict in one sentence. Where something could not be read, a second one says what is not known.

    Args:
        stream: The stream.
        faults: What went wrong, the culprit first.
        unread: What could not be read.
    """
    if not faults:
        return _as_far_as_read(stream, unread) if unread else _in_order(stream)
    fault = faults[0]
    told = f"{_named(stream, fault)} {_did(fault)}{_where(fault)}{_origin(stream, fault)}"
    more = f" {len(faults) - 1} more below." if len(faults) > 1 else ""
    return f"{told}.{more}"


def _as_far_as_read(stream: TraceStream, unread: Sequence[Unread]) -> str:
    hidden = {each.position for each in unread}
    read = [stage for n, stage in enumerate(stream.stages) if n not in hidden]
    content = max((sum(chunk.kind == CONTENT for chunk in stage.chunks) for stage in read), default=0)
    if not content:
        return f"Nothing is known of this answer. {told(unread)}"
    crossed = f"{_chunks(content)} with content crossed {' and '.join(stage.label for stage in read)}"
    return f"Nothing wrong was found in what could be read: {crossed}. {told(unread)}"


def _in_order(stream: TraceStream) -> str:
    own = answers_stages(stream)
    first = [n for n in own if not stream.upstream[n]]
    content = sum(_handed_on(stream, n, own) for n in first)
    if len(stream.stages) == 1:
        return (
            f"In order as far as one stage can tell: {_chunks(content)} with content crossed {stream.stages[0].label}."
        )
    crossed = f"{_chunks(content)} with content crossed {len(own)} {'stage' if len(own) == 1 else 'stages'}"
    edges = {edge: each for edge, each in stream.descents.items() if set(edge) <= own}
    rewrote = [stream.stages[down].label for (_, down), edge in edges.items() if _rewrote(edge)]
    rights = f"; {', '.join(rewrote)} rewrote some, as declared" if rewrote else ""
    return f"In order: {crossed}, and none was lost, repeated, changed or held back{rights}."


def answers_stages(stream: TraceStream) -> frozenset[int]:
    """Return the positions of the stages that the answer crossed: the last one, and all that fed it.

    Another call of the same request, a judge's or a title's, stands beside them.

    Args:
        stream: The stream.
    """
    last = max((n for n, ups in enumerate(stream.upstream) if ups), default=len(stream.stages) - 1)
    waiting, found = [last], set[int]()
    while waiting:
        position = waiting.pop()
        found.add(position)
        waiting += [up for up in stream.upstream[position] if up not in found]
    return frozenset(found)


def _handed_on(stream: TraceStream, position: int, own: Container[int]) -> int:
    """How many chunks with content of a first stage went on."""
    content = [chunk.seq for chunk in stream.stages[position].chunks if chunk.kind == CONTENT]
    edges = [edge_fates(stream, up, down) for up, down in stream.descents if up == position and down in own]
    left_out = (Fate.LEFT_OUT, Fate.ELSEWHERE)
    return sum(not edges or any(each.of(seq) not in left_out for each in edges) for seq in content)


def _rewrote(edge: Descent) -> bool:
    fates = {passage.fate for passage in edge.flow.passages}
    return edge.downstream.rewrites and (bool(edge.flow.lost) or bool(fates - {Fate.SAME}))


def _named(stream: TraceStream, fault: Fault) -> str:
    return f"{fault.service} {fault.stage}" if fault.service else fault.stage


def _did(fault: Fault) -> str:
    known = CAUSES.get(fault.kind) or CAUSES.get(fault.family)
    words = PHRASES.get(fault.kind, f"shows {fault.kind}" + (f", {known.brief}" if known else ""))
    suspected = "" if fault.certain else " (suspected)"
    if fault.kind == DOUBLED and fault.times > 2:
        once = fault.count // (fault.times - 1)
        return f"handed on {_chunks(once)} {_often(fault.times)}, {fault.count} too many" + suspected
    return words.format(chunks=_chunks(fault.count)) + suspected


def _often(times: int) -> str:
    return f"{_NUMBERS[times]} times" if times < len(_NUMBERS) else f"{times} times"


_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _where(fault: Fault) -> str:
    return f", at {ranges(fault.seqs)}" if fault.seqs and fault.family != OUTCOME else ""


def _origin(stream: TraceStream, fault: Fault) -> str:
    if fault.origin:
        return f": {fault.origin}"
    if len(stream.stages) == 1:
        return "; only this stage was seen, so it may have come so from before it"
    if fault.upstream is None and stream.stages[fault.position].name == EMIT:
        return "; it is the first stage seen, so the application's own generator made it so, or what that reads"
    if fault.upstream is None:
        return "; it is the first stage seen, so it came so from the model or what lies before it"
    before = stream.stages[fault.upstream]
    return f"; {before.label} before it had them right" if fault.family in (DUPLICATE, GAP, REORDER, CORRUPTION) else ""


def _chunks(count: int) -> str:
    return f"{count} {'chunk' if count == 1 else 'chunks'}"
