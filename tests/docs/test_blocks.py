"""Documentation that runs: every block of every page, in an environment as its page says how to make one.

Sybil finds the blocks and runs them in order (`pages.py`); the other libraries for this (pytest-examples, mktestdocs,
pytest-markdown-docs, pytest-codeblocks, phmdoctest) run code in the interpreter of the tests, which has everything
installed and would hide what an install line lacks, and byexample compares but knows no environments. So what Sybil
calls for each block is ours:

- **Python** (`page_process.py`): the blocks of a page share a namespace, in a process of their own, in which a warning
  is an error. A block that has tests in it is run by pytest.
- **Shell** (`shell.py`, `page_run.py`): each command runs as it is written, in a folder of the page's own, with the
  environment first on PATH. One that serves is started on a free port and asked. What is replaced: ports, and ids of
  traces, which are others in each run. `make` runs in the project.
- **Environments** (`environments.py`): one for each set of things that pages say to install, with the versions of
  `constraints.txt` and this project for `otel-sse`. They are made once, before the first test
  (`conftest.py`), and kept in `.venvs/docs`. A page without an install line has what README offers.
- **Outputs** (`outputs.py`): a `text` block behind a command is compared with what it prints, but for times, ids, ports
  and layout. A line `...` leaves lines out. `make outputs` writes what is printed now into the pages.
- **Examples of docstrings** run as Python, with hidden blocks around them (`docs/api_examples.py`) that make what they
  name. Signatures (`pyi`) stand on the API page alone.
- **Configuration** is parsed; queries have tests of their own (`pages.OTHERS`).

What can't be run says so above it, `<!-- not run: REASON -->`, pictures too; the end of the run counts these.
The demo runs at a quicker pace, and once for all pages that show the same command. Two pages run at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.backends import jaeger_server
from tests.deploy.backend import Backend
from tests.docs.environments import environment, every
from tests.docs.machine import Machine, needs_jaeger
from tests.docs.page_run import PageRun
from tests.docs.pages import Block, blocks, pages, stray_comments

BLOCKS = [block for page in pages() for block in blocks(page)]
RUN = [block for block in BLOCKS if block.reason is None]

PATIENCE_S = 240
"""How long a block waits for its page's run. Longer, and it fails; after 300 s pytest would end the whole run."""

pytestmark = pytest.mark.server

Runs = dict[str, Future[PageRun]]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A run of each page of which a block is asked for, by page."""
    asked = {item.nodeid.rpartition("[")[2].rpartition(":")[0] for item in request.session.items}
    names = [page for page in pages() if page in asked]
    folder = tmp_path_factory.mktemp("pages")
    rewrite = bool(request.config.getoption("--rewrite"))
    with ExitStack() as stack:
        backend = stack.enter_context(Backend())
        jaeger = None
        if any(needs_jaeger(page) for page in names) and jaeger_server.found():
            jaeger = stack.enter_context(jaeger_server.running(tmp_path_factory.mktemp("jaeger")))
        machine = Machine(backend.url.rpartition(":")[2], jaeger, real_pace=rewrite)
        pool = stack.enter_context(ThreadPoolExecutor(2))
        yield {
            page: pool.submit(PageRun(page, machine, folder / page.replace("/", "."), rewrite=rewrite).run)
            for page in names
        }


@pytest.mark.parametrize("wanted", every(), ids=" ".join)
def test_what_a_page_says_to_install_can_be_installed(wanted: list[str]) -> None:
    """Each environment is there, or can be made: before the blocks wait for it."""
    assert (environment(wanted) / "bin" / "python").exists()


@pytest.mark.parametrize("block", RUN, ids=str)
def test_block_runs_as_it_stands(runs: Runs, block: Block) -> None:
    """A block runs without an error, and an output is what its command prints."""
    if needs_jaeger(block.page):
        jaeger_server.binary()
    failure = runs[block.page].result(PATIENCE_S).failures.get(block.line)
    if failure is not None:
        pytest.fail(f"{block}\n{failure}", pytrace=False)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason is not None], ids=str)
def test_block_that_is_not_run_says_why(block: Block) -> None:
    """A block that is not run has a reason in words."""
    assert block.problem() is None


@pytest.mark.parametrize("page", pages())
def test_no_comment_is_misspelt(page: str) -> None:
    """Every comment that speaks of running a block has one of the fixed forms, and stands right above a block."""
    assert stray_comments(page) == []
