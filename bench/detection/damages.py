"""Faults of one stage in a pipeline, and how to tell that the diagnosis named the right chunks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bench.detection.injections import SECRET, framed, saying
from bench.detection.pipeline import Change, Clock, Frames
from bench.detection.recordings import Frame, Recording
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CONTENT

Judge = Callable[[TraceStream, Sequence[Fault], int], bool]
"""Whether the chunks that faults name are those of a stage, given by its position, that are wrong."""

Make = Callable[[Recording, random.Random], "Change | None"]
"""Draws a place and returns what the stage does; None where the answer has not what the fault needs."""

_PAUSE_NS: Final = 20_000_000_000


@dataclass(frozen=True, slots=True)
class Damage:
    """One fault.

    Args:
        make: What the stage does.
        kinds: What the diagnosis may call it.
        judge: Whether it named the right chunks.
        certain: Whether the diagnosis has to be certain.
        hop: Whether it happens on the way between the two ends of a hop.
    """

    make: Make
    kinds: frozenset[str]
    judge: Judge
    certain: bool = True
    hop: bool = False


def _content(recording: Recording, least: int) -> list[int] | None:
    return recording.contents if len(recording.contents) >= least else None


def _each(change: Callable[[int, Frame], Iterator[Frame]]) -> Change:
    def stage(frames: Frames, clock: Clock) -> Frames:
        for at, frame in enumerate(frames):
            yield from change(at, frame)

    return stage


def double_emission(recording: Recording, chance: random.Random) -> Change | None:
    """Each frame twice, from some place on."""
    contents = _content(recording, 4)
    if contents is None:
        return None
    start = chance.choice(contents[:-2])
    return _each(lambda at, frame: iter((frame, frame) if at >= start else (frame,)))


def one_twice(recording: Recording, chance: random.Random) -> Change | None:
    """One piece of content twice."""
    contents = _content(recording, 2)
    if contents is None:
        return None
    place = chance.choice(contents)
    return _each(lambda at, frame: iter((frame, frame) if at == place else (frame,)))


def lagged_emission(recording: Recording, chance: random.Random) -> Change | None:
    """Each frame once more, so many frames later."""
    if _content(recording, 20) is None:
        return None
    lag = chance.randint(1, 3)

    def stage(frames: Frames, clock: Clock) -> Frames:
        late: list[Frame] = []
        for frame in frames:
            yield frame
            late.append(frame)
            if len(late) > lag:
                yield late.pop(0)
        yield from late

    return stage


def double_iteration(recording: Recording, chance: random.Random) -> Change | None:
    """All of it once more."""
    return _again(lambda every: [*every, *every]) if _content(recording, 4) is not None else None


def second_start(recording: Recording, chance: random.Random) -> Change | None:
    """The beginning, and then all of it."""
    contents = _content(recording, 10)
    if contents is None:
        return None
    place = chance.choice(contents[len(contents) // 2 :])
    return _again(lambda every: [*every[:place], *every])


def reconnect_replay(recording: Recording, chance: random.Random) -> Change | None:
    """Some frames from the middle once more."""
    contents = _content(recording, 20)
    if contents is None:
        return None
    place = chance.choice(contents[10:])
    back = chance.randint(4, 8)
    return _again(lambda every: [*every[:place], *every[place - back :]])


def hop_resend(recording: Recording, chance: random.Random) -> Change | None:
    """The sender reconnects and sends the last few messages again."""
    contents = _content(recording, 10)
    if contents is None:
        return None
    place = chance.choice(contents[6:])
    back = chance.randint(1, 4)
    return _again(lambda every: [*every[:place], *every[place - back :]])


def blocked_reply_lost(recording: Recording, chance: random.Random) -> Change | None:
    """The stage behind a policy that replaces hands on what the model's frames are, and nothing else."""
    contents = _content(recording, 6)
    if contents is None:
        return None
    own = {id(frame) for frame in recording.frames}
    return _each(lambda at, frame: iter((frame,) if id(frame) in own else ()))


def final_full_message(recording: Recording, chance: random.Random) -> Change | None:
    """Behind the last piece of content the text of all of them."""
    contents = _content(recording, 6)
    if contents is None:
        return None
    frames = recording.frames
    channels = {facts.channel for at in contents if (facts := frames[at].facts) is not None}
    text = "".join(frames[at].content or "" for at in contents)
    full = saying(frames[contents[-1]], text)
    if len(channels) > 1 or full is None or len(text.encode()) < 64:
        return None
    last = contents[-1]
    return _each(lambda at, frame: iter((frame, full) if at == last else (frame,)))


def duplicate_terminal(recording: Recording, chance: random.Random) -> Change | None:
    """The end mark twice."""
    ends = [at for at, frame in enumerate(recording.frames) if frame.is_end]
    if not ends:
        return None
    place = ends[-1]
    return _each(lambda at, frame: iter((frame, frame) if at == place else (frame,)))


def content_after_done(recording: Recording, chance: random.Random) -> Change | None:
    """A piece of content that comes behind the end mark."""
    contents, ends = recording.contents, [at for at, frame in enumerate(recording.frames) if frame.is_end]
    if len(contents) < 2 or not ends or ends[-1] < contents[-1]:
        return None
    place = contents[-1]

    def stage(frames: Frames, clock: Clock) -> Frames:
        late: list[Frame] = []
        for at, frame in enumerate(frames):
            if at == place:
                late.append(frame)
            else:
                yield frame
        yield from late

    return stage


def dropped(recording: Recording, chance: random.Random) -> Change | None:
    """One piece of content does not go on, and not the answer's end with it."""
    contents = _content(recording, 4)
    if contents is None:
        return None
    place = chance.choice(contents[:-1])
    return _each(lambda at, frame: iter(() if at == place else (frame,)))


def deduplicated(recording: Recording, chance: random.Random) -> Change | None:
    """A filter drops what equals its neighbour: 1833 becomes 183."""
    contents, frames = recording.contents, recording.frames
    twins = [at for at, after in pairwise(contents) if frames[at].content == frames[after].content]
    if not twins:
        return None

    def stage(frames: Frames, clock: Clock) -> Frames:
        before: str | None = None
        for frame in frames:
            if frame.content is None or frame.content != before:
                yield frame
            before = frame.content if frame.content is not None else before

    return stage


def reordered(recording: Recording, chance: random.Random) -> Change | None:
    """Two neighbours of different content change places."""
    contents, frames = recording.contents, recording.frames
    places = [at for at, after in pairwise(contents) if after == at + 1 and frames[at].content != frames[after].content]
    if not places:
        return None
    place = chance.choice(places)
    return _again(lambda every: [*every[:place], every[place + 1], every[place], *every[place + 2 :]])


def corrupted(recording: Recording, chance: random.Random) -> Change | None:
    """One piece of content is changed."""
    contents = _content(recording, 4)
    if contents is None:
        return None
    place = chance.choice(contents)
    other = saying(recording.frames[place], f"{recording.frames[place].content}\N{REPLACEMENT CHARACTER}")
    return None if other is None else _each(lambda at, frame: iter((other if at == place else frame,)))


def nested_json(recording: Recording, chance: random.Random) -> Change | None:
    """One frame is serialised once more."""
    return _reframed(recording, chance, json.dumps)


def double_framing(recording: Recording, chance: random.Random) -> Change | None:
    """One frame is framed once more."""
    return _reframed(recording, chance, lambda data: f"data: {data}")


def unframed(recording: Recording, chance: random.Random) -> Change | None:
    """A traceback between two frames."""
    place = chance.randrange(len(recording.frames))
    text = Frame(b'Traceback (most recent call last):\n  File "app.py", line 3\nKeyError: 7\n\n')
    return _each(lambda at, frame: iter((text, frame) if at == place else (frame,)))


def oversize(recording: Recording, chance: random.Random) -> Change | None:
    """An event of more than 1 MiB between two frames."""
    place = chance.randrange(len(recording.frames))
    big = Frame(b"data: " + b"x" * 1_100_000 + b"\n\n")
    return _each(lambda at, frame: iter((big, frame) if at == place else (frame,)))


def content_check(recording: Recording, chance: random.Random) -> Change | None:
    """Something that a rule forbids is put into a piece of content."""
    contents = _content(recording, 2)
    if contents is None:
        return None
    place = chance.choice(contents)
    other = saying(recording.frames[place], f"{recording.frames[place].content} {SECRET}")
    return None if other is None else _each(lambda at, frame: iter((other if at == place else frame,)))


def colon_content(recording: Recording, chance: random.Random) -> Change | None:
    """A piece of content is written as a comment."""
    contents = _content(recording, 4)
    if contents is None:
        return None
    said = [recording.frames[at].content for at in contents]
    # What begins with a colon is no blank line beside another one.
    places = [
        at
        for n, at in enumerate(contents)
        if (said[n] or "").strip() and said[n] not in (*said[max(n - 1, 0) : n], *said[n + 1 : n + 2])
    ]
    if not places:
        return None
    place = chance.choice(places)
    return _each(lambda at, frame: iter((Frame(b": lost\n\n"),) if at == place else (frame,)))


def missing_terminal(recording: Recording, chance: random.Random) -> Change | None:
    """The stage stops in the middle."""
    contents = _content(recording, 4)
    if contents is None or not any(frame.is_end for frame in recording.frames):
        return None
    place = chance.choice(contents[1:])

    def stage(frames: Frames, clock: Clock) -> Frames:
        for at, frame in enumerate(frames):
            if at == place:
                return
            yield frame

    return stage


def error(recording: Recording, chance: random.Random) -> Change | None:
    """The stage raises in the middle."""
    contents = _content(recording, 4)
    if contents is None:
        return None
    place = chance.choice(contents[1:])

    def stage(frames: Frames, clock: Clock) -> Frames:
        for at, frame in enumerate(frames):
            if at == place:
                raise RuntimeError
            yield frame

    return stage


def stall(recording: Recording, chance: random.Random) -> Change | None:
    """The stage holds a piece of content back for 20 s."""
    contents = _content(recording, 4)
    return None if contents is None else _waiting(chance.choice(contents[1:]))


def no_first_byte(recording: Recording, chance: random.Random) -> Change | None:
    """The stage holds the first frame back for 20 s."""
    return _waiting(0)


def coalesced(recording: Recording, chance: random.Random) -> Change | None:
    """The stage hands everything on at the end."""
    return _again(lambda every: every) if _content(recording, 100) is not None else None


def _waiting(place: int) -> Change:
    def stage(frames: Frames, clock: Clock) -> Frames:
        for at, frame in enumerate(frames):
            if at == place:
                clock.now_ns += _PAUSE_NS
            yield frame

    return stage


def _again(order: Callable[[list[Frame]], list[Frame]]) -> Change:
    def stage(frames: Frames, clock: Clock) -> Frames:
        yield from order(list(frames))

    return stage


def _reframed(recording: Recording, chance: random.Random, data_of: Callable[[str], str]) -> Change | None:
    contents = [at for at in recording.contents if (event := recording.frames[at].event) and event.data[:1] == "{"]
    if len(contents) < 4:
        return None
    place = chance.choice(contents[1:])
    event = recording.frames[place].event
    assert event is not None
    other = framed(recording.frames[place], data_of(event.data))
    return _each(lambda at, frame: iter((other if at == place else frame,)))


def _digests(stream: TraceStream, position: int, but: frozenset[int] = frozenset()) -> list[str]:
    chunks = stream.stages[position].chunks
    return [chunk.digest for chunk in chunks if chunk.kind == CONTENT and chunk.seq not in but]


def _named(faults: Sequence[Fault]) -> frozenset[int]:
    return frozenset(seq for fault in faults for seq in fault.seqs)


def repeats(stream: TraceStream, faults: Sequence[Fault], position: int) -> bool:
    """Without the chunks that are named, what went out is what came in."""
    return _digests(stream, position, _named(faults)) == _digests(stream, position - 1)


def misses(stream: TraceStream, faults: Sequence[Fault], position: int) -> bool:
    """Without the chunks that are named, what came in is what went out."""
    return _digests(stream, position - 1, _named(faults)) == _digests(stream, position)


def differs(stream: TraceStream, faults: Sequence[Fault], position: int) -> bool:
    """The chunks that are named differ from what stands at their place before."""
    before = {chunk.seq: chunk.digest for chunk in stream.stages[position - 1].chunks}
    after = {chunk.seq: chunk.digest for chunk in stream.stages[position].chunks}
    named = _named(faults)
    return bool(named) and all(before.get(seq) != after.get(seq) for seq in named)


def reframed(stream: TraceStream, faults: Sequence[Fault], position: int) -> bool:
    """The chunks that are named are of another length than what stands at their place before."""
    before = {chunk.seq: chunk.raw_len for chunk in stream.stages[position - 1].chunks}
    after = {chunk.seq: chunk.raw_len for chunk in stream.stages[position].chunks}
    named = _named(faults)
    return bool(named) and all(before.get(seq) != after.get(seq) for seq in named)


def anywhere(stream: TraceStream, faults: Sequence[Fault], position: int) -> bool:
    """What is wrong is no chunk's."""
    return True


_AFTER_DONE: Final = frozenset({kinds.AFTER_DONE, kinds.MOVED, kinds.REORDER_SEQUENCE})
_DOUBLED: Final = frozenset({kinds.DOUBLED})
_AGAIN: Final = frozenset({kinds.REPLAYED, kinds.RESTARTED, kinds.DOUBLED})

DAMAGES: Final[dict[str, Damage]] = {
    "double_emission": Damage(double_emission, _DOUBLED, repeats),
    "double_emission, one chunk": Damage(one_twice, _DOUBLED, repeats),
    "lagged_emission": Damage(lagged_emission, _DOUBLED, repeats),
    "double_iteration": Damage(double_iteration, _AGAIN, repeats),
    "second_start": Damage(second_start, _AGAIN, repeats),
    "reconnect_replay": Damage(reconnect_replay, _AGAIN, repeats),
    "hop_resend": Damage(hop_resend, frozenset({kinds.RESENT}), anywhere, hop=True),
    "dropped, on a hop": Damage(
        dropped, frozenset({kinds.GAP_HOP, kinds.LOST, kinds.GAP_SEQUENCE}), anywhere, hop=True
    ),
    "reordered, on a hop": Damage(
        reordered, frozenset({kinds.REORDER_HOP, kinds.MOVED, kinds.REORDER_SEQUENCE}), anywhere, hop=True
    ),
    "blocked_reply_lost": Damage(blocked_reply_lost, frozenset({kinds.REPLY_LOST, kinds.LOST}), anywhere),
    "final_full_message": Damage(final_full_message, frozenset({kinds.ACCUMULATED}), repeats),
    "duplicate_terminal": Damage(duplicate_terminal, frozenset({kinds.TERMINAL}), anywhere),
    "content_after_done": Damage(content_after_done, _AFTER_DONE, anywhere),
    "dropped": Damage(dropped, frozenset({kinds.LOST, kinds.GAP_SEQUENCE}), misses),
    "dropped, equal neighbours": Damage(deduplicated, frozenset({kinds.LOST, kinds.GAP_SEQUENCE}), misses),
    "reordered": Damage(reordered, frozenset({kinds.MOVED, kinds.REORDER_SEQUENCE}), differs),
    "corrupted": Damage(corrupted, frozenset({kinds.CHANGED}), differs),
    "nested_json": Damage(nested_json, frozenset({kinds.NESTED_JSON}), reframed),
    "double_framing": Damage(double_framing, frozenset({kinds.DOUBLE_FRAMING}), reframed),
    "unframed": Damage(unframed, frozenset({kinds.UNFRAMED}), anywhere),
    "oversize": Damage(oversize, frozenset({kinds.OVERSIZE}), anywhere),
    "content_check": Damage(content_check, frozenset({kinds.of_rule("secret"), kinds.CHANGED}), differs),
    "colon_content": Damage(colon_content, frozenset({kinds.COLON_CONTENT}), misses),
    "missing_terminal": Damage(missing_terminal, frozenset({kinds.OUTCOME_INCOMPLETE}), anywhere),
    "error": Damage(error, frozenset({kinds.OUTCOME_FAILED}), anywhere),
    "stall": Damage(stall, frozenset({kinds.STALL_CONTENT, kinds.DELAYED}), anywhere),
    "no_first_byte": Damage(no_first_byte, frozenset({kinds.FIRST_BYTE}), anywhere),
    "coalesced": Damage(coalesced, frozenset({kinds.BURST}), anywhere),
}
"""Every fault of the catalogue that one stage of a pipeline can have."""
