"""Make `docs/reference.md` from the tables in the code. Run by `make docs`.

`python docs/reference.py FILE` writes to another file; with `--check` it says whether the page is up to date, as `make
check` asks. The same code always gives the same page.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from otel_sse import limits, semconv
from otel_sse.dialects.builtin import BUILTIN
from otel_sse.dialects.dialect import FINISH, NOTHING, TERMINAL, Dialect
from otel_sse.errors import must
from otel_sse.options import Setting, settings
from otel_sse.stream import kinds
from otel_sse.stream.chunk import KINDS
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.stream.stages import STAGES

PAGE: Final = Path(__file__).with_name("reference.md")

UNITS: Final = {"": "", "s": "seconds", "us": "microseconds", "ms": "milliseconds", "By": "bytes"}
"""Words for the units; those in braces are words already."""

OUTCOME_BRIEFS: Final = {
    "completed": "The answer came to its end, as its protocol marks one, whoever left or was cancelled behind that.",
    "incomplete": "The body ended, but the protocol's end was not seen; or it held bytes and not one event.",
    "disconnected": "The client left before the answer's end.",
    "cancelled": "The request's task was cancelled before the answer's end.",
    "failed": "An exception ended the stream, or no content followed an error event. `error.type` names it.",
    "capped": "A cap on the stream's duration was reached.",
    "abandoned": "The application stopped without a last body, or nobody read on, before the answer's end.",
    "unparsed": "The body ended, but its bytes could not be read (compressed), so the rest is not known.",
}

KIND_BRIEFS: Final = {
    "content": "Text of the answer, reasoning or a tool call's arguments.",
    "comment": "An SSE comment (`: text`).",
    "heartbeat": "An event that only keeps the connection.",
    "complete": "The end of the answer.",
    "error": "An error that the stream reports.",
    "control": "Anything else: roles, usage, the beginning of a block.",
}

LOG_LINES: Final = {
    "EMIT": (
        "EMIT seq=1 sha1=f7ff9e8b7bb2 done=False acc=5 raw=57 stream=4be1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736"
    ),
    "SUMMARY": (
        "EMIT SUMMARY chunks=120 unlogged=115 outcome=completed seq=120 sha1=dd09102a2a4a done=True acc=640 raw=14 "
        "stream=4be1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736"
    ),
}

LOG_FIELDS: Final = {
    "EMIT": "The stage's name in capitals: `EMIT`, `SOCKET_WRITE` …",
    "seq": "Number of the chunk at its stage.",
    "sha1": "Digest of the content, else of the data. With `digest_key` the field is called `blake2b`.",
    "done": "Whether it is a terminal event.",
    "acc": "Bytes of content so far.",
    "raw": "Bytes of the chunk, framing included.",
    "stream": "The stream's id.",
    "trace_id": "The trace; left out where there is none.",
    "SUMMARY": "One line at the end of a stream that had more chunks than `log_first`: their number, how many were not "
    "logged, the outcome, and the last chunk.",
}

GUARD_LINES: Final = """\
DEDUPLICATE dropped seq=7 of=6 by=id stream=4be1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736
TRIM_RESTARTS trimmed seq=31-60 stream=4be1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736"""

HEADERS: Final = {
    "traceresponse": (
        "traceresponse_header",
        "`00-{trace id}-{span id}-{flags}` of the stream's first span (W3C Trace Context level 2).",
    ),
    "X-Trace-ID": ("trace_id_header", "The trace id, 32 hex digits."),
}
"""Header, the option that switches it off, its value."""


def page() -> str:
    """Return the whole page."""
    sections = (
        HEAD, options_section(), spans_section(), attributes_section(), words_section(), dialects_section(),
        metrics_section(), log_section(), headers_section(), limits_section(),
    )  # fmt: skip
    return "\n\n".join(sections) + "\n"


HEAD: Final = """# Reference

Every option, span, event, attribute, dialect, metric, log line and response header of otel_sse. Made by `make docs`
from the tables in the code; `make check` fails where the two differ. The functions and classes are in
[api.md](api.md)."""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def code(text: str) -> str:
    """Return a text as code, and nothing for no text."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    """Return texts as code, one beside the other."""
    return ", ".join(map(code, texts))


def unit(short: str) -> str:
    """Return a unit as a word."""
    return UNITS.get(short, short.strip("{}"))


def options_section() -> str:
    """Return what can be set."""
    rows = [_option_row(*setting) for setting in settings()]
    titles = ("Option", "Variable", "Default", "Unit", "Allowed", "Meaning")
    return f"""## Options

Each is an argument of `otel_sse.instrument(app, option=value)`, with a type that editors and type checkers know. Those
with a variable can also be set in the environment; the argument wins. A value that is not allowed raises
`otel_sse.ConfigurationError` when `instrument` is called ([ways in](ways-in.md#a-variable-that-is-wrong) says what
`opentelemetry-instrument` does). Of two variables the first that is set counts; an empty one is unset. True is `1`,
`true`, `yes` or `on`, false is `0`, `false`, `no` or `off`, in any case.

{table(titles, rows)}"""


def _option_row(name: str, default: object, rule: Setting) -> tuple[str, ...]:
    variables = codes(rule.env) or "argument only"
    meaning = rule.doc + (" Never shown." if rule.secret else "")
    return code(name), variables, _default(default), unit(rule.unit), rule.allowed.removeprefix("be "), meaning


def _default(value: object) -> str:
    if value is None or value in ("", ()):
        return "unset"
    return code(str(value).lower() if isinstance(value, bool) else f"{value}")


def spans_section() -> str:
    """Return the spans and their events."""
    spans = table(("Span", "Meaning"), [(code(row.name), row.brief) for row in semconv.SPANS])
    events = table(("Event", "Meaning"), [(code(row.name), row.brief) for row in semconv.EVENTS])
    return f"""## Spans and events

All are made under the instrumentation scope {code(semconv.SCOPE)}. With `chunk_signal` set to `log_events` or `both`,
events go out as log-based events with the span's context, under the same names.

{spans}

{events}"""


def attributes_section() -> str:
    """Return the attributes."""
    rows = [
        (code(row.name), row.type, unit(row.unit), _places(row.on), row.cardinality, row.brief, row.source)
        for row in semconv.ATTRIBUTES
    ]
    titles = ("Attribute", "Type", "Unit", "On", "Cardinality", "Meaning", "Source")
    return f"""## Attributes

An attribute is left out where it has nothing to say. Of `low` cardinality are those that can group; those of `high`
differ from stream to stream or from chunk to chunk.

{table(titles, rows)}"""


def _places(on: str) -> str:
    return ", ".join(f"event {code(place[6:])}" if place.startswith("event ") else place for place in on.split(", "))


def words_section() -> str:
    """Return the values of stage, outcome, kind and finding."""
    named = table(("Stage", "What crosses it"), [(code(stage.name), stage.brief) for stage in STAGES])
    outcomes = table(("Outcome", "Meaning"), [(code(name), OUTCOME_BRIEFS[name]) for name in OUTCOMES])
    chunks = table(("Kind", "Meaning"), [(code(name), KIND_BRIEFS[name]) for name in KINDS])
    findings = table(("Finding", "Meaning"), [(code(row.name), row.brief) for row in kinds.FINDINGS])
    return f"""## Stages

Values of {code(semconv.STAGE)} that the package makes; {code("observe")} makes any other.

{named}

## Outcomes

Values of {code(semconv.STREAM_OUTCOME)}: a stream ends at a stage exactly once.

{outcomes}

## Kinds of chunks

Values of {code(semconv.CHUNK_KIND)}.

{chunks}

## Findings

Values of {code(semconv.FINDING_KIND)}. A finding is `certain` where identity or protocol proves it, else `suspected`.

{findings}"""


EXPECTATIONS: Final = {
    TERMINAL: "an event for the end",
    FINISH: "a reason for the end, or an event",
    NOTHING: "nothing",
}
"""Words for what a complete stream must have shown."""


def dialects_section() -> str:
    """Return the dialects, in the order in which they are asked."""
    rows = [dialect_row(entry.name, entry.factory()) for entry in BUILTIN]
    return f"""## Dialects

Values of {code(semconv.STREAM_DIALECT)} and of the option {code("dialect")}: the formats that are read. They are asked
about a stream's first events in this order, and the first dialect that recognises one reads the stream. Frames of your
own are read by {code("content_of")}, or by a dialect of your own ([CONTRIBUTING.md](../CONTRIBUTING.md#a-new-dialect)).

{table(("Dialect", "Reads", "A whole stream has shown", "Defined by"), rows)}"""


def dialect_row(name: str, dialect: Dialect) -> tuple[str, str, str, str]:
    """Return what the docstring of a dialect's module says of it; where that is about several, its class's."""
    told = sys.modules[type(dialect).__module__].__doc__ or ""
    begin = f"The dialect {code(name)}: "
    if not told.startswith(begin):
        told = inspect.cleandoc(type(dialect).__doc__ or "")
    reads = re.split(r"\.(?:\s|$)", told.removeprefix(begin).removeprefix("Reads "), maxsplit=1)[0]
    source = re.search(r"^Source: (.+?)\.?(?=\n\n|\Z|\. )", told.strip(), re.MULTILINE | re.DOTALL)
    defined = " ".join(source[1].split()) if source else ""
    return code(name), f"{reads[:1].upper()}{reads[1:]}.", EXPECTATIONS[dialect.expects], defined


def metrics_section() -> str:
    """Return the metrics and their labels."""
    rows = [
        (code(one.name), code(one.prometheus), one.kind, unit(one.unit), codes(one.labels), one.brief)
        for one in semconv.METRICS
    ]
    buckets = [
        ("interval", _bounds(semconv.INTERVAL_BUCKETS_S)),
        ("time to first", _bounds(semconv.FIRST_BUCKETS_S)),
        ("duration", _bounds(semconv.DURATION_BUCKETS_S)),
    ]
    return f"""## Metrics

A histogram's series in Prometheus are its name with `_bucket`, `_count` and `_sum`.

{table(("Metric", "Prometheus", "Kind", "Unit", "Labels", "Meaning"), rows)}

{table(("Label", "Meaning"), [(code(name), meaning) for name, meaning in semconv.LABELS.items()])}

{table(("Buckets", "Upper bounds in seconds"), buckets)}"""


def _bounds(bounds: Iterable[float]) -> str:
    return ", ".join(f"{bound:g}" for bound in bounds)


def log_section() -> str:
    """Return the log lines."""
    lines = "\n".join(LOG_LINES.values())
    return f"""## Log lines

The logger {code(semconv.CHUNK_LOGGER)} writes one line a chunk at level `DEBUG`. A stream asks once, when it opens,
whether the logger is on.

```text
{lines}
```

{table(("Part", "Meaning"), [(code(name), meaning) for name, meaning in LOG_FIELDS.items()])}

The logger {code(semconv.GUARD_LOGGER)} says what guards did ([guards](guards.md)): the guard, its action, the chunks'
numbers, and at a stream's end the sums where it had more than {limits.MAX_GUARD_LINES} lines. `kept` and `released` are
`DEBUG`, `raised` is `WARNING`, the others are `INFO`.

```text
{GUARD_LINES}
```"""


def headers_section() -> str:
    """Return the headers that a stream's response gets."""
    rows = [(code(name), value, code(option)) for name, (option, value) in HEADERS.items()]
    return f"""## Response headers

Added to a stream's response where it does not have them; each can be switched off.

{table(("Header", "Value", "Option"), rows)}"""


def limits_section() -> str:
    """Return the caps, with the reasons that stand below them in the code."""
    rows = [(code(name), f"{getattr(limits, name):,}", reason) for name, reason in reasons().items()]
    return f"""## Limits

Nothing grows with the length of a stream: what could is cut off at one of these numbers.

{table(("Limit", "Value", "Meaning"), rows)}"""


def reasons() -> dict[str, str]:
    """Return the text below each cap in `limits.py`, on one line."""
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    return {
        before.target.id: " ".join(str(after.value.value).split())
        for before, after in pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def main(arguments: Sequence[str]) -> int:
    """Write the page to the file that is named, else to its place; with `--check`, compare. Return the exit code."""
    is_check = "--check" in arguments
    target = next((Path(each) for each in arguments if each != "--check"), PAGE)
    if not is_check:
        target.write_text(page(), encoding="utf-8")
    elif not target.exists() or target.read_text(encoding="utf-8") != page():
        print(must(str(target), "be what the tables in the code give", "something else", "Run `make docs`."))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
