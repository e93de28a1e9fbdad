"""The runbook as a dashboard: docs/runbook.md, a panel a section, so that an alert's link leads to it everywhere."""

from __future__ import annotations

import re
from itertools import count
from typing import Final

from grafana.generate.dashboards import dashboard
from grafana.generate.panels import text
from grafana.generate.targets import Json

_COMMENT: Final = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)
_LINE_CHARS = 110
"""About what a line of a panel holds; with it its height is guessed."""


def sections(markdown: str) -> dict[str, str]:
    """Return the text below each heading of the second level, by its heading, in order; without comments."""
    found = {}
    for part in _COMMENT.sub("", markdown).split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        found[title.strip()] = body.strip()
    return found


def panels(markdown: str) -> dict[str, int]:
    """Return the number of each section's panel, by its heading."""
    return dict(zip(sections(markdown), count(1), strict=False))


def build(markdown: str) -> Json:
    """Return the dashboard.

    Args:
        markdown: The runbook's text.
    """
    shown = [text(title, body, height=_height(body)) for title, body in sections(markdown).items()]
    return dashboard("otel-sse-runbook", "Runbook", "What each alert means, and what to do.", [], shown)


def _height(body: str) -> int:
    lines = sum(1 + len(line) // _LINE_CHARS for line in body.splitlines())
    return 3 + lines * 3 // 4
