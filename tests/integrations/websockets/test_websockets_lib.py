"""Hops between connections of the library `websockets`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

import otel_sse
from otel_sse.hops.envelope import HEADER
from otel_sse.integrations import patches
from otel_sse.integrations.verbs.observe import observe
from otel_sse.integrations.websockets.serving import hop_of
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from otel_sse.websockets import accept_offer, offered_headers
from tests.integrations.seen import Telemetry, labels
from tests.integrations.websockets.peers import (
    Meddle,
    Stages,
    answer,
    chunk,
    connecting,
    doubling,
    dropping,
    echo,
    end,
    frames,
    linked_in_order,
    proxied,
    serving,
    start,
    swapping,
)

MESSAGES: list[Any] = [
    "text",
    "",
    "ünïcode 🐈",
    b"binary \x00\xff",
    b"",
    '{"type": "CHUNK", "content": "Hello"}',
    "otel-sse/1 looks like an envelope",
    "x" * (1 << 20),
    b"y" * (1 << 20),
]
PARTS: list[Any] = [["a", "bc", ""], [b"a", b"\xff", b"c"], ["", "after an empty one"]]


async def _exchange(address: str, *, plain: bool, sent: list[Any], max_size: int = 1 << 20, **how: Any) -> list[Any]:
    """Send messages to an echo; return what came back."""
    async with connecting(address, plain=plain, max_size=max_size, **how) as client:
        back = []
        for message in sent:
            await client.send(message)
            back.append(await client.recv())
        return back


async def test_a_stream_has_four_stages_over_two_ends(recorder: Recorder, stages: Stages) -> None:
    """What goes there and back is one stream in one trace, each stage linked to the one before."""
    async with serving(echo) as address, connecting(address) as client:
        for message in answer(3):
            await client.send(message)
            assert await client.recv() == message
    send, receive, send_back, receive_back = stages.all()
    assert [stage.name for stage in stages] == ["ws.send", "ws.receive"] * 2
    assert linked_in_order([send, receive, send_back, receive_back])
    assert {stage.outcome for stage in stages} == {"completed"}
    assert receive.lineage == receive_back.lineage == [1, 2, 3, 4, 5]
    assert send.digests == receive.digests == send_back.digests == receive_back.digests
    assert [stage.findings for stage in stages] == [[]] * 4


async def test_latency_is_measured_across_the_hop(recorder: Recorder, stages: Stages, telemetry: Telemetry) -> None:
    """`sse.stage.latency` from ws.send to ws.receive is a histogram and stands on the span."""
    async with serving(echo) as address, connecting(address) as client:
        for message in answer(3):
            await client.send(message)
            await client.recv()
    found = [dict(labels) for labels in telemetry.metric("sse.stage.latency")]
    assert {"from": "ws.send", "to": "ws.receive"} in found
    assert all(0 < stage.attributes["sse.stage.latency"] < 60 for stage in stages.named("ws.receive"))


@pytest.mark.parametrize("plain_server", [False, True], ids=["watched server", "plain server"])
@pytest.mark.parametrize("plain_client", [False, True], ids=["watched client", "plain client"])
@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_applications_see_the_same_messages(
    recorder: Recorder, plain_server: bool, plain_client: bool, compression: str | None
) -> None:
    """Whoever is watched, both applications get exactly what the other one sent, large messages too."""
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        async for message in connection:
            seen.append(message)
            await connection.send(message)

    async with serving(handler, plain=plain_server, compression=compression) as address:
        back = await _exchange(address, plain=plain_client, sent=MESSAGES, compression=compression)
    assert seen == back == MESSAGES
    assert [type(message) for message in seen] == [type(message) for message in MESSAGES]


async def _recorded_by_server(*, plain_client: bool) -> list[Any]:
    """What a plain server finds on the wire of a client that sends everything."""
    found: list[Any] = []
    done = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        found.extend(await frames(connection, len(MESSAGES) + len(PARTS)))
        done.set()

    async with serving(handler, plain=True) as address, connecting(address, plain=plain_client) as client:
        for message in [*MESSAGES, *PARTS]:
            await client.send(message)
        await done.wait()
    return found


async def _recorded_by_client(*, plain_server: bool) -> list[Any]:
    """What a plain client finds on the wire of a server that sends everything."""

    async def handler(connection: ServerConnection) -> None:
        for message in [*MESSAGES, *PARTS]:
            await connection.send(message)

    async with serving(handler, plain=plain_server) as address, connecting(address, plain=True) as client:
        return await frames(client, len(MESSAGES) + len(PARTS))


async def test_a_plain_server_gets_the_frames_of_a_plain_client(recorder: Recorder) -> None:
    """To a server that did not agree a watched client sends the same frames as one that is not watched."""
    enter_token = enter(Stream(recorder, now_ns()))
    try:
        assert await _recorded_by_server(plain_client=False) == await _recorded_by_server(plain_client=True)
    finally:
        leave(enter_token)


async def test_a_plain_client_gets_the_frames_of_a_plain_server(recorder: Recorder) -> None:
    """To a client that did not offer a watched server sends the same frames as one that is not watched."""
    assert await _recorded_by_client(plain_server=False) == await _recorded_by_client(plain_server=True)


async def test_a_socket_without_agreement_is_observed_only_inside_a_stream(recorder: Recorder, stages: Stages) -> None:
    """Outside of any it is none of our business; inside, both directions are stages of the request's stream."""
    async with serving(echo, plain=True) as address:
        async with connecting(address) as client:
            await client.send(start())
            await client.recv()
        assert stages.all() == []
        token = enter(stream := Stream(recorder, now_ns()))
        async with connecting(address) as client:
            for message in answer(2):
                await client.send(message)
                await client.recv()
        leave(token)
    assert [(stage.name, stage.stream_id, stage.outcome) for stage in stages] == [
        ("ws.send", stream.id, "completed"),
        ("ws.receive", stream.id, "completed"),
    ]


async def test_fragments_cross_as_they_were_cut(recorder: Recorder, stages: Stages) -> None:
    """A message that is sent in parts is read in the same parts, and is one chunk."""
    parts = [chunk("Hello")[:9], chunk("Hello")[9:]]

    async def chunks() -> Any:
        for part in parts:
            yield part

    async def handler(connection: ServerConnection) -> None:
        for _ in range(2):
            seen.extend(await frames(connection, 1))
        await connection.send(await connection.recv())

    seen: list[Any] = []
    async with serving(handler) as address, connecting(address) as client:
        await client.send(parts)
        await client.send(chunks())
        await client.send([b"a", bytearray(b"bc")])
        assert await client.recv() == b"abc"
    # The library marks the end of a message in parts with an empty frame.
    assert seen == [(str, (*parts, "")), (str, (*parts, ""))]
    receive = stages.named("ws.receive")[0]
    assert [each["sse.chunk.acc_len"] for each in receive.chunks[:2]] == [5, 10]
    assert receive.lineage == [1, 2, 3]


@pytest.mark.parametrize("limit", [0, 1000, 20_000, 1 << 16, 10**6])
@pytest.mark.parametrize("parts", [1, 2], ids=["whole", "in parts"])
async def test_a_message_of_the_size_that_a_receiver_allows_is_allowed(
    recorder: Recorder, stages: Stages, limit: int, parts: int
) -> None:
    """The envelope takes nothing of it, at either end."""
    how: dict[str, Any] = {"max_size": limit, "compression": None}
    whole = "m" * limit
    sent = whole if parts == 1 else [whole[: limit // 2], whole[limit // 2 :]]

    async def handler(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send(sent)

    async with serving(handler, **how) as address, connecting(address, **how) as client:
        await client.send(sent)
        assert await client.recv() == whole
    assert [stage.outcome for stage in stages] == ["completed"] * 4


async def test_a_limit_stays_where_nothing_was_agreed(recorder: Recorder) -> None:
    """Towards a plain client the server's limit is the application's own."""
    async with (
        serving(echo, max_size=1000, compression=None) as address,
        connecting(address, plain=True, compression=None) as client,
    ):
        await client.send("m" * 1001)
        with pytest.raises(ConnectionClosed):
            await client.recv()


async def test_text_stays_text_however_it_is_asked_for(recorder: Recorder) -> None:
    """`text=` and `decode=` mean what they mean without us."""

    async def handler(connection: ServerConnection) -> None:
        assert await connection.recv(decode=False) == "grüße".encode()
        assert await connection.recv(decode=True) == "grüße"
        assert await connection.recv() == "grüße"
        await connection.send("done")

    async with serving(handler) as address, connecting(address) as client:
        await client.send("grüße")
        await client.send("grüße", text=False)
        await client.send("grüße".encode(), text=True)
        assert await client.recv() == "done"


async def test_what_the_library_refuses_is_refused(recorder: Recorder) -> None:
    """Errors of use are the library's own, and no number is lost over them."""
    async with serving(echo) as address, connecting(address) as client:
        for wrong in ({"a": 1}, 1, None):
            with pytest.raises(TypeError):
                await client.send(wrong)  # type: ignore[arg-type]
        await client.send("fine")
        assert await client.recv() == "fine"


async def test_many_streams_share_a_socket(recorder: Recorder, stages: Stages) -> None:
    """Interleaved streams are told apart by their keys, each with its own id and numbers, there and back."""
    names = [f"stream-{n}" for n in range(20)]

    async with serving(echo) as address, connecting(address) as client:
        for step in range(7):
            for name in names:
                await client.send(answer(5, name)[step])
                await client.recv()
    found = stages.all()
    assert len(found) == 80
    by_stream = {stage.stream_id: [each for each in found if each.stream_id == stage.stream_id] for stage in found}
    assert len(by_stream) == 20
    for four in by_stream.values():
        assert sorted(stage.name for stage in four) == ["ws.receive"] * 2 + ["ws.send"] * 2
        assert len({stage.trace_id for stage in four}) == 1
        assert {stage.outcome for stage in four} == {"completed"}
        assert all(stage.lineage == list(range(1, 8)) for stage in four if stage.name == "ws.receive")
    assert not any(stage.findings for stage in found)


FAULTS: list[Any] = [
    pytest.param(partial(dropping, 3), [("gap/hop", 3, "certain")], id="dropped"),
    pytest.param(partial(dropping, 3, 4), [("gap/hop", 3, "certain")], id="two dropped"),
    pytest.param(partial(dropping, 1), [("gap/hop", 1, "certain")], id="opening dropped"),
    pytest.param(partial(doubling, 3), [("duplicate/resent", 4, "certain")], id="doubled"),
    pytest.param(partial(doubling, 7), [("duplicate/resent", 1, "certain")], id="end doubled"),
    pytest.param(partial(swapping, 3), [("reorder/hop", 4, "certain")], id="swapped"),
    pytest.param(
        partial(swapping, 6), [("protocol/after_done", 7, "certain"), ("reorder/hop", 7, "certain")], id="end swapped"
    ),
]


@pytest.mark.parametrize(("meddle", "findings"), FAULTS)
async def test_faults_on_the_way_there_are_certain(
    recorder: Recorder, stages: Stages, meddle: Callable[[], Meddle], findings: list[Any]
) -> None:
    """What a proxy drops, doubles or swaps is found where the messages come out, and nowhere else."""
    finished = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        async for _ in connection:
            pass
        finished.set()

    async with serving(handler) as address, proxied(address, there=meddle()) as proxy, connecting(proxy) as client:
        for message in answer(5):
            await client.send(message)
        await client.close()
        await finished.wait()
    assert stages.one("ws.send").findings == []
    assert [found for stage in stages.named("ws.receive") for found in stage.findings] == findings


@pytest.mark.parametrize(("meddle", "findings"), FAULTS)
async def test_faults_on_the_way_back_are_certain(
    recorder: Recorder, stages: Stages, meddle: Callable[[], Meddle], findings: list[Any]
) -> None:
    """The same with both ends swapped."""

    async def handler(connection: ServerConnection) -> None:
        for message in answer(5):
            await connection.send(message)

    async with serving(handler) as address, proxied(address, back=meddle()) as proxy, connecting(proxy) as client:
        async for _ in client:
            pass
    assert stages.one("ws.send").findings == []
    assert [found for stage in stages.named("ws.receive") for found in stage.findings] == findings


async def test_a_loss_is_told_while_the_stream_runs(recorder: Recorder, stages: Stages, telemetry: Telemetry) -> None:
    """A message that has not come sixteen messages later is counted as missing, before the stream has ended."""
    async with serving(echo) as address, proxied(address, there=dropping(3)) as proxy, connecting(proxy) as client:
        for message in answer(20)[:-1]:
            await client.send(message)
        for _ in range(20):
            await client.recv()
        told = telemetry.metric("sse.missing_chunks")
        assert stages.named("ws.receive") == []
    counted = {labels: point.value for labels, point in told.items() if point.value}
    assert counted == {labels(stage="ws.receive", kind="hop", certainty="certain"): 1}


async def _resending(
    recorder: Recorder, sent: list[list[str]], *, inside: bool = True, broken: bool = False
) -> Stream | None:
    """Send messages over one connection after the other, to a server that reads them all."""
    got = asyncio.Queue[str]()

    async def handler(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                got.put_nowait(str(message))

    stream = Stream(recorder, now_ns()) if inside else None
    token = None if stream is None else enter(stream)
    async with serving(handler) as address:
        for n, messages in enumerate(sent):
            client = await connecting(address)
            for each in messages:
                await client.send(each)
            for _ in messages:
                await got.get()
            if broken and n < len(sent) - 1:
                client.transport.abort()
                await client.wait_closed()
            else:
                await client.close()
    if token is not None:
        leave(token)
    return stream


@pytest.mark.parametrize("inside", [True, False], ids=["inside a stream", "outside of any"])
async def test_a_reconnect_that_resends_is_certain(recorder: Recorder, stages: Stages, inside: bool) -> None:
    """Messages with a key and numbers that a client sends again are resent ones, and what follows goes on in order."""

    def numbered(*numbers: int) -> list[str]:
        return [chunk("the ", "s", seq=number) for number in numbers]

    sent = [numbered(1, 2, 3, 4, 5), [*numbered(4, 5, 6), end("s")]]
    stream = await _resending(recorder, sent, inside=inside)
    first, second = stages.named("ws.receive")
    assert first.findings == []
    assert second.findings == [("duplicate/resent", 1, "certain"), ("duplicate/resent", 2, "certain")]
    assert first.stream_id == second.stream_id
    assert first.trace_id == second.trace_id
    assert stream is None or stream.id == first.stream_id
    assert [stage.findings for stage in stages.named("ws.send")] == [[], []]


async def test_a_broken_connection_whose_messages_are_sent_again_is_certain(recorder: Recorder, stages: Stages) -> None:
    """The very same objects in their order are resent from the third on, with no numbers of their own."""
    kept = [chunk("the ") for _ in range(5)]
    await _resending(recorder, [kept, [*kept[1:], chunk("the ")]], broken=True)
    first, second = stages.named("ws.receive")
    assert first.findings == []
    assert second.findings == [("duplicate/resent", 3, "certain"), ("duplicate/resent", 4, "certain")]


_ROUND = [start(), chunk("a longer word "), chunk("and another "), chunk("and one more "), end()]


@pytest.mark.parametrize("broken", [False, True], ids=["closed", "broken"])
@pytest.mark.parametrize("inside", [True, False], ids=["inside a stream", "outside of any"])
@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param([_ROUND, _ROUND], id="constants"),
        pytest.param([list("abc"), list("cab")], id="tokens of one character"),
        pytest.param(
            [[chunk(word, seq=n) for n, word in enumerate(["The", " answer", " is", last])] for last in ("a", "b")],
            id="numbers without a key",
        ),
        pytest.param([[start("s"), chunk("The", "s", seq=0), end("s")]] * 2, id="a key that is used again"),
    ],
)
async def test_a_new_answer_on_a_new_connection_is_not_resent(
    recorder: Recorder, stages: Stages, rounds: list[list[str]], inside: bool, broken: bool
) -> None:
    """Whatever it has in common with the one before."""
    await _resending(recorder, rounds, inside=inside, broken=broken)
    assert [stage.findings for stage in stages.named("ws.receive")] == [[], []]


async def test_a_key_that_is_used_again_in_order_is_another_stream(recorder: Recorder, stages: Stages) -> None:
    """Outside of any stream, a client that closed its connection and starts anew does not go on with the old one."""
    await _resending(recorder, [[start("s"), chunk("a", "s", seq=0)]] * 2, inside=False)
    assert len({stage.stream_id for stage in stages}) == 2
    assert [stage.findings for stage in stages] == [[]] * 4


async def test_a_reconnect_that_goes_on_is_no_fault(recorder: Recorder, stages: Stages) -> None:
    """Equal tokens on a new connection are new chunks, because a model repeats itself."""
    async with serving(echo) as address:
        token = enter(Stream(recorder, now_ns()))
        for _ in range(2):
            async with connecting(address) as client:
                for _ in range(3):
                    await client.send(chunk("the ", "s"))
                    await client.recv()
        leave(token)
    assert [stage.findings for stage in stages] == [[]] * 8
    assert [stage.lineage for stage in stages.named("ws.receive")][0::2] == [[1, 2, 3]] * 2


async def test_what_a_dead_connection_swallowed_is_missing(recorder: Recorder, stages: Stages) -> None:
    """Messages that left and never came are a certain gap once the stream goes on over a new connection."""
    async with serving(echo) as address:
        token = enter(Stream(recorder, now_ns()))
        async with proxied(address, there=dropping(3, 4)) as proxy, connecting(proxy) as client:
            for _ in range(4):
                await client.send(chunk("x", "s"))
            await client.recv()
            await client.recv()
        async with connecting(address) as client:
            await client.send(chunk("y", "s"))
            await client.recv()
        leave(token)
    there = [stage for stage in stages.named("ws.receive") if stage.links][0::2]
    assert [("gap/hop", 1, "certain")] in [stage.findings for stage in there]


async def test_what_was_sent_before_is_not_upstream(recorder: Recorder, stages: Stages) -> None:
    """A START that leaves before the answer begins turns nothing around, on this connection or the next."""

    async def words() -> Any:
        for word in ("a", "b", "a"):
            yield word

    async def handler(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    async with serving(handler) as address:
        token = enter(Stream(recorder, now_ns()))
        for _ in range(2):
            async with connecting(address) as client:
                await client.send(start())
                async for word in observe(words(), "callback"):
                    await client.send(chunk(word))
                await client.send(end())
        leave(token)
    callbacks = stages.named("callback")
    assert [stage.links for stage in callbacks] == [[], []]
    there = [stage for stage in stages.named("ws.send") if stage.attributes.get("sse.stage.upstream") == "callback"]
    assert [stage.links for stage in there] == [[callback.span_id] for callback in callbacks]
    assert [stage.lineage for stage in there] == [[0, 1, 2, 3, 0]] * 2
    assert [stage.findings for stage in [*callbacks, *there]] == [[]] * 4


async def test_a_broken_json_object_is_counted_and_passed_on(recorder: Recorder, stages: Stages) -> None:
    """A message that begins as an object and is none is a finding at both ends, and reaches the application."""
    async with serving(echo) as address, connecting(address) as client:
        for message in (start(), '{"type": "CHUNK", "content', end()):
            await client.send(message)
            assert await client.recv() == message
    assert [stage.findings for stage in stages] == [[("protocol/json_error", 2, "certain")]] * 4


async def test_a_users_hooks_are_asked(instrumented: Callable[..., Recorder], stages: Stages) -> None:
    """`stream_of` and `chunk_of` understand a protocol of the user's own."""

    def stream_of(message: Any) -> str:
        return str(message).split("|")[0]

    def chunk_of(message: Any) -> Any:
        _, kind, content = str(message).split("|")
        return kind, content

    instrumented(stream_of=stream_of, chunk_of=chunk_of)
    async with serving(echo) as address, connecting(address) as client:
        for message in ("a|start|", "b|start|", "a|chunk|Hello", "b|chunk|Hello", "a|end|", "b|end|"):
            await client.send(message)
            await client.recv()
    assert len({stage.stream_id for stage in stages}) == 2
    assert {stage.outcome for stage in stages} == {"completed"}
    assert {stage.attributes["sse.stream.content_bytes"] for stage in stages} == {5}


@pytest.mark.parametrize(
    ("code", "outcome"), [(1000, "incomplete"), (1001, "disconnected"), (1011, "disconnected")], ids=str
)
async def test_a_close_in_the_middle_is_told(recorder: Recorder, stages: Stages, code: int, outcome: str) -> None:
    """A stream that was started and not ended is incomplete after an orderly close, and else disconnected."""

    async def handler(connection: ServerConnection) -> None:
        await connection.send(start())
        await connection.send(chunk("a"))
        await connection.recv()
        await connection.close(code)

    async with serving(handler) as address, connecting(address) as client:
        await client.send("go")
        with suppress(ConnectionClosed):
            while True:
                await client.recv()
    (receive,) = [stage for stage in stages.named("ws.receive") if len(stage.chunks) == 2]
    assert receive.outcome == outcome


async def test_a_lost_connection_is_told_at_both_ends(recorder: Recorder, stages: Stages) -> None:
    """A connection that is cut ends every stage as disconnected; the applications see their library's own error."""
    raised: list[BaseException] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(start())
        try:
            await connection.recv()
        except ConnectionClosed as error:
            raised.append(error)
            raise

    async with serving(handler) as address:
        client = await connecting(address)
        await client.send(start())
        await client.recv()
        client.transport.abort()
        with pytest.raises(ConnectionClosed):
            await client.recv()
        while not raised:
            await asyncio.sleep(0)
    assert [stage.outcome for stage in stages] == ["disconnected"] * 4


async def test_a_handler_that_raises_has_failed(recorder: Recorder, stages: Stages) -> None:
    """The exception that ends a handler is its stages' outcome; the other end was disconnected."""

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        raise KeyError("mine")

    async with serving(handler) as address, connecting(address) as client:
        await client.send(start())
        with pytest.raises(ConnectionClosed):
            await client.recv()
    assert [(stage.outcome, stage.attributes.get("error.type")) for stage in stages] == [
        ("disconnected", None),
        ("failed", "KeyError"),
    ]


async def test_a_cancelled_task_has_cancelled_its_stream(recorder: Recorder, stages: Stages) -> None:
    """Cancellation while a message is waited for ends the stage as cancelled, once."""
    reached = asyncio.Event()

    async def run(address: str) -> None:
        async with connecting(address) as client:
            await client.send(start())
            reached.set()
            await client.recv()

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serving(handler) as address:
        task = asyncio.create_task(run(address))
        await reached.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stages.named("ws.send")[0].outcome == "cancelled"


async def test_a_receive_that_timed_out_may_be_repeated(recorder: Recorder, stages: Stages) -> None:
    """A cancelled `recv` loses nothing and ends nothing."""
    go = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await go.wait()
        for message in answer(2):
            await connection.send(message)

    async with serving(handler) as address, connecting(address) as client:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.recv(), 0.01)
        go.set()
        assert [message async for message in client] == answer(2)
    assert [stage.outcome for stage in stages] == ["completed"] * 2
    assert [stage.findings for stage in stages] == [[]] * 2


async def test_a_cancelled_send_keeps_the_numbers_in_order(recorder: Recorder, stages: Stages) -> None:
    """A send that is cancelled while the socket is full has handed its message on; nothing is missing afterwards."""
    count = 0
    release = asyncio.Event()
    finished = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        nonlocal count
        await release.wait()
        async for _ in connection:
            count += 1
        finished.set()

    async with serving(handler, max_queue=1, max_size=None, compression=None) as address:
        async with connecting(address, compression=None) as client:
            sent = 0
            with suppress(asyncio.TimeoutError):
                while sent < 1000:
                    sent += 1
                    await asyncio.wait_for(client.send(chunk("x" * 100_000)), 0.05)
            assert sent < 1000
            release.set()
            await client.send(end())
            await client.close()
        await finished.wait()
    assert count == sent + 1
    assert stages.one("ws.receive").lineage == list(range(1, count + 1))
    assert stages.one("ws.receive").findings == []


async def test_messages_read_after_the_close_are_still_read(recorder: Recorder, stages: Stages) -> None:
    """What had come when the connection was lost is unwrapped and observed when it is read."""

    async def handler(connection: ServerConnection) -> None:
        for message in answer(3):
            await connection.send(message)

    async with serving(handler) as address:
        client = await connecting(address)
        await client.wait_closed()
        assert [message async for message in client] == answer(3)
    assert [stage.outcome for stage in stages] == ["completed"] * 2
    assert stages.one("ws.receive").lineage == [1, 2, 3, 4, 5]


async def test_a_connection_that_is_dropped_ends_its_stages(recorder: Recorder, stages: Stages) -> None:
    """Nothing stays open for a connection that nobody closed."""
    async with serving(echo) as address:
        client = await connecting(address)
        await client.send(start())
        await client.recv()
        client.transport.abort()
        await client.wait_closed()
    assert len(stages.all()) == 4
    assert not recorder.background.writer._live


async def test_undo_restores_the_library(instrumented: Callable[..., Recorder]) -> None:
    """Patching twice is patching once, and undoing leaves the very functions that were there."""
    before = vars(ClientConnection)["handshake"], vars(ServerConnection)["handshake"]
    first, second = instrumented(), instrumented()
    patches.hold(second)
    assert vars(ClientConnection)["handshake"].__wrapped__ is before[0]
    patches.release(first)
    assert vars(ClientConnection)["handshake"] is not before[0]
    patches.release(second)
    assert (vars(ClientConnection)["handshake"], vars(ServerConnection)["handshake"]) == before
    assert not hasattr(before[0], "__wrapped__")


async def test_a_connection_outlives_the_patches(recorder: Recorder, stages: Stages) -> None:
    """After the patches are undone, ends that have agreed still unwrap what they get, and record nothing any more."""
    async with serving(echo) as address, connecting(address) as client:
        await client.send(start())
        assert await client.recv() == start()
        patches.release(recorder)
        recorder.shutdown()
        for message in (chunk("a"), b"binary", ["in ", "parts"], end()):
            await client.send(message)
            assert await client.recv() == ("in parts" if isinstance(message, list) else message)
    assert {stage.outcome for stage in stages} == {"abandoned"}
    assert {len(stage.chunks) for stage in stages} == {1}


async def test_instrument_switches_it_on_and_off(telemetry: Telemetry) -> None:
    """`instrument(app)` makes the patches, `websockets=False` does not, `uninstrument` undoes them."""

    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    before = vars(ClientConnection)["handshake"]
    telemetry.instrument(app, websockets=False)
    assert vars(ClientConnection)["handshake"] is before
    watched = telemetry.instrument(app)
    assert vars(ClientConnection)["handshake"].__wrapped__ is before
    otel_sse.uninstrument(watched)
    assert vars(ClientConnection)["handshake"] is before


async def test_a_subclass_with_a_send_of_its_own_accepts_nothing(recorder: Recorder) -> None:
    """It would see the envelope."""

    class Own(ServerConnection):
        async def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
            await super().send(message, *args, **kwargs)

    how: dict[str, Any] = {"create_connection": Own, "process_response": accept_offer}
    async with (
        serving(echo, **how) as address,
        connecting(address, plain=True, additional_headers=offered_headers()) as client,
    ):
        assert client.response is not None
        assert HEADER not in client.response.headers
        await client.send("hello")
        assert await client.recv() == "hello"


async def test_a_subclass_with_a_send_of_its_own_is_left_alone(recorder: Recorder) -> None:
    """A connection class that handles messages itself never sees an envelope: no envelope is offered for it."""
    seen: list[Any] = []

    class Logged(ClientConnection):
        async def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(message)
            await super().send(message, *args, **kwargs)

    async with serving(echo) as address, connecting(address, create_connection=Logged) as client:
        await client.send("hello")
        assert await client.recv() == "hello"
        assert HEADER not in client.request.headers  # type: ignore[union-attr]
        assert "traceparent" not in seen
    assert seen == ["hello"]


async def test_the_applications_own_headers_and_functions_stay(recorder: Recorder) -> None:
    """Headers, `process_request` and `process_response` of the application do what they did."""
    calls: list[str] = []

    def process_request(connection: ServerConnection, request: Any) -> None:
        calls.append(request.headers["X-Mine"])

    async def process_response(connection: ServerConnection, request: Any, response: Any) -> Any:
        calls.append("response")
        response.headers["X-Answer"] = "42"

    how: dict[str, Any] = {"process_request": process_request, "process_response": process_response}
    own = [("X-Mine", "1"), ("traceparent", "mine")]
    async with serving(echo, **how) as address, connecting(address, additional_headers=own) as client:
        assert client.request.headers["traceparent"] == "mine"  # type: ignore[union-attr]
        assert client.response.headers["X-Answer"] == "42"  # type: ignore[union-attr]
        assert hop_of(client) is not None
    assert calls == ["1", "response"]


async def test_a_refused_handshake_is_refused(recorder: Recorder, stages: Stages) -> None:
    """An answer that is no 101 is the application's own, without our header."""

    def process_request(connection: ServerConnection, request: Any) -> Any:
        return connection.respond(403, "no")

    async with serving(echo, process_request=process_request) as address:
        with pytest.raises(InvalidStatus) as raised:
            await connecting(address)
    assert HEADER not in raised.value.response.headers
    assert stages.all() == []
