"""Chunks, findings and totals as attributes: what is always there, and what only where it says something."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import limits, semconv
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.attributes import (
    chunk_attributes,
    finding_attributes,
    is_plain,
    may_pack,
    pack_attributes,
    progress_attributes,
    request_attributes,
    stage_attributes,
    totals_attributes,
)

BASIC = {
    semconv.CHUNK_SEQ: 1,
    semconv.CHUNK_DIGEST: "0123456789ab",
    semconv.CHUNK_ACC_LEN: 5,
    semconv.CHUNK_RAW_LEN: 20,
    semconv.CHUNK_DONE: False,
}
NAMES = {attribute.name for attribute in semconv.ATTRIBUTES}


def chunk(kind: str = "content", done: bool = False, **more: Any) -> Chunk:
    return Chunk(1, 1_000, kind, "0123456789ab", 5, 20, done, **more)


def test_a_plain_chunk_has_five_attributes() -> None:
    """A content chunk with nothing special has seq, digest, two lengths and done, and no more: each one costs."""
    assert chunk_attributes(chunk()) == BASIC


@pytest.mark.parametrize(
    ("more", "added"),
    [
        ({"event": "x" * 80}, {semconv.CHUNK_TYPE: "x" * limits.MAX_NAME_CHARS}),
        ({"id": "7" * 80}, {semconv.CHUNK_ID: "7" * limits.MAX_NAME_CHARS}),
        ({"source": "tool"}, {semconv.CHUNK_SOURCE: "tool"}),
        ({"send_ns": 999_999}, {}),
        ({"send_ns": 1_000_000}, {semconv.CHUNK_SEND_TIME: 0.001}),
        ({"content": "text"}, {semconv.CHUNK_CONTENT: "text"}),
        ({"upstream_first": 3, "upstream_last": 3}, {semconv.CHUNK_UPSTREAM_FIRST: 3}),
        (
            {"upstream_first": 3, "upstream_last": 3, "upstream_span": "00f067aa0ba902b7"},
            {semconv.CHUNK_UPSTREAM_FIRST: 3, semconv.CHUNK_UPSTREAM_SPAN: "00f067aa0ba902b7"},
        ),
        (
            {"upstream_first": 3, "upstream_last": 5},
            {semconv.CHUNK_UPSTREAM_FIRST: 3, semconv.CHUNK_UPSTREAM_LAST: 5},
        ),
    ],
)
def test_the_rest_stands_there_where_it_says_something(more: dict[str, Any], added: dict[str, object]) -> None:
    """Each further attribute appears only with a value of its own; names and ids are cut at MAX_NAME_CHARS."""
    assert chunk_attributes(chunk(**more)) == BASIC | added


def test_a_duplicate_says_so_on_the_chunk() -> None:
    """A duplicate finding flags its chunk with kind and original; other findings do not flag it."""
    duplicate = Finding("duplicate/terminal", CERTAIN, "s", 1, 7, "e")
    stall = Finding("stall/content", CERTAIN, "s", 1)
    assert chunk_attributes(chunk(findings=(stall,))) == BASIC
    assert chunk_attributes(chunk(findings=(stall, duplicate))) == BASIC | {
        semconv.CHUNK_DUPLICATE: True,
        semconv.CHUNK_DUPLICATE_KIND: "terminal",
        semconv.CHUNK_DUPLICATE_OF: 7,
    }


def test_only_plain_chunks_are_packed_and_lineage_goes_along() -> None:
    """A chunk with a finding is not plain; one with lineage is, and the pack has a column for it."""
    assert not is_plain(chunk(findings=(Finding("gap/sequence", CERTAIN, "s", 1),)))
    tied = chunk(upstream_first=2, upstream_last=4)
    assert is_plain(tied)
    assert pack_attributes([tied, chunk()])[semconv.PACK_UPSTREAM] == "2-4 0"
    named = chunk(upstream_first=1, upstream_last=1, upstream_span="00f067aa0ba902b7")
    assert pack_attributes([tied, named])[semconv.PACK_UPSTREAM_SPANS] == "- 00f067aa0ba902b7"
    assert semconv.PACK_UPSTREAM_SPANS not in pack_attributes([tied])
    assert semconv.PACK_UPSTREAM not in pack_attributes([chunk()])


def test_a_pack_has_a_column_for_what_says_something() -> None:
    """Kind, event type, id, source and slow sends get a column where one chunk has one; `-` stands for none."""
    plain, told = chunk(), chunk(kind="heartbeat", event="a b", id="7", source="s", send_ns=2_000_000)
    pack = pack_attributes([plain, told])
    columns = ("kind", "event", "id", "source", "send_time")
    assert [pack[f"sse.chunks.{name}"] for name in columns] == ["content heartbeat", "- a_b", "- 7", "- s", "0 2000"]
    assert not {f"sse.chunks.{name}" for name in columns} & set(pack_attributes([plain]))


def test_what_stands_alone_is_not_packed() -> None:
    """Findings, an end and captured text need an event of their own; a heartbeat does not."""
    assert may_pack(chunk(kind="heartbeat", event="ping", id="7"))
    alone = [chunk(findings=(Finding("gap/sequence", CERTAIN, "s", 1),)), chunk(done=True), chunk(content="text")]
    assert not any(map(may_pack, alone))


def test_a_finding_says_what_where_and_why() -> None:
    """All fields of a finding are attributes; `of` only where there is one."""
    found = finding_attributes(Finding("gap/sequence", CERTAIN, "s", 4, 3, "id 3 then 9"))
    assert found == {
        semconv.FINDING_KIND: "gap/sequence",
        semconv.FINDING_CERTAINTY: "certain",
        semconv.FINDING_STAGE: "s",
        semconv.FINDING_SEQ: 4,
        semconv.FINDING_OF: 3,
        semconv.FINDING_EVIDENCE: "id 3 then 9",
    }
    assert semconv.FINDING_OF not in finding_attributes(Finding("stall/content", CERTAIN, "s", 4))


def test_a_silence_says_how_many_heartbeats_came_in_it() -> None:
    """The number is an attribute of its own, and absent where there were none."""
    found = finding_attributes(Finding("stall/content", CERTAIN, "s", 4, heartbeats=3))
    assert found["sse.finding.heartbeats"] == 3
    assert semconv.FINDING_HEARTBEATS not in finding_attributes(Finding("stall/content", CERTAIN, "s", 4))


def test_a_stage_says_what_is_known_of_it() -> None:
    """Id and stage always; direction, rewriting, source and route where there are any."""
    assert stage_attributes(StageInfo(StageSpec("emit"), "s1")) == {semconv.STREAM_ID: "s1", semconv.STAGE: "emit"}
    full = stage_attributes(StageInfo(StageSpec("policy.judge", "out", True, "app"), "s1", "/chat"))
    assert full[semconv.STAGE_DIRECTION] == "out"
    assert full[semconv.STAGE_REWRITES] is True
    assert (full[semconv.SOURCE], full[semconv.HTTP_ROUTE]) == ("app", "/chat")


def test_totals_say_times_in_seconds_and_leave_out_what_never_was() -> None:
    """First times, latency, outcome and tokens stand there once there are any; times are seconds."""
    empty = totals_attributes(Totals(opened_ns=5))
    assert not {semconv.STREAM_TTFE, semconv.STREAM_TTFC, semconv.STREAM_OUTCOME, semconv.STAGE_LATENCY} & set(empty)
    totals = Totals(
        opened_ns=1,
        first_chunk_ns=1_000_000_001,
        first_content_ns=2_000_000_001,
        latencies=2,
        latency_ns=4_000_000_000,
        max_latency_ns=3_000_000_000,
        outcome="completed",
    )
    found = totals_attributes(totals)
    assert (found[semconv.STREAM_TTFE], found[semconv.STREAM_TTFC]) == (1.0, 2.0)
    assert (found[semconv.STAGE_LATENCY], found[semconv.STAGE_MAX_LATENCY]) == (2.0, 3.0)
    assert found[semconv.STREAM_OUTCOME] == "completed"


def test_all_names_are_declared() -> None:
    """Every attribute that leaves stands in semconv's table."""
    totals = Totals(1, 2, 3, 4, 5, outcome="failed", error_type="E", dropped=1, input_tokens=1, output_tokens=1)
    made = [
        chunk_attributes(chunk(event="e", id="1", source="s", send_ns=10**7, content="c", upstream_first=1)),
        pack_attributes([chunk(upstream_first=1, upstream_last=1)]),
        progress_attributes(totals),
        totals_attributes(totals),
        request_attributes(StageInfo(StageSpec("s"), "i"), totals),
    ]
    assert set().union(*made) <= NAMES
