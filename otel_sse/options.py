"""Every setting, by argument and by environment. The only module that reads the environment.

One table (`Options`) holds each setting's name, variable, default, unit and meaning; the reference page is
generated from it and a test holds the two together.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Final

from otel_sse import limits
from otel_sse.errors import ConfigurationError, must

__all__ = ["CHUNK_EVENTS", "CHUNK_SIGNALS", "Options", "Setting", "settings"]

CHUNK_EVENTS: Final = ("all", "packed", "findings", "off")
CHUNK_SIGNALS: Final = ("span_events", "log_events", "both")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_RULE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MEDIA_TYPE: Final = re.compile(r"[^\sA-Z/;]+/[^\sA-Z/;]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read and documented.

    Args:
        env: Environment variables, the first that is set wins; () for settings that only an argument can give.
        read: Turns the variable's text into the value; raises ValueError where it can't.
        allowed: The rule in words, as it stands in error messages and in the reference.
        check: Whether a value (from either side) is allowed.
        doc: What it does, one or two sentences.
        unit: Unit of the value, or "".
        secret: Whether the value must never be shown.
    """

    env: tuple[str, ...]
    read: Callable[[str], Any]
    allowed: str
    check: Callable[[Any], bool]
    doc: str
    unit: str = ""
    secret: bool = False


def _read_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, float)


def _env(name: str, aliases: tuple[str, ...]) -> tuple[str, ...]:
    return (f"OTEL_SSE_{name.upper()}", *aliases)


def _flag(name: str, default: bool, doc: str) -> Any:
    rule = Setting(_env(name, ()), _read_bool, "be true or false", lambda v: isinstance(v, bool), doc)
    return field(default=default, metadata={"setting": rule})


def _choice(name: str, default: str, allowed: tuple[str, ...], doc: str) -> Any:
    rule = Setting(_env(name, ()), str.strip, f"be one of {', '.join(allowed)}", lambda v: v in allowed, doc)
    return field(default=default, metadata={"setting": rule})


def _int(name: str, default: int, least: int, doc: str, unit: str = "") -> Any:
    rule = Setting(
        _env(name, ()), int, f"be a whole number of {least} or more", lambda v: _is_int(v) and v >= least, doc, unit
    )
    return field(default=default, metadata={"setting": rule})


def _optional_int(name: str, least: int, doc: str, unit: str = "") -> Any:
    rule = Setting(
        _env(name, ()),
        int,
        f"be a whole number of {least} or more, or unset",
        lambda v: v is None or (_is_int(v) and v >= least),
        doc,
        unit,
    )
    return field(default=None, metadata={"setting": rule})


def _seconds(name: str, default: float, doc: str, aliases: tuple[str, ...] = ()) -> Any:
    rule = Setting(
        _env(name, aliases),
        float,
        "be a number of seconds above 0 and at most 86400",
        lambda v: _is_number(v) and 0 < v <= 86_400,
        doc,
        "s",
    )
    return field(default=default, metadata={"setting": rule})


def _milliseconds(name: str, default: int, doc: str) -> Any:
    rule = Setting(
        _env(name, ()),
        int,
        "be a whole number of milliseconds from 1 to 60000",
        lambda v: _is_int(v) and 1 <= v <= 60_000,
        doc,
        "ms",
    )
    return field(default=default, metadata={"setting": rule})


def _text(name: str, doc: str, *, secret: bool = False) -> Any:
    rule = Setting(_env(name, ()), str, "be text", lambda v: isinstance(v, str), doc, secret=secret)
    return field(default="", metadata={"setting": rule}, repr=not secret)


def _read_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _is_media_types(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(v, str) and _MEDIA_TYPE.fullmatch(v) for v in value)


def _media_types(name: str, doc: str) -> Any:
    allowed = "be media types in lower case without parameters: a tuple, or a comma-separated list in the environment"
    return field(default=(), metadata={"setting": Setting(_env(name, ()), _read_list, allowed, _is_media_types, doc)})


def _function(doc: str) -> Any:
    rule = Setting((), str, "be callable or None", lambda v: v is None or callable(v), doc)
    return field(default=None, metadata={"setting": rule}, repr=False)


def _read_rules(text: str) -> dict[str, str]:
    rules = json.loads(text)
    if not isinstance(rules, dict):
        raise ValueError(text)
    return rules


def _are_rules(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, Mapping) or len(value) > limits.MAX_CONTENT_CHECKS:
        return False
    return all(
        isinstance(name, str) and _RULE_NAME.fullmatch(name) and isinstance(rule, str) and _compiles(rule)
        for name, rule in value.items()
    )


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _rules(name: str, doc: str) -> Any:
    allowed = (
        f"be a dict (in the environment a JSON object) of up to {limits.MAX_CONTENT_CHECKS} names "
        "(a-z, 0-9 and _, a letter first) and regular expressions"
    )
    rule = Setting(_env(name, ()), _read_rules, allowed, _are_rules, doc)
    return field(default=None, metadata={"setting": rule})


def _dialect(doc: str) -> Any:
    rule = Setting(
        _env("dialect", ()),
        str.strip,
        "be a dialect's name, a function that makes a dialect, or None",
        lambda v: v is None or isinstance(v, str) or callable(v),
        doc,
    )
    return field(default=None, metadata={"setting": rule}, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All settings of one instrumented application. Immutable; made by `Options.resolve`."""

    enabled: bool = _flag("enabled", True, "Whether `instrument()` does anything at all.")
    chunk_events: str = _choice(
        "chunk_events",
        "all",
        CHUNK_EVENTS,
        "Detail of a trace: each chunk an event, packs of up to 32 chunks, only chunks with findings and the first "
        "and last, or none. Detection and metrics never depend on it.",
    )
    chunk_signal: str = _choice(
        "chunk_signal",
        "span_events",
        CHUNK_SIGNALS,
        "Where chunks go: span events, log-based events with the span's context, or both.",
    )
    max_chunk_events_per_trace: int = _int(
        "max_chunk_events_per_trace",
        10_000,
        0,
        "Chunk events of one trace in this process after which its streams go on in `packed` detail "
        "(Tempo drops a whole trace above 5,000,000 bytes).",
        "{event}",
    )
    segment_seconds: float = _seconds(
        "segment_seconds", 5.0, "Age at which a stage's span ends and a continuation begins, so that it shows up."
    )
    queue_size: int = _int(
        "queue_size",
        limits.MAX_QUEUED_CHUNKS,
        1,
        "Chunks of one stage of one stream that may wait for the recorder; where more come the oldest go, counted.",
        "{chunk}",
    )
    flush_interval_seconds: float = _seconds(
        "flush_interval_seconds", 0.2, "How often the recorder turns journals into spans and metrics."
    )
    capture_content: bool = _flag(
        "capture_content", False, "Record each chunk's text as `sse.chunk.content`. Off unless you say so."
    )
    digest_key: str = _text(
        "digest_key",
        "Key of a BLAKE2b digest that replaces SHA-1, so that digests of short texts can't be looked up.",
        secret=True,
    )
    content_types: tuple[str, ...] = _media_types(
        "content_types", "Further response types that are streams, next to text/event-stream; x-ndjson is read by line."
    )
    traceresponse_header: bool = _flag(
        "traceresponse_header", True, "Add `traceresponse` (W3C Trace Context level 2) to a stream's response."
    )
    trace_id_header: bool = _flag("trace_id_header", True, "Add `X-Trace-ID` to a stream's response.")
    server_span: bool = _flag(
        "server_span", True, "Make the request's SERVER span with contrib's middleware where nobody else does."
    )
    clients: bool = _flag(
        "clients", True, "Make a stage of each event stream read with httpx, httpx2 or aiohttp (docs/stages.md)."
    )
    client_traceparent: bool = _flag(
        "client_traceparent",
        True,
        "Add the current trace context to requests of these clients where nothing else has.",
    )
    emit: bool = _flag(
        "emit", True, "Make a stage of what the application's iterator yields to a streaming response (docs/stages.md)."
    )
    websockets: bool = _flag(
        "websockets",
        True,
        "Make stages of the streams that cross WebSockets, and agree with the other end on an envelope "
        "(docs/envelope.md).",
    )
    excluded_urls: str = _text("excluded_urls", "Comma-separated regular expressions; matching URLs are left alone.")
    log_first: int | None = _optional_int(
        "log_first",
        0,
        "Chunk lines that a stream logs before it goes on with one summary line; unset logs all.",
        "{line}",
    )
    silence_threshold: float = _seconds(
        "silence_threshold",
        15.0,
        "Longest time without content before it is a stall; heartbeats and comments do not end it.",
        ("SILENCE_THRESHOLD",),
    )
    first_byte_threshold: float = _seconds(
        "first_byte_threshold", 5.0, "Longest time from the request to the first byte before it is a stall."
    )
    max_event_bytes: int = _int(
        "max_event_bytes",
        limits.MAX_EVENT_BYTES,
        64,
        "Bytes of one event or line that are read; more is reported.",
        "By",
    )
    max_findings: int = _int(
        "max_findings", limits.MAX_FINDINGS_PER_STREAM, 0, "Findings of one stage that become events.", "{finding}"
    )
    dedup_window_ms: int = _milliseconds(
        "dedup_window_ms",
        100,
        "Longest time between a chunk and its repetition that `otel_sse.guards.deduplicate` still drops "
        "(docs/guards.md).",
    )
    interval_sample: int = _int(
        "interval_sample", 16, 1, "Every how many chunks `sse.chunk.interval` records one interval.", "{chunk}"
    )
    content_checks: Mapping[str, str] | None = _rules(
        "content_checks",
        "Rules of your own on content, each a finding `check/<name>` where its pattern is found; the text is not kept.",
    )
    dialect: Any = _dialect(
        "The streams' dialect by name, or a function that makes one for a stream; unset looks at the first events."
    )
    content_of: Callable[[Any], str | None] | None = _function(
        "Function from a frame's decoded JSON (or its text) to the content in it, for frames of your own."
    )
    route_of: Callable[[Mapping[str, Any]], str | None] | None = _function(
        "Function from an ASGI scope to the route's template, where the framework leaves none in the scope."
    )
    stream_of: Callable[[Any], str | None] | None = _function(
        "Function from a WebSocket message to the key of its stream, for protocols of your own."
    )
    chunk_of: Callable[[Any], tuple[str, Any] | None] | None = _function(
        "Function from a WebSocket message to what it is (`START`, `CHUNK`, `END`, `ERROR`) and its content."
    )
    on_stream_start: Callable[..., None] | None = _function("Hook `(span, scope)` when a stream's span has started.")
    on_stream_end: Callable[..., None] | None = _function("Hook `(span, totals)` before a stream's last span ends.")

    def __post_init__(self) -> None:
        for each in fields(self):
            rule: Setting = each.metadata["setting"]
            value = getattr(self, each.name)
            if not rule.check(value):
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
        known = {each.name: each for each in fields(cls)}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ConfigurationError(must("option", "be one of those in docs/reference.md", unknown[0], "Remove it."))
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
    except ValueError:
        raise _refused(variable, rule, text) from None
    if not rule.check(value):
        raise _refused(variable, rule, text)
    return value


def _refused(subject: str, rule: Setting, value: object) -> ConfigurationError:
    shown = "a secret of a wrong type" if rule.secret else value
    return ConfigurationError(must(subject, rule.allowed, shown, "Correct it or leave it unset."))


def settings() -> list[tuple[str, Any, Setting]]:
    """Return every setting as (name, default, rule), in the order of the table."""
    return [
        (each.name, None if each.default is MISSING else each.default, each.metadata["setting"])
        for each in fields(Options)
    ]
