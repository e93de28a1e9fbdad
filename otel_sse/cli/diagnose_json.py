"""Diagnoses as plain values, for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from otel_sse.diagnosis.diagnose import Diagnosis, late_places
from otel_sse.diagnosis.efficiency import sizes_of, slowest_of
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.matrix import Matrix, matrix_of
from otel_sse.diagnosis.trace.streams import Trace, TraceStream

_NS_PER_S = 1e9

Found = tuple[Trace, Sequence[Diagnosis]]
"""A trace, with the diagnosis of each of its streams."""


def diagnosed_json(found: Sequence[Found], count: int) -> dict[str, Any]:
    """Return the traces that are not in order, or of which it is not known because not all could be read.

    Args:
        found: These.
        count: How many there are in all.
    """
    return {
        "traces_total": count,
        "in_order": count - len(found),
        "not_read": sum(all(each.is_clean for each in diagnoses) for _, diagnoses in found),
        "traces": [
            {"trace_id": trace.id, "streams": [_brief(s, d) for s, d in zip(trace.streams, each, strict=True)]}
            for trace, each in found
        ],
    }


def trace_diagnosed_json(trace: Trace, found: Sequence[Diagnosis]) -> dict[str, Any]:
    """Return one trace, with the chunk by stage matrix of each stream."""
    streams = []
    for stream, each in zip(trace.streams, found, strict=True):
        matrix = matrix_of(stream, late_places(stream, each.faults))
        more = {"notes": list(each.notes), "efficiency": _efficiency(stream), "matrix": _matrix(matrix)}
        streams.append({**_brief(stream, each), **more})
    return {"trace_id": trace.id, "start_ns": trace.start_ns, "streams": streams}


def _brief(stream: TraceStream, found: Diagnosis) -> dict[str, Any]:
    return {
        "stream_ids": list(stream.ids),
        "route": stream.route or None,
        "in_order": found.in_order,
        "verdict": found.verdict,
        "faults": [_fault(each) for each in found.faults],
        "unread": [{"number": e.position + 1, "stage": e.stage, "why": e.why} for e in found.unread],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "certainty": fault.certainty,
        "number": fault.position + 1,
        "stage": fault.stage,
        "service": fault.service or None,
        "upstream": None if fault.upstream is None else fault.upstream + 1,
        "seqs": list(fault.seqs),
        "of": list(fault.of),
        "count": fault.count,
        "seen": fault.seen,
        "evidence": fault.evidence,
        "origin": fault.origin or None,
        "cause": fault.cause,
        "where_to_look": fault.where_to_look,
    }


def _efficiency(stream: TraceStream) -> dict[str, Any]:
    slowest = slowest_of(stream)
    return {
        "stages": [{"number": n, **msgspec.structs.asdict(sizes_of(each))} for n, each in enumerate(stream.stages, 1)],
        "slowest": None
        if slowest is None
        else {
            "number": slowest.position + 1,
            "upstream": slowest.upstream + 1,
            "median": slowest.median_ns / _NS_PER_S,
            "all": slowest.all_ns / _NS_PER_S,
        },
    }


def _matrix(matrix: Matrix) -> dict[str, Any]:
    return {
        "stages": [msgspec.structs.asdict(column) for column in matrix.columns],
        "rows": [
            {"kind": row.kind, "damaged": row.damaged, "cells": [msgspec.structs.asdict(cell) for cell in row.cells]}
            for row in matrix.rows
        ],
    }
