"""Every name that leaves the package: spans, events, attributes, metrics, loggers.

Standard names are used where OpenTelemetry has one; ours are under `sse.`. The reference page is generated from
the tables here, and a test holds code, tables and page together. What an attribute can say is no name: the kinds of
findings stand in `otel_sse.stream.kinds`, the outcomes in `otel_sse.stream.outcome`.
"""

from __future__ import annotations

from typing import Final

import msgspec

_OTEL_HTTP: Final = "OpenTelemetry semantic conventions, HTTP"
_OTEL_GENERAL: Final = "OpenTelemetry semantic conventions, general attributes"
_OTEL_GENAI: Final = "OpenTelemetry semantic conventions, GenAI"
_OURS: Final = "otel_sse"

SCOPE: Final = "otel_sse"
"""Name of the instrumentation scope (tracer, meter, logger)."""

CHUNK_LOGGER: Final = "otel_sse.chunk"
"""Name of the standard-library logger that gets one DEBUG line a chunk."""

GUARD_LOGGER: Final = "otel_sse.guard"
"""Name of the standard-library logger that says what guards did, with the chunk's number and never its text."""


class Attribute(msgspec.Struct, frozen=True):
    """One attribute: name, type, unit ("" where none), where it stands, how many values it takes, meaning, source."""

    name: str
    type: str
    unit: str
    on: str
    cardinality: str
    brief: str
    source: str = _OURS


class Metric(msgspec.Struct, frozen=True):
    """One instrument: name, Prometheus name, kind, unit, its labels, meaning."""

    name: str
    prometheus: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    brief: str


class Named(msgspec.Struct, frozen=True):
    """One span or event: its name and meaning."""

    name: str
    brief: str


# Standard attributes
HTTP_ROUTE: Final = "http.route"
ERROR_TYPE: Final = "error.type"

# Stream and stage
STREAM_ID: Final = "sse.stream.id"
STAGE: Final = "sse.stage"
STAGE_DIRECTION: Final = "sse.stage.direction"
STAGE_REWRITES: Final = "sse.stage.rewrites"
STAGE_CLASS: Final = "sse.stage.class"
STAGE_UPSTREAM: Final = "sse.stage.upstream"
STAGE_LATENCY: Final = "sse.stage.latency"
STAGE_MAX_LATENCY: Final = "sse.stage.max_latency"
SOURCE: Final = "sse.source"
STREAM_DIALECT: Final = "sse.stream.dialect"
STREAM_ENCODING: Final = "sse.stream.encoding"
STREAM_DETAIL: Final = "sse.stream.detail"
STREAM_OUTCOME: Final = "sse.stream.outcome"
STREAM_CHUNKS: Final = "sse.stream.chunks"
STREAM_CONTENT_CHUNKS: Final = "sse.stream.content_chunks"
STREAM_BYTES: Final = "sse.stream.bytes"
STREAM_CONTENT_BYTES: Final = "sse.stream.content_bytes"
STREAM_FINDINGS: Final = "sse.stream.findings"
STREAM_DUPLICATES: Final = "sse.stream.duplicates"
STREAM_GAPS: Final = "sse.stream.gaps"
STREAM_STALLS: Final = "sse.stream.stalls"
STREAM_TTFE: Final = "sse.stream.time_to_first_event"
STREAM_TTFC: Final = "sse.stream.time_to_first_content"
STREAM_MAX_INTERVAL: Final = "sse.stream.max_interval"
STREAM_SEND_TIME: Final = "sse.stream.send_time"
STREAM_DROPPED: Final = "sse.stream.dropped"
STREAM_RESUMED: Final = "sse.stream.resumed"
STREAM_CARRIED: Final = "sse.stream.carried"
STREAM_NO_REQUEST: Final = "sse.stream.no_request"
STREAM_READ_ON_CHUNKS: Final = "sse.stream.read_on_chunks"
STREAM_READ_ON_TIME: Final = "sse.stream.read_on_time"
STREAM_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
STREAM_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
STREAM_FINISH_REASONS: Final = "sse.stream.finish_reasons"
GEN_AI_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
HOP_CLOCK_SKEWS: Final = "sse.hop.clock_skews"
SEGMENT_INDEX: Final = "sse.segment.index"
LINK: Final = "sse.link"

# Chunk events
CHUNK_EVENT: Final = "sse.chunk"
CHUNKS_EVENT: Final = "sse.chunks"
FINDING_EVENT: Final = "sse.finding"
CHUNK_SEQ: Final = "sse.chunk.seq"
CHUNK_DIGEST: Final = "sse.chunk.digest"
CHUNK_ACC_LEN: Final = "sse.chunk.acc_len"
CHUNK_RAW_LEN: Final = "sse.chunk.raw_len"
CHUNK_DONE: Final = "sse.chunk.done"
CHUNK_KIND: Final = "sse.chunk.kind"
CHUNK_TYPE: Final = "sse.chunk.event"
CHUNK_ID: Final = "sse.chunk.id"
CHUNK_SOURCE: Final = "sse.chunk.source"
CHUNK_CHANNEL: Final = "sse.chunk.channel"
CHUNK_SEND_TIME: Final = "sse.chunk.send_time"
CHUNK_UPSTREAM_FIRST: Final = "sse.chunk.upstream.first"
CHUNK_UPSTREAM_LAST: Final = "sse.chunk.upstream.last"
CHUNK_UPSTREAM_SPAN: Final = "sse.chunk.upstream.span"
CHUNK_DUPLICATE: Final = "sse.chunk.duplicate"
CHUNK_DUPLICATE_KIND: Final = "sse.chunk.duplicate.kind"
CHUNK_DUPLICATE_OF: Final = "sse.chunk.duplicate.of"
CHUNK_CONTENT: Final = "sse.chunk.content"
PACK_FIRST_SEQ: Final = "sse.chunks.first_seq"
PACK_COUNT: Final = "sse.chunks.count"
PACK_OFFSETS: Final = "sse.chunks.time_offset"
PACK_DIGESTS: Final = "sse.chunks.digest"
PACK_ACC_LENS: Final = "sse.chunks.acc_len"
PACK_RAW_LENS: Final = "sse.chunks.raw_len"
PACK_UPSTREAM: Final = "sse.chunks.upstream"
PACK_UPSTREAM_SPANS: Final = "sse.chunks.upstream.spans"
PACK_KINDS: Final = "sse.chunks.kind"
PACK_TYPES: Final = "sse.chunks.event"
PACK_IDS: Final = "sse.chunks.id"
PACK_SOURCES: Final = "sse.chunks.source"
PACK_CHANNELS: Final = "sse.chunks.channel"
PACK_SEND_TIMES: Final = "sse.chunks.send_time"
FINDING_KIND: Final = "sse.finding.kind"
FINDING_CERTAINTY: Final = "sse.finding.certainty"
FINDING_STAGE: Final = "sse.finding.stage"
FINDING_SEQ: Final = "sse.finding.seq"
FINDING_OF: Final = "sse.finding.of"
FINDING_EVIDENCE: Final = "sse.finding.evidence"
FINDING_AMOUNT: Final = "sse.finding.amount"
FINDING_HEARTBEATS: Final = "sse.finding.heartbeats"

_S: Final = "stage span"
_SR: Final = "stage span, request span"
_C: Final = "event sse.chunk"
_P: Final = "event sse.chunks"
_F: Final = "event sse.finding"
_LOW: Final = "low"
_HIGH: Final = "high"

SPANS: Final = (
    Named("stream {stage}", "One stream at one stage; a long one goes on in further segments of the same name."),
)

EVENTS: Final = (
    Named(CHUNK_EVENT, "One chunk, at the time it crossed the stage."),
    Named(CHUNKS_EVENT, "Up to 32 chunks without findings in one event (detail `packed`), at the first one's time."),
    Named(FINDING_EVENT, "One finding, at the time of the chunk it is about."),
)

ATTRIBUTES: Final = (
    Attribute(HTTP_ROUTE, "string", "", _S, _LOW, "The route's template.", _OTEL_HTTP),
    Attribute(
        ERROR_TYPE,
        "string",
        "",
        _S,
        _LOW,
        "Class of the exception, or code of the error event, that ended it.",
        _OTEL_GENERAL,
    ),
    Attribute(STREAM_ID, "string", "", _SR, _HIGH, "The streamed answer's id, the same at all of its stages."),
    Attribute(STAGE, "string", "", _S, _LOW, "The stage's name, e.g. `socket_write`."),
    Attribute(STAGE_DIRECTION, "string", "", _S, _LOW, "`in` or `out` where both sides of a stage are seen."),
    Attribute(STAGE_REWRITES, "boolean", "", _S, _LOW, "Whether the stage may change content."),
    Attribute(STAGE_CLASS, "string", "", _S, _LOW, "Class or function behind the stage: a policy's, a hook's."),
    Attribute(
        STAGE_UPSTREAM, "string", "", _S, _LOW, "The stage its chunks came from, with direction: `policy.judge.in`."
    ),
    Attribute(STAGE_LATENCY, "double", "s", _S, _HIGH, "Mean time of a chunk from the upstream stage to this one."),
    Attribute(STAGE_MAX_LATENCY, "double", "s", _S, _HIGH, "Longest time of a chunk from the upstream stage to here."),
    Attribute(SOURCE, "string", "", _S, _LOW, "The adapter or path that feeds the stage."),
    Attribute(STREAM_DIALECT, "string", "", _S, _LOW, "How the events were read, e.g. `openai-chat`."),
    Attribute(STREAM_ENCODING, "string", "", _S, _LOW, "The content coding where it hid the bytes, e.g. `gzip`."),
    Attribute(STREAM_DETAIL, "string", "", _S, _LOW, "Detail of this segment's chunks where it is not `all`."),
    Attribute(STREAM_OUTCOME, "string", "", _SR, _LOW, "How the stream ended; on a stage's last segment."),
    Attribute(STREAM_CHUNKS, "int", "{chunk}", _SR, _HIGH, "Chunks that crossed so far."),
    Attribute(STREAM_CONTENT_CHUNKS, "int", "{chunk}", _S, _HIGH, "Chunks with content so far."),
    Attribute(STREAM_BYTES, "int", "By", _S, _HIGH, "Bytes that crossed so far, framing included."),
    Attribute(STREAM_CONTENT_BYTES, "int", "By", _S, _HIGH, "Bytes of content (UTF-8) so far."),
    Attribute(STREAM_FINDINGS, "int", "{finding}", _SR, _HIGH, "Findings so far."),
    Attribute(STREAM_DUPLICATES, "int", "{chunk}", _SR, _HIGH, "Duplicate chunks so far."),
    Attribute(STREAM_GAPS, "int", "{chunk}", _SR, _HIGH, "Missing chunks so far."),
    Attribute(STREAM_STALLS, "int", "{stall}", _SR, _HIGH, "Stalls so far."),
    Attribute(STREAM_TTFE, "double", "s", _SR, _HIGH, "From the request to the first event or comment."),
    Attribute(STREAM_TTFC, "double", "s", _SR, _HIGH, "From the request to the first content."),
    Attribute(STREAM_MAX_INTERVAL, "double", "s", _S, _HIGH, "Longest time between two chunks so far."),
    Attribute(STREAM_SEND_TIME, "double", "s", _S, _HIGH, "Time spent handing chunks on (back-pressure) so far."),
    Attribute(STREAM_DROPPED, "int", "{chunk}", _S, _HIGH, "Chunks that the full queue left unrecorded."),
    Attribute(
        STREAM_RESUMED,
        "boolean",
        "",
        _SR,
        _LOW,
        "True where the answer goes on behind the request's `Last-Event-ID` or cursor.",
    ),
    Attribute(
        STREAM_CARRIED, "boolean", "", _S, _LOW, "True where a handle carries the stream: stages elsewhere may feed it."
    ),
    Attribute(
        STREAM_NO_REQUEST,
        "boolean",
        "",
        _S,
        _LOW,
        "True where a process that serves an instrumented application read it outside of any request.",
    ),
    Attribute(
        STREAM_READ_ON_CHUNKS, "int", "{chunk}", _S, _HIGH, "Chunks that were read for nobody: the request was over."
    ),
    Attribute(STREAM_READ_ON_TIME, "double", "s", _S, _HIGH, "From the request's end to the last one of these."),
    Attribute(STREAM_INPUT_TOKENS, "int", "{token}", _S, _HIGH, "Prompt tokens, where the stream said.", _OTEL_GENAI),
    Attribute(STREAM_OUTPUT_TOKENS, "int", "{token}", _S, _HIGH, "Answer tokens, where the stream said.", _OTEL_GENAI),
    Attribute(
        STREAM_FINISH_REASONS,
        "string[]",
        "",
        _S,
        _LOW,
        "Why the choices of its answers finished, as the service says it; 16 at most.",
    ),
    Attribute(GEN_AI_FINISH_REASONS, "string[]", "", _S, _LOW, "The same, at the stage `provider` alone.", _OTEL_GENAI),
    Attribute(
        HOP_CLOCK_SKEWS,
        "int",
        "{chunk}",
        _S,
        _HIGH,
        "Chunks that came before they were sent, by the two hosts' clocks; their latency counts as 0.",
    ),
    Attribute(SEGMENT_INDEX, "int", "", _S, _HIGH, "Number of this segment: 0, 1, 2 …"),
    Attribute(
        LINK,
        "string",
        "",
        "span link",
        _LOW,
        "What it means: `upstream`, `request`, or `segment` to the segment before.",
    ),
    Attribute(CHUNK_SEQ, "int", "", _C, _HIGH, "Number of the chunk at its stage: 1, 2, 3 …"),
    Attribute(CHUNK_DIGEST, "string", "", _C, _HIGH, "12 hex digits of the digest of the content, else of the data."),
    Attribute(CHUNK_ACC_LEN, "int", "By", _C, _HIGH, "Bytes of content so far, this chunk's included."),
    Attribute(CHUNK_RAW_LEN, "int", "By", _C, _HIGH, "Bytes of this chunk, framing included."),
    Attribute(CHUNK_DONE, "boolean", "", _C, _LOW, "Whether it is a terminal event."),
    Attribute(CHUNK_KIND, "string", "", _C, _LOW, "What it is, where it is not `content`."),
    Attribute(CHUNK_TYPE, "string", "", _C, _LOW, "The SSE event type, where there is one."),
    Attribute(CHUNK_ID, "string", "", _C, _HIGH, "The SSE `id`, where there is one (at most 64 characters)."),
    Attribute(CHUNK_SOURCE, "string", "", _C, _LOW, "Who emitted it, where that is known."),
    Attribute(CHUNK_CHANNEL, "string", "", _C, _LOW, "Choice, block or tool call, where it is not the first text's."),
    Attribute(CHUNK_SEND_TIME, "double", "s", _C, _HIGH, "How long handing it on took, where that was 1 ms or more."),
    Attribute(CHUNK_UPSTREAM_FIRST, "int", "", _C, _HIGH, "First upstream chunk that it was made from."),
    Attribute(CHUNK_UPSTREAM_LAST, "int", "", _C, _HIGH, "The last of them, where they are several."),
    Attribute(
        CHUNK_UPSTREAM_SPAN,
        "string",
        "",
        _C,
        _HIGH,
        "Span id of the upstream stage that has them, where it is not the first one that the stage's span links to.",
    ),
    Attribute(CHUNK_DUPLICATE, "boolean", "", _C, _LOW, "True on a chunk that is a duplicate; absent elsewhere."),
    Attribute(CHUNK_DUPLICATE_KIND, "string", "", _C, _LOW, "How it is one: `terminal`, `doubled`, `replayed` …"),
    Attribute(CHUNK_DUPLICATE_OF, "int", "", _C, _HIGH, "The chunk it repeats."),
    Attribute(CHUNK_CONTENT, "string", "", _C, _HIGH, "The text, only with OTEL_SSE_CAPTURE_CONTENT=true."),
    Attribute(PACK_FIRST_SEQ, "int", "", _P, _HIGH, "Number of the first chunk of the pack; the others follow."),
    Attribute(PACK_COUNT, "int", "{chunk}", _P, _LOW, "Chunks in the pack."),
    Attribute(
        PACK_OFFSETS, "string", "us", _P, _HIGH, "Time of each chunk after the event's own; separated by spaces."
    ),
    Attribute(PACK_DIGESTS, "string", "", _P, _HIGH, "Digest of each chunk; separated by spaces."),
    Attribute(PACK_ACC_LENS, "string", "By", _P, _HIGH, "`acc_len` of each chunk; separated by spaces."),
    Attribute(PACK_RAW_LENS, "string", "By", _P, _HIGH, "`raw_len` of each chunk; separated by spaces."),
    Attribute(PACK_UPSTREAM, "string", "", _P, _HIGH, "Upstream chunk, or `first-last`, of each; 0 where unknown."),
    Attribute(
        PACK_UPSTREAM_SPANS, "string", "", _P, _HIGH, "Upstream span of each, `-` for the first; where one has one."
    ),
    Attribute(PACK_KINDS, "string", "", _P, _LOW, "Kind of each, where one is not `content`."),
    Attribute(PACK_TYPES, "string", "", _P, _HIGH, "SSE event type of each, `-` for none; where one has one."),
    Attribute(PACK_IDS, "string", "", _P, _HIGH, "SSE `id` of each, `-` for none; where one has one."),
    Attribute(PACK_SOURCES, "string", "", _P, _LOW, "Source of each, `-` for none; where one has one."),
    Attribute(PACK_CHANNELS, "string", "", _P, _LOW, "Channel of each, `-` for the first text's; where one has one."),
    Attribute(PACK_SEND_TIMES, "string", "us", _P, _HIGH, "Send time of each, where one took 1 ms or more."),
    Attribute(FINDING_KIND, "string", "", _F, _LOW, "Family and detail, e.g. `duplicate/terminal`."),
    Attribute(FINDING_CERTAINTY, "string", "", _F, _LOW, "`certain` or `suspected`."),
    Attribute(FINDING_STAGE, "string", "", _F, _LOW, "The stage at which it was found."),
    Attribute(FINDING_SEQ, "int", "", _F, _HIGH, "The chunk it is about; 0 for the whole stream."),
    Attribute(FINDING_OF, "int", "", _F, _HIGH, "The earlier chunk it repeats or contradicts."),
    Attribute(FINDING_EVIDENCE, "string", "", _F, _HIGH, "What was compared: numbers, digests, marks. Never content."),
    Attribute(FINDING_AMOUNT, "int", "", _F, _HIGH, "Chunks that it is about, where that is not one."),
    Attribute(FINDING_HEARTBEATS, "int", "", _F, _HIGH, "Heartbeats and comments in a silence; absent for none."),
)

_LABEL_STAGE: Final = "stage"
_LABEL_ROUTE: Final = "route"
_STAGE_ROUTE: Final = (_LABEL_STAGE, _LABEL_ROUTE)
_FAULT: Final = ("stage", "kind", "certainty", "route")

LABELS: Final = {
    "stage": "The stage's name, with its direction where it has one: `emit`, `policy.judge.out`.",
    "from": "The upstream stage, likewise.",
    "to": "The downstream stage, likewise.",
    "route": "The route's template; absent where unknown, `other` past the cap on label sets.",
    "outcome": "How the stream ended.",
    "kind": "Of a duplicate its detail (`terminal`), of a finding family and detail (`protocol/after_done`).",
    "certainty": "`certain` or `suspected`.",
    "reason": "Why a choice finished, as the service says it; `other` past the cap on label sets.",
    "site": "Where in otel_sse the internal error happened.",
    "guard": "The guard: `single_pass`, `deduplicate`, `trim_restarts`.",
    "action": "What it did: `raised`, `dropped`, `kept`, `trimmed`, `released`.",
}
"""What each metric label says. Never an id, a digest or a raw path."""

ACTIVE: Final = Metric(
    "sse.streams.active", "sse_streams_active", "updowncounter", "{stream}", _STAGE_ROUTE, "Streams open now."
)
ENDED: Final = Metric(
    "sse.streams.ended",
    "sse_streams_ended_total",
    "counter",
    "{stream}",
    ("stage", "route", "outcome"),
    "Streams that ended, by how they did; each outcome exists at 0 from the first stream on.",
)
FINISHES: Final = Metric(
    "sse.finishes",
    "sse_finishes_total",
    "counter",
    "{finish}",
    ("stage", "reason"),
    "Choices that finished, by why they did: `length` that becomes `stop` between two stages shows here.",
)
DURATION: Final = Metric(
    "sse.stream.duration",
    "sse_stream_duration_seconds",
    "histogram",
    "s",
    ("stage", "route", "outcome"),
    "From the request to the stream's end.",
)
TTFE: Final = Metric(
    "sse.stream.time_to_first_event",
    "sse_stream_time_to_first_event_seconds",
    "histogram",
    "s",
    _STAGE_ROUTE,
    "From the request to the first event or comment.",
)
TTFC: Final = Metric(
    "sse.stream.time_to_first_content",
    "sse_stream_time_to_first_content_seconds",
    "histogram",
    "s",
    _STAGE_ROUTE,
    "From the request to the first content.",
)
INTERVAL: Final = Metric(
    "sse.chunk.interval",
    "sse_chunk_interval_seconds",
    "histogram",
    "s",
    _STAGE_ROUTE,
    "Time between two neighbouring chunks; one in OTEL_SSE_INTERVAL_SAMPLE is recorded.",
)
CHUNKS: Final = Metric("sse.chunks", "sse_chunks_total", "counter", "{chunk}", _STAGE_ROUTE, "Chunks that crossed.")
IO: Final = Metric("sse.stream.io", "sse_stream_io_bytes_total", "counter", "By", _STAGE_ROUTE, "Bytes that crossed.")
DUPLICATES: Final = Metric(
    "sse.duplicate_chunks", "sse_duplicate_chunks_total", "counter", "{chunk}", _FAULT, "Duplicate chunks."
)
MISSING: Final = Metric(
    "sse.missing_chunks", "sse_missing_chunks_total", "counter", "{chunk}", _FAULT, "Missing chunks."
)
FINDINGS: Final = Metric(
    "sse.findings", "sse_findings_total", "counter", "{finding}", _FAULT, "Findings of every kind."
)
LATENCY: Final = Metric(
    "sse.stage.latency",
    "sse_stage_latency_seconds",
    "histogram",
    "s",
    ("from", "to", "route"),
    "Time of a chunk between two neighbouring stages; one in OTEL_SSE_INTERVAL_SAMPLE is recorded.",
)
STALLS: Final = Metric(
    "sse.stalls",
    "sse_stalls_total",
    "counter",
    "{stall}",
    ("stage", "kind", "route"),
    "Stalls: `first_byte`, `content`.",
)
DROPPED: Final = Metric(
    "sse.recorder.dropped",
    "sse_recorder_dropped_total",
    "counter",
    "{chunk}",
    ("stage",),
    "Chunks checked and counted, but left out of the trace because the recorder was too slow or hung; and messages of "
    "a WebSocket that were passed on unchecked because peers had begun too many streams. Under the stage `request`: "
    "spans of requests that were not ended, and hooks that were not called.",
)
QUEUED: Final = Metric(
    "sse.recorder.queued",
    "sse_recorder_queued",
    "updowncounter",
    "{chunk}",
    ("stage",),
    "Chunks and findings that wait for the recorder while metrics are collected.",
)
INTERNAL_ERRORS: Final = Metric(
    "sse.internal_errors",
    "sse_internal_errors_total",
    "counter",
    "{error}",
    ("site",),
    "Errors inside otel_sse itself.",
)
GUARD_ACTIONS: Final = Metric(
    "sse.guard.actions",
    "sse_guard_actions_total",
    "counter",
    "{action}",
    ("guard", "action"),
    "What guards did: iterations refused, chunks dropped, kept, trimmed or released.",
)

METRICS: Final = (
    ACTIVE, ENDED, DURATION, TTFE, TTFC, INTERVAL, LATENCY, CHUNKS, IO, DUPLICATES, MISSING, FINDINGS, STALLS, FINISHES,
    DROPPED, QUEUED, INTERNAL_ERRORS, GUARD_ACTIONS,
)  # fmt: skip

GUARDS: Final = {
    "single_pass": ("raised",),
    "deduplicate": ("dropped", "kept"),
    "trim_restarts": ("trimmed", "released"),
}
"""Each guard and what it may do; their counters are made at 0."""

INTERVAL_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENCY_BUCKETS_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
FIRST_BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
DURATION_BUCKETS_S: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
