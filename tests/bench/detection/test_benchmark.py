"""The benchmark of detection, on made-up answers and on a few of the recorded ones."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from bench.detection import baselines, multi, single
from bench.detection.__main__ import main
from bench.detection.damages import DAMAGES
from bench.detection.injections import ROWS
from bench.detection.pipeline import Step, as_it_is, run
from bench.detection.recordings import Recording, frames, recordings
from bench.detection.report import Results, document, tables
from bench.detection.timing import OPENED_NS, times_ns
from bench.table import markdown
from tests.stage.made import chat, messages, responses

GAPS_MS = [9.0, 10.0, 12.0, 28.0]
WORDS = ["The", " cat", " sat", " on", " the", " mat", ".", "\n", "\n", " ha", " ha", *(f" word{n}" for n in range(60))]
MADE = {"openai-chat": chat, "anthropic-messages": messages, "openai-responses": responses}


@pytest.fixture(scope="module")
def answers() -> list[Recording]:
    """A made-up answer in each of three dialects."""
    return [Recording(f"{name}.sse", name, tuple(frames(b"".join(make(WORDS))))) for name, make in MADE.items()]


def test_frames_are_the_bytes_of_the_answer_in_order() -> None:
    """Every byte belongs to one frame, whatever the line ends are."""
    for data in (b"".join(chat(WORDS)), b": hello\r\n\r\n" + b"".join(chat(WORDS)).replace(b"\n", b"\r\n")):
        assert b"".join(frame.raw for frame in frames(data)) == data


def test_clean_answers_give_nothing(answers: list[Recording]) -> None:
    """Neither one stage nor a whole pipeline says anything of answers that are in order."""
    alone = single.clean(answers, GAPS_MS, 1)
    assert (alone.answers, alone.certain, alone.suspected) == (3, {}, {})
    for lineage in (True, False):
        assert multi.clean(answers, GAPS_MS, 1, lineage=lineage).wrong == {}


@pytest.mark.parametrize("name", ROWS)
def test_every_fault_is_found_at_a_single_stage(name: str, answers: list[Recording]) -> None:
    """Each row of the catalogue is found wherever it can be put in."""
    score = single.faults(answers, GAPS_MS, 1, {name: ROWS[name]})[name]
    assert score.answers >= 1
    assert (score.found, score.right_seq, score.missed) == (score.answers, score.answers, [])


@pytest.mark.parametrize("lineage", [True, False])
@pytest.mark.parametrize("name", [name for name in DAMAGES if name != "coalesced"])
def test_every_fault_of_a_pipeline_is_blamed_on_its_stage(name: str, lineage: bool, answers: list[Recording]) -> None:
    """The diagnosis names the kind, the stage and the chunks."""
    score = multi.faults(answers, GAPS_MS, 1, lineage=lineage, damages={name: DAMAGES[name]})[name]
    assert score.answers >= 1
    assert (score.right_seq, score.missed) == (score.answers, [])


def test_places_are_drawn_by_the_seed(answers: list[Recording]) -> None:
    """One seed gives one result, and another seed puts faults elsewhere."""
    row = {"stall": ROWS["stall"]}
    first, again = (single.faults(answers, GAPS_MS, 1, row)["stall"] for _ in range(2))
    assert first == again
    times = [times_ns(50, GAPS_MS, random.Random(seed)) for seed in (1, 1, 2)]
    assert times[0] == times[1] != times[2]
    assert times[0][0] > OPENED_NS


def test_pipeline_without_a_fault_hands_on_every_frame(answers: list[Recording]) -> None:
    """All stages of the trace have the same digests, and each chunk knows its upstream where lineage is recorded."""
    for recording in answers:
        steps = [Step("provider", as_it_is), Step("emit", as_it_is)]
        times = times_ns(len(recording.frames), GAPS_MS, random.Random(1))
        stream = run(recording.frames, times, steps, lineage=True)
        provider, emit = stream.stages
        assert [chunk.digest for chunk in emit.chunks] == [chunk.digest for chunk in provider.chunks]
        assert [chunk.upstream_first for chunk in emit.chunks if chunk.kind == "content"] == [
            chunk.seq for chunk in provider.chunks if chunk.kind == "content"
        ]


def test_simpler_rules_cry_wolf(answers: list[Recording]) -> None:
    """An equal hash is found in every clean answer here, because models repeat themselves."""
    found = baselines.baselines(answers, GAPS_MS, 1)
    assert found["same hash seen"].clean == (3, 3)
    assert all(one.doubled == (3, 3) for one in found.values())


def test_report_has_every_fault_and_goes_into_json(answers: list[Recording]) -> None:
    """Tables and JSON name each fault that was measured."""
    results = Results(1, clean=single.clean(answers, GAPS_MS, 1), faults=single.faults(answers, GAPS_MS, 1))
    results.pipelines = {"by digests": {"dropped": multi.Score(3, 3, 3, 3, 3)}}
    text = markdown(tables(results))
    assert all(name in text for name in ROWS)
    assert "100% met" in text
    written = json.loads(json.dumps(document(results, {"command": "x"})))
    assert set(written["faults"]) == set(ROWS)
    assert written["run"] == {"command": "x"}


@pytest.mark.corpus
def test_a_few_recorded_answers(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command runs over recorded answers, says nothing certain of clean ones, and writes what it found."""
    assert main(["--every", "60", "--json", str(tmp_path / "found.json")]) == 0
    written = json.loads((tmp_path / "found.json").read_text())
    assert written["clean"]["certain"] == {}
    assert written["clean"]["answers"] == len(recordings(corpus)[::60])
    assert "Faults at a single stage" in capsys.readouterr().out


def test_missing_corpus_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the recorded streams the command says so and is no failure."""
    monkeypatch.setattr("bench.detection.recordings.CORPUS", Path("/nowhere"))
    assert main([]) == 0
    assert "skipped: the recorded streams are not there" in capsys.readouterr().err
