"""A trace's streams as plain values, for `--json`. Times are in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.efficiency import sizes_of
from otel_sse.diagnosis.faults.edge_fates import EdgeFates, edge_fates
from otel_sse.diagnosis.path import Step
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import Trace, TraceStream
from otel_sse.sources.reading import Listed
from otel_sse.stream.chunk import Chunk

_NS_PER_S = 1e9


def traces_json(listed: Listed) -> dict[str, Any]:
    """Return the list of traces."""
    return {"traces": [msgspec.structs.asdict(each) for each in listed.traces], "next_until": listed.next_until}


def trace_json(trace: Trace) -> dict[str, Any]:
    """Return one trace: its streams with their stages in the order of the data, numbered from 1."""
    return {"trace_id": trace.id, "start_ns": trace.start_ns, "streams": [stream_json(each) for each in trace.streams]}


def stream_json(stream: TraceStream) -> dict[str, Any]:
    """Return one stream."""
    start_ns = min(stage.first_ns for stage in stream.stages)
    return {
        "stream_ids": list(stream.ids),
        "route": stream.route or None,
        "in_order": diagnose(stream).in_order,
        "stages": [_stage(stream, position, start_ns) for position in range(len(stream.stages))],
    }


def _stage(stream: TraceStream, position: int, start_ns: int) -> dict[str, Any]:
    stage = stream.stages[position]
    sizes = sizes_of(stage)
    return {
        **_name(stream, position),
        "source": stage.source or None,
        "rewrites": stage.rewrites,
        "dialect": stage.dialect or None,
        "outcome": stage.outcome or None,
        "error_type": stage.error_type or None,
        "chunks": stage.total,
        "chunks_in_trace": len(stage.chunks),
        "segments": len(stage.span_ids),
        "content_chunks": sizes.content_chunks,
        "bytes": sizes.raw_bytes,
        "content_bytes": sizes.content_bytes,
        "time_to_first_event": stage.time_to_first_event_s,
        "time_to_first_content": stage.time_to_first_content_s,
        "max_interval": stage.max_interval_s,
        "first": (stage.first_ns - start_ns) / _NS_PER_S if stage.chunks else None,
        "findings_total": stage.findings_total,
        "findings": [msgspec.structs.asdict(finding) for finding in stage.findings],
        "upstream_missing": position in stream.orphans,
        "upstream": [_edge(up, edge_fates(stream, up, position)) for up in stream.upstream[position]],
    }


def _name(stream: TraceStream, position: int) -> dict[str, Any]:
    stage: TraceStage = stream.stages[position]
    return {
        "number": position + 1,
        "service": stage.service or None,
        "stage": stage.name,
        "direction": stage.direction or None,
    }


def _edge(up: int, fates: EdgeFates) -> dict[str, Any]:
    latency = fates.edge.latency
    return {
        "number": up + 1,
        "recorded": fates.edge.recorded,
        "content": dict(fates.counts),
        "others": dict(fates.other_counts),
        "latency": None
        if latency is None
        else {
            "chunks": latency.count,
            "median": latency.median_ns / _NS_PER_S,
            "max": latency.max_ns / _NS_PER_S,
            "negative": latency.negative,
        },
    }


def chunks_json(stream: TraceStream, position: int) -> dict[str, Any]:
    """Return the chunks of one stage."""
    made_from = stream.made_from(position)
    return {
        **_name(stream, position),
        "chunks": [
            {**_chunk(chunk), "made_from": _made_from(made_from.get(chunk.seq))}
            for chunk in stream.stages[position].chunks
        ],
    }


def _made_from(found: tuple[int, int, int] | None) -> dict[str, int] | None:
    return None if found is None else {"number": found[0] + 1, "first": found[1], "last": found[2]}


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return {
        "seq": chunk.seq,
        "time_ns": chunk.time_ns,
        "kind": chunk.kind,
        "digest": chunk.digest,
        "acc_len": chunk.acc_len,
        "raw_len": chunk.raw_len,
        "done": chunk.done,
    }


def way_json(stream: TraceStream, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the way of one chunk."""
    return [_step(stream, step) for step in steps]


def _step(stream: TraceStream, step: Step) -> dict[str, Any]:
    return {
        **_name(stream, step.stage),
        "since": step.since_ns / _NS_PER_S if step.chunks else None,
        "became": step.fate,
        "first": step.first or None,
        "last": step.last or None,
        "recorded": step.recorded,
        "chunks": [_chunk(chunk) for chunk in step.chunks],
    }
