"""Make `otel_sse/option_types.py` from the table of options, so that type checkers and editors know them by name.

Run by `make docs`. `python docs/option_types.py --check` says whether it is up to date; `make check` asks. The same
table always gives the same module.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from otel_sse.errors import must
from otel_sse.options import Options, Setting

MODULE: Final = Path(__file__).parents[1] / "otel_sse" / "option_types.py"

WIDTH: Final = 120

HEAD: Final = '''\
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
'''

TAIL: Final = '''\


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
'''


def module() -> str:
    """Return the whole module."""
    rows = [_row(each.name, str(each.type), each.metadata["setting"]) for each in fields(Options)]
    return HEAD + "".join(rows) + TAIL


def _row(name: str, written: str, rule: Setting) -> str:
    hint = (rule.hint or written).removesuffix(" | None")
    said_by_type = hint == "bool" or hint.startswith("Callable")
    meaning = rule.doc if said_by_type else f"{rule.doc} It must {rule.allowed}."
    lines = textwrap.wrap(f'"""{meaning}', WIDTH - 4)
    if len(lines) > 1 or len(lines[0]) + 3 > WIDTH - 4:
        lines.append('"""')
    else:
        lines[0] += '"""'
    return f"\n    {name}: {hint} | None\n" + "".join(f"    {line}\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Write the module, or with `--check` say whether it is up to date; return the exit code."""
    if "--check" not in arguments:
        MODULE.write_text(module(), encoding="utf-8")
    elif not MODULE.exists() or MODULE.read_text(encoding="utf-8") != module():
        print(must(str(MODULE), "be what the table of options gives", "something else", "Run `make docs`."))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
