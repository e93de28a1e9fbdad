"""The monitor of one stage of one stream: bytes and times in; chunks, findings and totals out.

This is the hot path: `feed` runs on the request's thread for every body. It therefore holds its state in plain
attributes and appends to a journal; everything dear happens elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_sse import limits
from otel_sse.detect.burst import check_burst
from otel_sse.detect.content import ContentDetector
from otel_sse.detect.framing import check_violation
from otel_sse.detect.rules import RuleDetector
from otel_sse.dialects import Reader
from otel_sse.dialects.builtin import MODEL_DIALECTS
from otel_sse.dialects.generic import GenericJSON
from otel_sse.dialects.payload import NOT_JSON, decode
from otel_sse.dialects.reader import without_content
from otel_sse.lineage.edge import Edge
from otel_sse.stage.checks import Checks
from otel_sse.stage.ending import Ending
from otel_sse.stage.forms import Forms
from otel_sse.stage.items import ItemReader
from otel_sse.stage.notes import Journal, Notes, nowhere
from otel_sse.stage.settings import StageSettings
from otel_sse.stream import kinds
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.chunk import CERTAIN, COMMENT, CONTENT, HEARTBEAT, SUSPECTED, Chunk, Finding
from otel_sse.stream.digest import DIGEST_CHARS, sha1, sha1_digest
from otel_sse.stream.facts import Facts
from otel_sse.stream.kinds import family_of
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.stream.totals import Totals
from otel_sse.wire import Comment, Event, Item, LineParser, Parser, Violation
from otel_sse.wire.events import NO_DATA, TRUNCATED
from otel_sse.wire.text import TextParser

_LARGE: Final = limits.ACCUMULATED_BYTES

_ANYTHING: Final = frozenset({"", "plain-text"})
"""Dialects whose text may be a log or a progress as well as an answer."""

_OWN: Final = _ANYTHING | {GenericJSON.name}
"""Dialects of an application's own, which promise nothing."""

_EXPLAIN: Final = frozenset({kinds.DUPLICATE, kinds.GAP, kinds.REORDER, kinds.CORRUPTION, kinds.AFTER_DONE})
"""Findings from which it follows that parts are not open and tool calls are broken."""
_FIRST_CHOICE: Final = "0"

_NAME_CHARS: Final = limits.MAX_NAME_CHARS
"""Of an id or an event's name a chunk keeps what is shown: it may be as long as an event, and thousands may wait."""


class StageMonitor:
    """Everything that is known of one stage of one stream. One object for a stream and stage; not thread-safe.

    Args:
        info: The stage.
        settings: What to check, and how.
        opened_ns: When the request arrived, on the clock that all later times are read from, in nanoseconds.
        journal: Where chunks go, or None where nobody wants them (detection and totals go on).
    """

    __slots__ = (
        "_answers",
        "_capture",
        "_checks",
        "_content",
        "_digest",
        "_ending",
        "_forms",
        "_frames_matter",
        "_interval_sample",
        "_items",
        "_journal",
        "_notes",
        "_parser",
        "_reader",
        "_rules",
        "_sampled",
        "_several",
        "_since",
        "_spoke",
        "_stall",
        "_terminal",
        "edge",
        "encoding",
        "info",
        "intervals",
        "on_chunk",
        "settings",
        "totals",
    )

    def __init__(
        self,
        info: StageInfo,
        settings: StageSettings,
        opened_ns: int,
        journal: Journal | None = None,
    ) -> None:
        self.info = info
        self.settings = settings
        self.encoding = encoding = info.spec.encoding
        self.totals = Totals(opened_ns=opened_ns)
        self.intervals: list[int] = []
        self.on_chunk: Callable[[Chunk], None] | None = None
        self._forms = Forms()
        self._since = 0
        self._checks = Checks(info, settings, opened_ns)
        self._answers = self._checks.answers
        self.totals.finish_reasons = self._checks.finish.reasons
        self._checks.is_other_message = self._is_other_message
        self._content = ContentDetector(info.name, settings.digest)
        self._rules = RuleDetector(info.name, settings.content_checks) if settings.content_checks else None
        self._stall = self._checks.stall
        self._terminal = self._checks.terminal
        self._interval_sample = settings.interval_sample
        self._capture = settings.capture_content
        self._digest = settings.digest
        # Whether frames are compared: until the first look, and in dialects of an application's own.
        self._frames_matter = True
        # Whether several channels have said something, and which the latest was, of those chunks that are looked at.
        self._several = False
        self._spoke: str | None = None
        # The channel of the latest piece whose form is kept: one behind each look and each change of the channel.
        self._sampled: str | None = None
        self._ending = Ending(self.totals, encoding)
        self._journal = nowhere if journal is None else journal.append
        self._notes = Notes(self.totals, self._journal, settings.max_findings, self._content.told.keep)
        self._parser = None if encoding else _parser(settings, info.spec)
        self._reader = Reader(
            dialect=settings.dialect_of_stage(info.spec),
            content_of=settings.content_of_stage(info.spec),
            whole_types=(*settings.whole_types, *info.spec.whole_types),
            cumulative=info.spec.cumulative or info.name in settings.cumulative_stages,
        )
        self.edge: Edge | None = None
        self._items: ItemReader | None = None

    @property
    def dialect(self) -> str:
        """The dialect that reads this stream; "" while that is open."""
        return self._reader.name

    @property
    def callback_errors(self) -> int:
        """How often the user's `content_of` raised."""
        return self._reader.callback_errors

    def feed(self, body: bytes | memoryview, time_ns: int, send_ns: int = 0) -> None:
        """Take note of bytes that crossed the stage.

        Args:
            body: The bytes, whole or any part of events (Starlette lets a memoryview through).
            time_ns: When they crossed: the clock's reading before they were handed on.
            send_ns: How long handing them on took.
        """
        totals = self.totals
        totals.send_ns += send_ns
        if not body:
            return
        totals.bytes += len(body)
        if not totals.first_chunk_ns:
            self._first(time_ns)
        parser = self._parser
        if parser is not None:
            items = parser.feed(body)
            if type(parser) is TextParser and parser.is_text:
                self._reader.take_for_text()
            for item in items:
                if type(item) is Event:
                    self._crossed(self._reader.read(item), item, time_ns, send_ns)
                else:
                    self._other(item, time_ns, send_ns)
        elif self.encoding:
            self._unread(time_ns)

    def _unread(self, time_ns: int) -> None:
        # Of bytes that can't be read their times are known: a silence between two of them is a silence.
        totals = self.totals
        totals.max_interval_ns = max(totals.max_interval_ns, time_ns - totals.last_chunk_ns)
        totals.last_chunk_ns = time_ns

    def end_of_body(self, time_ns: int, outcome: str = outcomes.COMPLETED) -> str:
        """Take note that no more bytes will come; return how the stream ends if nothing else happens.

        Args:
            time_ns: When the last bytes were handed over. A second call changes nothing.
            outcome: What `end` is to be called with then.
        """
        self._close_parser(time_ns)
        return self._outcome(outcome)

    def reader_left(self, *, had_all: bool) -> None:
        """Take note that whoever reads has left: an answer's end that crosses from now on reaches nobody.

        Args:
            had_all: What `has_all` was when the reader left.
        """
        self._ending.leave(had_all)

    def reads_for_nobody(self, time_ns: int) -> None:
        """Take note that the request has ended that the stage is read for, and that it is read on.

        Args:
            time_ns: When that was.
        """
        self.totals.unread_since_ns, self.totals.unread_from = time_ns, self.totals.chunks

    def end(self, outcome: str, time_ns: int, error_type: str = "") -> Totals:
        """Close the stage and return its totals. A second call changes nothing.

        Args:
            outcome: How the stream ended as the shell saw it. `completed` is held against the protocol: it becomes
                `incomplete` where the protocol's end was not seen, `failed` where no content followed an error event,
                and `unparsed` where the bytes could not be read. `disconnected`, `cancelled` and `abandoned` become
                `completed` where `has_all` is true, unless the reader left before that.
            time_ns: When it ended.
            error_type: Class name of the exception that ended it, or "".
        """
        totals = self.totals
        if totals.outcome:
            return totals
        self._close_parser(time_ns)
        totals.ended_ns = time_ns
        totals.dialect = self._reader.name
        totals.outcome = self._outcome(outcome)
        totals.error_type = error_type or self._ending.error_type(totals.outcome)
        proven = () if self.edge is None else self.edge.close()
        for finding in (*self._checks.close(self._reader.name), *proven):
            self._notes.add(finding, time_ns)
        explained = any(kind in _EXPLAIN or family_of(kind) in _EXPLAIN for kind, _ in totals.by_kind)
        for finding in self._checks.consequences(explained):
            self._notes.add(finding, time_ns)
        self._notes.add(self._last_wait(time_ns), time_ns)
        self._notes.add(check_burst(self.info.name, totals), time_ns)
        return totals

    def _last_wait(self, time_ns: int) -> Finding | None:
        checks, totals = self._checks, self.totals
        if not totals.first_chunk_ns:
            return checks.stall.first(time_ns, 0)
        # After the answer's end nothing is waited for, and nobody knows what compressed bytes brought.
        if checks.terminal.ended or checks.finished or self.encoding:
            return None
        return checks.stall.content(totals.chunks, time_ns)

    def _outcome(self, outcome: str) -> str:
        return self._ending.outcome(outcome, at_end=self.at_end, expects=self._reader.expects, has_all=self.has_all)

    @property
    def at_end(self) -> bool:
        """Whether the protocol's end of an answer has crossed."""
        return self._checks.terminal.ended or (self._reader.expects == "finish" and self._checks.finished)

    @property
    def has_all(self) -> bool:
        """Whether the protocol's end was the last thing that crossed, so that nothing is missed by who stops here.

        What may follow an end and begins no more of an answer is comments, heartbeats and usage.
        """
        checks, written = self._checks, self.totals.content_bytes
        if self._ending.had_all is not None:
            return self._ending.had_all
        if checks.terminal.ended and checks.ended_at == written:
            return True
        return self._reader.expects == "finish" and checks.finished and checks.finished_at == written

    def take_back(self, *, had_all: bool) -> None:
        """Take note that the latest bytes did not cross after all, and that none will any more.

        Args:
            had_all: What `has_all` was before them.
        """
        self._ending.take_back(had_all)

    def _look(self, chunk: Chunk) -> None:
        if found := self._content.look(*self._so_far):
            self._notes.attach(chunk, found)
        self._frames_matter = self._reader.name == GenericJSON.name
        self._sampled = None
        self._several = self._content.is_mixed

    @property
    def _so_far(self) -> tuple[bool, bool]:
        """Whether the answer has come to its end, and whether what repeats in it is proof.

        It is in the dialects of models' vendors alone: an application's own format, and those of agents, carry logs,
        rows and progress as well, which may say each thing twice. Nor is it where the stage has its chunks from another
        one here and hands them on as they are: what it says twice itself is known by lineage then.
        """
        hands_on = self.edge is not None and self.edge.hands_on
        return self._checks.finished or self._terminal.ended, self._reader.name in MODEL_DIALECTS and not hands_on

    @property
    def left_with_all(self) -> bool:
        """Whether `has_all`, and who reads had not left before it was so, with nothing more of an answer since."""
        return self._ending.reached(self.has_all)

    def _close_parser(self, time_ns: int) -> None:
        parser, self._parser = self._parser, None
        for item in () if parser is None else parser.close():
            if type(item) is Event:
                # The last line of newline-delimited JSON may lack its end, unless it breaks off.
                self._ending.truncated |= decode(item.data) is NOT_JSON
                self._crossed(self._reader.read(item), item, time_ns, 0)
            else:
                self._ending.truncated |= type(item) is Violation and item.kind == TRUNCATED
                self._other(item, time_ns, 0)
        for finding in self._content.close(*self._so_far):
            self._notes.add(finding, time_ns)
        resume = self._checks.resume
        if resume is not None:
            self._notes.add(resume.close(), time_ns)
            self.totals.resumed = resume.resumed

    def _first(self, time_ns: int) -> None:
        self.totals.first_chunk_ns = self.totals.last_chunk_ns = time_ns
        self._notes.add(self._checks.stall.first(time_ns), time_ns)

    def take(self, item: object, time_ns: int) -> None:
        """Take note of an object that crossed the stage: what an iterator yielded.

        Text and bytes that are framed as events are read like a body, and may be cut anywhere; other text is content as
        it stands; any other object is read as what it would be sent as.

        Args:
            item: The object; it is only looked at.
            time_ns: When it crossed.
        """
        items = self._items
        if items is None:
            self._items = items = ItemReader(self._reader, asks=self._reader.asks)
        text = items.plain(item)
        if text is not None:
            self._plain(text, items.channel, time_ns)
            return
        if not self.totals.first_chunk_ns:
            self._first(time_ns)
        framed = items.framed(item)
        if framed is not None:
            self.feed(framed, time_ns)
            return
        facts, event = items.read(item)
        self.totals.bytes += event.size
        self._crossed(facts, event, time_ns, 0)

    def cross(self, facts: Facts, event: Event, time_ns: int) -> None:
        """Take note of a chunk that has been read already: a message whose own protocol says what it is.

        Args:
            facts: What it means.
            event: What it is digested by where it has no content, and its size.
            time_ns: When it crossed.
        """
        if not self.totals.first_chunk_ns:
            self._first(time_ns)
        self.totals.bytes += event.size
        self._crossed(facts, event, time_ns, 0)

    def resume_after(self, ident: str, cursor: str = "") -> None:
        """Take note that the reader asked for what comes after an event: the answer is to go on right behind it.

        Args:
            ident: The event's id, as the request's `Last-Event-ID` has it, or "".
            cursor: What a cursor in the request's query says, or "".
        """
        self._checks.resume_after(ident, cursor)

    def wait_freely(self) -> None:
        """Call no silence a stall from now on: nobody has said that an answer is under way."""
        self._stall.silence_ns = 2**63

    def wait_for_content(self, time_ns: int) -> None:
        """Undo `wait_freely`: an answer is under way since `time_ns`."""
        self._stall.silence_ns = self.settings.silence_ns
        self._stall.since_ns = time_ns

    def unasked(self, pause_ns: int) -> None:
        """Leave a pause out of the silence: nobody asked for the next chunk in it, so none was late."""
        self._stall.since_ns += pause_ns

    def note(self, finding: Finding, time_ns: int) -> None:
        """Take note of a finding about this stage that was made elsewhere."""
        self._notes.add(finding, time_ns)

    def leave_to_lineage(self, seq: int) -> None:
        """Take note that lineage judges whether a chunk is a copy: its content says nothing more about it.

        Args:
            seq: The chunk's number.
        """
        self._content.told.keep(seq)

    def _plain(self, text: str, channel: str, time_ns: int) -> None:
        # `_crossed` for a piece of content and nothing else, after the first chunk: the way of nearly every object.
        totals = self.totals
        raw = text.encode() if text.isascii() else _encode(text)
        size = len(raw)
        totals.bytes += size
        totals.content_bytes = written = totals.content_bytes + size
        totals.content_chunks += 1
        totals.chunks = seq = totals.chunks + 1
        if not totals.first_content_ns:
            totals.first_content_ns = time_ns
        digest = self._digest
        name = sha1(raw).hexdigest()[:DIGEST_CHARS] if digest is sha1_digest else digest(raw)
        chunk = Chunk(seq, time_ns, CONTENT, name, written, size, False, "", None, "", 0, channel)
        if self._checks.alert or not self._stall.in_time(time_ns):
            self._look_closer(chunk, Facts(CONTENT, text, channel), Event(text, size=size))
        content = self._content
        content.chunks.append(chunk)
        due = seq >= content.due
        if size >= _LARGE:
            content.large.append((chunk, text, CERTAIN))
            due = due or size * 2 >= written
        self._cross(chunk, text, seq, time_ns, due)

    def _crossed(self, facts: Facts, event: Event, time_ns: int, send_ns: int) -> None:
        totals = self.totals
        text = facts.content
        if text is None:
            self._without_content(facts)
            text = event.data
            raw = _encode(text)
        else:
            raw = text.encode() if text.isascii() else _encode(text)
            size = len(raw)
            totals.content_bytes = written = totals.content_bytes + size
            totals.content_chunks += 1
            if not totals.first_content_ns:
                totals.first_content_ns = time_ns
            if size >= _LARGE:
                certainty = SUSPECTED
                if size * 2 == written - self._since or self._several or facts.channel != self._spoke:
                    # It may be as long as all that was said before it, and just that.
                    certainty = self._weighed(facts, event, size, time_ns)
                    if facts.content is None:
                        text = event.data
                        raw = _encode(text)
        totals.chunks = seq = totals.chunks + 1
        digest = self._digest
        chunk = Chunk(
            seq,
            time_ns,
            facts.kind,
            sha1(raw).hexdigest()[:DIGEST_CHARS] if digest is sha1_digest else digest(raw),
            totals.content_bytes,
            event.size - event.skipped,
            facts.terminal is not None,
            event.event[:_NAME_CHARS],
            event.id if event.id is None else event.id[:_NAME_CHARS],
            "",
            send_ns,
            facts.channel,
        )
        if not (facts.plain and event.id is None and not self._checks.alert and self._stall.in_time(time_ns)):
            self._look_closer(chunk, facts, event)
        due = False
        if facts.content is not None:
            content = self._content
            content.chunks.append(chunk)
            if self._frames_matter:
                if chunk.digest == content.frame_digest and self._reader.name == GenericJSON.name:
                    content.same_again(event.data)
                content.frame_digest, content.frame_data = chunk.digest, event.data
                if facts.channel != self._sampled and facts.terminal is None:
                    self._several = self._several or self._sampled is not None
                    self._forms.keep(facts.channel, event, text)
                    self._sampled = facts.channel if self._forms.has_two else None
            due = seq >= content.due
            if size >= _LARGE:
                content.large.append((chunk, text, certainty))
                due = due or size * 2 >= chunk.acc_len
        self._cross(chunk, text, seq, time_ns, due)

    def _weighed(self, facts: Facts, event: Event, size: int, time_ns: int) -> str:
        """Return how sure it is that a frame which is as long as all before it is one more piece, if it says the same.

        What says everything once more in a form that is not the pieces' is the protocol's way to end, and no content:
        its bytes would count twice.
        """
        channel, text = facts.channel, facts.content or ""
        if not channel and not self._content.may_be_all(channel, size):
            # The pieces may have come as those of a choice, in an envelope, and the whole text without one.
            channel = _FIRST_CHOICE
        if not self._content.may_be_all(channel, size):
            return CERTAIN
        self._look_now(time_ns)
        if not self._content.says_all(channel, text, size):
            return CERTAIN
        own = self._reader.name in _OWN
        certainty = None
        if facts.terminal is None or not own:
            certainty = self._forms.certainty(channel, event, text, own=own)
        if certainty is None:
            without_content(facts)
            self._without_content(facts)
            self._content.end(channel)
            self.totals.content_chunks -= 1
            self.totals.content_bytes = self._since = self.totals.content_bytes - size
        return certainty or CERTAIN

    def _look_now(self, time_ns: int) -> None:
        for finding in self._content.look(*self._so_far):
            self._notes.add(finding, time_ns)

    def _cross(self, chunk: Chunk, text: str, seq: int, time_ns: int, due: bool) -> None:
        totals = self.totals
        interval_ns = time_ns - totals.last_chunk_ns
        totals.last_chunk_ns = time_ns
        if interval_ns > totals.max_interval_ns:
            totals.max_interval_ns = interval_ns
        if not seq % self._interval_sample and seq > 1 and len(self.intervals) < limits.MAX_INTERVALS:
            self.intervals.append(interval_ns)
        if self._capture:
            chunk.content = text
        if self.edge is not None and (proven := self.edge.cross(chunk)):
            self._notes.attach(chunk, proven)
        if self._rules is not None and chunk.kind == CONTENT:
            self._notes.attach(chunk, self._rules.look(chunk.channel, (chunk,), (text,)))
        if due:
            self._look(chunk)
        self._journal(chunk)
        if self.on_chunk is not None:
            self.on_chunk(chunk)

    def _look_closer(self, chunk: Chunk, facts: Facts, event: Event) -> None:
        if facts.output_tokens is not None or facts.input_tokens is not None:
            self._usage(facts)
        if facts.channel != self._spoke and facts.content is not None:
            self._several = self._several or self._spoke is not None
            self._spoke = facts.channel
        dialect = self._reader.name
        findings = self._checks.event(chunk, facts, event, sure=dialect not in _OWN, dialect=dialect)
        if self._checks.answers != self._answers:
            self._next_answer(chunk.time_ns)
        if findings:
            self._notes.attach(chunk, findings)

    def _next_answer(self, time_ns: int) -> None:
        self._look_now(time_ns)
        looked = self._content.looked_len
        if self._checks.asked_for:
            self._content.begin()
            self._checks.asked_for = False
        else:
            self._content.end()
        self._since = looked
        self._forms.begin()
        self._sampled = None
        self._answers = self._checks.answers

    def _is_other_message(self, event: Event) -> bool:
        # A vendor's answers have identities of their own.
        return self._reader.name in _OWN and self._forms.is_other_message(event)

    def turn(self) -> None:
        """Take note that the other side of a conversation has spoken: behind an end, what follows is another answer."""
        self._checks.turn()

    def _without_content(self, facts: Facts) -> None:
        totals = self.totals
        if facts.kind == HEARTBEAT:
            totals.heartbeats += 1
        if facts.error is not None:
            self._ending.error(facts.error)

    def _usage(self, facts: Facts) -> None:
        # The last word counts: vendors repeat usage with growing numbers.
        if facts.input_tokens is not None:
            self.totals.input_tokens = facts.input_tokens
        if facts.output_tokens is not None:
            self.totals.output_tokens = facts.output_tokens

    def _other(self, item: Item, time_ns: int, send_ns: int) -> None:
        if type(item) is Comment:
            self._comment(item, time_ns, send_ns)
        elif type(item) is Violation:  # pragma: no branch - an event has gone another way
            seq = self.totals.chunks
            no_data = item.kind == NO_DATA
            found = self._checks.no_data(seq, item.detail) if no_data else check_violation(self.info.name, seq, item)
            self._notes.add(found, time_ns)

    def _comment(self, comment: Comment, time_ns: int, send_ns: int) -> None:
        totals = self.totals
        totals.chunks += 1
        totals.comments += 1
        self._checks.stall.heartbeat()
        digest = self._digest(comment.text.encode("utf-8", "surrogatepass"))
        chunk = Chunk(
            totals.chunks, time_ns, COMMENT, digest, totals.content_bytes, comment.size - comment.skipped, False
        )
        chunk.send_ns = send_ns
        self._cross(chunk, comment.text, totals.chunks, time_ns, False)


def _encode(text: str) -> bytes:
    # JavaScript back ends that cut an emoji in two send lone surrogates.
    return text.encode("utf-8", "surrogatepass")


def _parser(settings: StageSettings, spec: StageSpec) -> Parser | LineParser | TextParser:
    if spec.text:
        return TextParser(max_bytes=settings.max_event_bytes)
    if spec.lines:
        return LineParser(max_bytes=settings.max_event_bytes)
    return Parser(max_bytes=settings.max_event_bytes)
