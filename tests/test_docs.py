from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx
import pytest

import otel_sse
from docs.check import MAIN_PAGES, Problem, check, resolves

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a Makefile and four pages that are in order."""
    (tmp_path / "Makefile").write_text("test:\n\tpytest\n\ncheck: test\n\truff check\n")
    for page in MAIN_PAGES:
        (tmp_path / page).write_text(f"# {page}\n")
    (tmp_path / "docs").mkdir()
    return tmp_path


def problems(project: Path, text: str, page: str = "README.md") -> list[Problem]:
    (project / page).write_text(text)
    return check(project)


def test_pages_in_order_have_no_problem(project: Path) -> None:
    """Links, anchors, examples, commands and names that are right give no problem."""
    text = """# Read me

        ## How to `run` it, [today](docs/more.md)

        ## Twice
        ## Twice

        [file](docs/more.md), [its heading](docs/more.md#deeper--down), [here](#how-to-run-it-today),
        [second](#twice-1), [mark](#mark), [root](/docs/more.md), [outside](https://example.org/x#y),
        ![picture](CHANGELOG.md), [folder](docs)
        <a id="mark"></a>

        Run `make test`, make sure that it passes, catch `otel_sse.OtelSSEError`, read the logger `otel_sse.chunk`.

        ```python
        import otel_sse
        async for chunk in stream:
            await send(chunk)
        ```

        ```sh
        cd here && make check
        make VENV=.other test ARGS="-k one"
        ```

        ```text
        make trouble
        ```
        """
    (project / "docs" / "more.md").write_text("# More\n\n## Deeper & down\n")
    assert problems(project, text.replace("\n        ", "\n")) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[a](none.md)", 1, "link must name a file of this project, got 'none.md'. Mend the path."),
        ("x\n\none\ntwo [a](../up.md)", 4, "link must name a file of this project, got '../up.md'. Mend the path."),
        ("![a](none.png)", 1, "link must name a file of this project, got 'none.png'. Mend the path."),
        ("| a |\n|---|\n| [b](none.md) |", 3, "link must name a file of this project, got 'none.md'. Mend the path."),
        ("[a](#none)", 1, "anchor must name a heading of README.md, got '#none'. Mend the part after #."),
        ("[a](CHANGELOG.md#x)", 1, "anchor must name a heading of CHANGELOG.md, got 'CHANGELOG.md#x'."),
        ("\nsee /home/jo/x", 2, "page must hold no path of one machine, got '/home/jo'. Say it without."),
        ("cd /Users/jo/main", 1, "page must hold no path of one machine, got '/Users/jo'. Say it without."),
        ("at https://pypi.org/simple", 1, "page must hold no package registry, got 'pypi.org'. Say it without."),
        ("`pip install --index-url x`", 1, "page must hold no package registry, got '--index-url'. Say it without."),
        ("x\n\n```python\na = 1\nb = = 2\n```", 5, "example must compile, got 'invalid syntax'."),
        ("`make tset`", 1, "make must be given one of test, check, got 'tset'. Mend the name."),
        ("```sh\nmake test\ncd x && make tset\n```", 3, "make must be given one of test, check, got 'tset'."),
        ("\n`otel_sse.instrumnt(app)`", 2, "name must exist in the package, got 'otel_sse.instrumnt'."),
        ("`otel_sse.wire.Parsr`", 1, "name must exist in the package, got 'otel_sse.wire.Parsr'. Mend its spelling."),
    ],
)
def test_each_mistake_is_named_with_its_line(project: Path, text: str, line: int, message: str) -> None:
    """A mistake gives exactly one problem, which names the page, the line and what to do."""
    found = problems(project, text)
    assert [(p.path, p.line) for p in found] == [(Path("README.md"), line)]
    assert found[0].message.startswith(message)


def test_missing_page_is_a_problem(project: Path) -> None:
    """A main page that does not exist is reported by its name."""
    (project / "CONTRIBUTING.md").unlink()
    assert [str(p) for p in check(project)] == ["CONTRIBUTING.md:1: page must exist, got 'nothing'. Write it."]


def test_pages_in_folders_are_checked(project: Path) -> None:
    """A page below docs is read, and its links start from its own folder."""
    (project / "docs" / "a").mkdir()
    found = problems(project, "[up](../../README.md) [down](b.md)", "docs/a/page.md")
    assert [str(p) for p in found] == [
        "docs/a/page.md:1: link must name a file of this project, got 'b.md'. Mend the path."
    ]


def test_names_of_old_versions_may_stand_in_the_changelog(project: Path) -> None:
    """Only pages for today's users must name what exists."""
    assert problems(project, "`otel_sse.gone` was removed", "CHANGELOG.md") == []


def test_names_resolve_through_submodules() -> None:
    """A class in a submodule and a lazily loaded name both resolve; a name of neither does not."""
    assert resolves("otel_sse.wire.events.Event")
    assert resolves("otel_sse.OtelSSEError")
    assert resolves("otel_sse.litellm")
    assert resolves("otel_sse.litellm.CallbackStage")
    assert not resolves("otel_sse.litellm.CallbackStag")
    assert not resolves("otel_sse.wire.events.Evnt")


def test_command_says_where_and_fails(project: Path) -> None:
    """The command prints `file:line: message` and exits with 1, and with 0 and nothing where all is in order."""
    command = [sys.executable, "-m", "docs.check", str(project)]
    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    (project / "README.md").write_text("x [a](none.md)\n")
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert bad.stdout == "README.md:1: link must name a file of this project, got 'none.md'. Mend the path.\n"


def _readme() -> str:
    return (ROOT / "README.md").read_text().partition("```python\n")[2].partition("```")[0]


def _docstring() -> str:
    lines = (otel_sse.__doc__ or "").splitlines()
    return textwrap.dedent("\n".join(line for line in lines if not line or line.startswith("    ")))


@pytest.mark.parametrize("code", [_readme(), _docstring()], ids=["README", "docstring"])
async def test_first_example_runs_as_it_stands(code: str) -> None:
    """What a newcomer copies first is an application that answers with a stream, instrumented."""
    names: dict[str, Any] = {}
    exec(compile(code, "example", "exec"), names)
    app = names["app"]
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            answer = await client.get("/chat")
        assert answer.text == "data: Hello\n\n"
        assert otel_sse.instrument(app) is app
    finally:
        otel_sse.uninstrument(app)
