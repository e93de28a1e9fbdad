"""What of the package is public, read from `docs/public.txt` and, without importing it, from the code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import griffe

ROOT: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("public.txt")


@cache
def names() -> dict[str, tuple[str, ...]]:
    """Return the public names of each public module, both in the order of the list."""
    found: dict[str, tuple[str, ...]] = {}
    module = ""
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith(" "):
            found[module] += (line.strip(),)
        else:
            module = line
            found[module] = ()
    return found


@cache
def _package() -> griffe.Module:
    # Nothing is imported, so what needs an extra is read as well where that is not installed.
    package = griffe.load(
        "otel_sse",
        search_paths=[ROOT],
        docstring_parser="google",
        # Fields of structs and named tuples, which it takes for no parameters.
        docstring_options={"warn_unknown_params": False, "warn_missing_types": False},
        resolve_aliases=True,
        resolve_external=False,
        allow_inspection=False,
    )
    assert isinstance(package, griffe.Module)
    return package


def module(name: str) -> griffe.Module:
    """Return a module of the package by its dotted name."""
    found = _package()
    for part in name.split(".")[1:]:
        found = found.modules[part]
    return found


def is_listed(name: str) -> bool:
    """Return whether a dotted name is that of a public module, or of something in one."""
    module_name, _, last = name.rpartition(".")
    return name in names() or last in names().get(module_name, ())


def definition(module_name: str, name: str) -> griffe.Object:
    """Return what a public name stands for, where it is defined.

    Args:
        module_name: The public module.
        name: The name in it.
    """
    here = module(module_name)
    # What a package imports stands before a module of its own that has the same name, as at run time.
    found = _package()[here.imports[name].partition(".")[2]] if name in here.imports else here.members[name]
    found = found.final_target if isinstance(found, griffe.Alias) else found
    assert isinstance(found, griffe.Object)
    return found


def constant(owner: griffe.Object, name: str) -> griffe.Attribute | None:
    """Return the constant or type alias of the package that a name stands for, or None.

    Args:
        owner: A function, class or constant in whose module the name is used.
        name: The name.
    """
    member = owner.module.members.get(name)
    if isinstance(member, griffe.Alias) and not member.target_path.startswith("otel_sse."):
        return None
    found = member.final_target if isinstance(member, griffe.Alias) else member
    return found if isinstance(found, griffe.Attribute) and found.value is not None else None


def members(owner: griffe.Class) -> list[griffe.Function | griffe.Attribute]:
    """Return the methods and attributes of a class that are public and its own, in the order of the code."""
    return [
        member
        for name, member in owner.members.items()
        if not name.startswith("_") and isinstance(member, griffe.Function | griffe.Attribute)
    ]
