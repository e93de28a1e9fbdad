"""Types of the options that `instrument` takes by name. Made by `make docs` from the table in `otel_sse/options.py`."""

# Not `from __future__ import annotations`: who asks a TypedDict for its types at run time gets types, and no text.
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypedDict

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider

from otel_sse.dialects.dialect import Dialect
from otel_sse.options import ChunkEvents, ChunkSignal
from otel_sse.stream.totals import Totals

__all__ = ["InstrumentOptions", "InstrumentorOptions"]


class InstrumentOptions(TypedDict, total=False):
    """What `instrument` takes by name, for functions of your own that hand options on.

    None stands for "not given": the environment and then the default count.

    Example:
        >>> def watched(app: FastAPI, **options: Unpack[otel_sse.InstrumentOptions]) -> FastAPI:
        ...     return otel_sse.instrument(app, tracer_provider=provider, **options)
    """

    enabled: bool | None
    """Whether `instrument()` does anything at all."""

    chunk_events: ChunkEvents | None
    """Detail of a trace: each chunk an event, packs of up to 32 chunks, only chunks with findings and the first and
    last, or none. Detection and metrics never depend on it. It must be one of all, packed, findings, off.
    """

    chunk_signal: ChunkSignal | None
    """Where chunks go: span events, log-based events with the span's context, or both. It must be one of span_events,
    log_events, both.
    """

    max_chunk_events_per_trace: int | None
    """Chunk events of one trace in this process after which its streams go on in `packed` detail (Tempo drops a whole
    trace above 5,000,000 bytes). It must be a whole number from 0 to 10000000.
    """

    segment_seconds: float | None
    """Age at which a stage's span ends and a continuation begins, so that it shows up. It must be a number of seconds
    from 0.001 to 86400.
    """

    queue_size: int | None
    """Chunks of one stage of one stream that may wait for the recorder; where more come the oldest go, counted. It must
    be a whole number from 1 to 1000000.
    """

    flush_interval_seconds: float | None
    """How often the recorder turns journals into spans and metrics. It must be a number of seconds from 0.001 to 86400.
    """

    shutdown_timeout_seconds: float | None
    """How long `shutdown()`, `uninstrument()` and the process's exit wait for the recorder; what an exporter or a hook
    has kept it from writing by then is given up and counted. It must be a number of seconds from 0.001 to 86400.
    """

    capture_content: bool | None
    """Record each chunk's text as `sse.chunk.content`. Off unless you say so."""

    digest_key: str | None
    """Key of a BLAKE2b digest that replaces SHA-1, so that digests of short texts can't be looked up. It must be text
    that UTF-8 can encode, of at most 1024 characters.
    """

    content_types: tuple[str, ...] | None
    """Further response types that are streams, next to text/event-stream; x-ndjson is read by line, text/plain as text,
    or by line or event where its body begins so. It must be up to 64 media types in lower case without parameters: a
    tuple, or a comma-separated list in the environment.
    """

    traceresponse_header: bool | None
    """Add `traceresponse` (W3C Trace Context level 2) to a stream's response."""

    trace_id_header: bool | None
    """Add `X-Trace-ID` to a stream's response."""

    server_span: bool | None
    """Make the request's SERVER span with contrib's middleware where nobody else does."""

    url_query_allow: tuple[str, ...] | None
    """Parameters of a query whose values our SERVER span shows; of all others it has the names (docs/guide.md). It must
    be query parameters: a tuple, or a comma-separated list in the environment.
    """

    hosts_allow: tuple[str, ...] | None
    """Hosts, as the Host header has them, that may be a label of contrib's metrics where `server_span` makes them. It
    must be hosts in lower case, with their port where it is not the default: a tuple, or a comma-separated list in the
    environment.
    """

    clients: bool | None
    """Make a stage of each event stream read with httpx, httpx2 or aiohttp (docs/stages.md)."""

    client_traceparent: bool | None
    """Add the current trace context to requests of these clients where nothing else has."""

    emit: bool | None
    """Make a stage of what the application's iterator yields to a streaming response (docs/stages.md)."""

    emit_rewrites: bool | None
    """Whether the application's own code before `emit` (before `socket_write` where there is no `emit`) may filter,
    change or add content, which is then no finding.
    """

    whole_types: tuple[str, ...] | None
    """Types of frames (`type`, `event`, `object`, or the event's name) that hold the whole text once more: their text
    is no content. Frames of another form than the pieces are known without it. It must be types of frames: a tuple, or
    a comma-separated list in the environment.
    """

    cumulative_stages: tuple[str, ...] | None
    """Stages whose chunks each hold all of the text so far, on purpose; what is new in a chunk is its content. It must
    be names of stages: a tuple, or a comma-separated list in the environment.
    """

    websockets: bool | None
    """Make stages of the streams that cross WebSockets, and agree with the other end on an envelope (docs/envelope.md).
    """

    cursor_parameters: tuple[str, ...] | None
    """Parameters of a request's query that say from where an answer is to go on. An answer that does so is a resume
    (`sse.stream.resumed`), whatever `Last-Event-ID` says; by themselves they are the reason of no finding. It must be
    query parameters: a tuple, or a comma-separated list in the environment.
    """

    watch_websockets: bool | None
    """Make stages of all WebSockets that the application serves, those of browsers too (docs/envelope.md)."""

    excluded_urls: str | None
    """Regular expressions; requests whose URL (without its query) or path one matches are left alone. It must be
    regular expressions with commas between them, 16384 characters at most, none of them empty, and not find every URL
    (for that there is enabled=false).
    """

    log_first: int | None
    """Chunk lines that a stream logs before it goes on with one summary line; unset logs all. It must be a whole number
    from 0 to 1000000000, or unset.
    """

    silence_threshold: float | None
    """Longest time without content before it is a stall; heartbeats and comments do not end it. It must be a number of
    seconds from 0.001 to 86400.
    """

    first_byte_threshold: float | None
    """Longest time from the request to the first byte before it is a stall. It must be a number of seconds from 0.001
    to 86400.
    """

    max_event_bytes: int | None
    """Bytes of one event or line that are read; more is reported. It must be a whole number from 64 to 67108864."""

    max_findings: int | None
    """Findings of one stage that become events. It must be a whole number from 0 to 1000000."""

    dedup_window_ms: int | None
    """Longest time between a chunk and its repetition that `otel_sse.guards.deduplicate` still drops (docs/guards.md).
    It must be a whole number of milliseconds from 1 to 60000.
    """

    interval_sample: int | None
    """Every how many chunks `sse.chunk.interval` records one interval. It must be a whole number from 1 to 1000000."""

    content_checks: Mapping[str, str] | None
    """Rules of your own on content, each a finding `check/<name>` where its pattern is found; the text is not kept. It
    must be a dict (in the environment a JSON object) of up to 16 names (a-z, 0-9 and _, a letter first) and regular
    expressions of at most 4096 characters that do not match the empty text.
    """

    dialect: str | Callable[[], Dialect] | None
    """The streams' dialect by name, or a function that makes one for a stream; unset looks at the first events. It must
    be a dialect's name, a function that makes a dialect and is not async, or None.
    """

    content_of: Callable[[Any], str | None] | Mapping[str, Callable[[Any], str | None]] | None
    """Function from a frame's decoded JSON (or its text) to the content in it, for frames of your own: "" where it has
    none, None to ask the dialect. Or such functions by the names of stages (`emit`).
    """

    route_of: Callable[[MutableMapping[str, Any]], str | None] | None
    """Function from an ASGI scope to the route's template, where the framework leaves none in the scope."""

    stream_of: Callable[[str | bytes], str | None] | None
    """Function from a WebSocket message to the key of its stream, for protocols of your own."""

    chunk_of: Callable[[str | bytes], tuple[str, Any] | None] | None
    """Function from a WebSocket message to what it is (`START`, `CHUNK`, `END`, `ERROR`) and its content."""

    on_stream_start: Callable[[Span, MutableMapping[str, Any]], object] | None
    """Hook `(span, scope)` soon after a stream's span has started, on the recorder's thread."""

    on_stream_end: Callable[[Span, Totals], object] | None
    """Hook `(span, totals)` before a stream's last span ends."""


class InstrumentorOptions(InstrumentOptions, total=False):
    """What `SSEInstrumentor().instrument` takes by name: the options, and what every instrumentor takes."""

    tracer_provider: TracerProvider | None
    """Where spans go; the global provider where None."""

    meter_provider: MeterProvider | None
    """Where metrics go; likewise."""

    skip_dep_check: bool
    """OpenTelemetry's own: whether it leaves out its look at what is installed."""

    raise_exception_on_conflict: bool
    """OpenTelemetry's own: whether such a look raises."""
