"""The files in `grafana/`, as they are committed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana"


@dataclass(frozen=True)
class Target:
    """One query of one panel."""

    board: str
    panel: str
    ref: str
    source: str
    query: str
    exemplars: bool

    def __str__(self) -> str:
        return f"{self.board}: {self.panel} {self.ref}"


def boards() -> dict[str, Any]:
    """Every dashboard by its uid."""
    found = [json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))]
    return {board["uid"]: board for board in found}


def panels() -> Iterator[tuple[str, Any]]:
    """Every panel, with its dashboard's uid."""
    for uid, board in boards().items():
        for panel in board["panels"]:
            yield uid, panel


def targets(source: str = "") -> list[Target]:
    """Every query, of all data sources or of one type."""
    found = [
        Target(
            uid,
            panel["title"],
            target["refId"],
            target["datasource"]["type"],
            target.get("expr") or target.get("query") or target.get("tags") or "",
            target.get("exemplar", False),
        )
        for uid, panel in panels()
        for target in panel.get("targets", ())
    ]
    return [target for target in found if target.source == source or not source]


def rules() -> list[Any]:
    """The rules for Prometheus."""
    (group,) = read("prometheus/otel-sse.rules.yml")["groups"]
    found: list[Any] = group["rules"]
    return found


def read(path: str) -> Any:
    """A YAML file below `grafana/`."""
    return yaml.safe_load((FOLDER / path).read_text())
