"""One page, run from its first block to its last, in a folder of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import httpx
from sybil import Example
from sybil.example import SybilFailure

from tests.deploy.collectors import free_ports
from tests.docs import outputs, shell
from tests.docs.environments import NoEnvironmentError, asked_for, environment
from tests.docs.machine import OTLP, Machine
from tests.docs.pages import (
    OTHERS,
    OUTPUT,
    PARSED,
    ROOT,
    SESSION,
    SHELL,
    Block,
    code_of_session,
    parse,
    replace,
    unreadable,
)
from tests.docs.shell import Command, Kind
from tests.integrations.seen import until

LIMIT_S: Final = 120
_HTTP_PORT: Final = re.compile(r"(?<=localhost:)\d{4,5}\b|(?<=127\.0\.0\.1:)\d{4,5}\b|(?<=--port )\d{4,5}\b")
_DEFAULT_PORT: Final = "8000"
"""uvicorn's."""
_ID: Final = re.compile(r"(?<= )(?:TRACE_ID|[0-9a-f]{4,32})(?= |$)")
_FOR_DEVELOPERS: Final = "CONTRIBUTING.md"
"""Its commands are for the environment of these tests."""

_OUR_SETTINGS: Final = f" -c {shlex.quote(str(ROOT / 'pyproject.toml'))} --rootdir ."
"""pytest's, for tests that stand on that page."""

_PATH: Final = [each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != Path(sys.executable).parent]
"""Without what is installed for these tests, which a page's own environment may lack."""

_NOT_A_READERS: Final = ("PYTHONPATH", "ARGS", "WORKERS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "PYTEST_")
"""Beginnings of the variables that come from how these tests were started: `make test ARGS=-q` hands `ARGS` to every
`make` below it, and a worker of pytest-xdist says in `PYTEST_XDIST_WORKER` which one it is."""

_FAULT_PAGES: Final = "docs/faults/"


class PageRun:
    """Runs a page.

    Args:
        page: The page, relative to the project's root.
        machine: What all pages share.
        folder: Where the page's commands run; it does not exist yet.
        rewrite: Write what commands print now into the page, where it differs.
    """

    def __init__(self, page: str, machine: Machine, folder: Path, *, rewrite: bool = False) -> None:
        self.page = page
        self.machine = machine
        self.folder = folder
        self.rewrite = rewrite
        self.failures: dict[int, str] = {}
        """What is wrong with a block, by its line."""
        self._stack = ExitStack()
        self._wanted: list[str] = machine.usual
        self._printed: str | None = None
        self._ids: dict[str, str] = {}
        self._ports: dict[str, str] = machine.ports(page)
        self._python: subprocess.Popen[str] | None = None
        self._app_blocks: list[Block] = []

    def run(self) -> PageRun:
        """Run all of its blocks, in order, and end what they started."""
        document = parse(self.page, self._evaluate)
        with self._stack:
            self._make_folder()
            for example in document.examples():
                try:
                    example.evaluate()
                except SybilFailure as failure:
                    self.failures[example.parsed.line] = failure.result
                except (NoEnvironmentError, subprocess.TimeoutExpired, OSError) as error:
                    self.failures[example.parsed.line] = str(error)
        return self

    def _make_folder(self) -> None:
        if self.page.startswith("examples/"):
            shutil.copytree((ROOT / self.page).parent, self.folder)
            return
        self.folder.mkdir(parents=True)
        shutil.copytree(ROOT / "examples", self.folder / "examples")
        (self.folder / "deploy").symlink_to(ROOT / "deploy")

    def _evaluate(self, example: Example) -> str | None:
        block: Block = example.parsed
        if (problem := block.problem()) is not None:
            return problem
        if block.language == OUTPUT:
            return self._output(block)
        self._printed = None
        if block.reason is not None or block.language in OTHERS:
            return None
        if "file" in block.says:
            (self.folder / block.says["file"]).write_text(block.source, "utf-8")
        if block.language in PARSED:
            return unreadable(block)
        if block.language == SESSION:
            block = dataclasses.replace(block, source=code_of_session(block.source))
        return self._shell(block) if block.language == SHELL else self._python_block(block)

    # Python

    def _python_block(self, block: Block) -> str | None:
        if re.search(r"^(?:async )?def test_", block.source, re.M):
            return self._tests(block)
        if re.search(r"^app = ", block.source, re.M):
            self._app_blocks.append(block)
        process = self._page_process()
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {"path": str(ROOT / self.page), "line": block.line, "source": block.source}
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the process ended", "printed": ""}
        self._printed = answer["printed"]
        return answer["error"] or None

    def _page_process(self) -> subprocess.Popen[str]:
        if self._python is None:
            # Code that exports without an address would send to whatever listens on OTLP's own port.
            address = f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{self._port(OTLP)}"
            script = str(Path(__file__).with_name("page_process.py"))
            command = ["env", address, "python", "-P", "-W", "error", script]
            self._python = self._start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._python

    def _tests(self, block: Block) -> str | None:
        """Tests are run by pytest: here, or by a command of the page where they have a file of their own."""
        name = block.says.get("file", f"test_line_{block.line}.py")
        (self.folder / name).write_text(block.source, "utf-8")
        if "file" in block.says:
            return None
        return self._plain(f"pytest -q {name}")

    # Shell

    def _shell(self, block: Block) -> str | None:
        before: list[str] = []
        commands = shell.commands(block.source)
        if wanted := asked_for(block):
            self._wanted = wanted
            environment(wanted)
        for command in commands:
            if command.kind is Kind.SETTING:
                before.append(command.text)
            elif command.kind is Kind.SERVER:
                if (failure := self._serve(command, before)) is not None:
                    return f"{command.text}\n{failure}"
            elif command.kind is Kind.PLAIN and (failure := self._plain(command.text, before)) is not None:
                return f"{command.text}\n{failure}"
        return None

    def _plain(self, command: str, before: list[str] | None = None) -> str | None:
        """Run a command to its end; what it printed is kept."""
        script = "\n".join([*(before or []), command])
        if shell.is_demo(command):
            done = self.machine.demo(self._script(script), self._bash, self.folder / (shell.traces_file(command) or ""))
        else:
            done = self._bash(script := self._script(script))
        self._printed = done.stdout
        if done.returncode in self._allowed(command) and "Traceback" not in done.stderr:
            return None
        return f"ended with code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def _allowed(self, command: str) -> tuple[int, ...]:
        # 1 says that something in the traces is not in order.
        return (0, 1) if shell.program(command) == "otel-sse" else (0,)

    def _bash(self, script: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-euo", "pipefail", "-c", script]
        process = subprocess.Popen(
            command,
            cwd=ROOT if script.startswith("make ") else self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            printed, said = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            # What the shell has started ends with it.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return subprocess.CompletedProcess(command, process.returncode, printed, said)

    def _serve(self, command: Command, before: list[str]) -> str | None:
        """Start a server, and ask it for all that can be got from it without a parameter."""
        self._save_application(command.text)
        shown = re.search(r"--port (\d+)", command.text)
        own = shown[1] if shown else _DEFAULT_PORT
        self._ports[own] = str(free_ports(1)[0])
        script = self._script("\n".join([*before, f"exec env {command.text}"]))
        log = self._stack.enter_context((self.folder / f"server-{self._ports[own]}.log").open("w+", encoding="utf-8"))
        server = self._start(["bash", "-euo", "pipefail", "-c", script], stdout=log, stderr=log)
        if "--serve" in command.text:
            return self._wait(server, log, lambda: "curl" in _read(log))
        url = f"http://127.0.0.1:{self._ports[own]}"
        return self._wait(server, log, lambda: _is_up(url)) or _got(url)

    def _wait(self, server: subprocess.Popen[str], log: IO[str], is_up: Callable[[], bool]) -> str | None:
        try:
            until(lambda: server.poll() is not None or is_up(), "the server being up", LIMIT_S)
        except AssertionError as error:
            return f"{error}\n{_read(log)[-3000:]}"
        return None if server.poll() is None else f"ended with code {server.returncode}\n{_read(log)[-3000:]}"

    def _save_application(self, command: str) -> None:
        """What the page's last Python block made is the module that uvicorn is told to load, where there is none."""
        found = re.search(r"\buvicorn (\w+):app", command)
        path = self.folder / f"{found[1] if found else ''}.py"
        if found and self._app_blocks and not path.exists():
            path.write_text(self._app_blocks[-1].source, "utf-8")

    def _start(self, command: list[str], **pipes: object) -> subprocess.Popen[str]:
        variables = self._environment()
        program = shutil.which(command[0], path=variables["PATH"]) or command[0]
        process = subprocess.Popen([program, *command[1:]], cwd=self.folder, env=variables, text=True, **pipes)  # type: ignore[call-overload]
        self._stack.callback(_end, process)
        return process

    def _environment(self) -> dict[str, str]:
        is_ours = self.page == _FOR_DEVELOPERS
        folder = Path(sys.prefix) if is_ours else environment(self._wanted)
        path = os.pathsep.join([str(folder / "bin"), *_PATH])
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_A_READERS)},
            **self.machine.variables,
            "PATH": path,
            "VIRTUAL_ENV": str(folder),
            "PYTEST_ADDOPTS": f"-W error -p no:cacheprovider{_OUR_SETTINGS if is_ours else ''}",
            "UVICORN_PORT": self._port(_DEFAULT_PORT),
        }

    # What a page names and this run has otherwise

    def _script(self, text: str) -> str:
        """The page's commands, with this run's ports and ids of traces."""
        text = _HTTP_PORT.sub(lambda found: self._port(found[0]), text)
        return _ID.sub(lambda found: self._trace_id(found[0]), text)

    def _port(self, shown: str) -> str:
        if shown not in self._ports:
            self._ports[shown] = str(free_ports(1)[0])
        return self._ports[shown]

    def _trace_id(self, shown: str) -> str:
        known = [new for old, new in self._ids.items() if old.startswith(shown)]
        return known[0] if known else self._any_id() or shown

    def _any_id(self) -> str | None:
        """A trace of the page's file of traces: what a reader would put where the page has `TRACE_ID`."""
        path = self.folder / "traces.jsonl"
        found = re.search(r'"traceId":\s*"([0-9a-f]{32})"', path.read_text("utf-8")) if path.exists() else None
        return found[1] if found else None

    # Outputs

    def _output(self, block: Block) -> str | None:
        if block.reason is not None or self.page.startswith(_FAULT_PAGES):
            return None
        if "output of" in block.says and (failure := self._plain(block.says["output of"])) is not None:
            return failure
        if self._printed is None:
            return "an output must stand right behind its command, or say `output of` or `not run` above it"
        self._ids |= outputs.same_ids(block.source, self._printed)
        found = block.difference(self._printed)
        if found is not None and self.rewrite:
            return replace(block, outputs.rewritten(block.source, self._printed))
        return found


def _read(log: IO[str]) -> str:
    return Path(log.name).read_text("utf-8", "replace")


def _is_up(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _got(url: str) -> str | None:
    schema = httpx.get(f"{url}/openapi.json", trust_env=False)
    paths = schema.json()["paths"] if schema.is_success else {}
    for path in (path for path, methods in paths.items() if "get" in methods and "{" not in path):
        answer = httpx.get(f"{url}{path}", trust_env=False)
        if not answer.is_success:
            return f"GET {path} must be answered, got {answer.status_code}"
    return None


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
    else:
        process.terminate()
    try:
        process.wait(LIMIT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
