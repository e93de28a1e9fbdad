"""Write the files: `python -m grafana.generate`. With `--check`, only say which differ; exit with 1 where one does."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from grafana.generate.files import differing, write
from otel_sse.errors import must


def main(arguments: Sequence[str]) -> int:
    """Write or check.

    Args:
        arguments: Nothing, or `--check`.
    """
    if list(arguments) == ["--check"]:
        for path in differing():
            print(must(str(path), "be what the code makes", "another text", "Run make grafana, and commit it."))
        return bool(differing())
    if arguments:
        print(must("argument", "be --check or nothing", " ".join(arguments), "Leave it out."), file=sys.stderr)
        return 2
    for path in write():
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
