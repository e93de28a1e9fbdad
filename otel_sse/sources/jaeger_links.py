"""What links of stages meant, where Jaeger's storage forgot it.

Jaeger's databases keep spans in its older model, in which a link has no attributes: `sse.link` is lost, and with it the
order of the stages. Where a link leads says what it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span, SpanLink, integer

_SAME_STAGE = (semconv.STREAM_ID, semconv.STAGE, semconv.STAGE_DIRECTION, semconv.SOURCE)


def with_meaning(spans: Sequence[Span]) -> list[Span]:
    """Return the spans of any traces, each stage's links with what they mean where that is certain.

    Args:
        spans: What one answer holds, in its order.
    """
    stages = {(span.trace_id, span.span_id): span for span in spans if semconv.STAGE in span.attributes}
    return [_explained(span, stages) for span in spans]


def _explained(span: Span, stages: Mapping[tuple[str, str], Span]) -> Span:
    if semconv.STAGE not in span.attributes or all(semconv.LINK in link.attributes for link in span.links):
        return span
    links = (link if semconv.LINK in link.attributes else _meant(link, span, stages) for link in span.links)
    return replace(span, links=tuple(links))


def _meant(link: SpanLink, span: Span, stages: Mapping[tuple[str, str], Span]) -> SpanLink:
    target = stages.get((link.trace_id, link.span_id))
    if target is not None:
        meaning = "segment" if _follows(span, target) else "upstream"
    elif not integer(span.attributes, semconv.SEGMENT_INDEX):
        meaning = "upstream"
    else:
        # Either the segment before it or an upstream stage is not there, and it can't be told which.
        return link
    return replace(link, attributes={semconv.LINK: meaning})


def _follows(span: Span, before: Span) -> bool:
    index = integer(span.attributes, semconv.SEGMENT_INDEX)
    return index == integer(before.attributes, semconv.SEGMENT_INDEX) + 1 and all(
        span.attributes.get(name) == before.attributes.get(name) for name in _SAME_STAGE
    )
