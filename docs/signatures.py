"""How a function or a class is called, written as in the code, from what griffe has read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import griffe

from docs import public

WIDTH: Final = 100
"""Longest signature in one line."""

DEFAULT: Final = re.compile(r"None|True|False|-?[\d_.]+( << \d+)?|'.*'|\(\)|[A-Z_]+")
"""Defaults that say something; others are made by a call."""

NAME: Final = re.compile(r"\b[A-Za-z_]\w*\b")
VARIABLES: Final = ("TypeVar(", "ParamSpec(")
STARS: Final = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}


def class_head(found: griffe.Class) -> str:
    """Return how a class is called, where its docstring says so, else what it is made of."""
    called = call_of(found)
    if called:
        return signature(f"class {found.name}", called, "")
    bases = ", ".join(str(base).rpartition(".")[2] for base in found.bases)
    head = f"class {found.name}({bases})" if bases else f"class {found.name}"
    shown = is_of(found, "TypedDict") or is_of(found, "Struct") or "dataclass" in found.labels
    fields = [f"    {name}: {hint}" for name, hint in fields_of(found)] if shown else []
    return "\n".join([f"{head}:", *fields]) if fields else head


def is_of(found: griffe.Class, base: str) -> bool:
    """Return whether a class names another one as its base: `TypedDict`, `Struct`."""
    return any(str(each).endswith(base) for each in found.bases)


def fields_of(found: griffe.Class) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass, struct, named tuple or TypedDict, with their types."""
    for name, member in found.members.items():
        if not isinstance(member, griffe.Attribute) or "property" in member.labels or member.annotation is None:
            continue
        if "ClassVar" not in str(member.annotation):
            yield name, written(member.annotation, found)


def call_of(found: griffe.Class) -> list[str]:
    """Return the parameters of a class where its docstring explains them: then it is for users to make."""
    documented = {each.name for each in section(found, griffe.DocstringSectionKind.parameters)}
    made = found.members.get("__init__")
    if isinstance(made, griffe.Function):
        return arguments(made) if documented else []
    values = {name: each.value for name, each in found.members.items() if isinstance(each, griffe.Attribute)}
    return [
        f"{name}: {hint}" + ("" if values[name] is None else f" = {default_of(values[name], found)}")
        for name, hint in fields_of(found)
        if name in documented
    ]


def arguments(found: griffe.Function) -> list[str]:
    """Return the parameters as they stand in a signature, without `self`."""
    parameters = [each for n, each in enumerate(found.parameters) if n or each.name not in ("self", "cls")]
    kinds = [each.kind for each in parameters]
    shown = [_argument(each, found) for each in parameters]
    if griffe.ParameterKind.keyword_only in kinds and griffe.ParameterKind.var_positional not in kinds:
        shown.insert(kinds.index(griffe.ParameterKind.keyword_only), "*")
    positional = kinds.count(griffe.ParameterKind.positional_only)
    return [*shown[:positional], "/", *shown[positional:]] if positional else shown


def _argument(one: griffe.Parameter, found: griffe.Function) -> str:
    stars = STARS.get(one.kind, "") if one.kind else ""
    hint = "" if one.annotation is None else f": {written(one.annotation, found)}"
    default = "" if one.default is None or stars else f" = {default_of(one.default, found)}"
    return f"{stars}{one.name}{hint}{default}"


def default_of(value: object, found: griffe.Object) -> str:
    """Return a default as it stands in a signature: the value of a constant, and dots for what a call makes."""
    named = public.constant(found, str(value))
    text = str(value if named is None else named.value)
    return quoted(text) if DEFAULT.fullmatch(text) else "..."


def returns(found: griffe.Function) -> str:
    """Return what a function gives, as it stands in a signature."""
    return "" if found.returns is None else f" -> {written(found.returns, found)}"


def written(hint: object, found: griffe.Object) -> str:
    """Return a type with the aliases in it replaced by what they stand for; type variables stay."""

    def meaning(word: re.Match[str]) -> str:
        alias = public.constant(found, word[0])
        if alias is None or str(alias.value).startswith(VARIABLES):
            return word[0]
        return written(alias.value, alias)

    text = str(hint)
    # Quotes stand around what is defined further down, and around the words of a choice.
    return quoted(text) if "Literal[" in text else NAME.sub(meaning, text.replace("'", ""))


def quoted(text: str) -> str:
    """Return a text of the code with double quotes, as the project writes them."""
    return text.replace("'", '"') if '"' not in text else text


def signature(lead: str, written: Sequence[str], given: str) -> str:
    """Return a signature, one parameter a line where it is long."""
    line = f"{lead}({', '.join(written)}){given}"
    if len(line) <= WIDTH:
        return line
    return f"{lead}(\n" + "".join(f"    {each},\n" for each in written) + f"){given}"


def section(found: griffe.Object, kind: griffe.DocstringSectionKind) -> list[Any]:
    """Return the entries of one section of a docstring."""
    parts = found.docstring.parsed if found.docstring else []
    return [each for part in parts if part.kind is kind for each in part.value]
