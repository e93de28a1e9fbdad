from __future__ import annotations

import pytest

from tests.docs.pages import blocks, pages


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many blocks are not run, and for which reasons."""
    reasons = [block.reason for page in pages() for block in blocks(page) if block.reason is not None]
    terminalreporter.section(f"{len(reasons)} blocks of the pages are not run")
    for reason in sorted(set(reasons)):
        terminalreporter.line(f"{reasons.count(reason)} x {reason}")
