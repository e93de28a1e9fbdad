"""The handshake: what is offered, what both ends agree on, and the trace context that goes with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.context import attach, detach, get_current
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context

from otel_sse.hops.envelope import HEADER, VERSION, agree
from otel_sse.hops.negotiation import agreed, answer, offered_headers, remote_context
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.propagation import Entered
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.integrations.seen import Telemetry

SPAN = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7, True, TraceFlags(1))
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


@pytest.fixture
def context() -> Any:
    """A context with a span of another process."""
    return set_span_in_context(NonRecordingSpan(SPAN))


def test_client_offers_its_process_its_stream_and_its_limit() -> None:
    """In one header; a stream or limit that is not known is left out."""
    offered = agree(offered_headers("stream-1", 4096)[HEADER])
    assert offered is not None
    assert (offered.version, offered.stream_id, offered.max_bytes) == (VERSION, "stream-1", 4096)
    bare = agree(offered_headers()[HEADER])
    assert bare is not None
    assert (bare.peer, bare.stream_id, bare.max_bytes) == (offered.peer, "", 0)
    assert offered.peer


def test_stream_that_is_current_is_offered(recorder: Recorder) -> None:
    """The connection is opened for it, unless the caller names another one."""
    stream = Stream(recorder, now_ns())
    with Entered(stream):
        offers = [agree(offered_headers(*named)[HEADER]) for named in ((), ("other",))]
    assert [offer and offer.stream_id for offer in offers] == [stream.id, "other"]


def test_trace_context_goes_along(recorder: Recorder, context: Any) -> None:
    """That of the current span; in a task that has none, that of the stream's request."""
    token = attach(context)
    try:
        assert offered_headers()["traceparent"] == TRACEPARENT
    finally:
        detach(token)
    with Entered(Stream(recorder, now_ns(), context)):
        assert offered_headers()["traceparent"] == TRACEPARENT
    assert "traceparent" not in offered_headers()


def test_server_names_its_process_and_no_stream() -> None:
    """The same process as where it is the client, so that a socket within one process is known for what it is."""
    name, value = answer()
    accepted, offered = agree(value), agree(offered_headers()[HEADER])
    assert name == HEADER
    assert accepted is not None
    assert offered is not None
    assert (accepted.peer, accepted.stream_id) == (offered.peer, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork, so no child can have its parent's name")
def test_forked_child_is_another_peer() -> None:
    """It has a name of its own, and the parent keeps its name."""
    before = answer()
    pid = os.fork()
    if not pid:
        os._exit(0 if answer() != before else 1)
    _, status = os.waitpid(pid, 0)
    assert (os.waitstatus_to_exitcode(status), answer()) == (0, before)


@pytest.mark.parametrize(
    ("ours", "theirs", "peer"),
    [("1;p=us", "1;p=them", "them"), (None, "1;p=them", None), ("1;p=us", None, None), ("1;p=us", "2;p=them", None)],
)
def test_both_ends_must_speak_the_envelope(ours: str | None, theirs: str | None, peer: str | None) -> None:
    """What was agreed is what the other end says; where one end says nothing we speak, it is nothing."""
    found = agreed(ours, theirs)
    assert (None if found is None else found.peer) == peer


@pytest.mark.parametrize("kind", [list, dict])
def test_handshake_carries_the_clients_span(recorder: Recorder, kind: Any) -> None:
    """Header names are read in any case, from pairs or a mapping."""
    found = remote_context(kind([("Host", "localhost"), ("TraceParent", TRACEPARENT)]), recorder.errors)
    assert found is not None
    assert get_current_span(found).get_span_context().span_id == SPAN.span_id


def test_handshake_without_a_span_has_no_context(recorder: Recorder) -> None:
    """Nor has one with a span that is damaged."""
    assert remote_context([], recorder.errors) is None
    assert remote_context({"traceparent": "00-none-none-01"}, recorder.errors) is None


def test_span_of_this_process_comes_first(recorder: Recorder, context: Any) -> None:
    """Where something has made one for the request, the stages are to hang there."""
    token = attach(context)
    try:
        assert remote_context({"traceparent": TRACEPARENT.replace("b7-", "b8-")}, recorder.errors) is get_current()
    finally:
        detach(token)


class Refusing(TextMapPropagator):
    """A propagator of the user's own that can't read a thing."""

    fields: Any = frozenset()

    def inject(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing."""

    def extract(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError("mine")


@pytest.fixture
def refusing() -> Iterator[None]:
    """Makes it the global one, for one test."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(Refusing())
    yield
    propagate.set_global_textmap(before)


@pytest.mark.usefixtures("refusing")
def test_propagator_that_raises_is_reported(
    recorder: Recorder, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is watched all the same, without the client's span."""
    monkeypatch.setattr(internal, "reraise", False)
    assert remote_context({"traceparent": TRACEPARENT}, recorder.errors) is None
    assert telemetry.value("sse.internal_errors", site="open") == 1
