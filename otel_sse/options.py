"""Every setting, by argument and by environment. The only module that reads the environment.

One table (`Options`) holds each setting's name, variable, default, unit and meaning; the reference page is
generated from it and a test holds the two together.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from otel_sse import limits
from otel_sse.errors import ConfigurationError, must, nearest
from otel_sse.setting import (
    HOST,
    PARAMETER,
    PREFIX,
    WORD,
    Setting,
    choice_setting,
    content_setting,
    dialect_setting,
    flag_setting,
    function_setting,
    int_setting,
    media_types_setting,
    milliseconds_setting,
    names_setting,
    optional_int_setting,
    patterns_setting,
    rules_setting,
    seconds_setting,
    text_setting,
)

__all__ = ["CHUNK_EVENTS", "CHUNK_SIGNALS", "Options", "Setting", "settings"]

ChunkEvents = Literal["all", "packed", "findings", "off"]
ChunkSignal = Literal["span_events", "log_events", "both"]

CHUNK_EVENTS: Final[tuple[str, ...]] = get_args(ChunkEvents)
CHUNK_SIGNALS: Final[tuple[str, ...]] = get_args(ChunkSignal)

logger = logging.getLogger("otel_sse")

_ELSEWHERE: Final = frozenset(
    {"OTEL_SSE_CHUNK_DELAY_MS", "OTEL_SSE_HEADERS", "OTEL_SSE_TOOLS", "OTEL_SSE_JAEGER", "OTEL_SSE_COLLECTOR"}
)
"""Variables of our commands and tests: the demo's pace, a backend's headers, where built programs lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All settings of one instrumented application. Immutable; made by `Options.resolve`."""

    enabled: bool = flag_setting("enabled", True, "Whether `instrument()` does anything at all.")
    chunk_events: ChunkEvents = choice_setting(
        "chunk_events",
        "all",
        CHUNK_EVENTS,
        "Detail of a trace: each chunk an event, packs of up to 32 chunks, only chunks with findings and the first "
        "and last, or none. Detection and metrics never depend on it.",
    )
    chunk_signal: ChunkSignal = choice_setting(
        "chunk_signal",
        "span_events",
        CHUNK_SIGNALS,
        "Where chunks go: span events, log-based events with the span's context, or both.",
    )
    max_chunk_events_per_trace: int = int_setting(
        "max_chunk_events_per_trace",
        10_000,
        0,
        10_000_000,
        "Chunk events of one trace in this process after which its streams go on in `packed` detail "
        "(Tempo drops a whole trace above 5,000,000 bytes).",
        "{event}",
    )
    segment_seconds: float = seconds_setting(
        "segment_seconds", 5.0, "Age at which a stage's span ends and a continuation begins, so that it shows up."
    )
    queue_size: int = int_setting(
        "queue_size",
        limits.MAX_QUEUED_CHUNKS,
        1,
        1_000_000,
        "Chunks of one stage of one stream that may wait for the recorder; where more come the oldest go, counted.",
        "{chunk}",
    )
    flush_interval_seconds: float = seconds_setting(
        "flush_interval_seconds", 0.2, "How often the recorder turns journals into spans and metrics."
    )
    shutdown_timeout_seconds: float = seconds_setting(
        "shutdown_timeout_seconds",
        5.0,
        "How long `shutdown()`, `uninstrument()` and the process's exit wait for the recorder; what an exporter or a "
        "hook has kept it from writing by then is given up and counted.",
    )
    capture_content: bool = flag_setting(
        "capture_content", False, "Record each chunk's text as `sse.chunk.content`. Off unless you say so."
    )
    digest_key: str = text_setting(
        "digest_key",
        "Key of a BLAKE2b digest that replaces SHA-1, so that digests of short texts can't be looked up.",
        secret=True,
    )
    content_types: tuple[str, ...] = media_types_setting(
        "content_types",
        "Further response types that are streams, next to text/event-stream; x-ndjson is read by line, text/plain as "
        "text, or by line or event where its body begins so.",
    )
    traceresponse_header: bool = flag_setting(
        "traceresponse_header", True, "Add `traceresponse` (W3C Trace Context level 2) to a stream's response."
    )
    trace_id_header: bool = flag_setting("trace_id_header", True, "Add `X-Trace-ID` to a stream's response.")
    server_span: bool = flag_setting(
        "server_span", True, "Make the request's SERVER span with contrib's middleware where nobody else does."
    )
    url_query_allow: tuple[str, ...] = names_setting(
        "url_query_allow",
        "Parameters of a query whose values our SERVER span shows; of all others it has the names (docs/guide.md).",
        "query parameters",
        PARAMETER,
    )
    hosts_allow: tuple[str, ...] = names_setting(
        "hosts_allow",
        "Hosts, as the Host header has them, that may be a label of contrib's metrics where `server_span` makes them.",
        "hosts in lower case, with their port where it is not the default",
        HOST,
        lower=True,
    )
    clients: bool = flag_setting(
        "clients", True, "Make a stage of each event stream read with httpx, httpx2 or aiohttp (docs/stages.md)."
    )
    client_traceparent: bool = flag_setting(
        "client_traceparent",
        True,
        "Add the current trace context to requests of these clients where nothing else has.",
    )
    emit: bool = flag_setting(
        "emit", True, "Make a stage of what the application's iterator yields to a streaming response (docs/stages.md)."
    )
    emit_rewrites: bool = flag_setting(
        "emit_rewrites",
        False,
        "Whether the application's own code before `emit` (before `socket_write` where there is no `emit`) may filter, "
        "change or add content, which is then no finding.",
    )
    whole_types: tuple[str, ...] = names_setting(
        "whole_types",
        "Types of frames (`type`, `event`, `object`, or the event's name) that hold the whole text once more: their "
        "text is no content. Frames of another form than the pieces are known without it.",
        "types of frames",
        WORD,
    )
    cumulative_stages: tuple[str, ...] = names_setting(
        "cumulative_stages",
        "Stages whose chunks each hold all of the text so far, on purpose; what is new in a chunk is its content.",
        "names of stages",
        WORD,
    )
    websockets: bool = flag_setting(
        "websockets",
        True,
        "Make stages of the streams that cross WebSockets, and agree with the other end on an envelope "
        "(docs/envelope.md).",
    )
    cursor_parameters: tuple[str, ...] = names_setting(
        "cursor_parameters",
        "Parameters of a request's query that say from where an answer is to go on. An answer that does so is a resume "
        "(`sse.stream.resumed`), whatever `Last-Event-ID` says; by themselves they are the reason of no finding.",
        "query parameters",
        PARAMETER,
        default=("starting_after", "from", "offset", "last_event_id"),
    )
    watch_websockets: bool = flag_setting(
        "watch_websockets",
        False,
        "Make stages of all WebSockets that the application serves, those of browsers too (docs/envelope.md).",
    )
    excluded_urls: str = patterns_setting(
        "excluded_urls",
        "Regular expressions; requests whose URL (without its query) or path one matches are left alone.",
    )
    log_first: int | None = optional_int_setting(
        "log_first",
        0,
        1_000_000_000,
        "Chunk lines that a stream logs before it goes on with one summary line; unset logs all.",
        "{line}",
    )
    silence_threshold: float = seconds_setting(
        "silence_threshold",
        15.0,
        "Longest time without content before it is a stall; heartbeats and comments do not end it.",
        ("SILENCE_THRESHOLD",),
    )
    first_byte_threshold: float = seconds_setting(
        "first_byte_threshold", 5.0, "Longest time from the request to the first byte before it is a stall."
    )
    max_event_bytes: int = int_setting(
        "max_event_bytes",
        limits.MAX_EVENT_BYTES,
        64,
        67_108_864,
        "Bytes of one event or line that are read; more is reported.",
        "By",
    )
    max_findings: int = int_setting(
        "max_findings",
        limits.MAX_FINDINGS_PER_STREAM,
        0,
        1_000_000,
        "Findings of one stage that become events.",
        "{finding}",
    )
    dedup_window_ms: int = milliseconds_setting(
        "dedup_window_ms",
        100,
        "Longest time between a chunk and its repetition that `otel_sse.guards.deduplicate` still drops "
        "(docs/guards.md).",
    )
    interval_sample: int = int_setting(
        "interval_sample",
        16,
        1,
        1_000_000,
        "Every how many chunks `sse.chunk.interval` records one interval.",
        "{chunk}",
    )
    content_checks: Mapping[str, str] | None = rules_setting(
        "content_checks",
        "Rules of your own on content, each a finding `check/<name>` where its pattern is found; the text is not kept.",
    )
    dialect: Any = dialect_setting(
        "The streams' dialect by name, or a function that makes one for a stream; unset looks at the first events."
    )
    content_of: Callable[[Any], str | None] | Mapping[str, Callable[[Any], str | None]] | None = content_setting(
        'Function from a frame\'s decoded JSON (or its text) to the content in it, for frames of your own: "" where it '
        "has none, None to ask the dialect. Or such functions by the names of stages (`emit`)."
    )
    route_of: Callable[[MutableMapping[str, Any]], str | None] | None = function_setting(
        1, "Function from an ASGI scope to the route's template, where the framework leaves none in the scope."
    )
    stream_of: Callable[[str | bytes], str | None] | None = function_setting(
        1, "Function from a WebSocket message to the key of its stream, for protocols of your own."
    )
    chunk_of: Callable[[str | bytes], tuple[str, Any] | None] | None = function_setting(
        1, "Function from a WebSocket message to what it is (`START`, `CHUNK`, `END`, `ERROR`) and its content."
    )
    on_stream_start: Callable[..., object] | None = function_setting(
        2,
        "Hook `(span, scope)` soon after a stream's span has started, on the recorder's thread.",
        "Callable[[Span, MutableMapping[str, Any]], object]",
    )
    on_stream_end: Callable[..., object] | None = function_setting(
        2, "Hook `(span, totals)` before a stream's last span ends.", "Callable[[Span, Totals], object]"
    )

    # Hidden from type checkers, which know the fields. A dataclass would answer a wrong name with a TypeError alone.
    if not TYPE_CHECKING:

        def __new__(cls, **given: Any) -> Options:
            known = cls.names()
            for name in given:
                if name not in known:
                    raise unknown_option(name)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        for each in fields(self):
            rule: Setting = each.metadata["setting"]
            value = getattr(self, each.name)
            if not rule.allows(value):
                raise _refused(f"option {each.name}", rule, value)

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the names of all settings."""
        return frozenset(each.name for each in fields(cls))

    @classmethod
    def resolve(cls, environ: Mapping[str, str] | None = None, /, **given: Any) -> Options:
        """Return the options from arguments first, then the environment, then the defaults.

        Args:
            environ: Variables to read; the process's own where None.
            **given: Settings by name; None means "not given".

        Raises:
            ConfigurationError: A name is not a setting, or a value is not allowed; names the variable or the
                argument, the value and what is allowed.
        """
        if environ is None:
            _tell_unknown(os.environ)
        known = {each.name: each for each in fields(cls)}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise unknown_option(unknown[0])
        values = {name: value for name, value in given.items() if value is not None}
        # A variable that an argument overrules is not even read, so it can't be wrong either.
        asked = {name: each for name, each in known.items() if name not in values}
        return cls(**values, **_from_environment(os.environ if environ is None else environ, asked))


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Field[Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in known.items():
        rule: Setting = each.metadata["setting"]
        variable = next((v for v in rule.env if environ.get(v, "").strip()), None)
        if variable is not None:
            found[name] = _read(variable, environ[variable], rule)
    return found


def _read(variable: str, text: str, rule: Setting) -> Any:
    try:
        value = rule.read(text)
    except Exception:
        # Besides ValueError: RecursionError where JSON is nested too deep.
        raise _refused(variable, rule, text) from None
    if not rule.allows(value):
        raise _refused(variable, rule, text)
    return value


def subject_of(name: str, environ: Mapping[str, str] | None = None) -> str:
    """Return what an error message calls a setting: the variable that gives it where there is one, else the option.

    Args:
        name: The setting's name.
        environ: Variables to read; the process's own where None.
    """
    rule: Setting = next(each.metadata["setting"] for each in fields(Options) if each.name == name)
    found = os.environ if environ is None else environ
    return next((variable for variable in rule.env if found.get(variable, "").strip()), f"option {name}")


def _tell_unknown(environ: Mapping[str, str]) -> None:
    known = {variable for each in fields(Options) for variable in each.metadata["setting"].env}
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in known and variable not in _ELSEWHERE:
            own = sorted(name for name in known if name.startswith(PREFIX))
            _tell(variable, nearest(variable, own, _ALL, prefix=PREFIX))


@functools.cache
def _tell(variable: str, advice: str) -> None:
    # Once: everything that is instrumented reads the environment anew. Its value may be a secret under a wrong name.
    logger.warning("environment variable %s is no setting of otel-sse and has no effect. %s", variable, advice)


def unknown_option(name: str) -> ConfigurationError:
    """Return the error about an option that does not exist; it names those that are spelt alike."""
    advice = nearest(name, sorted(Options.names()), _ALL)
    return ConfigurationError(must("an option", "have a name that is known", name, advice))


_ALL: Final = "All are in docs/reference.md."


def _refused(subject: str, rule: Setting, value: object) -> ConfigurationError:
    shown = "a secret of a wrong type" if rule.secret else value
    return ConfigurationError(must(subject, rule.allowed, shown, "Correct it or leave it unset."))


def settings() -> list[tuple[str, Any, Setting]]:
    """Return every setting as (name, default, rule), in the order of the table."""
    return [
        (each.name, None if each.default is MISSING else each.default, each.metadata["setting"])
        for each in fields(Options)
    ]
