"""Every setting, by argument and by environment."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from functools import partial
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.errors import ConfigurationError
from otel_sse.options import CHUNK_EVENTS, CHUNK_SIGNALS, Options, Setting, settings, subject_of

RULES: dict[str, Setting] = {name: rule for name, _, rule in settings()}
DEFAULTS: dict[str, Any] = {name: default for name, default, _ in settings()}


def a_function(*_: object) -> None:
    """A callable."""


async def an_async_function(*_: object) -> None:
    """What nobody here would await."""


class Awaited:
    """The same as an object."""

    async def __call__(self, *_: object) -> None:
        """Answer later."""


# Of each setting: two texts for its variable with what they mean, neither of them the default.
TEXTS: dict[str, list[tuple[str, Any]]] = {
    "enabled": [("false", False), (" OFF ", False)],
    "chunk_events": [("packed", "packed"), (" off ", "off")],
    "chunk_signal": [("log_events", "log_events"), ("both", "both")],
    "max_chunk_events_per_trace": [("0", 0), ("500", 500)],
    "segment_seconds": [("0.5", 0.5), ("86400", 86_400.0)],
    "queue_size": [("1", 1), (" 10 ", 10)],
    "flush_interval_seconds": [("1", 1.0), ("1e-3", 0.001)],
    "shutdown_timeout_seconds": [("1", 1.0), ("1e-3", 0.001)],
    "capture_content": [("true", True), ("1", True)],
    "digest_key": [("key", "key"), ("k e y", "k e y")],
    "content_types": [("application/x-ndjson", ("application/x-ndjson",)), ("A/B, c/d,", ("a/b", "c/d"))],
    "traceresponse_header": [("no", False), ("0", False)],
    "trace_id_header": [("off", False), ("False", False)],
    "server_span": [("0", False), ("no", False)],
    "cursor_parameters": [("since", ("since",)), (" after, From,", ("after", "From"))],
    "url_query_allow": [("page", ("page",)), (" Page, size[] ,", ("Page", "size[]"))],
    "whole_types": [("final", ("final",)), (" transcript.text.done, Message ,", ("transcript.text.done", "Message"))],
    "cumulative_stages": [("emit", ("emit",)), ("provider, emit", ("provider", "emit"))],
    "hosts_allow": [("example.org", ("example.org",)), ("Example.org, a.b:8443,", ("example.org", "a.b:8443"))],
    "clients": [("0", False), ("false", False)],
    "client_traceparent": [("off", False), ("no", False)],
    "emit": [("no", False), ("OFF", False)],
    "emit_rewrites": [("1", True), ("yes", True)],
    "websockets": [("0", False), ("false", False)],
    "watch_websockets": [("1", True), ("true", True)],
    "excluded_urls": [("health,live", "health,live"), ("^/x$", "^/x$")],
    "log_first": [("0", 0), ("5", 5)],
    "silence_threshold": [("30", 30.0), ("2.5", 2.5)],
    "first_byte_threshold": [("1", 1.0), ("0.1", 0.1)],
    "max_event_bytes": [("64", 64), ("65536", 65_536)],
    "max_findings": [("0", 0), ("7", 7)],
    "dedup_window_ms": [("1", 1), ("60000", 60_000)],
    "interval_sample": [("1", 1), ("100", 100)],
    "content_checks": [('{"a": "x+", "b_2": "[*]{2}"}', {"a": "x+", "b_2": "[*]{2}"}), ("{}", {})],
    "dialect": [("openai-chat", "openai-chat"), (" gemini ", "gemini")],
}

# Of each setting: values that it must refuse, as text for the variable and as arguments.
BAD_TEXTS: dict[str, list[str]] = {
    "enabled": ["maybe", "2"],
    "chunk_events": ["some", "ALL"],
    "chunk_signal": ["spans"],
    "max_chunk_events_per_trace": ["-1", "many", "1.5", "10000001"],
    "segment_seconds": ["0", "-1", "nan", "inf", "86400.1", "5s", "1_0", "٣", "1e999", "0.0009", "infinity"],
    "queue_size": ["0", "x", "1000001", "99999999999999999999", "9" * 5_000, "٣", "1_000", "1e3"],
    "flush_interval_seconds": ["0", "often", "86400.1", "1e-300"],
    "shutdown_timeout_seconds": ["0", "often", "86400.1"],
    "capture_content": ["yep"],
    "content_types": ["json", "a/b/c", "a/b; charset=utf-8", "a/b c", "*/*", "a/é"],
    "traceresponse_header": ["-"],
    "trace_id_header": ["nope"],
    "server_span": ["auto"],
    "cursor_parameters": ["a=b", "a b"],
    "url_query_allow": ["a=b", "a&b", "a b"],
    "whole_types": ["a\nb"],
    "cumulative_stages": ["a\nb"],
    "hosts_allow": ["https://a.b", "user@a.b", "a b"],
    "clients": ["httpx"],
    "client_traceparent": ["w3c"],
    "emit": ["starlette"],
    "emit_rewrites": ["some"],
    "websockets": ["aiohttp"],
    "watch_websockets": ["all"],
    "log_first": ["-1", "all", "1000000001"],
    "silence_threshold": ["0", "15s"],
    "first_byte_threshold": ["-5", "none"],
    "max_event_bytes": ["63", "1MiB", "67108865"],
    "max_findings": ["-1", "few", "1000001"],
    "dedup_window_ms": ["0", "60001", "0.1", "100ms"],
    "interval_sample": ["0", "1/16", "1000001"],
    "excluded_urls": ["(", "health,*", "health,", ",", "a, ,b", ".*", "^/"],
    "content_checks": ["x+", "[]", '{"a": "("}', '{"a": ""}', '{"a": "x*"}', '{"A b": "x"}', '{"a": 1}', '{"": "x"}'],
}
BAD_ARGUMENTS: dict[str, list[object]] = {
    "enabled": ["true", 1],
    "chunk_events": ["some", ["all"], 1],
    "chunk_signal": ["spans", True],
    "max_chunk_events_per_trace": [-1, "1", 1.0, True, 10**400],
    "segment_seconds": [0, -1.0, float("nan"), float("inf"), "5", True],
    "queue_size": [0, False, 1_000_001, 10**20],
    "flush_interval_seconds": [0.0, "1"],
    "shutdown_timeout_seconds": [0.0, "1"],
    "capture_content": ["yes", 0],
    "digest_key": [b"key", 5, "\ud800"],
    "content_types": [["a/b"], "a/b", ("A/B",), ("a/b; q=1",), (1,), ("",), ("a/\ud800",)],
    "traceresponse_header": ["on"],
    "trace_id_header": [2],
    "server_span": ["auto"],
    "cursor_parameters": [["since"], "since", ("",)],
    "url_query_allow": [["page"], "page", ("",), ("a=b",), (1,)],
    "whole_types": [["final"], "final", ("",), (" a",), ("a,b",), (1,)],
    "cumulative_stages": [["emit"], "emit", ("",), (1,)],
    "hosts_allow": [["a.b"], "a.b", ("A.b",), ("",), (1,)],
    "clients": ["true", ("httpx",)],
    "client_traceparent": ["yes", 1],
    "emit": ["true", 0],
    "emit_rewrites": ["true", 1],
    "websockets": ["true", 1],
    "watch_websockets": ["true", 1],
    "excluded_urls": [["health"], 1, "(", "health,[a", " ", "a,"],
    "log_first": [-1, "5", True],
    "silence_threshold": [0, 86_401, "15"],
    "first_byte_threshold": [-1, 86_401],
    "max_event_bytes": [63, 1e6],
    "max_findings": [-1, "0"],
    "dedup_window_ms": [0, 60_001, 0.5, True],
    "interval_sample": [0, 0.5],
    "content_checks": ["x", [("a", "x")], {"a": "("}, {"": "x"}],
    "dialect": [5, ("openai-chat",), an_async_function],
    "content_of": [
        "text",
        1,
        lambda: "",
        an_async_function,
        {"emit": an_async_function},
        {"": a_function},
        {1: a_function},
    ],
    "route_of": ["/chat", lambda scope, more: "", an_async_function],
    "stream_of": ["stream_id", lambda: "", Awaited()],
    "chunk_of": [{}, lambda *, message: None],
    "on_stream_start": ["hook", lambda span: None, an_async_function],
    "on_stream_end": [1, lambda span, totals, more: None, partial(an_async_function)],
}


def test_tables_here_know_every_setting() -> None:
    """No setting is left out of the tests below."""
    functions = {"content_of", "route_of", "stream_of", "chunk_of", "on_stream_start", "on_stream_end"}
    assert set(TEXTS) | functions == set(BAD_ARGUMENTS) == Options.names() == set(RULES)
    assert set(BAD_TEXTS) | functions | {"digest_key", "dialect"} == Options.names()


@pytest.mark.parametrize("name", RULES)
def test_variables_are_the_names_in_capitals(name: str) -> None:
    """Each setting that text can say has the variable OTEL_SSE_ plus its name; functions have none."""
    first = RULES[name].env[:1]
    assert first == ((f"OTEL_SSE_{name.upper()}",) if name in TEXTS else ())


def test_without_variables_and_arguments_all_is_default() -> None:
    """An empty environment gives the defaults of the table, each of which its own rule allows."""
    options = Options.resolve({})
    assert {name: getattr(options, name) for name in RULES} == DEFAULTS
    assert options == Options()
    assert all(rule.check(DEFAULTS[name]) for name, rule in RULES.items())


@pytest.mark.parametrize(("name", "text", "value"), [(n, t, v) for n, pairs in TEXTS.items() for t, v in pairs])
def test_setting_by_environment(name: str, text: str, value: Any) -> None:
    """A variable's text is read as what it means, and changes its own setting alone."""
    options = Options.resolve({f"OTEL_SSE_{name.upper()}": text})
    assert options == dataclasses.replace(Options(), **{name: value})
    assert getattr(options, name) != DEFAULTS[name]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, pairs in TEXTS.items() for _, v in pairs])
def test_setting_by_argument(name: str, value: Any) -> None:
    """An argument with an allowed value is taken as it is."""
    assert getattr(Options.resolve({}, **{name: value}), name) == value


@pytest.mark.parametrize("name", ["content_of", "route_of", "on_stream_start", "on_stream_end", "dialect"])
def test_function_by_argument(name: str) -> None:
    """Hooks and functions are taken as they are; a dialect may be a function that makes one."""
    assert getattr(Options.resolve({}, **{name: a_function}), name) is a_function


def test_content_of_may_differ_by_stage() -> None:
    """A dict of functions is taken as it is."""
    given = {"emit": a_function, "provider": a_function}
    assert Options.resolve({}, content_of=given).content_of == given


def test_process_environment_is_read_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """`resolve()` without a mapping reads the variables of this process, when it is called."""
    monkeypatch.setenv("OTEL_SSE_CHUNK_EVENTS", "packed")
    assert Options.resolve().chunk_events == "packed"
    monkeypatch.delenv("OTEL_SSE_CHUNK_EVENTS")
    assert Options.resolve().chunk_events == "all"


@pytest.mark.parametrize(("name", "pairs"), TEXTS.items(), ids=TEXTS)
def test_argument_wins_over_environment(name: str, pairs: list[tuple[str, Any]]) -> None:
    """Where both say something, the argument counts, whatever the variable says."""
    default = DEFAULTS[name] if DEFAULTS[name] is not None else pairs[1][1]
    for text in (pairs[0][0], *BAD_TEXTS.get(name, ())):
        options = Options.resolve({f"OTEL_SSE_{name.upper()}": text}, **{name: default})
        assert getattr(options, name) == default


def test_argument_none_means_not_given() -> None:
    """None leaves the word to the environment, and then to the default."""
    assert Options.resolve({"OTEL_SSE_LOG_FIRST": "5"}, log_first=None).log_first == 5
    assert Options.resolve({}, silence_threshold=None).silence_threshold == 15.0


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ({"SILENCE_THRESHOLD": "20"}, 20.0),
        ({"SILENCE_THRESHOLD": "20", "OTEL_SSE_SILENCE_THRESHOLD": "30"}, 30.0),
        ({"SILENCE_THRESHOLD": "20", "OTEL_SSE_SILENCE_THRESHOLD": ""}, 20.0),
        ({"SILENCE_THRESHOLD": " "}, 15.0),
    ],
)
def test_alias_counts_where_the_own_variable_is_silent(environment: dict[str, str], value: float) -> None:
    """SILENCE_THRESHOLD is read too, behind OTEL_SSE_SILENCE_THRESHOLD; an empty variable is unset."""
    assert Options.resolve(environment).silence_threshold == value


def test_only_silence_threshold_has_an_alias() -> None:
    """A variable without the prefix OTEL_SSE_ could be anybody's, so there is one and no more."""
    assert [variable for rule in RULES.values() for variable in rule.env[1:]] == ["SILENCE_THRESHOLD"]


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in BAD_TEXTS.items() for t in texts])
def test_bad_variable_is_named_with_value_and_rule(name: str, text: str) -> None:
    """The error says which variable, which value, and what is allowed."""
    variable = f"OTEL_SSE_{name.upper()}"
    with pytest.raises(ConfigurationError) as raised:
        Options.resolve({variable: text})
    assert str(raised.value) == (
        f"{variable} must {RULES[name].allowed}, got {shown_value(text)}. Correct it or leave it unset."
    )


def test_bad_alias_is_named_by_its_own_name() -> None:
    """The variable in the message is the one that was set."""
    with pytest.raises(ConfigurationError, match=r"^SILENCE_THRESHOLD must be a number of seconds .* got '15s'\."):
        Options.resolve({"SILENCE_THRESHOLD": "15s"})


def shown_value(value: object) -> str:
    """How a message shows a value: cut off."""
    return repr(value) if len(repr(value)) <= 120 else repr(value)[:117] + "..."


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD_ARGUMENTS.items() for v in values])
def test_bad_argument_is_named_with_value_and_rule(name: str, value: Any) -> None:
    """The error says which option, which value (unless it is a secret), and what is allowed."""
    with pytest.raises(ConfigurationError) as raised:
        Options.resolve({}, **{name: value})
    shown = "'a secret of a wrong type'" if RULES[name].secret else shown_value(value)
    assert str(raised.value) == (
        f"option {name} must {RULES[name].allowed}, got {shown}. Correct it or leave it unset."
    )


def test_bad_default_argument_is_refused_without_resolve_too() -> None:
    """`Options(...)` holds its values to the same rules."""
    with pytest.raises(ConfigurationError, match="option queue_size must be a whole number from 1 to 1000000, got 0"):
        Options(queue_size=0)


def test_unknown_name_is_refused_without_resolve_too() -> None:
    """`Options(...)` names the nearest option as well; copies and pickles are as they were."""
    with pytest.raises(ConfigurationError, match=r"got 'chunk_event'\. Did you mean chunk_events\?$"):
        Options(chunk_event="all")  # type: ignore[call-arg]
    options = Options(queue_size=7)
    assert copy.copy(options) == pickle.loads(pickle.dumps(options)) == options
    assert dataclasses.replace(options, queue_size=8) == Options(queue_size=8)


def test_unknown_name_is_refused() -> None:
    """A name that is no setting is an error that quotes it and the nearest; an unknown variable has no effect."""
    with pytest.raises(ConfigurationError) as raised:
        Options.resolve({}, chunk_event="all")
    assert str(raised.value) == (
        "an option must have a name that is known, got 'chunk_event'. Did you mean chunk_events?"
    )
    with pytest.raises(ConfigurationError, match=r"^an option must .*'qqqq'\. All are in docs/reference\.md\.$"):
        Options.resolve({}, qqqq="all")
    with pytest.raises(ConfigurationError, match=r"got 'capture'\. Did you mean capture_content\?$"):
        Options.resolve({}, capture=True)
    assert Options.resolve({"OTEL_SSE_CHUNK_EVENT": "none"}) == Options()


@pytest.mark.parametrize("given", [{}, {"OTEL_SSE_DIGEST_KEY": "hunter2"}])
def test_secret_is_never_shown(given: dict[str, str]) -> None:
    """The digest's key stands neither in `repr` nor in `str`, however it was given."""
    options = Options.resolve(given, **({} if given else {"digest_key": "hunter2"}))
    assert options.digest_key == "hunter2"
    assert "hunter2" not in f"{options!r} {options}"
    with pytest.raises(ConfigurationError) as raised:
        Options.resolve({}, digest_key=b"hunter2")
    assert "hunter2" not in str(raised.value)


def test_only_the_key_is_secret() -> None:
    """Every other text setting is shown, so that a user can see what is in force."""
    assert [name for name, rule in RULES.items() if rule.secret] == ["digest_key"]
    assert "excluded_urls='health'" in repr(Options(excluded_urls="health"))


def test_options_do_not_change() -> None:
    """One set of options serves all streams of an application, so nothing may be set on it."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().enabled = False  # type: ignore[misc]


def test_choices_are_the_designs() -> None:
    """The details and signals are those that the documents name."""
    assert CHUNK_EVENTS == ("all", "packed", "findings", "off")
    assert CHUNK_SIGNALS == ("span_events", "log_events", "both")


def test_unknown_variable_is_told_once_with_names_like_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt variable is named in the log, once, and never its value; another program's is nobody's business."""
    for variable in ("OTEL_SSE_CHUNK_EVENT", "OTEL_SSE_QQQQ", "OTEL_SSE_CHUNK_DELAY_MS", "OTHER", "OTEL_SSE_EMIT"):
        monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("OTEL_SSE_DIGEST_KEI", "hunter2")
    for _ in range(2):
        assert Options.resolve() == Options()
    lines = sorted(record.getMessage() for record in caplog.records)
    assert lines == [
        "environment variable OTEL_SSE_CHUNK_EVENT is no setting of otel-sse and has no effect. "
        "Did you mean OTEL_SSE_CHUNK_EVENTS?",
        "environment variable OTEL_SSE_DIGEST_KEI is no setting of otel-sse and has no effect. "
        "Did you mean OTEL_SSE_DIGEST_KEY?",
        "environment variable OTEL_SSE_QQQQ is no setting of otel-sse and has no effect. All are in docs/reference.md.",
    ]


def test_subject_is_the_variable_where_one_is_set() -> None:
    """What a later check refuses is named by where it came from."""
    assert subject_of("dialect", {}) == "option dialect"
    assert subject_of("dialect", {"OTEL_SSE_DIALECT": "x"}) == "OTEL_SSE_DIALECT"
    assert subject_of("silence_threshold", {"SILENCE_THRESHOLD": "1"}) == "SILENCE_THRESHOLD"
    assert subject_of("on_stream_end", {"OTEL_SSE_ON_STREAM_END": "x"}) == "option on_stream_end"


@pytest.mark.parametrize(("extra", "allowed"), [(0, True), (1, False)])
def test_content_checks_are_capped(extra: int, allowed: bool) -> None:
    """As many rules as the cap says are taken, and one more is refused."""
    rules = {f"rule_{number}": "x" for number in range(limits.MAX_CONTENT_CHECKS + extra)}
    assert RULES["content_checks"].check(rules) is allowed


CAPPED: dict[str, tuple[str, Any]] = {
    "digest_key": ("MAX_KEY_CHARS", lambda cap: "k" * cap),
    "excluded_urls": ("MAX_EXCLUDED_CHARS", lambda cap: "ab," * (cap // 3) + "x" * (cap % 3)),
    "content_types": ("MAX_MEDIA_TYPES", lambda cap: ("a/b",) * cap),
}


@pytest.mark.parametrize("name", CAPPED)
@pytest.mark.parametrize(("extra", "allowed"), [(0, True), (1, False)])
def test_length_is_capped(name: str, extra: int, allowed: bool) -> None:
    """A setting takes as much as its cap (MAX_KEY_CHARS, MAX_EXCLUDED_CHARS, MAX_MEDIA_TYPES) says, and no more."""
    limit, value_of = CAPPED[name]
    value = value_of(getattr(limits, limit) + extra)
    assert len(value) == getattr(limits, limit) + extra
    assert RULES[name].allows(value) is allowed


@pytest.mark.parametrize(("extra", "allowed"), [(0, True), (1, False)])
def test_text_of_content_checks_is_capped(extra: int, allowed: bool) -> None:
    """JSON in the environment is read up to MAX_RULES_CHARS, so that nobody waits for it."""
    text = '{"a": "x"}'.ljust(limits.MAX_RULES_CHARS + extra)
    assert len(text) == limits.MAX_RULES_CHARS + extra
    if allowed:
        assert Options.resolve({"OTEL_SSE_CONTENT_CHECKS": text}).content_checks == {"a": "x"}
        return
    with pytest.raises(ConfigurationError):
        Options.resolve({"OTEL_SSE_CONTENT_CHECKS": text})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 20_000, '{"a": "x"', "NaN"])
def test_content_checks_that_are_no_json_are_refused(text: str) -> None:
    """Whatever a JSON reader raises over the variable, the error is ours."""
    with pytest.raises(ConfigurationError, match=r"^OTEL_SSE_CONTENT_CHECKS must be a dict"):
        Options.resolve({"OTEL_SSE_CONTENT_CHECKS": text})


@pytest.mark.parametrize("sign", [1, -1])
def test_number_that_can_not_be_written_is_refused(sign: int) -> None:
    """Python writes no number of 5,000 digits; the error is ours all the same, and names the type."""
    with pytest.raises(ConfigurationError, match=r"from 1 to 1000000, got a value of type int\."):
        Options.resolve({}, queue_size=sign * 10**5_000)
