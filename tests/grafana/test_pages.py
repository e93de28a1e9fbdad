"""docs/queries.md and docs/runbook.md: names that exist, forms that are answered rightly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_sse import semconv
from otel_sse.stream.kinds import FINDINGS
from tests.grafana.pages import Example, examples
from tests.grafana.test_dashboards import unknown

ATTRIBUTES = {row.name: row.on for row in semconv.ATTRIBUTES}
EVENTS = {row.name for row in semconv.EVENTS}
KINDS = {row.name for row in FINDINGS}
NAME = re.compile(r"\bsse\.[a-z_.]*[a-z]")
LANGUAGES = ("promql", "traceql", "jaeger", "sql")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_backend_has_its_queries(language: str) -> None:
    """None of the four is left out."""
    assert len(examples(language)) >= 3


@pytest.mark.parametrize("example", examples("promql"), ids=str)
def test_promql_reads_metrics_and_labels_that_exist(example: Example) -> None:
    """Names are in semconv's tables, and labels belong to the metric that they are asked of."""
    assert unknown(example.text) == []


@pytest.mark.parametrize("example", [*examples("traceql"), *examples("jaeger"), *examples("sql")], ids=str)
def test_searches_read_attributes_events_and_kinds_that_exist(example: Example) -> None:
    """Every `sse.` name is an attribute or an event, and every kind of finding one that exists."""
    names = set(NAME.findall(example.text))
    assert names
    assert names - ATTRIBUTES.keys() - EVENTS == set()
    assert set(re.findall(r"\b(?:duplicate|gap|stall|protocol)/\w+", example.text)) <= KINDS


@pytest.mark.parametrize("example", examples("traceql"), ids=str)
def test_traceql_has_only_forms_that_tempo_answers_rightly(example: Example) -> None:
    """One event condition at most, no event attribute selected, no count(); each attribute in its scope.

    And no metrics query: deploy/tempo runs no metrics generator, and Tempo 2 answers none without one.
    """
    assert wrong_form(example.text) == ""


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ('{event.sse.finding.kind = "x" && event.sse.finding.certainty = "certain"}', "two event conditions"),
        ("{span.sse.stream.gaps > 0} | select(event.sse.chunk.seq)", "selects an event"),
        ("{span.sse.stream.gaps > 0} | count() > 1", "count()"),
        ("{span.sse.stream.gaps > 0} | sum_over_time(span.sse.stream.gaps)", "a metrics query"),
        ("{span.sse.stream.gaps > 0} | rate()", "a metrics query"),
        ("{span.sse.chunk.duplicate = true}", "sse.chunk.duplicate is no span's"),
        ("{event.sse.stream.gaps > 0}", "sse.stream.gaps is no event's"),
    ],
)
def test_forms_that_tempo_answers_wrongly_are_told(query: str, wrong: str) -> None:
    """The check can fail."""
    assert wrong_form(query) == wrong


def wrong_form(query: str) -> str:
    """What is wrong with a query's form, or nothing."""
    condition, _, rest = query.partition("|")
    if condition.count("event.") > 1:
        return "two event conditions"
    if "event." in rest:
        return "selects an event"
    if "count()" in query:
        return "count()"
    if re.search(r"\|\s*(?:\w+_over_time|rate)\(", query):
        return "a metrics query"
    for scope, name in re.findall(r"\b(span|event)\.(sse\.[a-z_.]*[a-z])", query):
        if ATTRIBUTES[name].startswith("event ") != (scope == "event"):
            return f"{name} is no {scope}'s"
    return ""


def test_every_query_stands_under_the_question_that_it_answers() -> None:
    """Each section of the third level asks something, and has a query."""
    text = (Path(__file__).resolve().parents[2] / "docs/queries.md").read_text()
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    assert len(sections) > 20
    for section in sections:
        title = section.partition("\n")[0]
        assert title.endswith("?") or title == "The same over HTTP"
        assert "\n```" in section, title
