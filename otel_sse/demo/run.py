"""The demo from its start to its end."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from opentelemetry.sdk.trace import ReadableSpan
from rich.console import RenderableType
from rich.text import Text

import otel_sse
from otel_sse.demo import gateway, model_server
from otel_sse.demo.answers import QUESTIONS
from otel_sse.demo.asking import NO_TRACE, Reply, ask, connect
from otel_sse.demo.command_name import shown_command
from otel_sse.demo.metrics_view import Figure, figures, metrics_json, metrics_view
from otel_sse.demo.pacing import Pace
from otel_sse.demo.providers import Providers
from otel_sse.demo.servers import LoopbackServer
from otel_sse.errors import ConfigurationError, must
from otel_sse.terminal.answer import AnswerWriter, question_title
from otel_sse.terminal.screen import Screen

_PATIENCE_S: Final = 10.0
"""How long to wait for the spans of an answer that has been read: on a busy machine they take their time."""

_POLL_S: Final = 0.02
_WATCH_S: Final = 0.25
"""A little more than the recorder's own interval."""

_CLOSE_S: Final = 10.0
_INTERRUPTED_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants.

    Args:
        questions: How many to ask.
        fault: Name of the fault that the gateway makes in the middle one, or None.
        seed: The same seed gives the same times.
        port: Wanted port of the gateway; 0 for any.
        serve: Whether to stay up until Ctrl-C.
        as_json: Whether stdout gets JSON.
        traces: File for OTLP JSON lines, or None.
    """

    questions: int = len(QUESTIONS)
    fault: str | None = None
    seed: int = 1
    port: int = 0
    serve: bool = False
    as_json: bool = False
    traces: Path | None = None


class Views(Protocol):
    """What there is to see of the spans of one trace. Who runs the demo brings it: the command's views lie above."""

    def trace(self, spans: Sequence[ReadableSpan]) -> RenderableType | None:
        """Return the trace for the eye, or None where none of the spans is of a stage."""

    def stages(self, spans: Sequence[ReadableSpan]) -> list[dict[str, Any]]:
        """Return its stages as plain values."""

    def diagnosis(self, spans: Sequence[ReadableSpan]) -> RenderableType | None:
        """Return what is wrong with it, for the eye, or None likewise."""


Asked = Sequence[tuple[Reply, Sequence[ReadableSpan]]]
"""Each reply, with the spans of its trace."""


def run(order: Order, screen: Screen, environ: Mapping[str, str], views: Views) -> bool:
    """Run the demo; return whether every answer arrived.

    Args:
        order: What the user wants.
        screen: Where to write.
        environ: Variables that say how fast the model speaks and where traces go besides.
        views: Show the answers' traces.

    Raises:
        ConfigurationError: A variable or the file for traces can't be used.
        OtelSSEError: A server did not start.
        KeyboardInterrupt: The user has had enough; the servers are stopped by then.
    """
    pace = Pace.read(environ, order.seed)
    providers = _providers(environ, order.traces)
    with _exporting(providers, screen), _servers(order, pace, providers, screen) as (front_url, model_url):
        replies = _ask_all(order, front_url, screen)
        _wait_for_traces(providers, [reply.trace_id for reply in replies if reply.trace_id])
        asked = [(reply, _taken(providers, reply.trace_id)) for reply in replies]
        found = figures(providers.reader.get_metrics_data())
        if order.as_json:
            screen.data(json.dumps(_report(asked, found, views), indent=2))
        else:
            _tell(screen, asked, found, views)
        if order.serve:
            _say_curl(screen, front_url, model_url)
            _watch(providers, screen, views)
    if not order.as_json:
        _say_next(screen, order)
    return not any(reply.error for reply in replies)


def _providers(environ: Mapping[str, str], traces: Path | None) -> Providers:
    try:
        return Providers(environ, traces)
    except ConfigurationError:
        raise
    except ValueError as error:
        # The SDK and its exporters read many variables, and refuse some values this way.
        rule = "have values that OpenTelemetry's SDK takes"
        message = must("variables OTEL_...", rule, str(error), "Correct the one it speaks of, or leave it unset.")
        raise ConfigurationError(message) from error


@contextmanager
def _exporting(providers: Providers, screen: Screen) -> Iterator[None]:
    """Send out what is pending at the end, with less patience where the user has had enough."""
    patience_s = _INTERRUPTED_S
    try:
        yield
        patience_s = _CLOSE_S
    finally:
        otel_sse.shutdown()
        providers.close(patience_s)
        for note in providers.notes():
            screen.say(note)


@contextmanager
def _servers(order: Order, pace: Pace, providers: Providers, screen: Screen) -> Iterator[tuple[str, str]]:
    """Both servers; gives the gateway's address and the model's."""
    with ExitStack() as stack:
        model = stack.enter_context(LoopbackServer(model_server.build(pace)))
        screen.say(f"model    {model.url}/v1  speaks OpenAI's chat completions")
        app = gateway.build(model.url, providers.tracers, providers.meters)
        front = stack.enter_context(LoopbackServer(app, order.port))
        screen.say(f"gateway  {front.url}/chat  FastAPI, otel_sse.instrument(app)")
        if order.port and front.port != order.port:
            screen.say(f"         port {order.port} is taken, so it uses {front.port}")
        yield front.url, model.url


def _ask_all(order: Order, url: str, screen: Screen) -> list[Reply]:
    replies = []
    with connect(url) as client:
        for index in range(order.questions):
            question = QUESTIONS[index % len(QUESTIONS)]
            fault = order.fault if index == (order.questions - 1) // 2 else None
            title = question_title(f"{index + 1}/{order.questions}", question, fault or "")
            screen.out.print()
            screen.out.print(title)
            if order.as_json:
                screen.talk.print(title)
            writer = AnswerWriter(screen.out)
            reply = ask(client, question, fault, writer.show)
            writer.end()
            if reply.error:
                screen.say(f"     the answer broke off: {reply.error}")
            replies.append(reply)
    return replies


def _wait_for_traces(providers: Providers, trace_ids: Sequence[str]) -> None:
    """Wait until the traces of answers that have been read are there, as far as they come."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not _are_complete(providers, trace_ids) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)


def _are_complete(providers: Providers, trace_ids: Sequence[str]) -> bool:
    if not all(map(providers.store.is_complete, trace_ids)):
        return False
    # A stage that is still open may not have shown up: a flush shows it, and then its end has to be waited for as well.
    otel_sse.flush()
    return all(map(providers.store.is_complete, trace_ids))


def _taken(providers: Providers, trace_id: str) -> list[ReadableSpan]:
    spans = providers.store.spans(trace_id)
    providers.store.forget(trace_id)
    return spans


def _report(asked: Asked, found: Sequence[Figure], views: Views) -> dict[str, Any]:
    streams = [
        {
            "question": reply.question,
            "fault": reply.fault,
            "error": reply.error or None,
            "trace_id": reply.trace_id,
            "answer": reply.text,
            "stages": views.stages(spans),
        }
        for reply, spans in asked
    ]
    return {"version": otel_sse.__version__, "streams": streams, "metrics": metrics_json(found)}


def _tell(screen: Screen, asked: Asked, found: Sequence[Figure], views: Views) -> None:
    for index, (reply, spans) in enumerate(asked):
        screen.out.print()
        screen.out.print(question_title(f"{index + 1}/{len(asked)}", reply.question, reply.fault or ""))
        screen.out.print(views.trace(spans) or NO_TRACE)
    if asked and found:
        screen.out.print()
        screen.out.print(metrics_view(found))
    for _, spans in (each for each in asked if each[0].fault):
        if diagnosis := views.diagnosis(spans):
            screen.out.print()
            screen.out.print(Text.assemble(("diagnosis", "bold"), "  what `otel-sse diagnose` says of it"))
            screen.out.print(diagnosis)


def _watch(providers: Providers, screen: Screen, views: Views) -> None:
    """Show every trace that gets complete, until Ctrl-C."""
    screen.say("\nServing. The trace of each answer will stand here. Ctrl-C ends it.")
    store = providers.store
    before: set[str] = set()
    while True:
        time.sleep(_WATCH_S)
        complete = list(filter(store.is_complete, store.trace_ids()))
        for trace_id in complete:
            # At the second look, so that a stage which shows up late is among the others.
            if trace_id in before:
                screen.out.print()
                screen.out.print(views.trace(_taken(providers, trace_id)) or NO_TRACE)
        before = set(complete)


def _say_curl(screen: Screen, front_url: str, model_url: str) -> None:
    screen.say("\nTry in another terminal:")
    for body in ({"question": "joke"}, {"question": "joke", "fault": "double_emission"}):
        header = "content-type: application/json"
        screen.say(f"  curl -N {front_url}/chat -H {shlex.quote(header)} -d {shlex.quote(json.dumps(body))}")
    screen.say(f"  curl {model_url}/v1/models")


def _say_next(screen: Screen, order: Order) -> None:
    command = shown_command()
    steps = [(f"{command} demo --serve", "stay up and be asked with curl")]
    if order.fault is None:
        steps.insert(0, (f"{command} demo --fault double_emission", "a fault in the middle; --list-faults names more"))
    else:
        if order.traces is None:
            steps.insert(0, (f"{command} demo --fault {order.fault} --traces FILE", "keep the spans"))
        file = f"{command} diagnose --file {order.traces or 'FILE'}"
        steps.insert(-1, (file, "which of the answers are not in order, and why"))
    steps.append(("in Jaeger or Tempo:", "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"))
    steps.append(("in your application:", "app = otel_sse.instrument(app)"))
    screen.steps("Next", steps)
