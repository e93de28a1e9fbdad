"""Which detector is asked about which event: the one place that knows all of them."""

from __future__ import annotations

from otel_sse.detect.framing import check_frame
from otel_sse.detect.identity import IdentityDetector
from otel_sse.detect.sequence import SequenceDetector
from otel_sse.detect.stall import StallDetector
from otel_sse.detect.terminal import TerminalDetector
from otel_sse.stage.settings import StageSettings
from otel_sse.stream.chunk import HEARTBEAT, Chunk, Finding
from otel_sse.stream.facts import Facts
from otel_sse.stream.stage import StageInfo
from otel_sse.wire import Event


class Checks:
    """The detectors of one stage of one stream. A detector is asked only where it could have something to say.

    Detectors that judge content alone (doubled, restarted, accumulated …) join here.
    """

    __slots__ = ("_identity", "_sequence", "_stage", "finished", "stall", "terminal")

    def __init__(self, info: StageInfo, settings: StageSettings, opened_ns: int) -> None:
        self._stage = info.name
        self.finished = False
        self.terminal = TerminalDetector(info.name)
        self.stall = StallDetector(info.name, opened_ns, settings.first_byte_ns, settings.silence_ns)
        self._sequence: SequenceDetector | None = None
        self._identity: IdentityDetector | None = None

    def event(self, chunk: Chunk, facts: Facts, event: Event) -> list[Finding]:
        """Return the findings about this event; most often none."""
        found: list[Finding] = []
        if facts.opens is not None:
            self._opens(facts.opens)
        if facts.finish_reason is not None:
            self.finished = True
        if facts.content is not None or chunk.done:
            _add(found, self.stall.content(chunk.seq, chunk.time_ns))
        elif chunk.kind == HEARTBEAT:
            self.stall.heartbeat()
        if chunk.done or self.terminal.ended:
            _add(found, self.terminal.check(chunk.seq, facts))
        if facts.sequence is not None:
            _add(found, self._numbered(chunk.seq, facts.sequence))
        if event.id is not None:
            _add(found, self._identified(chunk, event.id))
        if facts.nested or event.data.startswith("data:"):
            _add(found, check_frame(self._stage, chunk.seq, event.data, facts))
        return found

    def _opens(self, identity: str) -> None:
        if self.terminal.open(identity):
            self.finished = False
            if self._sequence is not None:
                self._sequence.restart()

    def _numbered(self, seq: int, number: int) -> Finding | None:
        if self._sequence is None:
            self._sequence = SequenceDetector(self._stage, "sequence number")
        return self._sequence.check(seq, number)

    def _identified(self, chunk: Chunk, ident: str) -> Finding | None:
        if self._identity is None:
            self._identity = IdentityDetector(self._stage)
        return self._identity.check(chunk.seq, ident, chunk.digest)


def _add(found: list[Finding], finding: Finding | None) -> None:
    if finding is not None:
        found.append(finding)
