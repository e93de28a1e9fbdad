"""Every generated file, and what is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from grafana.generate import datasources, rules, runbook
from grafana.generate.boards import duplicates, explorer, recorder, stages, streams

ROOT: Final = Path(__file__).resolve().parents[2]
RUNBOOK: Final = ROOT / "docs" / "runbook.md"

_BOARDS: Final = (streams, duplicates, stages, explorer, recorder)
_NOTE: Final = "# Made by `make grafana` from grafana/generate; change it there.\n"


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it reads."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def files() -> dict[Path, str]:
    """Return the text of each file, by its path below the project's folder."""
    written = RUNBOOK.read_text(encoding="utf-8")
    boards = [*(board.build() for board in _BOARDS), runbook.build(written)]
    dashboards = {
        Path("dashboards", f"{board['uid'].removeprefix('otel-sse-')}.json"): _json(board) for board in boards
    }
    made = {
        **dashboards,
        Path("prometheus", "otel-sse.rules.yml"): _yaml(rules.prometheus(written)),
        Path("provisioning", "alerting", "otel-sse.yaml"): _yaml(rules.grafana(written)),
        Path("provisioning", "dashboards", "otel-sse.yaml"): _yaml(datasources.providers()),
        Path("provisioning", "datasources", "otel-sse.yaml"): _yaml(datasources.provisioning()),
    }
    return {Path("grafana") / path: content for path, content in made.items()}


def differing(root: Path = ROOT) -> list[Path]:
    """Return the files that are missing, differ from what the code makes, or that it does not make (any more)."""
    expected = files()
    kept = [path for path in _folders(root) if path not in expected]
    return kept + [path for path, content in expected.items() if _read(root / path) != content]


def write(root: Path = ROOT) -> list[Path]:
    """Write what differs, remove what is not made any more, and return the paths."""
    expected, changed = files(), differing(root)
    for path in changed:
        if path not in expected:
            (root / path).unlink()
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(expected[path], encoding="utf-8")
    return changed


def _folders(root: Path) -> list[Path]:
    found = [*(root / "grafana/dashboards").glob("*.json"), *(root / "grafana/provisioning").rglob("*.yaml")]
    return [path.relative_to(root) for path in found]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _yaml(content: Any) -> str:
    dump: Callable[..., str] = yaml.dump
    return _NOTE + dump(content, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
