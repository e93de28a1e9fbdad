"""The list of faults that the demo can make, for `--list-faults`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from otel_sse.demo.faults import ALIASES, FAULTS, Fault, Place

_HEAD: Final = ("fault", "in --pipeline", "in the simple demo", "the diagnosis says", "what goes wrong")
_NOT_MADE: Final = "-"


def fault_list() -> Iterator[str]:
    """Yield the lines: a table with the faults, why some can't be made, and shorter names."""
    rows = [_HEAD, *(_row(name, fault) for name, fault in FAULTS.items())]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    yield from (_line(row, widths) for row in rows)
    yield ""
    yield f"{_NOT_MADE}  can't be made there, because"
    yield from (f"   {name}: {fault.why_not}" for name, fault in FAULTS.items() if fault.why_not)
    yield f"Shorter names: {', '.join(f'{short} for {name}' for short, name in ALIASES.items())}"


def _row(name: str, fault: Fault) -> Sequence[str]:
    pipeline = fault.pipeline
    where = f"{pipeline.service} {pipeline.stage}" if pipeline else _NOT_MADE
    simple = fault.gateway.stage if fault.gateway else _NOT_MADE
    return name, where, simple, _says(pipeline or fault.gateway), fault.brief


def _says(place: Place | None) -> str:
    if place is None:
        return _NOT_MADE
    return place.kind if place.certain else f"{place.kind} (suspected)"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
