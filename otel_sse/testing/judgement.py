"""What is wrong with a recorded stream."""

from __future__ import annotations

from typing import NamedTuple

from otel_sse.lineage.trace import TraceStream


class Wrong(NamedTuple):
    """One thing that is wrong.

    Args:
        kind: Family and detail, e.g. `duplicate/doubled`, `gap/lost`.
        certainty: `certain` or `suspected`.
        said: What is wrong, at which stage, in a few words. Never content.
    """

    kind: str
    certainty: str
    said: str


def judge(stream: TraceStream) -> list[Wrong]:
    """Return all that is wrong with a stream."""
    wrong = []
    for (_, down), edge in stream.descents.items():
        label = stream.stages[down].label
        for word, kind in (("doubled", "duplicate/doubled"), ("dropped", "gap/lost")):
            if edge.counts[word] and not (kind == "gap/lost" and stream.stages[down].rewrites):
                wrong.append(Wrong(kind, "certain", f"{edge.counts[word]} chunks {word} at {label}"))
    for stage in stream.stages:
        wrong += [
            Wrong(each.kind, each.certainty, f"{each.kind} at {each.stage} seq={each.seq}") for each in stage.findings
        ]
    return wrong


def shown(stream: TraceStream) -> str:
    """Return the matrix of chunks and stages and the verdict."""
    return ""
