"""Laws of a stage, over made-up answers of several dialects and bytes of no sense."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.dialects import Reader
from otel_sse.dialects.dialect import Dialect
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.digest import sha1_digest
from otel_sse.stream.facts import Facts
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.wire import Comment, Event, LineParser, Parser, Violation
from tests.stage.made import (
    ANSWERS,
    DONE,
    INFO,
    MS,
    OPENED,
    Entry,
    Seen,
    chat_chunk,
    frame,
    info,
    messages,
    own_json,
    responses,
    seen,
    watch,
)

MAX_BYTES = 4_096

PARTS = st.sampled_from(
    [
        *chat_chunk("ab").partition(b"ab"),
        chat_chunk("wörd 🐈"),
        chat_chunk(None, finish="stop"),
        chat_chunk("x", answer="chatcmpl-2"),
        *messages(["a"]),
        *responses(["a", "b"]),
        *own_json(["a"]),
        frame({"content": "a"}, ident="1"),
        frame({"content": "a"}, ident="2"),
        frame({"content": "b"}, ident="4"),
        frame('data: {"content": "a"}'),
        frame({"error": {"code": "overloaded"}}),
        frame("text"),
        DONE,
        b": beat\n\n",
        b"no frame\n",
        b"data: one\r\ndata: two\r\r",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n",
        b"retry: 5\n\n",
        b"id: 7\n\n",
        b"data: \xf0\x9f\n\n",
        b"data: " + b"x" * MAX_BYTES + b"\n\n",
    ]
)
NOISE = st.binary(max_size=12) | st.text('data: {}[]",:\r\n event', max_size=12).map(str.encode)
STREAMS = st.lists(PARTS | NOISE, max_size=24).map(b"".join) | st.sampled_from(
    [b"".join(answer()) for answer in ANSWERS.values()]
)
SETTINGS = StageSettings(max_event_bytes=MAX_BYTES, capture_content=True, max_findings=10_000, interval_sample=1)


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The bytes, cut at these places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def lead(bodies: Sequence[bytes], how: StageSettings = SETTINGS, *, lines: bool = False) -> Seen:
    """Lead bodies through a stage, all at one time."""
    journal: list[Entry] = []
    monitor = StageMonitor(info(lines=lines), how, OPENED, journal)
    for body in bodies:
        monitor.feed(body, OPENED + MS)
    monitor.end("completed", OPENED + MS)
    return seen(journal, monitor.totals)


@given(STREAMS, st.lists(st.integers(0, 20_000), max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_split_of_the_bytes_says_the_same(data: bytes, cuts: list[int], lines: bool) -> None:
    """Chunks, findings and totals do not depend on how the bytes are cut into bodies."""
    assert lead(pieces(data, cuts), lines=lines) == lead([data], lines=lines)


@given(STREAMS)
@settings(max_examples=50, deadline=None)
def test_byte_by_byte_says_the_same(data: bytes) -> None:
    """Not even single bytes make a difference."""
    data = data[:3_000]
    assert lead([data[at : at + 1] for at in range(len(data))]) == lead([data])


@given(STREAMS, st.booleans())
@settings(max_examples=200, deadline=None)
def test_totals_are_the_sums_of_the_chunks(data: bytes, lines: bool) -> None:
    """Counts are those of the chunks and findings; content bytes are the last `acc_len`."""
    made = lead([data], lines=lines)
    totals, kinds = made.totals, [chunk.kind for chunk in made.chunks]
    assert [chunk.seq for chunk in made.chunks] == [*range(1, totals.chunks + 1)]
    assert totals.comments == kinds.count("comment")
    assert totals.heartbeats == kinds.count("heartbeat")
    assert totals.findings == len(made.findings) == sum(sums[0] for sums in totals.by_kind.values())
    assert totals.duplicates == sum(one.amount for one in made.findings if one.family == "duplicate")
    assert totals.gaps == sum(one.amount for one in made.findings if one.family == "gap")
    assert totals.outcome in OUTCOMES
    assert all(0 <= one.of <= one.seq <= totals.chunks for one in made.findings)


@given(STREAMS)
@settings(max_examples=200, deadline=None)
def test_content_adds_up(data: bytes) -> None:
    """`acc_len` never falls, rises by the bytes of each content, and digests are of content, else of the data."""
    made = lead([data])
    length = rises = 0
    for chunk in made.chunks:
        raw = (chunk.content or "").encode("utf-8", "surrogatepass")
        rises += chunk.acc_len > length
        assert chunk.acc_len in (length, length + len(raw))
        assert chunk.digest == sha1_digest(raw)
        length = chunk.acc_len
    assert made.totals.content_bytes == length
    assert made.totals.content_chunks == rises


@given(STREAMS, st.booleans())
@settings(max_examples=200, deadline=None)
def test_bytes_add_up(data: bytes, lines: bool) -> None:
    """Bytes = the chunks' `raw_len` + the violations' sizes + what was skipped + what a parser still holds at the end.

    A violation is what the parser reports beside events and comments (a line without framing, an oversize line, the
    broken-off tail ...), and what it holds at the end are blank lines and a byte order mark.
    """
    parser = LineParser(max_bytes=MAX_BYTES) if lines else Parser(max_bytes=MAX_BYTES)
    items = [*parser.feed(data), *parser.close()]
    violations = sum(item.size for item in items if isinstance(item, Violation))
    skipped = sum(item.skipped for item in items if isinstance(item, (Comment, Event)))
    made = lead([data], lines=lines)
    assert made.totals.bytes == len(data)
    assert made.totals.bytes == sum(one.raw_len for one in made.chunks) + violations + skipped + parser.pending_bytes


class TheLongWay:
    """Reads as the package does, but never says that an event is plain."""

    def __init__(self) -> None:
        self._reader = Reader()

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def expects(self) -> str:
        return self._reader.expects

    def read(self, event: Event) -> Facts:
        facts = self._reader.read(event)
        if facts.plain:
            assert facts == Facts(facts.kind, facts.content, facts.channel)
            assert facts.kind == "content"
            assert event.data.lstrip().startswith("{")
            facts.plain = False
        return facts


@given(STREAMS, st.integers(0, 40), st.sampled_from([MS, 20_000 * MS]))
@settings(max_examples=200, deadline=None)
def test_short_way_of_plain_events_says_what_the_long_one_does(data: bytes, late: int, pause_ns: int) -> None:
    """Events that a dialect calls plain pass fewer checks, and no finding or sum differs."""
    a_dialect: Dialect = TheLongWay()
    assert a_dialect.name == ""
    made = []
    for dialect in (None, TheLongWay):
        how = StageSettings(max_event_bytes=MAX_BYTES, dialect=dialect)
        journal: list[Entry] = []
        monitor = StageMonitor(INFO, how, OPENED, journal)
        for number, body in enumerate(data.split(b"\n\n")):
            monitor.feed(body + b"\n\n", OPENED + number * MS + pause_ns * (number > late))
        monitor.end("completed", OPENED + 30_000 * MS)
        made.append(seen(journal, monitor.totals))
    assert made[0] == made[1]


@given(st.lists(st.binary(max_size=200), max_size=20))
@settings(max_examples=100, deadline=None)
def test_compressed_bytes_are_only_counted(bodies: list[bytes]) -> None:
    """Whatever bytes come behind a content coding, they are summed up and nothing is said of them."""
    made = watch(bodies, encoding="br")
    assert made.chunks == []
    assert made.findings == []
    assert made.totals.bytes == sum(map(len, bodies))
    assert made.totals.outcome == "unparsed"


def test_memory_of_a_stage_does_not_grow_with_the_stream() -> None:
    """The journal aside, a stage of 5,000 numbered and named chunks keeps no more than its caps allow."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    for number in range(5_000):
        payload = {"type": "response.output_text.delta", "delta": "x", "sequence_number": 2 * number}
        monitor.feed(frame(payload, ident=f"event-{number}"), OPENED + number)
    totals = monitor.end("completed", OPENED)
    checks = monitor._checks
    assert totals.gaps == 4_999
    assert len(totals.by_kind) == 1
    assert checks._sequence is not None
    assert checks._identity is not None
    assert len(checks._sequence._missing) <= limits.MAX_MISSING_NUMBERS
    assert len(checks._identity._names) <= limits.MAX_IDS
    assert len(monitor.intervals) <= limits.MAX_INTERVALS
