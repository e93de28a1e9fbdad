from __future__ import annotations

import json

from opentelemetry.sdk.trace import ReadableSpan

from otel_sse.cli.demo_view import DemoViews
from tests.cli.rendered import text_of
from tests.demo.sdk_spans import MS, Recording, chunk, finding


def a_trace() -> list[ReadableSpan]:
    """What the demo's process records of a stage that has a finding, in two segments."""
    recording = Recording()
    request = recording.request(100 * MS)
    first = recording.stage(request, 110 * MS, 200 * MS, 0, "emit", chunk(1, 110 * MS), chunk(2, 120 * MS), chunks=2)
    events = chunk(3, 210 * MS, "complete"), finding("duplicate/terminal", 3, "e", 210 * MS)
    says = {"chunks": 3, "findings": 1, "outcome": "completed", "time_to_first_event": 0.01, "dialect": "openai-chat"}
    recording.stage(request, 200 * MS, 300 * MS, 1, "emit", *events, **says)
    assert first.get_span_context().is_valid
    request.end(300 * MS)
    return recording.finished()


def test_the_trace_is_what_the_command_shows() -> None:
    """The stages of a trace, its findings and some of its chunks are shown, whatever other spans stand in it."""
    view = DemoViews(80).trace(a_trace())
    assert view is not None
    shown = text_of(view)
    assert "emit        3" in shown
    assert "! 1 emit: duplicate/terminal, certain, at 3: e" in shown
    assert "chunks of stage 1, emit" in shown


def test_the_stages_are_plain_values() -> None:
    """Each stage has its totals and its findings, and can be written as JSON."""
    (stage,) = json.loads(json.dumps(DemoViews(80).stages(a_trace())))
    told = {name: stage[name] for name in ("stage", "segments", "chunks", "outcome", "findings_total", "dialect")}
    assert told == {
        "stage": "emit",
        "segments": 2,
        "chunks": 3,
        "outcome": "completed",
        "findings_total": 1,
        "dialect": "openai-chat",
    }
    assert stage["time_to_first_event"] == 0.01
    assert [(each["kind"], each["certainty"], each["seq"]) for each in stage["findings"]] == [
        ("duplicate/terminal", "certain", 3)
    ]


def test_the_diagnosis_is_what_the_command_says() -> None:
    """A finding that a detector has made becomes a fault with its cause."""
    view = DemoViews(80).diagnosis(a_trace())
    assert view is not None
    assert "1 duplicate/terminal, certain, 1 emit at 3" in text_of(view)


def test_without_a_stage_there_is_nothing_to_see() -> None:
    """Spans of which none is of a stage are no trace of an answer."""
    recording = Recording()
    recording.span("GET /health", 1).end(2)
    views = DemoViews(80)
    spans = recording.finished()
    assert (views.trace(spans), views.stages(spans), views.diagnosis(spans)) == (None, [], None)
    assert views.trace([]) is None
