from __future__ import annotations

from msgspec.structs import replace

from otel_sse.diagnosis.trace.spans import Span, SpanLink
from otel_sse.sources.jaeger_links import with_meaning
from tests.diagnosis.made_trace import TRACE, chunk_events, segment, span_id, upstream

SPANS = [
    segment("provider", chunk_events("ab", 0)),
    segment("emit", chunk_events("a", 5), links=upstream("provider")),
    segment(
        "emit", chunk_events("b", 9, first_seq=2), of="emit 1", index=1,
        links=(*upstream("emit", meaning="segment"), *upstream("provider")),
    ),
    segment("emit", chunk_events("b", 12), of="other emit", stream="s2", index=1, links=upstream("emit")),
]  # fmt: skip


def forgetful(span: Span) -> Span:
    """The span as Jaeger's databases keep it."""
    links = (replace(link, attributes={"opentracing.ref_type": "follows_from"}) for link in span.links)
    return replace(span, links=tuple(links))


def test_links_get_their_meaning_back() -> None:
    """A link to the segment before is told from one to another stage, by where it leads."""
    assert with_meaning([forgetful(span) for span in SPANS]) == SPANS


def test_links_that_say_what_they_mean_stay() -> None:
    """Where nothing is forgotten, nothing is changed."""
    assert with_meaning(SPANS) == SPANS


def test_a_link_that_leads_out_of_the_trace() -> None:
    """From a first segment it can only lead upstream; from a later one it stays as it is."""
    first, later = with_meaning([forgetful(SPANS[1]), replace(forgetful(SPANS[2]), links=SPANS_ELSEWHERE)])
    assert first.links == SPANS[1].links
    assert later.links == SPANS_ELSEWHERE


SPANS_ELSEWHERE = (SpanLink(TRACE, span_id("elsewhere"), {}),)


def test_links_of_other_spans_stay() -> None:
    """A link of a span that is no stage is nobody's business."""
    other = Span(TRACE, span_id("request"), "", "GET /", "web", 1, 2, {}, (), SPANS_ELSEWHERE)
    assert with_meaning([other, *SPANS]) == [other, *SPANS]
