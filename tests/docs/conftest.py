from __future__ import annotations

import pytest

from tests.docs.environments import asked_for, make_all, usual
from tests.docs.pages import blocks


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make the environments that the chosen tests need, before the first test.

    pip may take longer than `faulthandler_timeout` allows for a test, which ends the whole run. Where an environment
    can't be made, the tests that need it say so.
    """
    if not session.config.option.collectonly:
        make_all(environments_of(session.items))


def environments_of(items: list[pytest.Item]) -> list[list[str]]:
    """Return what the environments have that some tests need: those of the blocks' pages, or the parameter itself."""
    params = [
        each.callspec.params for each in items if each.path.name == "test_blocks.py" and hasattr(each, "callspec")
    ]
    asked = {each["block"].page for each in params if "block" in each and each["block"].reason is None}
    found = [usual()] if asked else []
    found += [each["wanted"] for each in params if "wanted" in each]
    found += [asked_for(block) for page in sorted(asked) for block in blocks(page)]
    return [wanted for n, wanted in enumerate(found) if wanted and wanted not in found[:n]]
