"""How the API page writes a thing of the code, on a made-up module."""

from __future__ import annotations

from pathlib import Path

import griffe
import pytest

from docs import api
from docs.api_examples import AROUND, Around

CODE = '''
from typing import Literal
Key = str | bytes
Keys = Callable[[Key], "Key | None"]
T = TypeVar("T")
MOST = 1 << 20

def ask(one: Key, /, two: T = None, *, keys: Keys | None = None, most: int = MOST, made: list = made()) -> T:
    """Ask once; docs/guide.md says how.

    Example:
        >>> ask("a")

    Args:
        one: The key, of
            two lines.

    Returns:
        What was asked: or None.

    Raises:
        ValueError: It is
            empty.

    Source: A standard.
    """

@contextmanager
def opened(*names: str, **how: Any) -> Iterator[int]:
    """Open it."""

class Row(NamedTuple):
    """A row.

    Args:
        name: Its name.
    """

    name: str = ""
    _hidden: int = 0

class Choice(TypedDict):
    """What to choose."""

    word: Literal["a", "b"] | None
    """Shown elsewhere."""

class Open:
    """Made by others."""

    def __init__(self, inner: object) -> None: ...

    @property
    def size(self) -> int:
        """How large."""

    def close(self) -> None:
        """Close it."""

def odd() -> None:
    """Odd.

    Yields:
        Nothing that the page knows.
    """
'''

ASK = """\
```pyi
def ask(
    one: str | bytes,
    /,
    two: T = None,
    *,
    keys: Callable[[str | bytes], str | bytes | None] | None = None,
    most: int = 1 << 20,
    made: list = ...,
) -> T
```

Ask once; [guide.md](guide.md) says how.

```pycon
>>> ask("a")
```

- `one`: The key, of two lines.
- Returns: What was asked: or None.
- Raises `ValueError`: It is empty.

Source: A standard."""

OPENED = """\
```pyi
def opened(*names: str, **how: Any) -> Iterator[int]
```

A context manager.

Open it."""

ROW = """\
```pyi
class Row(name: str = "")
```

A row.

- `name`: Its name."""

CHOICE = """\
```pyi
class Choice(TypedDict):
    word: Literal["a", "b"] | None
```

What to choose."""

OPEN = """\
```pyi
class Open
```

Made by others.

Attributes:

- `size`: How large.

#### `Open.close`

```pyi
def close() -> None
```

Close it."""


@pytest.fixture(scope="module")
def module() -> griffe.Module:
    """The made-up module, read and not imported."""
    return griffe.visit("made", filepath=Path("made.py"), code=CODE, docstring_parser=griffe.Parser.google)


@pytest.mark.parametrize(("name", "text"), [("ask", ASK), ("opened", OPENED)])
def test_function_is_written_with_all_that_its_docstring_says(module: griffe.Module, name: str, text: str) -> None:
    """Signature with aliases and constants resolved, promise, example, and one list of arguments, result and errors."""
    function = module.members[name]
    assert isinstance(function, griffe.Function)
    assert "\n\n".join(api.function_parts(function)) == text


@pytest.mark.parametrize(("name", "text"), [("Row", ROW), ("Choice", CHOICE), ("Open", OPEN)])
def test_class_is_written_as_users_meet_it(module: griffe.Module, name: str, text: str) -> None:
    """A class is called where its docstring explains its arguments; fields and methods of its own follow."""
    found = module.members[name]
    assert isinstance(found, griffe.Class)
    assert "\n\n".join(api.class_parts(found)) == text


def test_section_that_is_not_known_is_an_error(module: griffe.Module) -> None:
    """Nothing of a docstring is left out in silence."""
    function = module.members["odd"]
    assert isinstance(function, griffe.Function)
    with pytest.raises(KeyError):
        list(api.function_parts(function))


def test_indented_block_of_a_text_is_code() -> None:
    """What a docstring indents is fenced, and what is around it stays."""
    text = "One:\n\n    a = 1\n\n    b = 2\n\nTwo."
    assert api.indented_as_code(text, Around()) == "One:\n\n```python\na = 1\n\nb = 2\n```\n\nTwo."


def test_what_an_example_needs_is_hidden_around_it() -> None:
    """Python before and behind an example is hidden, and a reason stands in their place."""
    assert list(Around("a = 1", "assert a").around("BLOCK")) == [
        "<!-- invisible-code-block: python\na = 1\n-->",
        "BLOCK",
        "<!-- invisible-code-block: python\nassert a\n-->",
    ]
    assert list(Around("a = 1", reason="needs a cluster").around("BLOCK")) == [
        "<!-- not run: needs a cluster -->\nBLOCK"
    ]


def test_everything_that_is_hidden_has_its_example() -> None:
    """What stands around examples is on the page: none is left behind when its example goes."""
    page = api.PAGE.read_text(encoding="utf-8")
    for name, around in AROUND.items():
        hidden = [text.strip() for text in (around.before, around.after, around.reason) if text]
        assert [text for text in hidden if text not in page] == [], name
