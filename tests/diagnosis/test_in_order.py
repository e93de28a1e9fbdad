"""What `otel-sse trace` calls in order: no finding, a good end, and stages that hand on all that they must."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.in_order import stream_in_order, trace_in_order
from otel_sse.diagnosis.trace.streams import Trace, trace_of
from tests.diagnosis.made_pipeline import Stage, changed, once_more, replying, stream_of, swapped, whole, without
from tests.diagnosis.made_trace import chunk_events, finding_event, segment

TEXTS = ["a", "b", "c"]
WORDS = [f" word{n}" for n in range(12)]


def test_what_is_in_order() -> None:
    """A trace is in order without findings and where no stage failed or broke off."""

    def of(**says: object) -> Trace:
        trace = trace_of([segment("emit", chunk_events(TEXTS, 0), **says)])  # type: ignore[arg-type]
        assert trace is not None
        return trace

    assert trace_in_order(of())
    assert trace_in_order(of(outcome="disconnected"))
    assert not trace_in_order(of(outcome="failed"))
    assert not trace_in_order(of(outcome="incomplete"))
    assert not trace_in_order(of(stream_findings=1))
    found = trace_of([segment("emit", (*chunk_events(TEXTS, 0), finding_event("gap/sequence", 2, 3)))])
    assert found is not None
    assert not trace_in_order(found)


@pytest.mark.parametrize("lineage", [True, False], ids=["lineage", "digests"])
@pytest.mark.parametrize(
    ("stage", "in_order"),
    [
        pytest.param(whole, True, id="whole"),
        pytest.param(without(3), False, id="lost"),
        pytest.param(once_more(3), False, id="doubled"),
        pytest.param(swapped(3), False, id="moved"),
        pytest.param(changed(3, "X"), False, id="changed"),
        pytest.param(replying("[no]"), False, id="replaced"),
    ],
)
def test_a_socket_must_hand_on_all_as_it_is(stage: Stage, in_order: bool, lineage: bool) -> None:
    """What a faithful stage did is seen with recorded lineage and without; an application's own stage may do it."""
    stream = stream_of(WORDS, stage, lineage=lineage)
    assert stream_in_order(stream)
    stream.stages[1].name = "socket_write"
    assert stream_in_order(stream) is in_order


def test_two_processes_with_other_digest_keys_are_in_order() -> None:
    """Nothing is equal over such a hop, and that is no change."""
    stream = stream_of(WORDS, lambda items: [item._replace(text=item.text + "!") for item in items], services=2)
    stream.stages[1].name = "ws.receive"
    assert stream_in_order(stream)
