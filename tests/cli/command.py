"""Run `otel-sse` as a process of its own, the way its entry point does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]

_RUN = "from otel_sse.cli.main import run; run()"
_BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
"""


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without those that change what the command does, and with `variables`."""
    steering = (
        "OTEL_",
        "FASTAPI_",
        "CHUNK_",
        "SILENCE_",
        "OPENAI_",
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
        "PYTHONWARNINGS",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def command_line(*arguments: str, blocked: tuple[str, ...] = ()) -> list[str]:
    """The command, in an interpreter that lacks the packages `blocked`."""
    before = _BLOCK.format(blocked=blocked) if blocked else ""
    return [sys.executable, "-W", "error", "-c", before + _RUN, *arguments]


def otel_sse(
    *arguments: str, variables: Mapping[str, str] = MappingProxyType({}), blocked: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command_line(*arguments, blocked=blocked),
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def started(*arguments: str, variables: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[str]:
    """Start the command, with pipes for what it writes."""
    return subprocess.Popen(
        command_line(*arguments),
        env=environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
