"""The process in which the Python blocks of a page run, in one namespace; it needs the standard library alone.

It reads a JSON object a line, `{"path", "line", "source"}`, and answers each with one, `{"error", "printed"}`.
Code with `await` at its top runs in a loop that goes on from block to block.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import sys
import traceback
import types
from typing import Any


def main() -> None:
    """Answer until there is nothing to read any more."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.path.insert(0, "")
    answers = sys.stdout
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line), vars(module), runner)), file=answers, flush=True)


def _answer(asked: dict[str, Any], names: dict[str, Any], runner: asyncio.Runner) -> dict[str, str]:
    printed, error = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            _run(asked, names, runner)
        except BaseException:
            error = traceback.format_exc()
    return {"error": error, "printed": printed.getvalue()}


def _run(asked: dict[str, Any], names: dict[str, Any], runner: asyncio.Runner) -> None:
    # The lines are those of the page.
    source = "\n" * int(asked["line"]) + asked["source"]
    code = compile(source, asked["path"], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:
        runner.run(types.FunctionType(code, names)())
    else:
        exec(code, names)


if __name__ == "__main__":
    main()
