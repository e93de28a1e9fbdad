"""How one setting is read, checked and documented. What settings there are is in `options`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final

import msgspec

from otel_sse import limits
from otel_sse.patterns import are_url_patterns, compiled

PREFIX: Final = "OTEL_SSE_"
"""How the variable of a setting begins."""

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_RULE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
"""Source: RFC 6838, section 4.2 "Naming Requirements"."""
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][+-]?[0-9]{1,3})?")

PARAMETER: Final = re.compile(r"[^\s,&;=#]+")
"""Name of a parameter of a query, not percent-encoded."""

HOST: Final = re.compile(r"[^\sA-Z,/?#@]+")
"""A host in lower case, with or without a port."""


WORD: Final = re.compile(r"[^\s,](?:[^,\n]*[^\s,])?")
"""A name without a comma, as a list in the environment has it."""


class Setting(msgspec.Struct, frozen=True):
    """How one setting is read and documented.

    Args:
        env: Environment variables, the first that is set wins; () for settings that only an argument can give.
        read: Turns the variable's text into the value; raises any exception where it can't.
        allowed: The rule in words, as it stands in error messages and in the reference.
        check: Whether a value (from either side) is allowed. Asked by `allows`, because a value may be anything.
        doc: What it does, one or two sentences.
        unit: Unit of the value, or "".
        secret: Whether the value must never be shown.
        hint: Its type as `instrument` takes it, in Python's words, where that is narrower than the field's; else "".
    """

    env: tuple[str, ...]
    read: Callable[[str], Any]
    allowed: str
    check: Callable[[Any], bool]
    doc: str
    unit: str = ""
    secret: bool = False
    hint: str = ""

    def allows(self, value: object) -> bool:
        """Return whether a value is allowed; one that can't even be looked at is not."""
        try:
            return bool(self.check(value))
        except Exception:
            return False


def _read_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


def _read_whole(text: str) -> int:
    # int() itself takes underscores and the digits of all scripts.
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(text)
    return int(text)


def _read_number(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(text)
    return float(text)


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
    rule = Setting(
        _env(name, ()), str.strip, f"be one of {', '.join(allowed)}", lambda v: isinstance(v, str) and v in allowed, doc
    )
    return field(default=default, metadata={"setting": rule})


def int_setting(name: str, default: int, least: int, most: int, doc: str, unit: str = "") -> Any:
    """Return the field of a whole number."""
    allowed = f"be a whole number from {least} to {most}"
    rule = Setting(_env(name, ()), _read_whole, allowed, lambda v: _is_int(v) and least <= v <= most, doc, unit)
    return field(default=default, metadata={"setting": rule})


def optional_int_setting(name: str, least: int, most: int, doc: str, unit: str = "") -> Any:
    """Return the field of a whole number or nothing."""
    rule = Setting(
        _env(name, ()),
        _read_whole,
        f"be a whole number from {least} to {most}, or unset",
        lambda v: v is None or (_is_int(v) and least <= v <= most),
        doc,
        unit,
    )
    return field(default=None, metadata={"setting": rule})


def seconds_setting(name: str, default: float, doc: str, aliases: tuple[str, ...] = ()) -> Any:
    """Return the field of a time, from a millisecond on."""
    rule = Setting(
        _env(name, aliases),
        _read_number,
        "be a number of seconds from 0.001 to 86400",
        lambda v: _is_number(v) and 0.001 <= v <= 86_400,
        doc,
        "s",
    )
    return field(default=default, metadata={"setting": rule})


def milliseconds_setting(name: str, default: int, doc: str) -> Any:
    """Return the field of a whole number of milliseconds."""
    rule = Setting(
        _env(name, ()),
        _read_whole,
        "be a whole number of milliseconds from 1 to 60000",
        lambda v: _is_int(v) and 1 <= v <= 60_000,
        doc,
        "ms",
    )
    return field(default=default, metadata={"setting": rule})


def text_setting(name: str, doc: str, *, secret: bool = False) -> Any:
    """Return the field of a text."""
    allowed = f"be text that UTF-8 can encode, of at most {limits.MAX_KEY_CHARS} characters"
    rule = Setting(
        _env(name, ()), str, allowed, lambda v: len(v) <= limits.MAX_KEY_CHARS and _is_utf8(v), doc, "", secret
    )
    return field(default="", metadata={"setting": rule}, repr=not secret)


def _is_utf8(value: object) -> bool:
    # A byte that is none in the environment, and half a surrogate pair in an argument, can't be encoded.
    return isinstance(value, str) and value.encode() is not None


def _read_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _is_media_types(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) > limits.MAX_MEDIA_TYPES:
        return False
    return all(isinstance(v, str) and _MEDIA_TYPE.fullmatch(v) for v in value)


def media_types_setting(name: str, doc: str) -> Any:
    """Return the field of media types."""
    allowed = (
        f"be up to {limits.MAX_MEDIA_TYPES} media types in lower case without parameters: a tuple, or a "
        "comma-separated list in the environment"
    )
    return field(default=(), metadata={"setting": Setting(_env(name, ()), _read_list, allowed, _is_media_types, doc)})


def names_setting(
    name: str, doc: str, what: str, form: re.Pattern[str], *, lower: bool = False, default: tuple[str, ...] = ()
) -> Any:
    """Return the field of a list of names.

    Args:
        name: The setting's.
        doc: What it does.
        what: What the names are of, in words.
        form: What each of them must match.
        lower: Whether the variable's text is taken in lower case.
        default: The names where none are given.
    """
    allowed = f"be {what}: a tuple, or a comma-separated list in the environment"

    def read(text: str) -> tuple[str, ...]:
        return _read_list(text) if lower else tuple(part.strip() for part in text.split(",") if part.strip())

    def check(value: object) -> bool:
        return isinstance(value, tuple) and all(isinstance(each, str) and form.fullmatch(each) for each in value)

    return field(default=default, metadata={"setting": Setting(_env(name, ()), read, allowed, check, doc)})


def function_setting(arguments: int, doc: str, hint: str = "") -> Any:
    """Return the field of a function, which only an argument can give.

    Args:
        arguments: How many it is called with.
        doc: What it does.
        hint: Its type, where the field's is wider because it must not know classes of the rooms above.
    """
    many = "1 argument" if arguments == 1 else f"{arguments} arguments"
    allowed = f"be a function that can be called with {many} and is not async, or None"
    rule = Setting((), str, allowed, lambda v: v is None or _takes(v, arguments), doc, hint=hint)
    return field(default=None, metadata={"setting": rule}, repr=False)


def content_setting(doc: str) -> Any:
    """Return the field of the function that finds the content of a frame, or of such functions by stage."""
    allowed = (
        "be a function that can be called with 1 argument and is not async, a dict of such functions by the names of "
        "stages, or None"
    )
    one = "Callable[[Any], str | None]"
    rule = Setting((), str, allowed, _finds_content, doc, hint=f"{one} | Mapping[str, {one}]")
    return field(default=None, metadata={"setting": rule}, repr=False)


def _finds_content(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and name and _takes(each, 1) for name, each in value.items())
    return value is None or _takes(value, 1)


def _answers_at_once(function: object) -> bool:
    if not callable(function):
        return False
    called = inspect.getattr_static(type(function), "__call__", None)
    return not any(is_other(function) or is_other(called) for is_other in _OTHERS)


def _takes(function: Any, arguments: int) -> bool:
    """Return whether something can be called with so many arguments and answers at once, as far as can be known."""
    if not _answers_at_once(function):
        return False
    try:
        signature = inspect.signature(function)
    except Exception:
        # Some callables, written in C or made up, have none to look at.
        return True
    try:
        signature.bind(*range(arguments))
    except TypeError:
        return False
    return True


_OTHERS: Final = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
"""Functions that only begin when somebody awaits or iterates what they return, which nobody does here."""


def _read_rules(text: str) -> dict[str, str]:
    if len(text) > limits.MAX_RULES_CHARS:
        raise ValueError(text)
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


def _finds_something(text: str) -> bool:
    pattern = compiled(text)
    return pattern is not None and not pattern.match("")


def patterns_setting(name: str, doc: str) -> Any:
    """Return the field of regular expressions for URLs."""
    allowed = (
        f"be regular expressions with commas between them, {limits.MAX_EXCLUDED_CHARS} characters at most, "
        "none of them empty, and not find every URL (for that there is enabled=false)"
    )
    rule = Setting(_env(name, ()), str, allowed, _are_url_patterns, doc)
    return field(default="", metadata={"setting": rule})


def _are_url_patterns(value: object) -> bool:
    return isinstance(value, str) and len(value) <= limits.MAX_EXCLUDED_CHARS and are_url_patterns(value)


def rules_setting(name: str, doc: str) -> Any:
    """Return the field of named regular expressions."""
    allowed = (
        f"be a dict (in the environment a JSON object) of up to {limits.MAX_CONTENT_CHECKS} names "
        f"(a-z, 0-9 and _, a letter first) and regular expressions of at most {limits.MAX_PATTERN_CHARS} characters "
        "that do not match the empty text"
    )
    rule = Setting(_env(name, ()), _read_rules, allowed, _are_rules, doc)
    return field(default=None, metadata={"setting": rule})


def dialect_setting(doc: str) -> Any:
    """Return the field of a dialect."""
    rule = Setting(
        _env("dialect", ()),
        str.strip,
        "be a dialect's name, a function that makes a dialect and is not async, or None",
        # Whether it can be called is known once it makes one.
        lambda v: v is None or isinstance(v, str) or _answers_at_once(v),
        doc,
        hint="str | Callable[[], Dialect]",
    )
    return field(default=None, metadata={"setting": rule}, repr=False)
