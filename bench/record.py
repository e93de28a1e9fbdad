"""The results as JSON, with what must be known to compare two runs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import otel_sse
from bench.plan import Plan, Results
from bench.targets import Verdict

_PACKAGES: Final = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-asgi",
    "opentelemetry-exporter-otlp-proto-common",
    "protobuf",
    "msgspec",
    "starlette",
    "httpx",
    "httpx2",
    "openai",
)


def document(run: dict[str, Any], plan: Plan, results: Results, verdicts: list[Verdict]) -> dict[str, Any]:
    """Return a run as plain values.

    Args:
        run: Its circumstances.
        plan: How much was measured.
        results: What was found.
        verdicts: What became of the targets.
    """
    return {
        "run": run,
        "plan": asdict(plan),
        "results": asdict(results),
        "targets": [asdict(verdict) for verdict in verdicts],
    }


def circumstances(arguments: Sequence[str]) -> dict[str, Any]:
    """Return what must be known to compare two runs: date, command, machine, versions.

    Args:
        arguments: What stood behind `python -m bench`.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench", *arguments]),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "versions": {"otel-sse": otel_sse.__version__, **{name: version(name) for name in _PACKAGES}},
    }


def write(path: Path, found: dict[str, Any]) -> None:
    """Write a run to a file; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(found), indent=1) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return value
