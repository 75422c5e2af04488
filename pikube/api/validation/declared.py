"""Pure: the checks that follow from a kind's declaration alone: required texts and closed sets of words.

Enter: a Struct (a spec) and its field path. Leave: causes. A plan for each class is made once; classes
without anything to check cost nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from pikube.api.errors import Cause
from pikube.api.kinds.base import Struct
from pikube.api.schema import FieldInfo, fields_of
from pikube.api.validation.causes import not_supported, required

MAY_BE_EMPTY = {
    ("HTTPHeader", "value"),
    ("StatefulSetSpec", "serviceName"),
    ("EnvVar", "value"),
    ("Subject", "name"),  # checked by its kind's own rules
}
"""Texts that upstream's types always write but that need not say anything."""


IN_DECLARED_ORDER = {
    ("PodSpec", "restartPolicy"), ("PodSpec", "dnsPolicy"), ("PodSpec", "preemptionPolicy"),
    ("Container", "terminationMessagePolicy"), ("EphemeralContainer", "terminationMessagePolicy"),
    ("Toleration", "effect"), ("Taint", "effect"), ("DaemonSetUpdateStrategy", "type"),
}  # fmt: skip
"""Words that upstream keeps in a list, and so names in the order of that."""


class Check(NamedTuple):
    attribute: str
    name: str
    is_list: bool
    is_map: bool
    is_required: bool
    enum: tuple[str, ...]
    is_sorted: bool
    inner: type[Struct] | None


def declared_causes(obj: Struct, path: str) -> list[Cause]:
    """Everything wrong by declaration in `obj` and below it."""
    causes: list[Cause] = []
    _walk(obj, path, causes)
    return causes


def _walk(obj: Any, path: str, causes: list[Cause]) -> None:
    cls: type[Struct] = type(obj)
    for check in _plan(cls):
        value = getattr(obj, check.attribute)
        field = f"{path}.{check.name}" if path else check.name
        if check.inner is not None:
            _walk_into(value, field, check, causes)
        elif check.is_list:
            for index, item in enumerate(value):
                _check_enum(item, f"{field}[{index}]", check, causes)
        elif value:
            _check_enum(value, field, check, causes)
        elif check.is_required:
            causes.append(required(field))


def _walk_into(value: Any, field: str, check: Check, causes: list[Cause]) -> None:
    if check.is_list:
        for index, item in enumerate(value):
            _walk(item, f"{field}[{index}]", causes)
    elif check.is_map:
        for key, item in value.items():
            _walk(item, f"{field}[{key}]", causes)
    elif value is not None:
        _walk(value, field, causes)


def _check_enum(value: Any, field: str, check: Check, causes: list[Cause]) -> None:
    if check.enum and value not in check.enum:
        causes.append(not_supported(field, value, check.enum, is_sorted=check.is_sorted))


@cache
def _plan(cls: type[Struct]) -> tuple[Check, ...]:
    return tuple(check for field in fields_of(cls) if (check := _check_of(cls, field)) is not None)


def _check_of(cls: type[Struct], field: FieldInfo) -> Check | None:
    if field.type == "struct" and field.struct is not None and field.name not in ("metadata", "status"):
        if not _has_checks(field.struct, frozenset()):
            return None
        return Check(field.attribute, field.name, field.is_list, field.is_map, False, (), True, field.struct)
    is_required = (
        field.facts.required
        and not field.container
        and field.type == "string"
        and (cls.__name__, field.name) not in MAY_BE_EMPTY
    )
    if not is_required and not field.facts.enum:
        return None
    is_sorted = (cls.__name__, field.name) not in IN_DECLARED_ORDER
    return Check(
        field.attribute,
        field.name,
        field.is_list,
        field.is_map,
        is_required,
        field.facts.enum,
        is_sorted,
        None,
    )


@cache
def _has_checks(cls: type[Struct], above: frozenset[type[Struct]]) -> bool:
    if cls in above:
        return False
    for field in fields_of(cls):
        if field.type == "struct" and field.struct is not None:
            if field.name not in ("metadata", "status") and _has_checks(field.struct, above | {cls}):
                return True
        elif field.facts.enum or (field.facts.required and field.type == "string"):
            return True
    return False
