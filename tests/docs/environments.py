"""An environment for each set of things that pages say to install, made once and kept.

`python -m tests.docs.environments` makes all that are not there.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shlex
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT, SHELL, Block, blocks, pages
from tests.docs.shell import Kind, commands

KEPT: Final = ROOT / ".venvs" / "docs"
"""Git ignores this folder."""

_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"

_OF_THE_TESTS: Final = ("dev", "test")
"""Extras that no page says to install."""

AHEAD_LIMIT_S: Final = 600
"""For each of pip's two steps, where no test waits."""

_LIMIT_S: Final = 120
"""For each of the two within a test: `faulthandler_timeout` ends the whole run after 300 s."""

_OURS: Final = re.compile(r"otel-sse(?:\[(?P<extras>[\w,-]+)\])?$")


class NoEnvironmentError(Exception):
    """An environment could not be made."""


_failed: dict[Path, NoEnvironmentError] = {}


def requirements(install: str) -> list[str]:
    """Return what a `pip install` line asks for."""
    words = shlex.split(install, comments=True)
    return words[words.index("install") + 1 :]


def asked_for(block: Block) -> list[str]:
    """Return all that a block's install lines ask for; nothing where it has none."""
    lines = commands(block.source) if block.language == SHELL and block.reason is None else []
    return [wanted for each in lines if each.kind is Kind.INSTALL for wanted in requirements(each.text)]


def usual() -> list[str]:
    """Return what a page without an install line has: all that README offers."""
    return [wanted for block in blocks("README.md") for wanted in asked_for(block)]


def every() -> list[list[str]]:
    """Return what each environment has that some page needs."""
    asked = [usual(), *(asked_for(block) for page in pages() for block in blocks(page))]
    return list({tuple(_arguments(wanted)): wanted for wanted in asked if wanted}.values())


def make_all(every_wanted: list[list[str]]) -> list[NoEnvironmentError]:
    """Make all environments that are not there, two at a time and before any test; return what went wrong.

    Args:
        every_wanted: What each has, as pages write it.
    """
    with ThreadPoolExecutor(2) as pool:
        return [error for error in pool.map(_made_ahead, every_wanted) if error is not None]


def _made_ahead(wanted: list[str]) -> NoEnvironmentError | None:
    try:
        environment(wanted, limit_s=AHEAD_LIMIT_S)
    except NoEnvironmentError as error:
        return error
    return None


def environment(wanted: list[str], *, limit_s: float = _LIMIT_S) -> Path:
    """Return the folder of the environment that has what is wanted, with this project for `otel-sse`.

    Args:
        wanted: Requirements, as pages write them.
        limit_s: How long each of the two steps may take that make it, in seconds.

    Raises:
        NoEnvironmentError: It is not there, and pip could not make it.
    """
    arguments = _arguments(wanted)
    folder = KEPT / f"{_PYTHON}-{hashlib.sha256(' '.join(arguments).encode()).hexdigest()[:12]}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{folder.name}.lock").open("w") as lock:
        # Of all threads, and of other runs of the tests in the same project.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder in _failed:
            raise _failed[folder]
        ready = folder / "ready"
        if not ready.exists() or ready.read_text() != _fingerprint():
            ready.unlink(missing_ok=True)
            _make(folder, arguments, limit_s)
            ready.write_text(_fingerprint())
    return folder


def _arguments(wanted: list[str]) -> list[str]:
    """pip's arguments: others by name, and this project with all extras that were asked for."""
    ours = [found for each in wanted if (found := _OURS.match(each))]
    extras = sorted({extra for each in ours if each["extras"] for extra in each["extras"].split(",")})
    others = sorted({each for each in wanted if not _OURS.match(each)})
    return ["-e", f".[{','.join(extras)}]" if extras else ".", *others]


@cache
def _fingerprint() -> str:
    """What decides over the contents besides the arguments."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for extra in _OF_THE_TESTS:
        project["optional-dependencies"].pop(extra)
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    return hashlib.sha256(json.dumps([project, pins, sys.version]).encode()).hexdigest()


def _make(folder: Path, arguments: list[str], limit_s: float) -> None:
    # The tests' own pip installs: to put one into each environment takes as long as most of what pages ask for.
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", "--clear", str(folder)],
        [*pip, "install", "-q", "-c", "constraints.txt", *arguments],
    ):
        if problem := _problem(command, limit_s):
            _failed[folder] = NoEnvironmentError(
                f"the environment of `pip install {shlex.join(arguments[1:])}` must be made once, got {problem[0]}. "
                f"Run the tests where pip reaches a registry; it is kept in .venvs/docs then.\n{problem[1]}"
            )
            raise _failed[folder]


def _problem(command: list[str], limit_s: float) -> tuple[str, str] | None:
    """Run a command; where it fails, return how it ended and what it said last."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return f"no end within {limit_s:g} s", ""
    return (f"code {done.returncode}", done.stderr[-2000:]) if done.returncode else None


if __name__ == "__main__":
    if wrong := make_all(every()):
        sys.exit("\n".join(map(str, wrong)))
