"""Faults put into the frames of one answer: what each one looks like where nothing but this stage is seen."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bench.detection.recordings import Frame, Recording
from otel_sse.stream import kinds
from otel_sse.stream.outcome import ABANDONED, CANCELLED, CAPPED, COMPLETED, DISCONNECTED, FAILED
from otel_sse.stream.stages import CLIENT, SOCKET_WRITE

SECRET: Final = "zq-secret-0123456789"
"""What the rule of `content_check` looks for; no recorded answer says it."""

_LONG_BYTES: Final = 1_100_000


@dataclass(frozen=True, slots=True)
class Injected:
    """An answer with one fault in it.

    Args:
        frames: Its frames.
        at: Where the first wrong frame stands.
        seqs: Places of frames that a finding may name; () where any is right.
        wait_s: Seconds to wait, by the place of the frame that comes late.
        at_once: Whether all frames come at once, after a wait.
        ends: How the stage is told to end.
    """

    frames: Sequence[Frame]
    at: int
    seqs: frozenset[int] = frozenset()
    wait_s: dict[int, float] = field(default_factory=dict)
    at_once: bool = False
    ends: str = COMPLETED


Injection = Callable[[Recording, random.Random], "Injected | None"]
"""Returns None where the answer has not what the fault needs (too short, no numbers, no end mark)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue at a single stage.

    Args:
        inject: Makes the fault.
        kinds: Kinds of findings of which one has to be told; `outcome` and its name for an ending.
        certain: Whether it has to be certain.
        target: Share of the answers in which it has to be found; None where the catalogue promises nothing.
        stage: The stage at which it is looked for.
        once: Whether a finding has to name a chunk of the fault.
    """

    inject: Injection
    kinds: frozenset[str]
    certain: bool
    target: float | None
    stage: str = SOCKET_WRITE
    once: bool = True


def saying(frame: Frame, text: str) -> Frame | None:
    """Return the frame with another text in the place of its own, or None where its own stands in it otherwise."""
    return None if frame.content is None or _has_deltas(frame) else _saying(frame, frame.content, text)


def _many(recording: Recording, least: int = 20) -> bool:
    return len(recording.contents) >= least


def double_emission(recording: Recording, chance: random.Random) -> Injected | None:
    """A A B B over the whole answer."""
    frames = [frame for frame in recording.frames for _ in range(2)]
    return Injected(frames, 1) if _many(recording) else None


def double_emission_late(recording: Recording, chance: random.Random) -> Injected | None:
    """A A B B from some place on: a listener that was registered once more."""
    if not _many(recording, 40):
        return None
    at = recording.contents[chance.randrange(1, len(recording.contents) - 20)]
    twice = [frame for frame in recording.frames[at:] for _ in range(2)]
    made = [*recording.frames[:at], *twice]
    return Injected(made, at + 1, frozenset(range(at + 1, len(made))))


def lagged_emission(recording: Recording, chance: random.Random) -> Injected | None:
    """A B A C B C: the second path is one to three frames behind."""
    if not _many(recording):
        return None
    lag, frames, made = chance.randint(1, 3), recording.frames, list[Frame]()
    for at in range(len(frames) + lag):
        made += frames[at : at + 1]
        made += frames[at - lag : at - lag + 1] if at >= lag else ()
    return Injected(made, lag + 1)


def double_iteration(recording: Recording, chance: random.Random) -> Injected | None:
    """The whole answer once more, as far as its end mark."""
    if not _many(recording):
        return None
    body = [frame for frame in recording.frames if not frame.is_end]
    ends = [frame for frame in recording.frames if frame.is_end]
    made = [*body, *body, *ends]
    return Injected(made, len(body), frozenset(range(len(body), 2 * len(body))))


def second_start(recording: Recording, chance: random.Random) -> Injected | None:
    """The answer begins again where 20 or more pieces of content had gone."""
    contents = recording.contents
    if len(contents) < 21:
        return None
    at = contents[chance.randrange(20, len(contents))]
    made = [*recording.frames[:at], *recording.frames]
    return Injected(made, at, frozenset(range(at, 2 * at + 1)))


def reconnect_replay(recording: Recording, chance: random.Random) -> Injected | None:
    """Events with ids, the last ones of which come again after a reconnect."""
    if not _many(recording):
        return None
    frames = list(_with_ids(recording))
    at = chance.randrange(10, len(frames) - 1)
    again = chance.randint(1, min(8, at - 5))
    made = [*frames[:at], *frames[at - again :]]
    return Injected(made, at, frozenset(range(at, at + again)))


def id_regression(recording: Recording, chance: random.Random) -> Injected | None:
    """Events with ids, two of which have changed places."""
    if not _many(recording) or _has_ids(recording):
        return None
    frames = list(_with_ids(recording))
    named = [at for at in range(10, len(frames) - 1) if frames[at].event and frames[at + 1].event]
    at = chance.choice(named)
    frames[at], frames[at + 1] = frames[at + 1], frames[at]
    return Injected(frames, at, frozenset({at, at + 1}))


def dropped_id(recording: Recording, chance: random.Random) -> Injected | None:
    """Events with ids, one of which is missing."""
    if not _many(recording) or _has_ids(recording):
        return None
    frames = list(_with_ids(recording))
    at = chance.choice([at for at in range(10, len(frames) - 1) if frames[at].event])
    return Injected([*frames[:at], *frames[at + 1 :]], at, frozenset({at, at - 1}))


def dropped_number(recording: Recording, chance: random.Random) -> Injected | None:
    """An answer whose events are numbered, one of which is missing."""
    numbered = [at for at, frame in enumerate(recording.frames) if frame.facts and frame.facts.sequence is not None]
    if len(numbered) < 5:
        return None
    at = chance.choice(numbered[1:-1])
    return Injected([*recording.frames[:at], *recording.frames[at + 1 :]], at, frozenset({at, at - 1}))


def final_full_message(recording: Recording, chance: random.Random) -> Injected | None:
    """Behind the last delta the whole text of its channel once more, in a frame of the same form."""
    if not _many(recording, 5):
        return None
    at = recording.contents[-1]
    last = recording.frames[at]
    assert last.facts is not None
    channel, content = last.facts.channel, last.facts.content or ""
    said = [frame.facts for frame in recording.frames if frame.facts is not None and frame.content is not None]
    if not channel and any(facts.deltas for facts in said):
        return None
    pieces = [facts.content or "" for facts in said if facts.channel == channel]
    whole = "".join(pieces)
    if len(pieces) < 4 or len(whole.encode()) < 64:
        return None
    full = _saying(last, content, whole)
    if full is None:
        return None
    return Injected([*recording.frames[: at + 1], full, *recording.frames[at + 1 :]], at + 1, frozenset({at + 1}))


def duplicate_terminal(recording: Recording, chance: random.Random) -> Injected | None:
    """The end mark twice."""
    ends = [at for at, frame in enumerate(recording.frames) if frame.is_end]
    if not ends:
        return None
    at = chance.choice(ends)
    made = [*recording.frames[: at + 1], recording.frames[at], *recording.frames[at + 1 :]]
    return Injected(made, at + 1, frozenset({at + 1}))


def content_after_done(recording: Recording, chance: random.Random) -> Injected | None:
    """A piece of content behind the end mark."""
    ends = [at for at, frame in enumerate(recording.frames) if frame.is_end]
    if not ends or not recording.contents or ends[-1] < recording.contents[-1]:
        return None
    at = recording.contents[-1]
    frames = [*recording.frames[:at], *recording.frames[at + 1 :], recording.frames[at]]
    return Injected(frames, len(frames) - 1, frozenset({len(frames) - 1}))


def reasserted(recording: Recording, chance: random.Random) -> Injected | None:
    """A chat completion that says its sentence again behind a tool's step."""
    if recording.dialect != "openai-chat":
        return None
    text = [at for at in recording.contents if (facts := recording.frames[at].facts) and facts.channel == "0"]
    if len(text) < 30 or text != list(range(text[0], text[-1] + 1)):
        return None
    sentence = recording.frames[text[0] : text[0] + chance.randint(14, 22)]
    if len({frame.content for frame in sentence}) < 10:
        return None
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    step = _chat(sentence[0], {"tool_calls": [call]})
    at = text[0] + len(sentence)
    made = [*recording.frames[:at], step, *sentence, *recording.frames[at:]]
    return Injected(made, at + 1, frozenset(range(at + 1, at + 1 + len(sentence))))


def nested_json(recording: Recording, chance: random.Random) -> Injected | None:
    """Every frame from some place on is serialised once more."""
    objects = [at for at, frame in enumerate(recording.frames) if frame.event and frame.event.data.startswith("{")]
    if len(objects) < 3:
        return None
    first = chance.choice(objects[: len(objects) // 2 + 1])
    made = [
        framed(frame, json.dumps(frame.event.data)) if frame.event and at >= first and at in objects else frame
        for at, frame in enumerate(recording.frames)
    ]
    return Injected(made, first, frozenset(at for at in objects if at >= first))


def double_framing(recording: Recording, chance: random.Random) -> Injected | None:
    """`data: data: {…}` from some place on."""
    objects = [at for at, frame in enumerate(recording.frames) if frame.event and frame.event.data.startswith("{")]
    if len(objects) < 3:
        return None
    first = chance.choice(objects[: len(objects) // 2 + 1])
    made = [
        framed(frame, f"data: {frame.event.data}") if frame.event and at >= first and at in objects else frame
        for at, frame in enumerate(recording.frames)
    ]
    return Injected(made, first, frozenset(at for at in objects if at >= first))


def unframed(recording: Recording, chance: random.Random) -> Injected | None:
    """A traceback in the middle, without framing."""
    at = chance.randrange(1, len(recording.frames)) if len(recording.frames) > 1 else 1
    text = b'Traceback (most recent call last):\n  File "app.py", line 3, in answer\nKeyError: 7\n\n'
    made = [*recording.frames[:at], Frame(text), *recording.frames[at:]]
    return Injected(made, at, frozenset({at - 1, at, at + 1}))


def missing_terminal(recording: Recording, chance: random.Random) -> Injected | None:
    """The answer breaks off in its middle."""
    if len(recording.contents) < 2 or recording.dialect in _WITHOUT_END:
        return None
    at = recording.contents[chance.randrange(1, len(recording.contents))]
    early = recording.frames[:at]
    if any(frame.facts and (frame.facts.terminal or frame.facts.finish_reason) for frame in early):
        return None
    return Injected(early, at - 1)


def no_first_byte(recording: Recording, chance: random.Random) -> Injected | None:
    """Nothing at all for longer than the threshold."""
    return Injected(recording.frames, 0, frozenset({0}), wait_s={0: chance.uniform(5.1, 60)})


def stall(recording: Recording, chance: random.Random) -> Injected | None:
    """Silence in the middle, which comments fill."""
    if len(recording.contents) < 3:
        return None
    at = recording.contents[chance.randrange(1, len(recording.contents))]
    ping = Frame(b": still here\n\n")
    made = [*recording.frames[:at], ping, ping, *recording.frames[at:]]
    waits = {at: 6.0, at + 1: 6.0, at + 2: chance.uniform(4.0, 30.0)}
    return Injected(made, at + 2, frozenset({at + 2}), wait_s=waits)


def coalesced(recording: Recording, chance: random.Random) -> Injected | None:
    """A reader gets everything at once after a wait."""
    return Injected(recording.frames, 0, at_once=True) if _many(recording, 25) else None


def oversize(recording: Recording, chance: random.Random) -> Injected | None:
    """An event without end."""
    at = chance.randrange(len(recording.frames))
    frame = Frame(b"data: " + b"x" * _LONG_BYTES + b"\n\n")
    return Injected([*recording.frames[:at], frame, *recording.frames[at:]], at, frozenset({at - 1, at, at + 1}))


def content_check(recording: Recording, chance: random.Random) -> Injected | None:
    """Something that a rule of the user's forbids, cut in two by two frames where there are two."""
    whole = [at for at in recording.contents if not _has_deltas(recording.frames[at])]
    if not whole:
        return None
    at = chance.choice(whole)
    frame = recording.frames[at]
    said = _saying(frame, frame.content or "", f"{frame.content} {SECRET}")
    if said is None:
        return None
    return Injected([*recording.frames[:at], said, *recording.frames[at + 1 :]], at, frozenset({at}))


def _has_deltas(frame: Frame) -> bool:
    return frame.facts is not None and bool(frame.facts.deltas)


def ended(outcome: str) -> Injection:
    """An answer that ends in its middle in one of the ways that are no end."""

    def inject(recording: Recording, chance: random.Random) -> Injected | None:
        if len(recording.frames) < 3:
            return None
        at = chance.randrange(1, len(recording.frames) - 1)
        return Injected(recording.frames[:at], at - 1, ends=outcome)

    return inject


def _has_ids(recording: Recording) -> bool:
    return any(frame.event is not None and frame.event.id is not None for frame in recording.frames)


def _with_ids(recording: Recording) -> Iterator[Frame]:
    number = 0
    for frame in recording.frames:
        if frame.event is None or frame.event.id is not None:
            yield frame
            continue
        number += 1
        # A line that ends with CR LF is over at the CR, so the LF stands at the beginning of the next frame.
        before = b"\n" if frame.raw.startswith(b"\n") else b""
        yield replace(frame, raw=before + b"id: %d\n" % number + frame.raw.removeprefix(b"\n"))


def framed(frame: Frame, data: str) -> Frame:
    """Return the frame with other data, under its own id and event name."""
    event = frame.event
    ident = f"id: {event.id}\n" if event is not None and event.id is not None else ""
    name = f"event: {event.event}\n" if event is not None and event.event else ""
    return Frame(f"{ident}{name}data: {data}\n\n".encode())


def _saying(frame: Frame, content: str, text: str) -> Frame | None:
    """The frame with other content in the place of its own, or None where its content stands in it otherwise."""
    assert frame.event is not None
    for ascii_only in (False, True):
        own, other = (json.dumps(each, ensure_ascii=ascii_only) for each in (content, text))
        if frame.event.data.count(own) == 1:
            return framed(frame, frame.event.data.replace(own, other))
    return None


def _chat(like: Frame, delta: dict[str, object]) -> Frame:
    assert like.event is not None
    payload = json.loads(like.event.data)
    payload["choices"] = [{"index": 0, "delta": delta, "finish_reason": None}]
    return framed(like, json.dumps(payload))


_WITHOUT_END: Final = frozenset({"replicate", "watsonx", "writer-completions", "anthropic-completions", "vercel-ui"})
"""Formats of one or two recordings whose end mark is a convention of their own."""

_AGAIN: Final = frozenset({kinds.REPLAYED, kinds.RESTARTED, kinds.DOUBLED})

ROWS: Final[dict[str, Row]] = {
    "double_emission": Row(double_emission, frozenset({kinds.DOUBLED}), False, 0.99),
    "double_emission, certain": Row(double_emission, frozenset({kinds.DOUBLED}), True, None),
    "double_emission, from some place on": Row(double_emission_late, frozenset({kinds.DOUBLED}), False, None),
    "lagged_emission": Row(lagged_emission, frozenset({kinds.DOUBLED}), False, None),
    "double_iteration": Row(double_iteration, _AGAIN, False, None),
    "second_start": Row(second_start, frozenset({kinds.RESTARTED, kinds.REPLAYED}), False, 0.95),
    "reconnect_replay": Row(reconnect_replay, frozenset({kinds.REPLAYED, kinds.DOUBLED}), True, 1.0),
    "id_regression": Row(id_regression, frozenset({kinds.REORDER_SEQUENCE}), True, 1.0),
    "dropped, with ids": Row(dropped_id, frozenset({kinds.GAP_SEQUENCE}), True, 1.0),
    "dropped, with sequence numbers": Row(dropped_number, frozenset({kinds.GAP_SEQUENCE}), True, 1.0),
    "final_full_message": Row(final_full_message, frozenset({kinds.ACCUMULATED}), True, 1.0),
    "duplicate_terminal": Row(duplicate_terminal, frozenset({kinds.TERMINAL}), True, 1.0),
    "content_after_done": Row(content_after_done, frozenset({kinds.AFTER_DONE}), True, 1.0),
    "reasserted": Row(reasserted, frozenset({kinds.REASSERTED}), False, None),
    "nested_json": Row(nested_json, frozenset({kinds.NESTED_JSON}), True, 1.0),
    "double_framing": Row(double_framing, frozenset({kinds.DOUBLE_FRAMING}), True, 1.0),
    "unframed": Row(unframed, frozenset({kinds.UNFRAMED}), True, 1.0),
    "missing_terminal": Row(missing_terminal, frozenset({"outcome incomplete"}), True, 1.0),
    "no_first_byte": Row(no_first_byte, frozenset({kinds.FIRST_BYTE}), True, 1.0),
    "stall": Row(stall, frozenset({kinds.STALL_CONTENT}), True, 1.0),
    "coalesced": Row(coalesced, frozenset({kinds.BURST}), False, None, stage=CLIENT),
    "oversize": Row(oversize, frozenset({kinds.OVERSIZE}), True, 1.0),
    "content_check": Row(content_check, frozenset({kinds.of_rule("secret")}), True, 1.0),
    "disconnect": Row(ended(DISCONNECTED), frozenset({f"outcome {DISCONNECTED}"}), True, 1.0),
    "cancel": Row(ended(CANCELLED), frozenset({f"outcome {CANCELLED}"}), True, 1.0),
    "error": Row(ended(FAILED), frozenset({f"outcome {FAILED}"}), True, 1.0),
    "abandon": Row(ended(ABANDONED), frozenset({f"outcome {ABANDONED}"}), True, 1.0),
    "cap": Row(ended(CAPPED), frozenset({f"outcome {CAPPED}"}), True, 1.0),
}
"""What is measured at a single stage, and what has to be reached."""
