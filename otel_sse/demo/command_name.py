"""How the reader of the demo calls its command again."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

COMMAND: Final = "otel-sse"


def shown_command(started_as: str | None = None, search_path: str | None = None) -> str:
    """Return the command by its name where a shell finds it, else by the path under which it was started.

    `make demo` starts `.venv/bin/otel-sse`, which a shell does not find by its name.

    Args:
        started_as: Path under which it was started; that of this process where None.
        search_path: Folders in which a shell looks, as in `PATH`; those of this process where None.
    """
    path = Path(sys.argv[0] if started_as is None else started_as)
    if path.name != COMMAND or not path.is_file():
        # Started as a module, or by a test.
        return COMMAND
    found = shutil.which(COMMAND, path=search_path)
    return COMMAND if found is not None and os.path.samefile(found, path) else str(path)
