"""How one setting is read, checked and documented. What settings there are is in `options`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otel_sse import limits

PREFIX: Final = "OTEL_SSE_"
"""How the variable of a setting begins."""

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_RULE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
PARAMETER: Final = re.compile(r"[^\s,&;=#]+")
"""Name of a parameter of a query, not percent-encoded."""

HOST: Final = re.compile(r"[^\sA-Z,/?#@]+")
"""A host in lower case, with or without a port."""

_MEDIA_TYPE: Final = re.compile(r"[^\sA-Z/;]+/[^\sA-Z/;]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read and documented.

    Args:
        env: Environment variables, the first that is set wins; () for settings that only an argument can give.
        read: Turns the variable's text into the value; raises ValueError where it can't.
        allowed: The rule in words, as it stands in error messages and in the reference.
        check: Whether a value (from either side) is allowed.
        doc: What it does, one or two sentences.
        unit: Unit of the value, or "".
        secret: Whether the value must never be shown.
    """

    env: tuple[str, ...]
    read: Callable[[str], Any]
    allowed: str
    check: Callable[[Any], bool]
    doc: str
    unit: str = ""
    secret: bool = False


def _read_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, float)


def _env(name: str, aliases: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{PREFIX}{name.upper()}", *aliases)


def flag_setting(name: str, default: bool, doc: str) -> Any:
    """Return the field of a switch."""
    rule = Setting(_env(name, ()), _read_bool, "be true or false", lambda v: isinstance(v, bool), doc)
    return field(default=default, metadata={"setting": rule})


def choice_setting(name: str, default: str, allowed: tuple[str, ...], doc: str) -> Any:
    """Return the field of one word of a few."""
    rule = Setting(_env(name, ()), str.strip, f"be one of {', '.join(allowed)}", lambda v: v in allowed, doc)
    return field(default=default, metadata={"setting": rule})


def int_setting(name: str, default: int, least: int, doc: str, unit: str = "") -> Any:
    """Return the field of a whole number."""
    rule = Setting(
        _env(name, ()), int, f"be a whole number of {least} or more", lambda v: _is_int(v) and v >= least, doc, unit
    )
    return field(default=default, metadata={"setting": rule})


def optional_int_setting(name: str, least: int, doc: str, unit: str = "") -> Any:
    """Return the field of a whole number or nothing."""
    rule = Setting(
        _env(name, ()),
        int,
        f"be a whole number of {least} or more, or unset",
        lambda v: v is None or (_is_int(v) and v >= least),
        doc,
        unit,
    )
    return field(default=None, metadata={"setting": rule})


def seconds_setting(name: str, default: float, doc: str, aliases: tuple[str, ...] = ()) -> Any:
    """Return the field of a time."""
    rule = Setting(
        _env(name, aliases),
        float,
        "be a number of seconds above 0 and at most 86400",
        lambda v: _is_number(v) and 0 < v <= 86_400,
        doc,
        "s",
    )
    return field(default=default, metadata={"setting": rule})


def milliseconds_setting(name: str, default: int, doc: str) -> Any:
    """Return the field of a whole number of milliseconds."""
    rule = Setting(
        _env(name, ()),
        int,
        "be a whole number of milliseconds from 1 to 60000",
        lambda v: _is_int(v) and 1 <= v <= 60_000,
        doc,
        "ms",
    )
    return field(default=default, metadata={"setting": rule})


def text_setting(name: str, doc: str, *, secret: bool = False) -> Any:
    """Return the field of a text."""
    rule = Setting(_env(name, ()), str, "be text", lambda v: isinstance(v, str), doc, secret=secret)
    return field(default="", metadata={"setting": rule}, repr=not secret)


def _read_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _is_media_types(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(v, str) and _MEDIA_TYPE.fullmatch(v) for v in value)


def media_types_setting(name: str, doc: str) -> Any:
    """Return the field of media types."""
    allowed = "be media types in lower case without parameters: a tuple, or a comma-separated list in the environment"
    return field(default=(), metadata={"setting": Setting(_env(name, ()), _read_list, allowed, _is_media_types, doc)})


def names_setting(name: str, doc: str, what: str, form: re.Pattern[str], *, lower: bool = False) -> Any:
    """Return the field of a list of names.

    Args:
        name: The setting's.
        doc: What it does.
        what: What the names are of, in words.
        form: What each of them must match.
        lower: Whether the variable's text is taken in lower case.
    """
    allowed = f"be {what}: a tuple, or a comma-separated list in the environment"

    def read(text: str) -> tuple[str, ...]:
        return _read_list(text) if lower else tuple(part.strip() for part in text.split(",") if part.strip())

    def check(value: object) -> bool:
        return isinstance(value, tuple) and all(isinstance(each, str) and form.fullmatch(each) for each in value)

    return field(default=(), metadata={"setting": Setting(_env(name, ()), read, allowed, check, doc)})


def function_setting(doc: str) -> Any:
    """Return the field of a function, which only an argument can give."""
    rule = Setting((), str, "be callable or None", lambda v: v is None or callable(v), doc)
    return field(default=None, metadata={"setting": rule}, repr=False)


def _read_rules(text: str) -> dict[str, str]:
    rules = json.loads(text)
    if not isinstance(rules, dict):
        raise ValueError(text)
    return rules


def _are_rules(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, Mapping) or len(value) > limits.MAX_CONTENT_CHECKS:
        return False
    return all(
        isinstance(name, str) and _RULE_NAME.fullmatch(name) and isinstance(rule, str) and _finds_something(rule)
        for name, rule in value.items()
    )


def _finds_something(pattern: str) -> bool:
    return _compiles(pattern) and not re.compile(pattern).match("")


def patterns_setting(name: str, doc: str) -> Any:
    """Return the field of regular expressions."""
    allowed = "be regular expressions with commas between them"
    rule = Setting(
        _env(name, ()), str, allowed, lambda v: isinstance(v, str) and all(map(_compiles, v.split(","))), doc
    )
    return field(default="", metadata={"setting": rule})


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def rules_setting(name: str, doc: str) -> Any:
    """Return the field of named regular expressions."""
    allowed = (
        f"be a dict (in the environment a JSON object) of up to {limits.MAX_CONTENT_CHECKS} names "
        "(a-z, 0-9 and _, a letter first) and regular expressions that do not match the empty text"
    )
    rule = Setting(_env(name, ()), _read_rules, allowed, _are_rules, doc)
    return field(default=None, metadata={"setting": rule})


def dialect_setting(doc: str) -> Any:
    """Return the field of a dialect."""
    rule = Setting(
        _env("dialect", ()),
        str.strip,
        "be a dialect's name, a function that makes a dialect, or None",
        lambda v: v is None or isinstance(v, str) or callable(v),
        doc,
    )
    return field(default=None, metadata={"setting": rule}, repr=False)
