"""Chunks, findings and totals as attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from otel_sse import limits, semconv
from otel_sse.semconv import CHUNK_ACC_LEN, CHUNK_DIGEST, CHUNK_DONE, CHUNK_RAW_LEN, CHUNK_SEQ
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CONTENT, Chunk, Finding
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.stages import PROVIDER
from otel_sse.stream.totals import Totals

Value = str | bool | int | float | tuple[str, ...]
Attributes = dict[str, Value]

_NS_PER_S = 1e9
_SLOW_SEND_NS = 1_000_000
"""Below 1 ms a send says nothing about back-pressure; leaving it out saves a fifth of an event."""

_FIRST_TEXT: Final = frozenset({"", "0", "0/0"})
"""Channels of the first text of an answer in all dialects, which need no saying."""


def chunk_attributes(chunk: Chunk) -> Attributes:
    """Return the attributes of one `sse.chunk` event: the five that every chunk has, and what else says something."""
    attributes: Attributes = {
        CHUNK_SEQ: chunk.seq,
        CHUNK_DIGEST: chunk.digest,
        CHUNK_ACC_LEN: chunk.acc_len,
        CHUNK_RAW_LEN: chunk.raw_len,
        CHUNK_DONE: chunk.done,
    }
    if not is_plain(chunk):
        _add_special(attributes, chunk)
    if chunk.upstream_first:
        _add_upstream(attributes, chunk)
    return attributes


def _add_upstream(attributes: Attributes, chunk: Chunk) -> None:
    attributes[semconv.CHUNK_UPSTREAM_FIRST] = chunk.upstream_first
    if chunk.upstream_last != chunk.upstream_first:
        attributes[semconv.CHUNK_UPSTREAM_LAST] = chunk.upstream_last
    if chunk.upstream_span:
        attributes[semconv.CHUNK_UPSTREAM_SPAN] = chunk.upstream_span


def is_plain(chunk: Chunk) -> bool:
    """Return whether the five common attributes and the lineage say all there is to say of a chunk."""
    return (
        chunk.kind == CONTENT
        and not chunk.event
        and chunk.id is None
        and not chunk.source
        and chunk.channel in _FIRST_TEXT
        and chunk.send_ns < _SLOW_SEND_NS
        and chunk.content is None
        and not chunk.findings
    )


def _add_special(attributes: Attributes, chunk: Chunk) -> None:
    if chunk.kind != CONTENT:
        attributes[semconv.CHUNK_KIND] = chunk.kind
    if chunk.event:
        attributes[semconv.CHUNK_TYPE] = chunk.event[: limits.MAX_NAME_CHARS]
    if chunk.id is not None:
        attributes[semconv.CHUNK_ID] = chunk.id[: limits.MAX_NAME_CHARS]
    if chunk.source:
        attributes[semconv.CHUNK_SOURCE] = chunk.source
    if chunk.channel not in _FIRST_TEXT:
        attributes[semconv.CHUNK_CHANNEL] = chunk.channel[: limits.MAX_NAME_CHARS]
    if chunk.send_ns >= _SLOW_SEND_NS:
        attributes[semconv.CHUNK_SEND_TIME] = chunk.send_ns / _NS_PER_S
    if chunk.content is not None:
        attributes[semconv.CHUNK_CONTENT] = chunk.content
    for finding in chunk.findings:
        if finding.family == kinds.DUPLICATE:
            _add_duplicate(attributes, finding)


def _add_duplicate(attributes: Attributes, finding: Finding) -> None:
    attributes[semconv.CHUNK_DUPLICATE] = True
    attributes[semconv.CHUNK_DUPLICATE_KIND] = finding.detail
    if finding.of:
        attributes[semconv.CHUNK_DUPLICATE_OF] = finding.of


def pack_attributes(chunks: Sequence[Chunk]) -> Attributes:
    """Return the attributes of one `sse.chunks` event for neighbouring plain chunks, in order, at least one.

    Each column is one string with a value for each chunk, separated by spaces: OpenTelemetry's SDK takes ten times as
    long to copy and to encode an array of the same values, which would eat up what packing saves.
    """
    first = chunks[0]
    start_ns = first.time_ns
    attributes: Attributes = {
        semconv.PACK_FIRST_SEQ: first.seq,
        semconv.PACK_COUNT: len(chunks),
        semconv.PACK_OFFSETS: " ".join([str((chunk.time_ns - start_ns) // 1000) for chunk in chunks]),
        semconv.PACK_DIGESTS: " ".join([chunk.digest for chunk in chunks]),
        semconv.PACK_ACC_LENS: " ".join([str(chunk.acc_len) for chunk in chunks]),
        semconv.PACK_RAW_LENS: " ".join([str(chunk.raw_len) for chunk in chunks]),
    }
    for name, says, column in _SPARSE_COLUMNS:
        if any(says(chunk) for chunk in chunks):
            attributes[name] = " ".join(map(column, chunks))
    return attributes


def may_pack(chunk: Chunk) -> bool:
    """Return whether a chunk can share an event: one with findings, an end or captured text stands alone."""
    return not chunk.findings and not chunk.done and chunk.content is None


def _word(text: str) -> str:
    # A column is read by splitting at spaces, and a peer's text may hold any.
    return "_".join(text[: limits.MAX_NAME_CHARS].split()) or "-"


def _upstream(chunk: Chunk) -> str:
    first, last = chunk.upstream_first, chunk.upstream_last
    return str(first) if first == last else f"{first}-{last}"


def _send_us(chunk: Chunk) -> str:
    return str(chunk.send_ns // 1000)


_SPARSE_COLUMNS: Final[tuple[tuple[str, Callable[[Chunk], object], Callable[[Chunk], str]], ...]] = (
    (semconv.PACK_UPSTREAM, lambda chunk: chunk.upstream_first, _upstream),
    (semconv.PACK_UPSTREAM_SPANS, lambda chunk: chunk.upstream_span, lambda chunk: chunk.upstream_span or "-"),
    (semconv.PACK_KINDS, lambda chunk: chunk.kind != CONTENT, lambda chunk: chunk.kind),
    (semconv.PACK_TYPES, lambda chunk: chunk.event, lambda chunk: _word(chunk.event)),
    (semconv.PACK_IDS, lambda chunk: chunk.id, lambda chunk: _word(chunk.id or "")),
    (semconv.PACK_SOURCES, lambda chunk: chunk.source, lambda chunk: _word(chunk.source)),
    (
        semconv.PACK_CHANNELS,
        lambda chunk: chunk.channel not in _FIRST_TEXT,
        lambda chunk: "-" if chunk.channel in _FIRST_TEXT else _word(chunk.channel),
    ),
    (semconv.PACK_SEND_TIMES, lambda chunk: chunk.send_ns >= _SLOW_SEND_NS, _send_us),
)
"""Columns that a pack has only where they say something: name, whether a chunk has it, what stands there."""


def finding_attributes(finding: Finding) -> Attributes:
    """Return the attributes of one `sse.finding` event."""
    attributes: Attributes = {
        semconv.FINDING_KIND: finding.kind,
        semconv.FINDING_CERTAINTY: finding.certainty,
        semconv.FINDING_STAGE: finding.stage,
        semconv.FINDING_SEQ: finding.seq,
        semconv.FINDING_EVIDENCE: finding.evidence,
    }
    if finding.of:
        attributes[semconv.FINDING_OF] = finding.of
    if finding.amount != 1:
        attributes[semconv.FINDING_AMOUNT] = finding.amount
    if finding.heartbeats:
        attributes[semconv.FINDING_HEARTBEATS] = finding.heartbeats
    return attributes


def stage_attributes(info: StageInfo) -> Attributes:
    """Return what every segment of a stage says from its start."""
    spec = info.spec
    attributes: Attributes = {semconv.STREAM_ID: info.stream_id, semconv.STAGE: spec.name}
    if spec.direction:
        attributes[semconv.STAGE_DIRECTION] = spec.direction
    if spec.rewrites:
        attributes[semconv.STAGE_REWRITES] = True
    if spec.source:
        attributes[semconv.SOURCE] = spec.source
    if spec.kind:
        attributes[semconv.STAGE_CLASS] = spec.kind
    if info.route:
        attributes[semconv.HTTP_ROUTE] = info.route
    return attributes


def model_attributes(info: StageInfo, totals: Totals) -> Attributes:
    """Return what the conventions for GenAI name and only the stage that reads the model says, at its end."""
    if info.name != PROVIDER or not totals.finish_reasons:
        return {}
    return {semconv.GEN_AI_FINISH_REASONS: tuple(totals.finish_reasons)}


def progress_attributes(totals: Totals) -> Attributes:
    """Return what a segment that is not the last says of the stream up to its end."""
    return {
        semconv.STREAM_CHUNKS: totals.chunks,
        semconv.STREAM_FINDINGS: totals.findings,
        semconv.STREAM_DUPLICATES: totals.duplicates,
        semconv.STREAM_GAPS: totals.gaps,
        semconv.STREAM_STALLS: totals.stalls,
    }


def totals_attributes(totals: Totals) -> Attributes:
    """Return a stage's sums so far as span attributes; the outcome only once there is one."""
    attributes: Attributes = {
        **progress_attributes(totals),
        semconv.STREAM_CONTENT_CHUNKS: totals.content_chunks,
        semconv.STREAM_BYTES: totals.bytes,
        semconv.STREAM_CONTENT_BYTES: totals.content_bytes,
        semconv.STREAM_MAX_INTERVAL: totals.max_interval_ns / _NS_PER_S,
        semconv.STREAM_SEND_TIME: totals.send_ns / _NS_PER_S,
    }
    _add_waits(attributes, totals)
    _add_latency(attributes, totals)
    _add_where_known(attributes, totals)
    return attributes


def _add_waits(attributes: Attributes, totals: Totals) -> None:
    if (first_ns := totals.time_to_first_chunk_ns) is not None:
        attributes[semconv.STREAM_TTFE] = first_ns / _NS_PER_S
    if (content_ns := totals.time_to_first_content_ns) is not None:
        attributes[semconv.STREAM_TTFC] = content_ns / _NS_PER_S


def _add_latency(attributes: Attributes, totals: Totals) -> None:
    if totals.latencies:
        attributes[semconv.STAGE_LATENCY] = totals.latency_ns / totals.latencies / _NS_PER_S
        attributes[semconv.STAGE_MAX_LATENCY] = totals.max_latency_ns / _NS_PER_S


def _add_where_known(attributes: Attributes, totals: Totals) -> None:
    optional: dict[str, Value] = {
        semconv.STREAM_DROPPED: totals.dropped,
        semconv.STREAM_RESUMED: totals.resumed,
        semconv.STREAM_READ_ON_CHUNKS: totals.read_on,
        semconv.STREAM_READ_ON_TIME: totals.read_on_ns / _NS_PER_S,
        semconv.HOP_CLOCK_SKEWS: totals.clock_skews,
        semconv.STREAM_DIALECT: totals.dialect,
        semconv.STREAM_OUTCOME: totals.outcome,
        semconv.ERROR_TYPE: totals.error_type,
        semconv.STREAM_INPUT_TOKENS: totals.input_tokens,
        semconv.STREAM_OUTPUT_TOKENS: totals.output_tokens,
    }
    attributes.update({name: value for name, value in optional.items() if value})
    if totals.finish_reasons:
        attributes[semconv.STREAM_FINISH_REASONS] = tuple(totals.finish_reasons)


_REQUEST_ATTRIBUTES = (
    semconv.STREAM_CHUNKS,
    semconv.STREAM_FINDINGS,
    semconv.STREAM_DUPLICATES,
    semconv.STREAM_GAPS,
    semconv.STREAM_STALLS,
    semconv.STREAM_RESUMED,
    semconv.STREAM_OUTCOME,
    semconv.STREAM_TTFE,
    semconv.STREAM_TTFC,
)


def request_attributes(info: StageInfo, totals: Totals) -> Attributes:
    """Return what the request's own span says of its stream, so that a search for requests finds it."""
    every = totals_attributes(totals)
    chosen: Attributes = {name: every[name] for name in _REQUEST_ATTRIBUTES if name in every}
    chosen[semconv.STREAM_ID] = info.stream_id
    return chosen
