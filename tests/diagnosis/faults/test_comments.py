"""Comments in the place of content: which are new, and which came as soon as the content would have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.comments import Comments
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import COMMENT
from tests.diagnosis.made_faults import only
from tests.diagnosis.made_pipeline import Item, Stage, stream_of
from tests.diagnosis.made_trace import MS

WORDS = [f" word{n}" for n in range(12)]
PING = Item("PROCESSING", 0, COMMENT)


def told(stream: TraceStream) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(fault.kind, fault.certainty, fault.seqs) for fault in diagnose(stream).faults]


def pinging(*places: int) -> Stage:
    """Puts keep-alives before some chunks."""
    return lambda items: [each for n, item in enumerate(items) for each in ([PING] * places.count(n) + [item])]


def unframed(at: int, text: str = "colon") -> Stage:
    """Writes one chunk as a comment."""
    return lambda items: [item._replace(text=text, kind=COMMENT) if n == at else item for n, item in enumerate(items)]


@pytest.mark.parametrize("lineage", [True, False])
@pytest.mark.parametrize("keep_alives", [(), (2,), (7, 7, 8, 9)])
def test_keep_alives_of_the_service_hide_no_content_that_became_a_comment(
    keep_alives: tuple[int, ...], lineage: bool
) -> None:
    """A comment is new where there are more like it than came in, whatever other comments come by."""
    place = 7 + len([at for at in keep_alives if at <= 7])
    stream = stream_of(WORDS, pinging(*keep_alives), unframed(place), lineage=lineage)
    assert told(stream) == [("gap/colon_content", "certain", (place + 1,))]


def test_a_keep_alive_that_came_in_is_no_content() -> None:
    """A chunk that is missing beside a comment which had been there before is lost."""
    lost: Stage = lambda items: [item for item in items if item.text != WORDS[7]]  # noqa: E731
    assert [kind for kind, _, _ in told(stream_of(WORDS, pinging(7, 8), lost))] == ["gap/lost"]


def _early(stream: TraceStream) -> None:
    stream.stages[1].chunks[5].time_ns -= 8 * MS


def _late(stream: TraceStream) -> None:
    stream.stages[1].chunks[5].time_ns += 8 * MS


@pytest.mark.parametrize(("move", "at_once"), [(None, {6}), (_early, set()), (_late, set())])
def test_what_comes_as_soon_as_content_comes_is_at_once(
    move: Callable[[TraceStream], None] | None, at_once: set[int]
) -> None:
    """A keep-alive comes before or after, when it is time for one."""
    stream = stream_of(WORDS, unframed(5))
    comment, before = stream.stages[1].chunks[5], stream.stages[0].chunks[5]
    comment.time_ns = before.time_ns + MS
    if move is not None:
        move(stream)
    comments = Comments(stream.descents[0, 1], [6])
    assert comments.instead == {6}
    assert comments.at_once == at_once


def test_without_a_comment_each_none_came_at_once() -> None:
    """One comment in the place of several chunks may be a keep-alive; so may all where nothing else came through."""
    one: Stage = lambda items: [*items[:5], PING, *items[8:]]  # noqa: E731
    assert Comments(stream_of(WORDS, one).descents[0, 1], [6, 7, 8]).at_once == set()
    nothing: Stage = lambda items: [PING for _ in items]  # noqa: E731
    assert Comments(stream_of(WORDS, nothing).descents[0, 1], list(range(1, 13))).at_once == set()


def test_content_that_came_out_as_a_comment_is_told() -> None:
    """A piece of text that begins with a colon and was not framed is a comment for every reader."""
    colon: Stage = lambda items: [  # noqa: E731
        item._replace(text="comment", kind="comment", origin=0) if n == 7 else item for n, item in enumerate(items)
    ]
    fault = only(stream_of(WORDS, colon, lineage=False))
    assert (fault.kind, fault.seqs) == ("gap/colon_content", (8,))


@pytest.mark.parametrize(
    ("text", "comments"),
    [("  ", ["colon"]), ("word", ["keep-alive"]), ("word", [" ping"]), ("word", ["cost 1", "cost 1"])],
)
def test_a_loss_beside_a_keep_alive_is_a_loss(text: str, comments: list[str]) -> None:
    """White space begins with no colon; a usual keep-alive, or a comment that comes again, was no content."""
    texts = [*WORDS[:5], text, *WORDS[5:]]
    first, *rest = [Item(each, 0, COMMENT) for each in comments]
    dropping: Stage = lambda items: [*items[:5], first, *items[6:9], *rest, *items[9:]]  # noqa: E731
    assert [(kind, seqs) for kind, _, seqs in told(stream_of(texts, dropping))] == [("gap/lost", (6,))]
