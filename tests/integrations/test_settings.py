"""Every setting, with whatever value: it is refused, or the application streams and is observed."""

from __future__ import annotations

import asyncio
import functools
import operator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_sse
from otel_sse.dialects.generic import GenericJSON
from otel_sse.options import Options
from otel_sse.options import settings as all_settings
from otel_sse.patterns import UrlPatterns
from tests.conftest import PATIENCE_S
from tests.integrations.answers import ANSWER, DIGESTS, FRAMES, plain
from tests.integrations.driver import call

RULES = {name: rule for name, _, rule in all_settings()}
VARIABLES = {name: rule.env[0] for name, rule in RULES.items() if rule.env}


class Hostile:
    """A value that raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = None  # type: ignore[assignment]


async def later(*_: object) -> None:
    """A function that nobody would await."""


def nested(depth: int) -> list[Any]:
    """A list in a list in a list …"""
    return functools.reduce(lambda inner, _: [inner], range(depth), [])


NUMBERS = (
    st.integers()
    | st.floats()
    | st.booleans()
    | st.sampled_from([10**20, -(10**20), 2**63, 2**31, 0.001, 1e-320, float("nan"), float("inf"), 1 + 0j])
)
ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        ",",
        "a,",
        ".*",
        "\ud800",
        "\0",
        "٣",
        "1_000",
        "1e400",
        "0x10",
        "9" * 5_000,
        "[" * 100_000,
        "(a+)+$",
        '{"a": "x"}',
        '{"a": "(x+)+y"}',
        '{"a": {}}',
        "packed",
        "off",
        "both",
        "log_events",
        "openai-chat",
        "health, ^/x$",
        "application/x-ndjson",
        " A/B ,, c/d ",
        "true",
        "OFF",
        "1",
        "0.5",
        "-1",
        "(?i)x",
        "\u202e",
        "(?:(?:x{999}){999}){9}",
    ]
)
TEXTS = st.text(st.characters(), max_size=40) | ODD_TEXTS
FUNCTIONS = st.sampled_from(
    [
        GenericJSON,
        len,
        print,
        dict,
        operator.add,
        later,
        functools.partial(later),
        Hostile,
        lambda: None,
        lambda one: None,
        lambda one: "x",
        lambda one: ("CHUNK", "x"),
        lambda one: 1 // 0,
        lambda one, two: None,
        lambda *, one: 1,
    ]
)
OTHERS = st.sampled_from(
    [
        Hostile(),
        nested(100_000),
        b"x",
        bytearray(b"1"),
        object(),
        type,
        ("a/b",),
        ("A/B",),
        (nested(2_000),),
        {"a": "x"},
        {"a": Hostile()},
        {1: 2},
        {"a": "["},
        {"x" * 33: "y"},
        [("a", "x")],
        frozenset(),
        range(3),
        ...,
    ]
)


def stages_of(**given_settings: Any) -> list[Any]:
    """Instrument an application, have it stream once, and return the spans of its stages."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = otel_sse.instrument(plain(), tracer_provider=provider, meter_provider=MeterProvider(), **given_settings)
    try:
        driver = asyncio.run(call(app))
        # With the least `shutdown_timeout_seconds` the end of instrumentation waits for nothing.
        assert otel_sse.flush(PATIENCE_S)
    finally:
        otel_sse.uninstrument(app)
    assert driver.error is None
    assert driver.body == ANSWER
    return [span for span in exporter.get_finished_spans() if "sse.stage" in (span.attributes or {})]


def check_observed(options: Options, given_settings: dict[str, Any]) -> None:
    """Hold that a stream of an application with these settings is observed, unless they say that it is not to be."""
    spans = stages_of(**given_settings)
    if not options.enabled or UrlPatterns(options.excluded_urls).find("http://example.org/chat", "/chat"):
        assert spans == []
        return
    whole = options.max_event_bytes >= max(map(len, FRAMES))
    assert spans[-1].attributes["sse.stream.chunks"] == (len(DIGESTS) if whole else 1)
    assert spans[-1].attributes["sse.stream.bytes"] == len(ANSWER)
    assert "sse.stream.outcome" in spans[-1].attributes


@pytest.fixture(autouse=True)
def _hooks_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's own function raises is counted, as it is where no test of ours runs."""
    monkeypatch.setattr("otel_sse.telemetry.internal.reraise", False)


def taken(environment: dict[str, str], subject: str, **argument: Any) -> Options | None:
    """Return the options, or None where they are refused with an error that begins with the subject."""
    try:
        return Options.resolve(environment, **argument)
    except otel_sse.ConfigurationError as error:
        said = str(error)
    assert said.startswith(f"{subject} must ")
    assert len(said) < 1_000
    return None


def check_dialect(value: dict[str, Any]) -> None:
    """Hold that a dialect, which only its maker can judge, is refused by `instrument`, or streams are observed."""
    try:
        check_observed(Options(**value), value)
    except otel_sse.ConfigurationError as error:
        said = str(error)
    else:
        return
    assert said.startswith("option dialect must ")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(RULES)), NUMBERS | TEXTS | FUNCTIONS | OTHERS)
def test_any_argument_is_refused_or_works(name: str, value: Any) -> None:
    """`instrument()` with any value for any setting raises `ConfigurationError`, or the stream is observed."""
    options = taken({}, f"option {name}", **{name: value})
    if options is None:
        with pytest.raises(otel_sse.ConfigurationError):
            stages_of(**{name: value})
    elif name == "dialect":
        check_dialect({name: value})
    else:
        check_observed(options, {name: value})


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(VARIABLES)), TEXTS | NUMBERS.map(str))
def test_any_variable_is_refused_or_works(name: str, text: str) -> None:
    """Any text in any setting's variable raises `ConfigurationError`, or is a value with which streams are observed."""
    options = taken({VARIABLES[name]: text}, VARIABLES[name])
    if options is None:
        return
    if name == "dialect":
        check_dialect({name: options.dialect})
    else:
        check_observed(options, {name: getattr(options, name)})


@pytest.mark.parametrize("name", RULES)
def test_greatest_and_least_values_work(name: str) -> None:
    """At both ends of what a number's rule says, streams are observed; one past them is refused."""
    words = RULES[name].allowed.replace(",", " ").split()
    if "from" not in words:
        assert not isinstance(getattr(Options(), name), (int, float)) or isinstance(getattr(Options(), name), bool)
        return
    least, most = (
        float(word) if "." in word else int(word)
        for word in (words[words.index("from") + 1], words[words.index("to") + 1])
    )
    for value in (least, most):
        check_observed(Options.resolve({}, **{name: value}), {name: value})
    for value in (least - 1, most + 1):
        with pytest.raises(otel_sse.ConfigurationError):
            stages_of(**{name: value})
