"""What the options mean for the monitor of a stage, and for the writer of its spans."""

from __future__ import annotations

import re

from opentelemetry._logs import get_logger
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Tracer, TracerProvider

from otel_sse import semconv
from otel_sse.errors import ConfigurationError, must
from otel_sse.options import Options, subject_of
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.digest import keyed_digest, sha1_digest
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry.budget import TraceBudget
from otel_sse.telemetry.emission import choose
from otel_sse.telemetry.segments import SegmentSettings


def segment_settings(options: Options, tracer: Tracer, version: str) -> SegmentSettings:
    """Return the settings of segments. All stages of a recorder share them, and the budgets of their traces.

    Args:
        options: The settings.
        tracer: Makes the spans.
        version: Version of the instrumentation scope, for log events.
    """
    return SegmentSettings(
        tracer=tracer,
        emit=choose(options.chunk_signal, lambda: get_logger(semconv.SCOPE, version)),
        budget=TraceBudget(options.max_chunk_events_per_trace),
        detail=options.chunk_events,
        segment_ns=_ns(options.segment_seconds),
        max_findings=options.max_findings,
        on_span=options.chunk_signal != "log_events",
    )


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def stage_settings(options: Options) -> StageSettings:
    """Return the settings of the monitors: what is checked at each stage, and how."""
    return StageSettings(
        digest=keyed_digest(options.digest_key) if options.digest_key else sha1_digest,
        first_byte_ns=_ns(options.first_byte_threshold),
        silence_ns=_ns(options.silence_threshold),
        max_event_bytes=options.max_event_bytes,
        max_findings=options.max_findings,
        interval_sample=options.interval_sample,
        capture_content=options.capture_content,
        dialect=options.dialect,
        content_of=options.content_of,
        whole_types=options.whole_types,
        cumulative_stages=options.cumulative_stages,
        content_checks=tuple((name, re.compile(rule)) for name, rule in (options.content_checks or {}).items()),
    )


def check_settings(
    options: Options, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> None:
    """Raise if no recorder can be made with these.

    Raises:
        ConfigurationError: A provider is none, or the dialect is not known or makes none.
    """
    check_provider("tracer_provider", tracer_provider, "get_tracer")
    check_provider("meter_provider", meter_provider, "get_meter")
    check_dialect(stage_settings(options))


def check_dialect(settings: StageSettings) -> None:
    """Make one stage with these settings, so that a wrong dialect raises where it is set, and not in the first stream.

    Raises:
        ConfigurationError: No dialect has the name that was given, or the function that was given makes none.
    """
    subject = subject_of("dialect")
    try:
        StageMonitor(StageInfo(StageSpec(""), ""), settings, 0)
    except ConfigurationError as error:
        # The dialects' registry does not know where this name was set.
        raise ConfigurationError(subject + str(error).removeprefix("dialect")) from None
    except Exception as error:
        rule = "be a dialect, by name or by a function that makes one (with name, expects and read)"
        raise ConfigurationError(must(subject, rule, settings.dialect, "Correct it or leave it unset.")) from error


def check_provider(name: str, provider: object, method: str) -> None:
    """Raise if an argument is no provider of OpenTelemetry.

    Args:
        name: The argument's name.
        provider: Its value; None is allowed.
        method: Name of a method of every such provider.

    Raises:
        ConfigurationError: It has no such method.
    """
    if provider is not None and not callable(getattr(provider, method, None)):
        kind = "TracerProvider" if method == "get_tracer" else "MeterProvider"
        raise ConfigurationError(must(name, f"be a {kind} of OpenTelemetry or None", provider, "Pass one or leave it."))
