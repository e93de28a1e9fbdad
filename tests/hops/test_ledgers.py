"""What outlives a connection, for each peer, end and stream."""

from __future__ import annotations

import pytest
from opentelemetry.trace import get_current_span

from otel_sse import limits
from otel_sse.hops.ledgers import Kept, Ledger, inboxes, keys, outboxes
from otel_sse.recording.recorder import Recorder
from tests.hops.ends import Ends
from tests.integrations.websockets.peers import start


@pytest.mark.parametrize("more", [0, 1])
def test_numbers_are_kept_up_to_a_cap(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """Past it the least recently used is forgotten."""
    monkeypatch.setattr(limits, "MAX_HOP_STREAMS", 4)
    ledger: Ledger[object] = Ledger(object)
    first = ledger.of("client", "peer", "0")
    for n in range(1, 4 + more):
        ledger.of("client", "peer", str(n))
    assert (ledger.of("client", "peer", "0") is first) is not bool(more)


def test_numbers_are_kept_for_each_peer_and_end() -> None:
    """Both ends may be one process, and a peer without a name is never the same again."""
    ledger: Ledger[object] = Ledger(object)
    kept = {id(ledger.of(side, peer, "s")) for side in ("client", "server") for peer in ("a", "b") for _ in range(2)}
    assert len(kept) == 4
    assert ledger.of("client", "", "s") is not ledger.of("client", "", "s")
    before = ledger.of("client", "a", "s")
    ledger.after_fork()
    assert ledger.of("client", "a", "s") is not before


def test_what_outlives_a_connection_holds_no_span(recorder: Recorder) -> None:
    """A stream that was left unfinished is remembered by its span's name alone: the span has all its events."""
    ends = Ends(recorder, "peer-1")
    ends.cross(start("left"))
    context = ends.client._lanes._by_key["left"].stream.context
    span = get_current_span(context)
    ends.client.ended("disconnected")
    ends.server.ended("disconnected")
    kept = keys.of("client", "peer-1", "left").context
    assert get_current_span(kept).get_span_context() == span.get_span_context()
    assert not isinstance(get_current_span(kept), type(span))


def test_forgotten_numbers_begin_anew() -> None:
    """A stream that was forgotten on purpose is a new one."""
    ledger: Ledger[object] = Ledger(object)
    first = ledger.of("client", "peer", "s")
    ledger.forget("client", "peer", "s")
    ledger.forget("client", "peer", "s")
    assert ledger.of("client", "peer", "s") is not first


def test_what_was_kept_of_a_stream_is_taken_once(recorder: Recorder) -> None:
    """One connection goes on with it; a second one begins anew."""
    kept = Kept()
    kept.keep("stream-1", None)
    assert (kept.take(), kept.take(), kept.context) == ("stream-1", "", None)


def test_ledgers_make_what_they_keep() -> None:
    """Numbers of messages that leave, of messages that come, and what the application calls a stream."""
    peer = ("client", "a peer of this test's own", "s")
    assert outboxes.of(*peer).number(1, "a") == 1
    assert outboxes.of(*peer).number(1, "b") == 2
    inboxes.of(*peer).check(1, 1, True)
    assert inboxes.of(*peer).last == 1
    assert keys.of(*peer).stream_id == ""
    for ledger in (outboxes, inboxes, keys):
        ledger.forget(*peer)
    assert inboxes.of(*peer).last == 0
    inboxes.forget(*peer)
