from __future__ import annotations

import json

from otel_sse import __version__
from otel_sse.demo.asking import Reply
from otel_sse.demo.figures import Figure
from otel_sse.demo.report import report
from otel_sse.demo.trace_tree import grow
from tests.demo.sdk_spans import Recording, chunk, finding


def test_a_report_has_streams_stages_findings_and_metrics() -> None:
    """A stream has its question, answer and trace, each stage its totals and findings; it can be written as JSON."""
    recording = Recording()
    request = recording.request()
    events = (chunk(1, 111), finding("duplicate/terminal", 1, "e"))
    recording.stage(request, 110, 130, 0, "socket_write", *events, chunks=1, findings=1, outcome="completed")
    request.end(140)
    reply = Reply("why?", "doubled", "ab", "because")
    figures = [Figure("sse.chunks", {"stage": "a"}, "{chunk}", 1), Figure("sse.stream.duration", {}, "s", 2, 3.0)]
    found = json.loads(json.dumps(report([(reply, grow(recording.finished()))], figures)))
    assert found == {
        "version": __version__,
        "streams": [
            {
                "question": "why?",
                "fault": "doubled",
                "error": None,
                "trace_id": "ab",
                "answer": "because",
                "stages": [
                    {
                        "stage": "socket_write",
                        "direction": None,
                        "segments": 1,
                        "id": "s1",
                        "chunks": 1,
                        "outcome": "completed",
                        "findings_total": 1,
                        "findings": [
                            {
                                "kind": "duplicate/terminal",
                                "certainty": "certain",
                                "stage": "socket_write",
                                "seq": 1,
                                "evidence": "e",
                            }
                        ],
                    }
                ],
            }
        ],
        "metrics": [
            {"name": "sse.chunks", "labels": {"stage": "a"}, "unit": "{chunk}", "value": 1},
            {"name": "sse.stream.duration", "labels": {}, "unit": "s", "count": 2, "sum": 3.0},
        ],
    }


def test_an_answer_without_a_trace_has_no_stages() -> None:
    """A broken answer is told by its error, and has no stages."""
    (stream,) = report([(Reply("why?", None, error="status 500"), [])], [])["streams"]
    assert (stream["error"], stream["fault"], stream["stages"]) == ("status 500", None, [])
