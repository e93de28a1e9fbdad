"""Which detector is asked about which event: the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from otel_sse.detect.carried import CarriedDetector
from otel_sse.detect.count import CountDetector
from otel_sse.detect.finish import FinishDetector
from otel_sse.detect.framing import FIELDS, check_frame
from otel_sse.detect.grammar import GrammarDetector
from otel_sse.detect.identity import IdentityDetector
from otel_sse.detect.odd import OddDetector
from otel_sse.detect.opening import OpeningDetector
from otel_sse.detect.resume import ResumeDetector
from otel_sse.detect.sequence import SequenceDetector
from otel_sse.detect.stall import StallDetector
from otel_sse.detect.terminal import TerminalDetector
from otel_sse.detect.tool_calls import ToolCallDetector
from otel_sse.dialects.builtin import JSON_DIALECTS
from otel_sse.dialects.frames import HEARTBEAT_WORDS, is_done_mark, is_vendor_frame
from otel_sse.dialects.generic import GenericJSON, holds_protocol_frame
from otel_sse.dialects.ndjson import NDJSONInData
from otel_sse.dialects.payload import NOT_JSON, decode
from otel_sse.stage.settings import StageSettings
from otel_sse.stream.chunk import CONTROL, HEARTBEAT, Chunk, Finding
from otel_sse.stream.facts import NO_REASONS, Facts
from otel_sse.stream.stage import StageInfo
from otel_sse.wire import Event

_OPEN: Final = frozenset({"", NDJSONInData.name})
"""Dialects in which frames that were glued together may still be a mistake: several objects in an event are a way of
writing them, but not a vendor's."""

_OWN: Final = frozenset({GenericJSON.name})
"""Dialects of JSON that are an application's own, which may send plain text as well."""

_GONE_ON: Final = -1
"""Stands for the content's length at an end where the latest event is none."""


class Checks:
    """The detectors of one stage of one stream. A detector is asked only where it could have something to say.

    Those that judge content alone look at many chunks at once, and are asked by the monitor.
    """

    __slots__ = (
        "_carried", "_count", "_framed_badly", "_grammar", "_identity", "_odd", "_opening", "_sequence", "_stage",
        "_tool_calls", "_turned", "alert", "answers", "asked_for", "ended_at", "finish", "finished", "finished_at",
        "is_other_message", "resume", "stall", "terminal",
    )  # fmt: skip

    def __init__(self, info: StageInfo, settings: StageSettings, opened_ns: int) -> None:
        self._stage = info.name
        self.finished = False
        self.ended_at = self.finished_at = _GONE_ON
        """Bytes of content as the latest terminal event crossed, and the latest finish reason: where the sum is still
        that, nothing of an answer has come since. `_GONE_ON` where there was none, or something else has."""
        self.terminal = TerminalDetector(info.name)
        self.finish = FinishDetector(info.name)
        self._carried = CarriedDetector(info.name)
        self._turned = False
        self.alert = False
        """Whether each event is to be asked about, plain ones too: the answer or a choice of it has ended, or an id has
        come that may be another answer's."""
        self.answers = 1
        """How many answers have begun."""
        self.asked_for = False
        """Whether the other side of a conversation asked for the latest one; the monitor sets it back."""
        self.is_other_message: Callable[[Event], bool] = _no_message
        """Whether an event with content behind an answer's end belongs to another message, by the message's id."""
        self._opening: OpeningDetector | None = None
        self.stall = StallDetector(info.name, opened_ns, settings.first_byte_ns, settings.silence_ns)
        self._sequence: SequenceDetector | None = None
        self._identity: IdentityDetector | None = None
        self._count: CountDetector | None = None
        self._grammar: GrammarDetector | None = None
        self._tool_calls: ToolCallDetector | None = None
        self._framed_badly = (0, 0)
        self._odd: OddDetector | None = None
        self.resume: ResumeDetector | None = None

    def event(self, chunk: Chunk, facts: Facts, event: Event, *, sure: bool = True, dialect: str = "") -> list[Finding]:
        """Return the findings about this event, and what it makes certain of earlier ones; most often none.

        Args:
            chunk: The event as a chunk.
            facts: What it means.
            event: The event itself.
            sure: Whether its dialect is a vendor's, which promises that a choice finishes once.
            dialect: The dialect's name; "" while that is open.
        """
        found: list[Finding] = []
        self._begins(found, chunk, facts, event)
        finishes = facts.finish_reason is not None and facts.finish_reason not in NO_REASONS
        if finishes:
            self.finished = True
        self._note_end(chunk, facts, finishes)
        if facts.content is not None or chunk.done:
            _add(found, self.stall.content(chunk.seq, chunk.time_ns))
        elif chunk.kind == HEARTBEAT:
            self.stall.heartbeat()
        if chunk.done or self.terminal.ended:
            self._ended(found, chunk, facts)
        elif finishes or self.finish.has_finished:
            _add(found, self._finished(chunk, facts, finishes, sure))
        if facts.sequence is not None:
            _add_unsaid(found, self._numbered(chunk, facts.sequence))
            if self.resume is not None:
                self.resume.numbered(facts.sequence)
        if facts.number is not None:
            _add_unsaid(found, self._counted(chunk, facts.number))
        if event.id is not None:
            _add_unsaid(found, self._identified(chunk, event.id))
            if self.resume is not None:
                _add(found, self._resumed(self.resume, chunk, event.id))
        if (facts.opens is not None and not facts.carried) or facts.part is not None:
            _add_unsaid(found, self._begun(chunk, facts))
        if facts.nested or event.data.startswith(FIELDS):
            _add(found, self._framed(chunk, facts, event, dialect))
        elif facts.kind == CONTROL or facts.content == event.data or "\n" in event.data:
            found += self._read(chunk, event, dialect)
        elif self._odd is not None and dialect in JSON_DIALECTS:
            found += self._odd.release(vendors=_is_vendors(dialect))
        if self._tool_calls is not None or facts.calls:
            self._called(chunk, facts)
        if facts.grammar is not None:
            self._spoken(chunk, facts.grammar)
        self._watch()
        return found

    def turn(self) -> None:
        """Take note that the other side of a conversation has spoken: behind an end, what follows is another answer."""
        if self.terminal.ended or self.finished:
            self._turned = self.alert = True

    def _begins(self, found: list[Finding], chunk: Chunk, facts: Facts, event: Event) -> None:
        """Take note of another answer, if one begins with this event."""
        if self._turned and chunk.kind != HEARTBEAT:
            self._begin_anew()
            self._opening = None
            self.asked_for = True
        if facts.opens is not None and not facts.carried:
            self._opens(facts.opens)
        elif facts.opens is not None:
            self._changes(chunk, facts, facts.opens)
        if facts.content is None:
            return
        if self._carried.is_waiting:
            told = self._carried.check(chunk.seq, chunk.acc_len)
            if told is not None:
                found.append(told)
                self._begin_answer()
        if self.terminal.ended and self.is_other_message(event):
            self._begin_anew()

    def _changes(self, chunk: Chunk, facts: Facts, identity: str) -> None:
        over = self.terminal.ended or self.finished
        self._carried.changed(chunk.seq, identity, _before(chunk, facts), over=over)
        if self._carried.is_waiting:
            self._begin_numbers()

    def _begin_anew(self) -> None:
        self._begin_answer()
        self._begin_numbers()

    def _begin_answer(self) -> None:
        self._turned = self.finished = False
        self.terminal.begin()
        self.finish.begin()
        self.answers += 1
        if self._opening is not None:
            self._opening.ended()

    def _begin_numbers(self) -> None:
        for numbers in (self._sequence, self._count, self._identity):
            if numbers is not None:
                numbers.begin()

    def _ended(self, found: list[Finding], chunk: Chunk, facts: Facts) -> None:
        was_ended = self.terminal.ended
        _add(found, self.terminal.check(chunk.seq, facts))
        if facts.terminal is not None and facts.finish_reason is not None:
            self.finish.ended(facts.finish_reason)
        if was_ended and not self.terminal.ended:
            self._begin_anew()
        if self._opening is not None:
            self._opening.ended()

    def _finished(self, chunk: Chunk, facts: Facts, finishes: bool, sure: bool) -> Finding | None:
        sure = sure and not self._carried.takes_turns
        late = None if facts.content is None else self.finish.content(chunk.seq, facts.channel, sure=sure)
        if not finishes:
            return late
        told = None
        sure = sure and facts.output_tokens is None
        for choice, reason in facts.finishes or (("", facts.finish_reason or ""),):
            told = self.finish.finish(chunk.seq, choice, reason, sure=sure) or told
        return told or late

    def _watch(self) -> None:
        self.alert = self.terminal.ended or self.finish.has_finished or self._carried.is_waiting or self._turned

    def _note_end(self, chunk: Chunk, facts: Facts, finishes: bool) -> None:
        # The sum tells of content that comes later, so that nothing need be asked for each piece of it.
        if chunk.done:
            self.ended_at = chunk.acc_len
        elif finishes:
            self.ended_at, self.finished_at = _GONE_ON, _GONE_ON if facts.partial else chunk.acc_len
        elif not _may_trail(chunk, facts):
            self.ended_at = self.finished_at = _GONE_ON

    def close(self, dialect: str = "") -> list[Finding]:
        """Return what was held back in case it came late, now that nothing will come; a second call returns nothing.

        Args:
            dialect: The dialect's name; "" where that is still open.
        """
        found = self.terminal.close()
        for numbers in (self._sequence, self._count, self._identity):
            if numbers is not None:
                _add_unsaid(found, numbers.restart())
        if self._odd is not None and dialect in JSON_DIALECTS:
            found += self._odd.release(vendors=_is_vendors(dialect))
        elif self._odd is not None:
            found += self._odd.close(dialect in _OPEN)
        return found

    def consequences(self, explained: bool) -> list[Finding]:
        """Return what is wrong with the answer as a whole, now that nothing will come.

        Args:
            explained: Whether chunks are known to be lost, repeated or late: what that makes of the answer is no news.
        """
        detectors = () if explained else (self._grammar, self._tool_calls)
        return [finding for each in detectors if each is not None for finding in each.close()]

    def resume_after(self, ident: str, cursor: str = "") -> None:
        """Hold the ids of this answer against the one that its reader had last, and the one that it asked for."""
        self.resume = ResumeDetector(self._stage, ident, cursor)

    def _opens(self, identity: str) -> None:
        first = not self.terminal.has_opened
        if not self.terminal.open(identity):
            return
        self.finished = False
        self.finish.begin()
        # What stands before the first answer (a vendor's remark on the prompt) is numbered with it.
        if not first:
            self.answers += 1
            self._begin_numbers()

    def _begun(self, chunk: Chunk, facts: Facts) -> list[Finding]:
        if self._opening is None:
            self._opening = OpeningDetector(self._stage)
        found: list[Finding] = []
        before = _before(chunk, facts)
        if facts.opens is not None and not facts.carried:
            _add(found, self._opening.answer(chunk.seq, facts.opens, before))
        if facts.part is not None:
            _add(found, self._opening.part(chunk.seq, facts.part, before))
        return found

    def no_data(self, seq: int, name: str) -> Finding | None:
        """Return the finding for an event that came without data, or None where nobody misses it.

        Args:
            seq: The last chunk before it.
            name: The event's name.
        """
        return None if name in HEARTBEAT_WORDS else self._odd_detector.no_data(seq, name)

    @property
    def _odd_detector(self) -> OddDetector:
        if self._odd is None:
            self._odd = OddDetector(self._stage, is_vendor_frame)
        return self._odd

    def _read(self, chunk: Chunk, event: Event, dialect: str) -> Sequence[Finding]:
        """Ask about an event that may be no JSON where the stream's events are."""
        data = event.data
        if (
            not data.strip()
            or (dialect not in _OPEN and dialect not in JSON_DIALECTS)
            or event.event in HEARTBEAT_WORDS
        ):
            return ()
        known = dialect in JSON_DIALECTS
        if decode(data) is not NOT_JSON or is_done_mark(data):
            return () if self._odd is None or not known else self._odd.release(vendors=_is_vendors(dialect))
        vendors = known and _is_vendors(dialect)
        return self._odd_detector.check(chunk.seq, data, event.event, known=known, vendors=vendors)

    def _framed(self, chunk: Chunk, facts: Facts, event: Event, dialect: str) -> Finding | None:
        data = event.data
        last, run = self._framed_badly
        run = run + 1 if chunk.seq == last + 1 else 1
        self._framed_badly = (chunk.seq, run)
        sure = holds_protocol_frame(event, facts.content) or (dialect in JSON_DIALECTS and not facts.nested)
        return check_frame(self._stage, chunk.seq, data, facts, run, sure=sure)

    def _called(self, chunk: Chunk, facts: Facts) -> None:
        if self._tool_calls is None:
            self._tool_calls = ToolCallDetector(self._stage)
        self._tool_calls.check(chunk.seq, facts)

    def _spoken(self, chunk: Chunk, broken: str) -> None:
        if self._grammar is None:
            self._grammar = GrammarDetector(self._stage)
        self._grammar.broken(chunk.seq, broken)

    def _numbered(self, chunk: Chunk, number: int) -> Sequence[Finding]:
        if self._sequence is None:
            self._sequence = SequenceDetector(self._stage, "sequence number")
        return self._sequence.check(chunk.seq, number, chunk.digest)

    def _counted(self, chunk: Chunk, number: int) -> Sequence[Finding]:
        if self._count is None:
            self._count = CountDetector(self._stage)
        return self._count.check(chunk.seq, number, chunk.digest)

    def _identified(self, chunk: Chunk, ident: str) -> Sequence[Finding]:
        if self._identity is None:
            self._identity = IdentityDetector(self._stage)
        if chunk.kind == HEARTBEAT:
            return self._identity.heartbeat(chunk.seq, ident, chunk.digest)
        return self._identity.check(chunk.seq, ident, chunk.digest)

    def _resumed(self, resume: ResumeDetector, chunk: Chunk, ident: str) -> Finding | None:
        if chunk.kind == HEARTBEAT:
            return resume.heartbeat(chunk.seq, ident, chunk.digest)
        return resume.check(chunk.seq, ident, chunk.digest)


def _is_vendors(dialect: str) -> bool:
    return dialect not in _OWN


def _before(chunk: Chunk, facts: Facts) -> int:
    """Return how much content had crossed before an event: what it says itself is not."""
    return chunk.acc_len - (0 if facts.content is None else len(facts.content.encode("utf-8", "surrogatepass")))


def _no_message(event: Event) -> bool:
    """Stand in for the question whether an event is of another message, where nobody knows of messages."""
    return False


def _may_trail(chunk: Chunk, facts: Facts) -> bool:
    """Whether an event may stand behind an answer's end without beginning more of it: a heartbeat, or usage."""
    if chunk.kind == HEARTBEAT:
        return True
    says_usage = facts.input_tokens is not None or facts.output_tokens is not None
    return says_usage and chunk.kind == CONTROL and facts.opens is None and facts.part is None


def _add_unsaid(found: list[Finding], further: Iterable[Finding]) -> None:
    # One repeat may show in the terminal mark, the payload's number and the id at once, and is still one.
    for finding in further:
        if all((finding.family, finding.seq) != (said.family, said.seq) for said in found):
            found.append(finding)


def _add(found: list[Finding], finding: Finding | None) -> None:
    if finding is not None:
        found.append(finding)
