"""The six-step pipeline: three processes on loopback, whose spans together are one trace an answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from otel_sse.demo.faults import CONTENT_CHECKS, FIRST_BYTE_THRESHOLD_S, SILENCE_THRESHOLD_S
from otel_sse.demo.pipeline_control import PATH
from otel_sse.demo.pipeline_process import CONTROL, GATEWAY, MODEL
from otel_sse.demo.servers import HOST
from otel_sse.errors import OtelSSEError, must

_STOP_S: Final = 20.0

FAULT_VARIABLES: Final = {
    "OTEL_SSE_SILENCE_THRESHOLD": f"{SILENCE_THRESHOLD_S:g}",
    "OTEL_SSE_FIRST_BYTE_THRESHOLD": f"{FIRST_BYTE_THRESHOLD_S:g}",
    "OTEL_SSE_CONTENT_CHECKS": json.dumps(CONTENT_CHECKS),
}
"""Settings of the processes under which every fault of the catalogue is found soon."""


class Pipeline:
    """Three processes: a model server, a control plane and a gateway. A context manager.

    Args:
        folder: Where each process writes its spans, as `<role>.jsonl`.
        plain: Roles whose application is left uninstrumented, and writes nothing.
        seed: The same seed gives the same pauses between tokens.
        variables: Set in the processes' environment where they have no value there: `FAULT_VARIABLES`, where faults
            are to be ordered and found without long waits.
    """

    def __init__(
        self,
        folder: Path,
        *,
        plain: Collection[str] = (),
        seed: int = 1,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._seed = seed
        self._plain = plain
        self._environ = {**(variables or {}), **os.environ}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.ports: dict[str, int] = {}
        """Port of each role on loopback, once it is started."""

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://{HOST}:{self.ports[GATEWAY]}"

    @property
    def files(self) -> list[Path]:
        """The files with the processes' spans, in the order in which the processes were started."""
        return [self._folder / f"{role}.jsonl" for role in self.ports if role not in self._plain]

    def __enter__(self) -> Pipeline:
        """Start all three, and return once they listen.

        Raises:
            OtelSSEError: One of them did not start.
        """
        try:
            # These two at once, because each takes a second to load.
            for role in (MODEL, CONTROL):
                self._start(role)
            model, control = self._wait(MODEL), self._wait(CONTROL)
            self._start(
                GATEWAY, "--model-url", f"http://{HOST}:{model}", "--control-url", f"ws://{HOST}:{control}{PATH}"
            )
            self._wait(GATEWAY)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def process(self, role: str) -> subprocess.Popen[str]:
        """Return one process."""
        return self._processes[role]

    def stop(self) -> None:
        """Let all of them end and write out their spans; one that has not ended after 20 s is killed."""
        # The gateway first, so that it can say goodbye to the others.
        for process in reversed(self._processes.values()):
            _stop(process)

    def _start(self, role: str, *options: str) -> None:
        spans = ["--plain"] if role in self._plain else ["--traces", str(self._folder / f"{role}.jsonl")]
        module = "otel_sse.demo.pipeline_process"
        command = [sys.executable, "-m", module, role, "--seed", str(self._seed), *spans, *options]
        self._processes[role] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=self._environ
        )

    def _wait(self, role: str) -> int:
        line = _pipe(self._processes[role].stdout).readline().strip()
        if not line.isdigit():
            raise OtelSSEError(must(f"process {role}", "say its port", line, "What it wrote to stderr says why."))
        self.ports[role] = int(line)
        return self.ports[role]


def _stop(process: subprocess.Popen[str]) -> None:
    _pipe(process.stdin).close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _pipe(process.stdout).close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None, "the process was started with pipes"
    return pipe


def merge(files: Sequence[Path], target: Path) -> None:
    """Write the lines of several files into one. What was in it is lost."""
    with target.open("wb") as merged:
        for path in files:
            with path.open("rb") as lines:
                shutil.copyfileobj(lines, merged)
