"""The results as tables, in Markdown, so that a terminal's copy can go into a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench import crowd, variants
from bench.growth import Growth
from bench.lag import Lag
from bench.memory import PerStream
from bench.plan import Results
from bench.request_cost import GC_OFF, GC_ON, Cost
from bench.response_cost import AGAIN, Added, noise_us
from bench.stage_cost import ALL, UNSAMPLED, StageCost
from bench.start_cost import Start
from bench.targets import Verdict

_PIPE_COLUMNS: Final = 140
_BESIDE: Final = ("gc off", "/ naive", "/ contrib")
_KIB: Final = 1_024
_MIB: Final = 1_048_576


def console() -> Console:
    """Return where tables go: standard output, as wide as the terminal, or 140 columns where there is none."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)


def report(run: dict[str, Any], results: Results, verdicts: list[Verdict]) -> Group:
    """Return all tables of the parts that were measured, under a line that says where and with what.

    Args:
        run: The run's circumstances.
        results: What was found.
        verdicts: What became of the targets.
    """
    return Group(Text(heading(run)), *_tables(results, verdicts))


def heading(run: dict[str, Any]) -> str:
    """Return a run's circumstances in one line of Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return (
        f"`{run['command']}` on {run['date'][:10]}: {run['python']}, {run['system']}, {run['cpus']} CPUs; {versions}."
    )


def markdown(found: RenderableType) -> str:
    """Return a report as text, in lines as long as they need to be."""
    out = StringIO()
    Console(file=out, width=10 * _PIPE_COLUMNS, highlight=False).print(found)
    return out.getvalue()


def _tables(results: Results, verdicts: list[Verdict]) -> Iterator[RenderableType]:
    for shape, modes in results.request_cost.items():
        yield from _titled(f"CPU added per chunk, chunks of {shape} (µs; ratios with the collector on)", _cost(modes))
    for name, costs in results.response_cost.items():
        yield from _titled(f"Response that is not a stream, {name} (µs a request, request thread)", _response(costs))
    if results.memory:
        yield from _titled("Memory of one idle open stream, added (KiB)", _memory(results.memory))
    if results.growth is not None:
        yield from _titled(f"Growth over a stream of {results.growth.chunks:,} chunks (MiB)", _growth(results.growth))
    if results.lag:
        yield from _titled("Lateness of a 5 ms timer at 5,000 chunks a second (ms)", _lag(results.lag))
    for ending in (*crowd.ENDINGS, crowd.COLLECTED) if results.crowd else ():
        title = f"CPU of the loop's thread a stream, of all that are open at once: {ending} (µs)"
        yield from _titled(title, _crowd(ending, results.crowd))
    if results.slow:
        yield from _titled(
            "Lateness of a 2 ms timer while streams end and the recorder is slow (ms)", _slow(results.slow)
        )
    if results.start_cost:
        yield from _titled(
            "CPU that an application's start and its first connections pay more (ms)", _start(results.start_cost)
        )
    if results.stage_cost:
        yield from _titled("CPU added per chunk by one stage (µs, request thread)", _stages(results.stage_cost))
    if verdicts:
        yield from _titled("Targets", _targets(verdicts))


def _titled(title: str, table: Table) -> Iterable[RenderableType]:
    return Text(f"\n{title}"), table


def _table(first: str, *columns: str) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _cost(modes: dict[str, dict[str, Cost]]) -> Table:
    table = _table("variant", *(column for part in ("request", "all CPU") for column in (part, *_BESIDE)), "OTLP KB")
    on, off = modes[GC_ON], modes[GC_OFF]
    for name, cost in on.items():
        table.add_row(
            _own(name),
            f"{cost.request_us:.2f}",
            f"{off[name].request_us:.2f}",
            *_ratios(name, cost.request_us, on[variants.NAIVE].request_us, on[variants.CONTRIB].request_us),
            f"{cost.all_us:.2f}",
            f"{off[name].all_us:.2f}",
            *_ratios(name, cost.all_us, on[variants.NAIVE].all_us, on[variants.CONTRIB].all_us),
            f"{cost.encoded_bytes / 1e3:,.0f}",
        )
    return table


def _own(name: str) -> str:
    return f"{name} (itself)" if name == variants.PLAIN else name


def _ratios(name: str, value: float, *others: float) -> Iterator[str]:
    for other in others:
        yield "" if name == variants.PLAIN else f"{value / other:.2f}"


def _response(costs: dict[str, Added]) -> Table:
    table = _table("variant", "median", "half of rounds within")
    for name, each in costs.items():
        table.add_row(_own(name), f"{each.median_us:.2f}", f"± {each.spread_us:.2f}")
    table.add_row(f"noise ({AGAIN})", f"{noise_us(costs):.2f}", "")
    return table


def _memory(found: dict[str, PerStream]) -> Table:
    table = _table("variant", "heap", "RSS")
    for name, each in found.items():
        table.add_row(_own(name), f"{each.heap_bytes / _KIB:.1f}", f"{each.rss_bytes / _KIB:.1f}")
    return table


def _growth(growth: Growth) -> Table:
    table = _table("ours, all", f"from chunk {growth.from_chunk:,}")
    table.add_row("RSS, at its highest", f"{growth.rss_bytes / _MIB:.2f}")
    table.add_row("heap, at the end", f"{growth.heap_bytes / _MIB:.2f}")
    table.add_row("heap, peak", f"{growth.heap_peak_bytes / _MIB:.2f}")
    return table


def _lag(found: dict[str, Lag]) -> Table:
    table = _table("variant", "p50", "p99", "max", "CPU, % of a core", "ticks")
    for name, each in found.items():
        numbers = (f"{ms:.2f}" for ms in (each.p50_ms, each.p99_ms, each.max_ms))
        table.add_row(name, *numbers, f"{each.cpu_percent:.1f}", str(each.ticks))
    return table


def _crowd(ending: str, found: crowd.Crowd) -> Table:
    counts = list(found[variants.PLAIN][ending])
    table = _table("variant", *(f"{count:,} streams" for count in counts))
    plain = found[variants.PLAIN][ending]
    for name, endings in found.items():
        taken = endings[ending]
        less = dict.fromkeys(counts, 0.0) if name == variants.PLAIN else plain
        table.add_row(_own(name), *(f"{taken[count] - less[count]:.1f}" for count in counts))
    return table


def _slow(found: dict[str, crowd.Late]) -> Table:
    table = _table("", "p99", "max")
    for name, each in found.items():
        table.add_row(name, f"{each.p99_ms:.2f}", f"{each.max_ms:.2f}")
    return table


def _stages(found: dict[str, StageCost]) -> Table:
    table = _table("stage", "plain", "all", "quartiles", "unsampled", "quartiles")
    for name, cost in found.items():
        added = (_with_quartiles(cost, how) for how in (ALL, UNSAMPLED))
        table.add_row(name, f"{cost.plain_us:.2f}", *(cell for cells in added for cell in cells))
    return table


def _start(found: dict[str, Start]) -> Table:
    parts = ("import otel_sse", "instrument(app)", "modules", "first stream", "modules", "first WebSocket", "modules")
    table = _table("application", *parts)
    for name, each in found.items():
        table.add_row(
            name,
            f"{each.import_ms:.1f}",
            *(f"{each.instrument_ms:.1f}", f"{each.modules:g}"),
            *(f"{each.stream_ms:.1f}", f"{each.stream_modules:g}"),
            *(f"{each.websocket_ms:.1f}", f"{each.websocket_modules:g}"),
        )
    return table


def _with_quartiles(cost: StageCost, how: str) -> tuple[str, str]:
    first, third = cost.added_quartiles_us[how]
    return f"{cost.added_us[how]:.2f}", f"{first:.2f} to {third:.2f}"


def _targets(verdicts: list[Verdict]) -> Table:
    table = _table("target", "at most", "found", "where worst", "verdict")
    for verdict in verdicts:
        where, value = verdict.worst
        limit = f"{verdict.limit:g} {verdict.unit}".strip()
        table.add_row(verdict.name, limit, f"{value:.2f}", where, "met" if verdict.met else "not met")
    return table
