"""What the end of a run says of blocks that are not run."""

from __future__ import annotations

import pytest

from tests.docs.pages import blocks, pages


def tell(reporter: pytest.TerminalReporter) -> None:
    """Say how many blocks are not run, and for which reasons."""
    reasons = [block.reason for page in pages() for block in blocks(page) if block.reason is not None]
    reporter.section(f"{len(reasons)} blocks of the pages are not run")
    for reason in sorted(set(reasons)):
        reporter.line(f"{reasons.count(reason)} x {reason}")
