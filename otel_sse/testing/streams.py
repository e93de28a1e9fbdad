"""The streams of one recording, and what a test may ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, overload

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import text
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.errors import must
from otel_sse.stream.chunk import Finding
from otel_sse.stream.kinds import DUPLICATE, GAP
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.stream.stages import LAST
from otel_sse.testing.judgement import faults_of, shown, told

if TYPE_CHECKING:
    from otel_sse.testing.memory import Memory

_NONE_ADVICE: Final = (
    "Instrument the application that the test calls (otel_sse.instrument(app)), and call it within the block."
)


class RecordedStream:
    """One streamed answer, at all the stages that it crossed.

    Args:
        stream: What its spans tell.
    """

    def __init__(self, stream: TraceStream) -> None:
        self._stream = stream

    def __repr__(self) -> str:
        stages = ", ".join(f"{stage.label} {stage.total}" for stage in self.stages)
        route = f" {self.route}" if self.route else ""
        return f"<stream{route}: {self.outcome or 'not ended'}; chunks: {stages}; {len(self.findings)} findings>"

    @property
    def route(self) -> str:
        """The route's template, e.g. `/chat/{id}`; "" where no stage knows it."""
        return next((found for stage in self.stages if (found := text(stage.attributes, semconv.HTTP_ROUTE))), "")

    @property
    def stages(self) -> Sequence[TraceStage]:
        """Its stages in the order of the data."""
        return self._stream.stages

    @property
    def outcome(self) -> str:
        """How it ended, where it left the application; "" where it has not."""
        stages = [stage for stage in self.stages if stage.name in LAST] or self.stages
        return stages[-1].outcome

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found at its stages, while it ran."""
        return [finding for stage in self.stages for finding in stage.findings]

    @property
    def matrix(self) -> str:
        """Which chunk was where, and what the diagnosis says: what a failed assertion prints."""
        return shown(self._stream)

    def stage(self, name: str) -> TraceStage:
        """Return one of its stages: its `chunks`, `outcome`, `findings`.

        Args:
            name: Its name, with the direction where it has one: `emit`, `policy.judge.out`.

        Raises:
            AssertionError: The stream did not cross it, or crossed several of that name.
        """
        __tracebackhide__ = True
        found = [stage for stage in self.stages if name in (stage.label, stage.name)]
        if len(found) != 1:
            labels = ", ".join(stage.label for stage in self.stages)
            advice = f"This stream crossed: {labels}."
            got = f"{name}, {len(found)} times"
            raise AssertionError(must("stage", "be one that the stream crossed once", got, advice))
        return found[0]

    def assert_each_chunk_once(self, *, suspected: bool = True) -> None:
        """Fail where a chunk is there more than once, at any stage.

        Args:
            suspected: Whether what content alone suggests fails too. Set it to False for answers that repeat
                themselves on purpose.

        Raises:
            AssertionError: With what is there twice, the stage, and the matrix of chunks and stages.
        """
        __tracebackhide__ = True
        self._assert_none(DUPLICATE, "have each chunk once", suspected)

    def assert_no_gaps(self, *, suspected: bool = True) -> None:
        """Fail where a chunk was lost between two stages, or a number was skipped.

        Args:
            suspected: Whether what is not certain fails too.

        Raises:
            AssertionError: With what was lost, the stage, and the matrix of chunks and stages.
        """
        __tracebackhide__ = True
        self._assert_none(GAP, "lose no chunk", suspected)

    def assert_no_findings(self, *, suspected: bool = True) -> None:
        """Fail where anything is wrong but the outcome, which `assert_outcome` asks for, and bursts.

        Args:
            suspected: Whether what is not certain fails too.

        Raises:
            AssertionError: With what is wrong, and the matrix of chunks and stages.
        """
        __tracebackhide__ = True
        self._assert_none("", "have no findings", suspected)

    def assert_outcome(self, outcome: str) -> None:
        """Fail where the stream ended in another way.

        Args:
            outcome: `completed`, `incomplete`, `disconnected`, `cancelled`, `failed`, `capped`, `abandoned` or
                `unparsed`.

        Raises:
            AssertionError: With how it ended.
            ValueError: There is no such outcome.
        """
        __tracebackhide__ = True
        if outcome not in OUTCOMES:
            raise ValueError(must("outcome", f"be one of {', '.join(OUTCOMES)}", outcome, "Correct it."))
        if self.outcome != outcome:
            ends = ", ".join(f"{stage.label}: {stage.outcome or 'not ended'}" for stage in self.stages)
            self._fail("outcome", f"be {outcome!r}", self.outcome or "not ended", f"The stages ended so: {ends}.")

    def _assert_none(self, family: str, rule: str, suspected: bool) -> None:
        __tracebackhide__ = True
        faults = faults_of(self._stream, family, suspected=suspected)
        if faults:
            self._fail("stream", rule, told(faults), "The diagnosis:")

    def _fail(self, subject: str, rule: str, got: str, advice: str) -> None:
        __tracebackhide__ = True
        route = f" of {self.route}" if self.route else ""
        raise AssertionError(f"{subject}{route} must {rule}, got {got}. {advice}\n\n{self.matrix}")


class RecordedStreams(Sequence[RecordedStream]):
    """All streams of a recording, in the order in which they began. What is asserted of it is asserted of each.

    Args:
        memory: Where their spans are.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @overload
    def __getitem__(self, index: int) -> RecordedStream: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordedStream]: ...
    def __getitem__(self, index: int | slice) -> RecordedStream | Sequence[RecordedStream]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[RecordedStream]:
        return iter(self._all())

    def __repr__(self) -> str:
        return _list(self._all())

    async def settled(self) -> RecordedStreams:
        """Wait until the streams have ended (at most the recording's `wait_s`), and return them.

        To be awaited first where the application runs in the test's own event loop.
        """
        await self._memory.settled()
        return self

    def of(self, route: str) -> RecordedStream:
        """Return the one stream of a route.

        Args:
            route: Its template, e.g. `/chat/{id}`.

        Raises:
            AssertionError: There is none, or there are several.
        """
        __tracebackhide__ = True
        return _only([stream for stream in self if stream.route == route], self._all(), f"of the route {route!r}")

    def stage(self, name: str) -> TraceStage:
        """Return a stage of the one stream that was recorded.

        Args:
            name: Its name, with the direction where it has one: `emit`, `policy.judge.out`.

        Raises:
            AssertionError: Not exactly one stream was recorded, or it did not cross the stage.
        """
        __tracebackhide__ = True
        streams = self._all()
        return _only(streams, streams, "recorded").stage(name)

    def assert_each_chunk_once(self, *, suspected: bool = True) -> None:
        """Fail where a chunk of any stream is there more than once; see `RecordedStream.assert_each_chunk_once`.

        Args:
            suspected: Whether what content alone suggests fails too.

        Raises:
            AssertionError: With what is wrong with the first such stream, and its matrix; or no stream was recorded.
        """
        __tracebackhide__ = True
        for stream in self._some():
            stream.assert_each_chunk_once(suspected=suspected)

    def assert_no_gaps(self, *, suspected: bool = True) -> None:
        """Fail where a chunk of any stream was lost; see `RecordedStream.assert_no_gaps`.

        Args:
            suspected: Whether what is not certain fails too.

        Raises:
            AssertionError: With what is wrong with the first such stream, and its matrix; or no stream was recorded.
        """
        __tracebackhide__ = True
        for stream in self._some():
            stream.assert_no_gaps(suspected=suspected)

    def assert_no_findings(self, *, suspected: bool = True) -> None:
        """Fail where anything is wrong with any stream; see `RecordedStream.assert_no_findings`.

        Args:
            suspected: Whether what is not certain fails too.

        Raises:
            AssertionError: With what is wrong with the first such stream, and its matrix; or no stream was recorded.
        """
        __tracebackhide__ = True
        for stream in self._some():
            stream.assert_no_findings(suspected=suspected)

    def assert_outcome(self, outcome: str) -> None:
        """Fail where any stream ended in another way; see `RecordedStream.assert_outcome`.

        Args:
            outcome: How each must have ended.

        Raises:
            AssertionError: With what is wrong with the first such stream, and its matrix; or no stream was recorded.
        """
        __tracebackhide__ = True
        for stream in self._some():
            stream.assert_outcome(outcome)

    def _some(self) -> Sequence[RecordedStream]:
        __tracebackhide__ = True
        streams = self._all()
        if not streams:
            # An assertion about no stream at all would hold, and prove nothing.
            raise AssertionError(must("streams", "be recorded", 0, _NONE_ADVICE))
        return streams

    def _all(self) -> Sequence[RecordedStream]:
        trace = trace_of(self._memory.spans())
        return [] if trace is None else [RecordedStream(stream) for stream in trace.streams]


def _only(found: Sequence[RecordedStream], every: Sequence[RecordedStream], which: str) -> RecordedStream:
    __tracebackhide__ = True
    if len(found) == 1:
        return found[0]
    advice = f"Choose one by its index or route.\n{_list(every)}" if every else _NONE_ADVICE
    raise AssertionError(must("streams", f"be one {which}", len(found), advice))


def _list(streams: Iterable[RecordedStream]) -> str:
    lines = [f"[{n}] {stream!r}" for n, stream in enumerate(streams)]
    return "\n".join(lines) or "no streams were recorded"
