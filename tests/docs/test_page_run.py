"""What a page's run finds, with pages that have the name of the one that runs in these tests' own environment."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs import environments, page_run, pages
from tests.docs.environments import NoEnvironmentError, environment
from tests.docs.machine import Machine
from tests.docs.page_run import PageRun
from tests.docs.pages import ROOT, blocks

PAGE = "CONTRIBUTING.md"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without pages; what is run in it runs with the interpreter of these tests."""
    for module in (pages, page_run):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / "README.md").write_text("")
    return tmp_path


def failures(project: Path, text: str, *, rewrite: bool = False) -> dict[int, str]:
    """Run a page; return what is wrong with its blocks, by line."""
    (project / PAGE).write_text(text)
    return PageRun(PAGE, Machine("1", None), project / "run", rewrite=rewrite).run().failures


def test_blocks_share_a_page(project: Path) -> None:
    """Python blocks share their names, shell blocks the folder, and an output is that of the last command before it."""
    text = """
```python
import asyncio
words = ["one"]
```
<!-- invisible-code-block: python
await asyncio.sleep(0)
words.append("two")
-->
```python
assert words == ["one", "two"]
print(words)
```
```text
['one', 'two']
```
<!-- file: words.txt -->
```yaml
a: b
```
```sh
export GREETING=hello
echo "$GREETING" >> words.txt
cat words.txt
```
```text
a: b
hello
```
<!-- output of: wc -l words.txt -->
```text
2 words.txt
```
"""
    assert failures(project, text) == {}


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("```python\n1 / 0\n```", f'{PAGE}", line 2, in <module>'),
        ("```python\nimport warnings\nwarnings.warn('old')\n```", "UserWarning: old"),
        ("```python\ndef test_it():\n    assert 1 == 2\n```", "assert 1 == 2"),
        ("```python\nimport os\nos._exit(0)\n```", "the process ended"),
        ("```sh\necho no >&2; exit 3\n```", "ended with code 3\n\nno"),
        ("```sh\nno-such-command\n```", "ended with code 127"),
        ("<!-- output of: echo one -->\n```text\ntwo\n```", "-two\n+one"),
        ("```text\none\n```", "an output must stand right behind its command"),
        ("```yaml\na: [\n```", "expected the node content"),
        ("```json\n{]\n```", "Expecting property name"),
        ("```pycon\n>>> one two\n```", "invalid syntax"),
        ("<!-- not run: -->\n```sh\ntrue\n```", "`not run` must say why"),
    ],
)
def test_what_is_wrong_with_a_block_is_told_with_its_line(project: Path, block: str, found: str) -> None:
    """A block that fails is the only one that is told, and what it says is there."""
    told = failures(project, f"{block}\n\n```sh\ntrue\n```\n")
    ((line, failure),) = told.items()
    assert block.splitlines()[line - 1].startswith("```")
    assert found in failure


def test_an_output_that_differs_is_written_anew(project: Path) -> None:
    """Asked to rewrite, the run puts what is printed now into the page, where it differs."""
    text = "```sh\necho one; echo two\n```\n\n```text\none\nthree\n```\n"
    assert failures(project, text, rewrite=True) == {}
    assert (project / PAGE).read_text() == text.replace("three", "two")


def test_what_a_command_started_ends_with_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that takes too long fails, and what it has started is gone."""
    monkeypatch.setattr(page_run, "LIMIT_S", 0.5)
    told = failures(project, "```sh\nsleep 987654 | cat\n```\n")
    assert "timed out" in told[1]
    assert "987654" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_an_environment_that_cannot_be_made_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip can't install what is asked for, each one who asks is told, with pip's words."""
    monkeypatch.setattr(environments, "KEPT", tmp_path)
    for _ in range(2):
        with pytest.raises(NoEnvironmentError, match=r"(?s)must be made once, got code 1.*kept in .venvs/docs"):
            environment(["otel-sse[sdk]", "no requirement at all"])


def test_what_takes_too_long_in_a_test_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment has less time within a test than a test has, and whoever asks again is told at once."""
    monkeypatch.setattr(environments, "KEPT", tmp_path)
    for _ in range(2):
        with pytest.raises(NoEnvironmentError, match=r"must be made once, got no end within 0\.001 s"):
            environment(["otel-sse[sdk]", "another one"], limit_s=0.001)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings["faulthandler_timeout"] > 2 * environments._LIMIT_S


RUN_OF_TESTS = """
import sys
import pytest
from tests.docs import environments

class Untimed:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        print("test of", item.callspec.params["block"].page)
        return True

environments.make_all = lambda wanted: print("made", wanted)
sys.exit(pytest.main(sys.argv[1:], plugins=[Untimed()]))
"""
"""Runs tests of the pages, of which it tells when each would begin."""


def test_environments_are_made_before_the_first_test() -> None:
    """The environments of the chosen blocks are made while no test is timed, and no other ones."""
    chosen = ["-p", "no:cacheprovider", "-qs", "tests/docs/test_blocks.py", "-k", "runs_as_it_stands and ways-in.md"]
    done = subprocess.run([sys.executable, "-c", RUN_OF_TESTS, *chosen], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith(("made", "test of"))]
    asked = {tuple(environments.asked_for(block)) for block in blocks("docs/ways-in.md")} - {()}
    made = {tuple(each) for each in ast.literal_eval(told[0].removeprefix("made "))}
    assert made == {tuple(environments.usual()), *asked}
    assert set(told[1:]) == {"test of docs/ways-in.md"}


def test_this_project_stands_for_its_name() -> None:
    """All extras that are asked for come with the one project; others keep their names."""
    wanted = ["otel-sse", "otel-sse[sdk]", "uvicorn", "otel-sse[demo,sdk]", "otel-sse-other"]
    assert environments._arguments(wanted) == ["-e", ".[demo,sdk]", "otel-sse-other", "uvicorn"]


def test_arguments_of_make_test_stay_with_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's commands do not get what `make test ARGS=...` gives to the tests."""
    for name in ("ARGS", "WORKERS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "PYTEST_XDIST_WORKER"):
        monkeypatch.setenv(name, "ARGS=-q")
    shown = "${ARGS-}${WORKERS-}${MAKEFLAGS-}${MAKEOVERRIDES-}${MFLAGS-}${PYTEST_XDIST_WORKER-}"
    text = f'\n```sh\necho "[{shown}]"\n```\n\n```text\n[]\n```\n'
    assert failures(project, text) == {}
