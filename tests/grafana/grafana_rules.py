"""What Grafana demands of a provisioned file of alert rules, and what each field may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1)]
Uid = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,40}$")]
Duration = Annotated[str, Meta(pattern=r"^(\d+(ms|[smhdwy]))+$")]

EXPRESSIONS = "__expr__"
BRACED = re.compile(r"\$\{[^}]*\}")
VARIABLE = re.compile(r"(?<!\$)\$(?!\$)")
"""A `$` that Grafana takes for a variable of the environment; `$$` is one dollar."""


class Range(Struct, forbid_unknown_fields=True, rename="camel"):
    """How far back a query looks, in seconds."""

    from_: Annotated[int, Meta(gt=0)] = msgspec.field(name="from")
    to: Annotated[int, Meta(ge=0)]


class Query(Struct, forbid_unknown_fields=True, rename="camel"):
    """One query or expression."""

    ref_id: Name
    relative_time_range: Range
    datasource_uid: Name
    model: dict[str, Any]


class Rule(Struct, forbid_unknown_fields=True, rename="camel"):
    """One alert rule."""

    uid: Uid
    title: Name
    condition: Name
    data: Annotated[list[Query], Meta(min_length=1)]
    for_: Duration = msgspec.field(name="for")
    no_data_state: Literal["NoData", "OK", "Alerting", "KeepLast"]
    exec_err_state: Literal["Error", "OK", "Alerting", "KeepLast"]
    labels: dict[Name, Name]
    annotations: dict[Name, Name]


class Group(Struct, forbid_unknown_fields=True, rename="camel"):
    """Rules that are evaluated together."""

    org_id: Annotated[int, Meta(ge=1)]
    name: Name
    folder: Name
    interval: Duration
    rules: Annotated[list[Rule], Meta(min_length=1)]


class File(Struct, forbid_unknown_fields=True, rename="camel"):
    """The whole file."""

    api_version: Literal[1]
    groups: Annotated[list[Group], Meta(min_length=1)]


def problems(content: Any, datasources: set[str]) -> list[str]:
    """Return what Grafana would refuse, or take otherwise than it is meant; nothing where all is well.

    Args:
        content: The file's content.
        datasources: The uids of the data sources that are provisioned.
    """
    try:
        file = msgspec.convert(content, File)
    except msgspec.ValidationError as error:
        return [str(error)]
    rules = [rule for group in file.groups for rule in group.rules]
    uids = [rule.uid for rule in rules]
    repeated = sorted({uid for uid in uids if uids.count(uid) > 1})
    return [f"uid {uid} is taken twice" for uid in repeated] + [
        f"{rule.title}: {problem}" for rule in rules for problem in _of(rule, datasources)
    ]


def _of(rule: Rule, datasources: set[str]) -> Iterator[str]:
    refs = [query.ref_id for query in rule.data]
    if len(refs) != len(set(refs)):
        yield "two queries have the same refId"
    if rule.condition not in refs:
        yield f"condition {rule.condition} is no refId"
    for query in rule.data:
        if query.datasource_uid not in datasources | {EXPRESSIONS}:
            yield f"data source {query.datasource_uid} is not provisioned"
        if query.model.get("refId") != query.ref_id:
            yield f"model of {query.ref_id} has another refId"
        if query.datasource_uid == EXPRESSIONS and query.model.get("expression") not in refs:
            yield f"expression of {query.ref_id} is no refId"
    for name, text in rule.labels.items():
        if VARIABLE.search(text):
            yield f"label {name} has a $ that is not written $$"
    # Annotations and models are left as they are, but for `${...}` in annotations.
    for name, text in rule.annotations.items():
        if BRACED.search(text):
            yield f"annotation {name} has ${{...}}, which is taken for a variable of the environment"
