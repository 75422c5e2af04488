"""Pure: which fields an object names, told by its structure.

Enter: a decoded object and a `Type`. Leave: field sets, and the steps to list items. Called by structured_diff,
structured_merge and apply. The rules are those of sigs.k8s.io/structured-merge-diff `typed/tofieldset.go` and
`typed/helpers.go`.
"""

from __future__ import annotations

from typing import Any

from pikube.api.field_sets import FieldSet, key_step, member, shown, value_step
from pikube.api.names import quoted
from pikube.api.structure import ANY, ATOMIC, BOOLEAN, KEYED, LEAF, NUMBER, SET, STRING, Type


class StructureError(ValueError):
    """An object that does not fit its structure; the message names the field."""


def field_set_of(document: Any, type_: Type) -> FieldSet:
    """Every leaf, list item and map key that an applied object names.

    Raises: StructureError for undeclared fields, duplicate items and values of the wrong shape.
    """
    problems: list[str] = []
    found = _named(document, type_, "", problems)
    if problems:
        raise StructureError(problems[0] if len(problems) == 1 else "\n  ".join(["errors:", *problems]))
    return found or {}


def with_named_members(fields: FieldSet, type_: Type | None) -> FieldSet:
    """The set with every declared member on the way to its members added: `a.b.c` brings `a` and `a.b`."""
    out: FieldSet = {}
    for step, node in fields.items():
        if not node:
            out[step] = node
            continue
        name = step[2:] if step.startswith("f:") else ""
        inner = None
        if type_ is not None:
            inner = type_.member(name) if name else type_.element
        below = with_named_members(node, inner)
        is_named = bool(name) and type_ is not None and type_.has_named(name)
        out[step] = member(below) if is_named else below
    return out


def item_step(item: Any, type_: Type) -> str:
    """The step to an item of a set or a keyed list.

    Raises: StructureError for an item that cannot be told apart.
    """
    if type_.shape == SET:
        if isinstance(item, dict):
            raise StructureError("associative list without keys has an element that's a map type")
        if isinstance(item, list | tuple):
            raise StructureError("not supported: associative list with lists as elements")
        if item is None:
            raise StructureError("associative list without keys has an element that's an explicit null")
        return value_step(item)
    if item is None:
        raise StructureError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise StructureError("associative list with keys may not have non-map elements")
    keys = {}
    for key in type_.keys:
        if key in item:
            keys[key] = item[key]
        elif key in type_.key_defaults:
            keys[key] = type_.key_defaults[key]
    if not keys:
        shown = " ".join(f'"{key}"' for key in type_.keys)
        raise StructureError(
            f"associative list with keys has an element that omits all key fields [{shown}] "
            "(and doesn't have default values for any key fields)"
        )
    return key_step(keys)


def _named(value: Any, type_: Type, where: str, problems: list[str]) -> FieldSet | None:
    """The node of a value: None if nothing in it is named."""
    shape = type_.shape
    if shape == LEAF:
        if problem := _scalar_problem(value, type_.scalar):
            problems.append(f"{where}: {problem}")
        return {}
    if value is None:
        return None if shape != ANY else {}
    if isinstance(value, dict):
        if shape in (SET, KEYED):
            problems.append(f"{where}: expected list, got map")
            return None
        return _named_members(value, type_, where, problems)
    if isinstance(value, list | tuple):
        if shape in (SET, KEYED):
            return _named_items(value, type_, where, problems)
        if shape == ANY:
            return {}
    elif shape == ANY:
        return {}
    problems.append(f"{where}: expected {'list' if shape in (SET, KEYED) else 'map'}, got {_shown(value)}")
    return None


def _named_members(value: dict[str, Any], type_: Type, where: str, problems: list[str]) -> FieldSet | None:
    out: FieldSet = {}
    for name, inner in value.items():
        inner_type = type_.member(name)
        if inner_type is None:
            problems.append(f"{where}.{name}: field not declared in schema")
            continue
        node = _named(inner, inner_type, f"{where}.{name}", problems)
        if inner is None or inner == {} or not type_.has_named(name):
            node = member(node)
        if node is not None:
            out["f:" + name] = node
    return out or None


def _named_items(items: Any, type_: Type, where: str, problems: list[str]) -> FieldSet | None:
    out: FieldSet = {}
    for index, item in enumerate(items):
        try:
            step = item_step(item, type_)
        except StructureError as error:
            problems.append(f"{where}: element {index}: {error}")
            continue
        if step in out:
            problems.append(f"{where}: duplicate entries for key {shown((step,))}")
        assert type_.element is not None
        out[step] = member(_named(item, type_.element, where + shown((step,)), problems))
    return out or None


def _scalar_problem(value: Any, scalar: str) -> str:
    if value is None or scalar == ATOMIC:
        return ""
    if scalar == STRING:
        return "" if isinstance(value, str) else f"expected string, got {_shown(value)}"
    if scalar == BOOLEAN:
        return "" if isinstance(value, bool) else f"expected boolean, got {_shown(value)}"
    if scalar == NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if is_number else f"expected numeric (int or float), got {_go_type(value)}"
    return f"expected any scalar, got {_shown(value)}" if isinstance(value, dict | list) else ""


def _shown(value: Any) -> str:
    return f"&value.valueUnstructured{{Value:{_go_syntax(value)}}}"


def _go_syntax(value: Any) -> str:
    """Go's %#v of a decoded value."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "interface {}(nil)"}[value]
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        members = (f"{quoted(name)}:{_go_syntax(value[name])}" for name in sorted(value))
        return f"{_go_type(value)}{{{', '.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"{_go_type(value)}{{{', '.join(map(_go_syntax, value))}}}"
    return str(value)


def _go_type(value: Any) -> str:
    names = ((bool, "bool"), (str, "string"), (dict, "map[string]interface {}"))
    return next((name for cls, name in names if isinstance(value, cls)), "[]interface {}")
