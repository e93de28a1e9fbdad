from __future__ import annotations

import os
from pathlib import Path

import pytest

from otel_sse import limits
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles
from tests.diagnosis.made_trace import chunk_events, segment
from tests.sources.made_files import line_of, write


def span(name: str, service: str = "gateway") -> Span:
    return segment(name, chunk_events("ab", 0), service=service)


def test_lines_and_files_are_read_in_their_order(tmp_path: Path) -> None:
    """Every span of every line of every file comes, also when read again; blank lines count for nothing."""
    one = write(tmp_path / "one.jsonl", [span("a"), span("b")], "", [span("c", "model")])
    two = write(tmp_path / "two.jsonl", [span("d")])
    files = OtlpFiles([one, two])
    for _ in range(2):
        assert [each.name for each in files.spans()] == ["stream a", "stream b", "stream c", "stream d"]
        assert files.read == 3
        assert files.damage() is None


def test_lines_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    """The first span is there before a later line is looked at."""
    files = OtlpFiles([write(tmp_path / "t.jsonl", [span("a")], "{", [span("b")])])
    spans = files.spans()
    assert next(spans).name == "stream a"
    assert files.damage() is None
    assert [each.name for each in spans] == ["stream b"]
    assert files.damage() is not None


def test_a_mark_at_the_start_and_other_line_ends_do_no_harm(tmp_path: Path) -> None:
    """A file that a Windows program wrote is read, and one without a last line end."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line_of([span("a")]).encode() + b"\r\n" + line_of([span("b")]).encode())
    assert [each.name for each in OtlpFiles([path]).spans()] == ["stream a", "stream b"]


def test_a_damaged_line_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    """The error names file and line and says that the other lines were read; nothing of the line is quoted."""
    path = write(tmp_path / "t.jsonl", [span("a")], '{"secret": ', [span("b")])
    files = OtlpFiles([path])
    assert [each.name for each in files.spans()] == ["stream a", "stream b"]
    message = str(files.damage())
    assert f"{path}, line 2: " in message
    assert "The other lines were read, 2 of them." in message
    assert "secret" not in message


def test_spans_of_a_damaged_line_are_not_taken(tmp_path: Path) -> None:
    """A line with one bad span gives none, so that nothing is half there."""
    path = write(tmp_path / "t.jsonl", line_of([span("a"), span("b")]).replace('"spanId": "', '"spanId": "x', 1))
    files = OtlpFiles([path])
    assert list(files.spans()) == []
    assert "No line could be read." in str(files.damage())


def test_of_many_damaged_lines_the_first_are_named(tmp_path: Path) -> None:
    """A file that is something else altogether gives one message that ends."""
    path = write(tmp_path / "t.txt", *["no json"] * 1000)
    files = OtlpFiles([path])
    assert list(files.spans()) == []
    message = str(files.damage())
    assert "line 3: " in message
    assert "line 4: " not in message
    assert "and 997 more" in message


def test_a_line_nested_too_deep_is_damaged(tmp_path: Path) -> None:
    """JSON that would break a parser's stack is a damaged line."""
    deep = '{"resourceSpans": ' + "[" * 100_000
    files = OtlpFiles([write(tmp_path / "t.jsonl", deep)])
    assert list(files.spans()) == []
    assert files.damage() is not None


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """What is missing, or is a folder, is an error that names it."""
    path = tmp_path / name
    with pytest.raises(SourceError, match="must be a file that can be read, got '") as caught:
        list(OtlpFiles([path]).spans())
    assert str(path) in str(caught.value)


def test_an_empty_file_is_told_from_one_without_stages(tmp_path: Path) -> None:
    """The error where nothing was found says whether there was anything at all."""
    empty, other = write(tmp_path / "empty.jsonl"), write(tmp_path / "other.jsonl", "{}")
    for path, says in ((empty, "an empty file"), (other, "1 lines without any")):
        files = OtlpFiles([path])
        assert list(files.spans()) == []
        assert says in str(files.nothing())
        assert str(path) in str(files.nothing())


@pytest.mark.parametrize(("more", "is_read"), [(0, True), (1, False)])
def test_a_line_is_read_up_to_a_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int, is_read: bool
) -> None:
    """A line of MAX_LINE_BYTES is read, a longer one is damage and nothing of it is kept; those behind it are read."""
    line = line_of([span("a")]).strip()
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", len(line))
    path = tmp_path / "t.jsonl"
    path.write_text(f"{line}{' ' * 3 * len(line) if more else ''}\n{line_of([span('b')]).strip()}\n")
    files = OtlpFiles([path])
    assert [each.name for each in files.spans()] == ["stream a"] * is_read + ["stream b"]
    assert (files.damage() is None) is is_read
    assert is_read or f"line 1: longer than {len(line):,} bytes" in str(files.damage())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_may_never_end_is_refused(tmp_path: Path) -> None:
    """A named pipe that nobody writes to and a device without an end are errors, and no wait."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, kind in ((pipe, "a named pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(SourceError, match=f"must be a file that ends, got '{kind}'"):
            list(OtlpFiles([path]).spans())


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no files for descriptors")
def test_a_pipe_of_the_shell_is_read(tmp_path: Path) -> None:
    """What `<(command)` gives has a writer and an end."""
    reader, writer = os.pipe()
    os.write(writer, line_of([span("a")]).encode())
    os.close(writer)
    try:
        assert [each.name for each in OtlpFiles([Path(f"/dev/fd/{reader}")]).spans()] == ["stream a"]
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b'{"resourceSpans": [', b"[" * 100_000, b"null", b'"\xed\xa0\x80"']
)
def test_broken_bytes_are_damage(tmp_path: Path, content: bytes) -> None:
    """Whatever bytes stand in a line, the error is ours and names the line."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    files = OtlpFiles([path])
    assert list(files.spans()) == []
    assert f"{path}, line 1: " in str(files.damage())


def test_a_name_that_is_none_is_an_error(tmp_path: Path) -> None:
    """A name with a NUL can't be opened."""
    with pytest.raises(SourceError, match="must be a file that can be read, got 'ValueError'"):
        list(OtlpFiles([tmp_path / "a\0b"]).spans())
