"""Internal errors: counted each time, told once, never with the message that may quote a frame."""

from __future__ import annotations

import logging
import sys

import pytest

from otel_sse.errors import ConfigurationError
from otel_sse.telemetry import internal


def test_an_error_is_counted_each_time_and_logged_once_per_site(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two errors at one site and one at another are three counts and two log lines."""
    monkeypatch.setattr(internal, "reraise", False)
    counted: list[str] = []
    errors = internal.InternalErrors(counted.append)
    with caplog.at_level(logging.WARNING, "otel_sse"):
        for site in ("observe", "observe", "close"):
            errors.report(site, ValueError("text of the answer"))
    assert counted == ["observe", "observe", "close"]
    assert len(caplog.records) == 2
    assert "text of the answer" not in caplog.text
    assert "ValueError" in caplog.text


def test_the_log_line_names_the_place(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An error that was raised is told with function and line."""
    monkeypatch.setattr(internal, "reraise", False)
    errors = internal.InternalErrors(lambda site: None)
    try:
        int("x")
    except ValueError as error:
        errors.report("record", error)
    assert "test_the_log_line_names_the_place, line" in caplog.text


def test_debug_has_the_way_and_no_message(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the calls are named through which an error came, and its message, which may quote a frame, is not."""
    monkeypatch.setattr(internal, "reraise", False)

    def reads() -> None:
        raise ValueError("text of the answer")

    with caplog.at_level(logging.DEBUG, "otel_sse"):
        try:
            reads()
        except ValueError as error:
            internal.InternalErrors(lambda site: None).report("record", error)
    assert "test_internal.py" in caplog.text
    assert "> test_internal.py" in caplog.text
    assert " reads" in caplog.text
    assert "text of the answer" not in caplog.text


def test_an_error_that_the_user_can_mend_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was written for them, and quotes no frame."""
    monkeypatch.setattr(internal, "reraise", False)
    internal.InternalErrors(lambda site: None).report("observe", ConfigurationError("chunk_of must return a pair"))
    assert caplog.messages == ["internal error at observe: chunk_of must return a pair; the stream goes on unharmed"]


def test_the_test_suite_sees_the_error_itself() -> None:
    """With `reraise` the same exception object comes out."""
    error = KeyError("k")
    with pytest.raises(KeyError) as caught:
        internal.InternalErrors(lambda site: None).report("open", error)
    assert caught.value is error


def test_guarded_step_raises_nothing_and_is_counted_where_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step gets its arguments; an exception of it is counted at its site, and one that ends the process goes on."""
    monkeypatch.setattr(internal, "reraise", False)
    counted: list[str] = []
    errors = internal.InternalErrors(counted.append)
    done: list[int] = []
    errors.guarded("record", done.append, 1)
    errors.guarded("hook", int, "x")
    with pytest.raises(SystemExit):
        errors.guarded("hook", sys.exit)
    assert (done, counted) == ([1], ["hook"])
