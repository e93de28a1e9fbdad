"""The result of a demo as plain values, for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_sse import __version__, semconv
from otel_sse.demo.asking import Reply
from otel_sse.demo.figures import Figure
from otel_sse.demo.trace_tree import Node

_PREFIXES: Final = ("sse.stream.", "sse.finding.", "sse.")


def report(asked: Sequence[tuple[Reply, Sequence[Node]]], figures: Sequence[Figure]) -> dict[str, Any]:
    """Return what the demo found.

    Args:
        asked: Each reply with the roots of its trace.
        figures: The metrics.

    Returns:
        `version`, `streams` (question, fault, trace id, answer, stages with their totals and findings) and `metrics`.
    """
    return {
        "version": __version__,
        "streams": [_stream(reply, roots) for reply, roots in asked],
        "metrics": [_figure(figure) for figure in figures],
    }


def _stream(reply: Reply, roots: Sequence[Node]) -> dict[str, Any]:
    return {
        "question": reply.question,
        "fault": reply.fault,
        "error": reply.error or None,
        "trace_id": reply.trace_id,
        "answer": reply.text,
        "stages": [_stage(stage) for root in roots for stage in root.stages()],
    }


def _stage(node: Node) -> dict[str, Any]:
    totals = {_short(name): value for name, value in node.attributes.items() if name.startswith("sse.stream.")}
    found = totals.pop("findings", 0)
    return {
        "stage": node.attributes[semconv.STAGE],
        "direction": node.attributes.get(semconv.STAGE_DIRECTION),
        "segments": node.segments,
        **totals,
        "findings_total": found,
        "findings": [{_short(name): value for name, value in finding.items()} for finding in node.findings()],
    }


def _short(name: str) -> str:
    """An attribute's name without its namespace: what is left says it all here."""
    return next(name[len(prefix) :] for prefix in (*_PREFIXES, "") if name.startswith(prefix))


def _figure(figure: Figure) -> dict[str, Any]:
    value = {"value": figure.value} if figure.sum is None else {"count": figure.value, "sum": figure.sum}
    return {"name": figure.name, "labels": figure.labels, "unit": figure.unit, **value}
