from __future__ import annotations

import base64
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from google.protobuf.json_format import ParseDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanKind, format_span_id, format_trace_id

import otel_sse
from otel_sse import limits
from otel_sse.demo.servers import LoopbackServer
from otel_sse.errors import ConfigurationError
from otel_sse.exporters.otlp_lines import LinesExporter, to_line, to_lines
from otel_sse.otlp_lines import OTLPLinesExporter
from tests.cli.command import command_line, environment
from tests.cli.command import otel_sse as command
from tests.demo.sdk_spans import Recording, chunk

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE


def a_trace() -> Recording:
    recording = Recording()
    request = recording.request()
    first = recording.stage(request, 1_000, 2_000, 0, "socket_write", chunk(1, 1_001))
    link = Link(first.get_span_context(), {"sse.link": "segment"})
    recording.tracer.start_span("linked", links=[link], start_time=5).end(6)
    request.end(3_000)
    return recording


def spans_in(line: str) -> dict[str, dict[str, Any]]:
    (resource,) = json.loads(line)["resourceSpans"]
    return {span["name"]: span for scope in resource["scopeSpans"] for span in scope["spans"]}


def finished(*names: str) -> list[ReadableSpan]:
    """Spans with nothing but names."""
    recording = Recording()
    for name in names:
        recording.span(name, 1).end(2)
    return recording.finished()


def names_in(path: Path) -> list[list[str]]:
    """The names of the spans, line by line."""
    return [list(spans_in(line)) for line in path.read_text().splitlines() if line]


def test_ids_are_hexadecimal_and_enums_are_numbers() -> None:
    """Trace, span, parent and link ids are hexadecimal and a span's kind is a number, as OTLP's JSON wants."""
    recorded = a_trace().finished()
    spans = spans_in(to_line(recorded))
    by_name = {span.name: span.context for span in recorded}
    request, stage = by_name["POST /chat"], by_name["stream socket_write"]
    assert request is not None
    assert stage is not None
    assert spans["POST /chat"]["kind"] == 1 + SpanKind.SERVER.value
    assert spans["stream socket_write"]["traceId"] == format_trace_id(stage.trace_id)
    assert spans["stream socket_write"]["parentSpanId"] == format_span_id(request.span_id)
    assert spans["linked"]["links"][0]["spanId"] == format_span_id(stage.span_id)
    assert spans["stream socket_write"]["events"][0]["timeUnixNano"] == "1001"


def test_nothing_is_lost() -> None:
    """Put back into protobuf, a line is the request that the OTLP exporter would have sent."""
    recorded = a_trace().finished()
    request = json.loads(to_line(recorded))
    for scope in request["resourceSpans"][0]["scopeSpans"]:
        for span in scope["spans"]:
            for holder in (span, *span.get("links", ())):
                for name in {"traceId", "spanId", "parentSpanId"} & holder.keys():
                    holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
    assert ParseDict(request, ExportTraceServiceRequest()) == encode_spans(recorded)


def test_a_batch_that_is_too_long_for_a_line_becomes_several() -> None:
    """At the longest line that a reader takes a batch is one line, one past it two; a single span is never cut."""
    spans = finished("a", "b", "c" * 2_000)
    whole = len(to_line(spans))
    assert [len(line) for line in to_lines(spans, whole)] == [whole + 1]
    parts = to_lines(spans, whole - 1)
    assert [list(spans_in(line.decode())) for line in parts] == [["a"], ["b", "c" * 2_000]]
    assert [list(spans_in(line.decode())) for line in to_lines(spans, 1)] == [["a"], ["b"], ["c" * 2_000]]


def test_a_span_that_no_reader_takes_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A span of MAX_LINE_BYTES is written, a longer one is dropped with a warning; others of its batch stay."""
    path = tmp_path / "traces.jsonl"
    (other,) = finished("other")
    most = limits.MAX_LINE_BYTES - len(to_line(finished("x"))) + 1
    exporter = OTLPLinesExporter(path)
    assert exporter.export(finished("x" * most)) is SUCCESS
    assert path.stat().st_size == limits.MAX_LINE_BYTES + 1
    with caplog.at_level(logging.WARNING):
        assert exporter.export([*finished("x" * (most + 1)), other]) is FAILURE
    exporter.shutdown()
    assert names_in(path)[1:] == [["other"]]
    assert "must get lines of 67,108,864 bytes at most, got 'a span of 67,108,866 bytes'." in caplog.text


def test_an_open_file_takes_lines() -> None:
    """Each batch is one line in the file that was handed in; once that is closed, a batch is refused."""
    recorded = a_trace().finished()
    file = io.StringIO()
    exporter = LinesExporter(file)
    assert [exporter.export(recorded[:1]), exporter.export(recorded[1:])] == [SUCCESS, SUCCESS]
    assert file.getvalue().splitlines() == [to_line(recorded[:1]), to_line(recorded[1:])]
    exporter.shutdown()
    assert file.closed
    assert exporter.export(recorded) is FAILURE


def test_each_batch_is_one_line(tmp_path: Path) -> None:
    """Two batches are two lines, in the file at once; after the shutdown a batch is refused."""
    path = tmp_path / "traces.jsonl"
    recorded = a_trace().finished()
    exporter = OTLPLinesExporter(path)
    assert [exporter.export(recorded[:1]), exporter.export(recorded[1:])] == [SUCCESS, SUCCESS]
    assert [len(names) for names in names_in(path)] == [1, 2]
    assert exporter.force_flush()
    exporter.shutdown()
    assert exporter.export(recorded) is FAILURE


@pytest.mark.parametrize("text", [b"", b'{"resourceSpans":[]}\n'])
def test_what_is_in_the_file_stays(text: bytes, tmp_path: Path) -> None:
    """A file that exists is added to."""
    path = tmp_path / "traces.jsonl"
    path.write_bytes(text)
    exporter = OTLPLinesExporter(path)
    assert exporter.export(finished("a")) is SUCCESS
    exporter.shutdown()
    assert path.read_bytes().startswith(text)
    assert list(spans_in(path.read_text().splitlines()[-1])) == ["a"]


def test_a_line_that_was_cut_off_damages_no_other(tmp_path: Path) -> None:
    """Where a crash has left half a line, it is ended, and the next batch can be read."""
    path = tmp_path / "traces.jsonl"
    exporter = OTLPLinesExporter(path)
    assert exporter.export(finished("a")) is SUCCESS
    with path.open("ab") as other:
        other.write(b'{"resourceSpans":[{"sco')
    assert exporter.export(finished("b")) is SUCCESS
    exporter.shutdown()
    first, half, last = path.read_text().splitlines()
    assert (list(spans_in(first)), half, list(spans_in(last))) == (["a"], '{"resourceSpans":[{"sco', ["b"])


def test_a_full_file_grows_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A batch that fits to the byte is written, one past it is dropped; a warning says so once."""
    path = tmp_path / "traces.jsonl"
    (span,) = finished("a")
    length = len(to_line([span])) + 1
    exporter = OTLPLinesExporter(path, max_bytes=2 * length)
    with caplog.at_level(logging.WARNING):
        assert [exporter.export([span]) for _ in range(4)] == [SUCCESS, SUCCESS, FAILURE, FAILURE]
    exporter.shutdown()
    assert path.stat().st_size == 2 * length
    (warning,) = caplog.messages
    assert warning == (
        f"file {path} must be smaller than {2 * length:,} bytes, got '{2 * length:,} bytes and {length:,} more'. "
        "Spans are dropped."
    )


def test_the_cap_of_a_file_has_a_default(tmp_path: Path) -> None:
    """Unless a size is given, a file ends at MAX_SPAN_FILE_BYTES: what was in it counts."""
    path = tmp_path / "traces.jsonl"
    (span,) = finished("a")
    length = len(to_line([span])) + 1
    with path.open("wb") as sparse:
        sparse.seek(limits.MAX_SPAN_FILE_BYTES - length - 1)
        sparse.write(b"\n")
    exporter = OTLPLinesExporter(path)
    assert [exporter.export([span]), exporter.export([span])] == [SUCCESS, FAILURE]
    exporter.shutdown()
    assert path.stat().st_size == limits.MAX_SPAN_FILE_BYTES


@pytest.mark.parametrize("name", ["missing/traces.jsonl", "."])
def test_a_file_that_cant_be_written_is_told(name: str, tmp_path: Path) -> None:
    """Where the file can't be opened, making the exporter fails with its name and the reason."""
    with pytest.raises(ConfigurationError, match=r"file for spans must be one that can be written, got '.*'\. \w.*\.$"):
        OTLPLinesExporter(tmp_path / name)


def test_a_cap_below_one_byte_is_refused(tmp_path: Path) -> None:
    """A file of no size takes nothing."""
    with pytest.raises(ConfigurationError, match="max_bytes must be a number of bytes, 1 or more, got 0"):
        OTLPLinesExporter(tmp_path / "traces.jsonl", max_bytes=0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told_and_nothing_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing can be written, the batch counts as failed, and a warning says why."""
    exporter = OTLPLinesExporter("/dev/full")
    with caplog.at_level(logging.WARNING):
        assert exporter.export(finished("a")) is FAILURE
    exporter.shutdown()
    assert "file /dev/full must take spans, got 'No space left on device'." in caplog.text


def test_threads_share_a_file(tmp_path: Path) -> None:
    """What several exporters and threads write at once are whole lines, none lost."""
    path = tmp_path / "traces.jsonl"
    exporters = [OTLPLinesExporter(path), OTLPLinesExporter(path)]

    def write(number: int) -> None:
        for n in range(50):
            assert exporters[number % 2].export(finished(f"{number}-{n}")) is SUCCESS

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for exporter in exporters:
        exporter.shutdown()
    found = sorted(name for names in names_in(path) for name in names)
    assert found == sorted(f"{number}-{n}" for number in range(4) for n in range(50))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_worker_writes_too(tmp_path: Path) -> None:
    """A child that was forked while a thread of its parent was writing is not stopped by the parent's lock."""
    path = tmp_path / "traces.jsonl"
    code = f"""
import os
from tests.exporters.test_otlp_lines import OTLPLinesExporter, finished
exporter = OTLPLinesExporter({str(path)!r})
exporter._lock.acquire()
child = os.fork()
if not child:
    exporter.export(finished("child"))
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
exporter._lock.release()
exporter.export(finished("parent"))
"""
    subprocess.run([sys.executable, "-c", code], env=environment({}), timeout=60, check=True)
    assert names_in(path) == [["child"], ["parent"]]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """What has no size, such as standard output, gets lines as well, up to as many bytes."""
    code = """
from tests.exporters.test_otlp_lines import OTLPLinesExporter, finished, to_line
(span,) = finished("a")
exporter = OTLPLinesExporter("/dev/stdout", max_bytes=len(to_line([span])) + 1)
exporter.export([span])
exporter.export([span])
"""
    ran = subprocess.run([sys.executable, "-c", code], env=environment({}), capture_output=True, text=True, timeout=60)
    (line,) = ran.stdout.splitlines()
    assert list(spans_in(line)) == ["a"]


@pytest.mark.server
@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_what_an_application_writes_is_diagnosed(processor: type[SpanProcessor], tmp_path: Path) -> None:
    """An application that sends each event twice writes its spans, and `otel-sse diagnose --file` says which stage."""
    path = tmp_path / "traces.jsonl"
    provider = TracerProvider(resource=Resource.create({"service.name": "chat"}), shutdown_on_exit=False)
    provider.add_span_processor(processor(OTLPLinesExporter(path)))  # type: ignore[call-arg]
    app = FastAPI(telemetry={"tracer_provider": provider})

    @app.get("/chat")
    async def chat() -> StreamingResponse:
        async def model() -> Any:
            for n in range(20):
                yield f"data: word{n}\n\n"

        async def twice() -> Any:
            async for event in otel_sse.observe(model(), "model"):
                yield event
                yield event

        return StreamingResponse(twice(), media_type="text/event-stream")

    otel_sse.instrument(app, tracer_provider=provider)
    with LoopbackServer(app) as server:
        trace_id = httpx.get(f"{server.url}/chat", trust_env=False).headers["x-trace-id"]
    otel_sse.uninstrument(app)
    otel_sse.flush()
    provider.shutdown()
    found = command("diagnose", "--file", str(path))
    assert (found.returncode, found.stderr) == (1, "")
    said = " ".join(found.stdout.split())
    assert f"trace {trace_id}" in said
    assert "chat emit handed on 20 chunks twice" in said


def test_without_its_packages_it_says_what_to_install() -> None:
    """Where the extra is missing, the import says which command installs it."""
    code = command_line(blocked=("google", "opentelemetry.exporter"))[4].partition("from otel_sse.cli")[0]
    code = re.sub(r'name\.partition\("\."\)\[0\] in (.*):', r"name.startswith(\1):", code)
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport otel_sse.otlp_lines"],
        env=environment({}), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "MissingExtraError: otel_sse.otlp_lines must find the packages of the extra 'otlp'" in ran.stderr
    assert "pip install 'otel-sse[otlp]'" in ran.stderr
