from __future__ import annotations

import pytest

from otel_sse.cli.extras import needs
from otel_sse.errors import MissingExtraError


def test_a_package_of_others_is_told_with_its_extra() -> None:
    """An import error of another package becomes words that name the extra."""
    with pytest.raises(MissingExtraError, match=r"pip install 'otel-sse\[demo\]'"), needs("demo", "the demo"):
        raise ModuleNotFoundError("No module named 'rich'", name="rich.console")


def test_an_error_of_our_own_package_stays() -> None:
    """A module of otel_sse that is missing is a defect and not a missing extra."""
    with pytest.raises(ModuleNotFoundError) as caught, needs("demo", "the demo"):
        raise ModuleNotFoundError("No module named 'otel_sse.gone'", name="otel_sse.gone")
    assert not isinstance(caught.value, MissingExtraError)


def test_other_errors_stay() -> None:
    """What is not an import error passes."""
    with pytest.raises(ZeroDivisionError), needs("demo", "the demo"):
        _ = 1 / 0
