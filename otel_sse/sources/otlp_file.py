"""Traces in files of OTLP JSON lines, as `otel-sse demo --traces` and the collector's file exporter write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from otel_sse import limits
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.errors import must
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_json import spans_of

_TOLD: Final = 3
"""Damaged lines that a message names one by one."""

_BOM: Final = b"\xef\xbb\xbf"


class OtlpFiles:
    """One or several files that together hold traces: each process may have written its own.

    Reading goes line by line, so that memory holds one line and what the caller keeps. A damaged line is passed over
    and taken note of: call `damage` once all has been read.

    Args:
        paths: The files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self.read = 0
        """Lines that could be read."""
        self._damaged: list[str] = []
        self._damaged_count = 0

    @property
    def name(self) -> str:
        """The files' names, for messages."""
        return ", ".join(str(path) for path in self.paths)

    def spans(self) -> Iterator[Span]:
        """Yield every span, in the order of the files. May be called again, to read them again.

        Raises:
            SourceError: A file can't be opened or read.
        """
        self.read, self._damaged, self._damaged_count = 0, [], 0
        for path in self.paths:
            yield from self._spans(path)

    def _spans(self, path: Path) -> Iterator[Span]:
        for number, line in _lines(path):
            try:
                spans = spans_of(line)
            except (ValueError, RecursionError) as error:
                self._damaged_count += 1
                if len(self._damaged) < _TOLD:
                    told = error if line else f"longer than {limits.MAX_LINE_BYTES:,} bytes"
                    self._damaged.append(f"{path}, line {number}: {told}")
            else:
                self.read += 1
                yield from spans

    def damage(self) -> SourceError | None:
        """Return what was damaged in the last reading, as an error to tell or to raise; None where nothing was."""
        if not self._damaged_count:
            return None
        others = self._damaged_count - len(self._damaged)
        told = "; ".join(self._damaged) + (f"; and {others} more" if others else "")
        read = f"The other lines were read, {self.read} of them." if self.read else "No line could be read."
        advice = f"{read} Each line has to be one OTLP export request in JSON."
        return SourceError(f"file must hold OTLP JSON lines without damage, got {told}. {advice}")

    def nothing(self) -> SourceError:
        """Return the error to raise where no span was found."""
        rule = "hold spans of stages, one OTLP export request in JSON a line"
        found = f"{self.read} lines without any" if self.read else "an empty file"
        return SourceError(must(f"file {self.name}", rule, found, "Write one with `otel-sse demo --traces FILE`."))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        _check(path)
        with path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, limits.MAX_LINE_BYTES + 1), b""), 1):
                if len(line) > limits.MAX_LINE_BYTES and not line.endswith(b"\n"):
                    _skip(file)
                    yield number, b""
                elif text := line.removeprefix(_BOM).strip():
                    yield number, text
    except SourceError:
        raise
    except (OSError, ValueError) as error:
        # ValueError: a name with a NUL in it.
        found = getattr(error, "strerror", None) or type(error).__name__
        raise SourceError(must(f"file {path}", "be a file that can be read", found, "Correct its name.")) from error


def _check(path: Path) -> None:
    # A pipe that the shell has opened (`<(zcat file)`) has a writer; a named one, or a device, may never say anything,
    # or never end.
    kind = "a named pipe" if path.is_fifo() else "a device" if path.is_char_device() or path.is_block_device() else ""
    if kind and not str(path).startswith(_OPENED):
        advice = "Write its contents into a file, or give a pipe of the shell: <(command)."
        raise SourceError(must(f"file {path}", "be a file that ends", kind, advice))


def _skip(file: BinaryIO) -> None:
    while (part := file.readline(limits.MAX_LINE_BYTES)) and not part.endswith(b"\n"):
        pass


_OPENED: Final = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
