from __future__ import annotations

from pathlib import Path

import pytest

from otel_sse.lineage.spans import Span
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles
from tests.lineage.made_trace import chunk_events, segment
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
