"""What a command found in traces, and how it is shown: view or JSON, notes, exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from rich.console import RenderableType

from otel_sse.cli.exit_codes import FINDINGS, INPUT, OK
from otel_sse.sources.errors import SourceError
from otel_sse.sources.reading import Traces
from otel_sse.terminal.escaping import MESSAGE_CHARS, escaped
from otel_sse.terminal.screen import Screen


class Shown(NamedTuple):
    """What there is to see.

    Args:
        view: For the eye.
        data: For programs.
        is_clean: Whether nothing was found, and nothing failed or broke off.
        damage: What of the source could not be read, or None.
        notes: What else there is to say, for stderr.
    """

    view: RenderableType
    data: dict[str, Any]
    is_clean: bool
    damage: SourceError | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, 1 where something went wrong, 3 where a part could not be read."""
        return INPUT if self.damage is not None else OK if self.is_clean else FINDINGS


def show(screen: Screen, source: Traces, look: Callable[[], Shown], *, as_json: bool) -> int:
    """Look, close the source, and show what was found; return the exit code.

    Args:
        screen: Where to.
        source: What is looked at.
        look: Looks at it.
        as_json: Whether to show JSON in the place of the view.
    """
    try:
        with closing(source):
            shown = look()
    except SourceError as error:
        _tell(error)
        return INPUT
    if as_json:
        screen.data(json.dumps(shown.data, indent=2))
    else:
        screen.out.print(shown.view)
    for note in shown.notes:
        screen.say(escaped(note, MESSAGE_CHARS))
    if shown.damage is not None:
        _tell(shown.damage)
    return shown.exit_code


def _tell(error: SourceError) -> None:
    # A backend's answer or a file's name may stand in it.
    print(f"otel-sse: {escaped(error, MESSAGE_CHARS)}", file=sys.stderr)
