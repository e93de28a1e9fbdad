"""The options that say where a command's traces are: files, Jaeger or Tempo, and what to search for in these."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import unquote

import typer

from otel_sse.errors import ConfigurationError, must
from otel_sse.terminal.times import read_time

if TYPE_CHECKING:
    from otel_sse.sources.reading import Traces
    from otel_sse.sources.search import Search

HEADERS: Final = "OTEL_SSE_HEADERS"
"""The variable with headers for the backend, in the form of OTEL_EXPORTER_OTLP_HEADERS."""

_ID_DIGITS: Final = 32
_HEX: Final = frozenset("0123456789abcdef")
_SINCE: Final = "1h"
_LIMIT: Final = 20
_AHEAD_NS: Final = 60_000_000_000
"""How far the clocks of other hosts may be ahead of this one, so that their latest streams are found too."""

_Files = Annotated[
    list[Path], typer.Option("--file", metavar="FILE", help="OTLP JSON lines. Again for each file of the same traces.")
]
_Jaeger = Annotated[str, typer.Option("--jaeger", metavar="URL", show_default=False, help="Read from Jaeger there.")]
_Tempo = Annotated[str, typer.Option("--tempo", metavar="URL", show_default=False, help="Read from Tempo there.")]
_Headers = Annotated[
    list[str], typer.Option("--header", metavar="H", help="Sent to Jaeger or Tempo: 'Name: value'. May come again.")
]
_Since = Annotated[
    str, typer.Option("--since", metavar="TIME", show_default=False, help="Search: began then or later. Default 1h.")
]
_Until = Annotated[
    str, typer.Option("--until", metavar="TIME", show_default=False, help="Search: began before then. Default now.")
]
_Route = Annotated[str, typer.Option("--route", metavar="R", show_default=False, help="Search: of this http.route.")]
_Service = Annotated[
    str, typer.Option("--service", metavar="NAME", show_default=False, help="Search: with a stage in this service.")
]
_Duplicates = Annotated[
    int | None,
    typer.Option("--duplicates", metavar="N", min=1, help="Search: a stage counted N duplicate chunks or more."),
]
_Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, max=500, help="Search: the latest N. Default 20.")
]


@dataclass(frozen=True)
class SourceOptions:
    """What the user said of where the traces are; each field is an option of that name, with its default.

    Args:
        file: `--file`.
        jaeger: `--jaeger`.
        tempo: `--tempo`.
        header: `--header`.
        since: `--since`.
        until: `--until`.
        route: `--route`.
        service: `--service`.
        duplicates: `--duplicates`.
        limit: `--limit`.
    """

    file: _Files = ()  # type: ignore[assignment]
    jaeger: _Jaeger = ""
    tempo: _Tempo = ""
    header: _Headers = ()  # type: ignore[assignment]
    since: _Since = ""
    until: _Until = ""
    route: _Route = ""
    service: _Service = ""
    duplicates: _Duplicates = None
    limit: _Limit = None

    def checked_id(self, trace_id: str | None) -> str:
        """Return TRACE_ID in small letters; "" where it was left out.

        Raises:
            ConfigurationError: It is no id, or a part of one where a backend is asked.
        """
        if trace_id is None:
            return ""
        wanted = trace_id.lower()
        advice = "Take it from the response header X-Trace-ID, or leave it out to see which there are."
        if not 0 < len(wanted) <= _ID_DIGITS or not set(wanted) <= _HEX:
            raise ConfigurationError(must("TRACE_ID", "be 1 to 32 hex digits", trace_id, advice))
        if not self.file and len(wanted) != _ID_DIGITS:
            raise ConfigurationError(must("TRACE_ID", "be all 32 hex digits for Jaeger and Tempo", trace_id, advice))
        return wanted

    def check_detail(self, option: str, given: object, trace_id: str) -> None:
        """Check an option that is about one trace: in a list that a backend gives, it would say nothing.

        Args:
            option: Its name.
            given: Its value.
            trace_id: What `checked_id` returned.

        Raises:
            ConfigurationError: It is given, and no trace of a backend is.
        """
        if given and not trace_id and not self.file:
            raise ConfigurationError(must(f"option {option}", "stand with TRACE_ID", None, "Leave it out to list."))

    def open(self, trace_id: str, environ: Mapping[str, str], now_ns: int) -> Traces:
        """Return where to read the traces.

        Args:
            trace_id: What `checked_id` returned; with it, nothing is searched.
            environ: Where the variable for headers is.
            now_ns: Now, in nanoseconds since the epoch.

        Raises:
            ConfigurationError: Options do not go together, or one can't be used.
        """
        self._check(trace_id)
        if self.file:
            from otel_sse.sources.otlp_file import OtlpFiles
            from otel_sse.sources.reading import FileTraces

            return FileTraces(OtlpFiles(tuple(self.file)))
        return self._backend(environ, now_ns)

    def _check(self, trace_id: str) -> None:
        named = [f"--{name}" for name in ("file", "jaeger", "tempo") if getattr(self, name)]
        if len(named) != 1:
            rule = "say where the traces are, with one of --file, --jaeger and --tempo"
            raise ConfigurationError(must("command", rule, " and ".join(named) or "none of them", "Give one."))
        given = [f"--{name}" for name in _SEARCH if getattr(self, name) not in ("", None)]
        if given and trace_id:
            advice = "Leave one of them out: a trace is read whole."
            raise ConfigurationError(must(f"option {given[0]}", "stand without TRACE_ID", trace_id, advice))
        given += ["--header"] if self.header else []
        if given and self.file:
            rule = "stand with --jaeger or --tempo"
            raise ConfigurationError(must(f"option {given[0]}", rule, "--file", "Leave one of them out."))

    def _backend(self, environ: Mapping[str, str], now_ns: int) -> Traces:
        from otel_sse.sources.http import Backend
        from otel_sse.sources.jaeger import Jaeger
        from otel_sse.sources.reading import BackendTraces
        from otel_sse.sources.tempo import Tempo

        search = self._search(now_ns)
        headers = {**_headers_of(environ.get(HEADERS, "")), **dict(map(_header, self.header))}
        if self.jaeger:
            return BackendTraces(Jaeger(Backend("Jaeger", self.jaeger, headers)), search)
        return BackendTraces(Tempo(Backend("Tempo", self.tempo, headers)), search)

    def _search(self, now_ns: int) -> Search:
        from otel_sse.sources.search import Search

        since_ns = read_time("--since", self.since or _SINCE, now_ns)
        until_ns = read_time("--until", self.until, now_ns) if self.until else now_ns + _AHEAD_NS
        if since_ns >= until_ns:
            advice = f"Its default is {_SINCE}; give an earlier one." if not self.since else "Give an earlier one."
            raise ConfigurationError(
                must("option --since", "be before --until", f"{self.since or _SINCE} and {self.until or 'now'}", advice)
            )
        limit = self.limit or _LIMIT
        return Search(since_ns, until_ns, self.route, self.service, self.duplicates or 0, limit)


_SEARCH: Final = ("since", "until", "route", "service", "duplicates", "limit")


def _header(given: str) -> tuple[str, str]:
    name, colon, value = given.partition(":")
    if not colon or not name.strip():
        # What stands there may be a secret.
        rule, advice = "be 'Name: value'", "Write the name, a colon, and the value."
        raise ConfigurationError(must("option --header", rule, f"{len(given)} characters of another form", advice))
    return name.strip(), value.strip()


def _headers_of(variable: str) -> dict[str, str]:
    found = {}
    for pair in filter(str.strip, variable.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            rule, advice = "be name=value pairs with commas between them", "Write other characters as %20."
            raise ConfigurationError(must(f"variable {HEADERS}", rule, f"{len(pair)} characters without =", advice))
        found[unquote(name.strip())] = unquote(value.strip())
    return found


def source_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of `SourceOptions` in the place of its parameter `source`."""
    options = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=_default(field.default), annotation=kind)
        for field, kind in zip(fields(SourceOptions), _KINDS, strict=True)
    ]

    @wraps(command)
    def with_options(**given: Any) -> int:
        named = {option.name: given.pop(option.name) for option in options}
        return command(source=SourceOptions(**named), **given)

    own = list(inspect.signature(command, eval_str=True).parameters.values())
    others = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own if each.name != "source"]
    with_options.__signature__ = inspect.Signature([*others, *options])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in (*others, *options)}
    return with_options


_KINDS: Final = (
    _Files, _Jaeger, _Tempo, _Headers, _Since, _Until, _Route, _Service, _Duplicates, _Limit
)  # fmt: skip


def _default(value: object) -> object:
    return [] if value == () else value
