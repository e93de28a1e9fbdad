"""The pipeline's demo: one question for each policy, and one file with the spans of all three processes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from otel_sse.demo.asking import LEAVES_AFTER, is_by_client, read
from otel_sse.demo.faults import FAULTS
from otel_sse.demo.pipeline import FAULT_VARIABLES, Pipeline, merge
from otel_sse.demo.pipeline_policies import POLICIES
from otel_sse.demo.pipeline_process import CONTROL, GATEWAY, MODEL
from otel_sse.demo.servers import HOST
from otel_sse.errors import ConfigurationError, must
from otel_sse.terminal.answer import AnswerWriter, question_title
from otel_sse.terminal.screen import Screen

QUESTION: Final = "Tell me a joke."
SHOWN: Final = "judge"
"""The policy whose answer's trace is shown: the one that changes most."""

_TIMEOUT_S: Final = 75.0


@dataclass(slots=True)
class Answer:
    """What the client got through one policy.

    Args:
        policy: The policy's name.
        fault: The fault that was ordered with it, or None.
        trace_id: What the response header `X-Trace-ID` said, or "".
        text: The answer as it arrived.
        error: Why there is no whole answer, or "".
    """

    policy: str
    fault: str | None = None
    trace_id: str = ""
    text: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo left.

    Args:
        answers: One for each policy.
        traces: The file with the spans of all processes.
    """

    answers: list[Answer]
    traces: Path

    @property
    def shown(self) -> Answer:
        """The answer whose trace is worth showing: the one with a fault, or the judge's."""
        return next((answer for answer in self.answers if answer.fault), None) or next(
            answer for answer in self.answers if answer.policy == SHOWN
        )


@contextmanager
def run(traces: Path | None, seed: int, screen: Screen, *, tell: bool, fault: str = "") -> Iterator[Outcome]:
    """Run the pipeline to its end; gives what it left, for as long as the block lasts.

    Asks one question through each policy; where a fault is ordered, one without it and one with it.

    Args:
        traces: Where to write the spans of all processes; a file that is removed at the end where None.
        seed: The same seed gives the same pauses.
        screen: Where to write.
        tell: Whether to say on stderr what is asked, because stdout is kept quiet.
        fault: Full name of a fault, or "".

    Raises:
        ConfigurationError: The file for traces can't be written.
        OtelSSEError: A process did not start.
    """
    with tempfile.TemporaryDirectory(prefix="otel-sse-") as name:
        folder = Path(name)
        target = folder / "traces.jsonl" if traces is None else traces
        _check(target)
        with Pipeline(folder, seed=seed, variables=FAULT_VARIABLES if fault else None) as pipeline:
            _introduce(pipeline, screen)
            asked = (
                [(FAULTS[fault].policy, each) for each in ("", fault)] if fault else [(each, "") for each in POLICIES]
            )
            answers = [_ask(pipeline, policy, each, screen, tell=tell) for policy, each in asked]
        merge(pipeline.files, target)
        yield Outcome(answers, target)


def _check(target: Path) -> None:
    try:
        target.open("wb").close()
    except OSError as error:
        message = must("option --traces", "name a file that can be written", str(target), f"{error.strerror}.")
        raise ConfigurationError(message) from error


def _introduce(pipeline: Pipeline, screen: Screen) -> None:
    urls = {role: f"{HOST}:{port}" for role, port in pipeline.ports.items()}
    screen.say(f"model    http://{urls[MODEL]}/v1  speaks OpenAI's chat completions")
    screen.say(f"control  ws://{urls[CONTROL]}/answers  FastAPI WebSocket, policies {', '.join(POLICIES)}")
    screen.say(f"gateway  http://{urls[GATEWAY]}/chat  FastAPI, model -> callback -> control plane -> client")


def _ask(pipeline: Pipeline, policy: str, fault: str, screen: Screen, *, tell: bool) -> Answer:
    title = question_title(policy, QUESTION, fault)
    screen.out.print()
    screen.out.print(title)
    if tell:
        screen.talk.print(title)
    writer = AnswerWriter(screen.out)
    answer = ask(pipeline.url, policy, QUESTION, writer.show, fault or None)
    writer.end()
    if answer.error:
        screen.say(f"     the answer broke off: {answer.error}")
    return answer


def ask(url: str, policy: str, question: str, show: Callable[[str], None], fault: str | None = None) -> Answer:
    """Ask the gateway one question and return what came back; a broken answer is told in it and not raised.

    Args:
        url: Where the gateway is.
        policy: The policy that the answer is to go through.
        question: What to ask.
        show: Called with each piece of the answer as it arrives.
        fault: Name of a fault to order, or None.
    """
    answer = Answer(policy, fault)
    by_client = fault is not None and is_by_client(fault)
    body = {"question": question, "policy": policy, "fault": None if by_client else fault}
    try:
        # The gateway is on loopback: a proxy that the environment names is not asked.
        with httpx.stream("POST", f"{url}/chat", json=body, timeout=_TIMEOUT_S, trust_env=False) as response:
            answer.trace_id = response.headers.get("x-trace-id", "")
            if response.is_success:
                for facts in read(response, LEAVES_AFTER if by_client else None):
                    answer.error = facts.error or answer.error
                    if facts.content is not None:
                        answer.text += facts.content
                        show(facts.content)
            else:
                answer.error = f"status {response.status_code}"
    except httpx.HTTPError as error:
        answer.error = f"{type(error).__name__}: {error}"
    return answer
