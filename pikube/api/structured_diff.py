"""Pure: what changed between two objects, told by their structure.

Enter: two decoded objects and their `Type`. Leaves: a `Comparison` of three field sets. Called by managed_fields
and apply. The rules are those of sigs.k8s.io/structured-merge-diff `typed/compare.go`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pikube.api.field_sets import SELF, FieldSet
from pikube.api.structure import ANY, ANYTHING, KEYED, LEAF, MAP, OBJECT, SET, Type
from pikube.api.structured_fields import item_step


class _Absent:
    """Says that a side has no value here: null is a value."""


ABSENT: Any = _Absent()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a change did, as three sets without common members."""

    removed: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)
    added: FieldSet = field(default_factory=dict)


def compare(old: Any, new: Any, type_: Type) -> Comparison:
    """What was removed, modified and added from old to new; equal parts are not walked."""
    result = Comparison()
    _compare_members(old, new, type_, result.removed, result.modified, result.added)
    return result


def _compare_members(
    old: Any, new: Any, type_: Type, removed: FieldSet, modified: FieldSet, added: FieldSet
) -> None:
    """Compare two objects member by member, writing into the nodes of the three sets."""
    for name, after in new.items():
        before = old.get(name, ABSENT)
        if before is not ABSENT and before == after:
            continue
        inner = type_.member(name) or ANYTHING
        _compare(before, after, inner, "f:" + name, removed, modified, added)
    for name, before in old.items():
        if name not in new:
            _compare(before, ABSENT, type_.member(name) or ANYTHING, "f:" + name, removed, modified, added)


def _compare(
    old: Any, new: Any, type_: Type, step: str, removed: FieldSet, modified: FieldSet, added: FieldSet
) -> None:
    """Compare two unequal values; what is found goes under `step` of each of the three parents."""
    if old is ABSENT:
        added[step] = _whole(new, type_)
    elif new is ABSENT:
        removed[step] = _whole(old, type_)
    elif not old and not new:
        modified[step] = {}
    elif isinstance(old, dict) and isinstance(new, dict) and type_.shape in (OBJECT, MAP, ANY):
        _graft(step, removed, modified, added, _compare_members, old, new, type_)
    elif type_.shape in (SET, KEYED) and isinstance(old, list | tuple) and isinstance(new, list | tuple):
        _graft(step, removed, modified, added, _compare_items, old, new, type_)
    else:
        modified[step] = {}


def _graft(
    step: str,
    removed: FieldSet,
    modified: FieldSet,
    added: FieldSet,
    walk: Any,
    old: Any,
    new: Any,
    type_: Type,
) -> None:
    """Walk one level down and hang what was found there under `step`."""
    below: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
    walk(old, new, type_, *below)
    for parent, node in zip((removed, modified, added), below, strict=True):
        if node:
            parent[step] = node


def _compare_items(
    old: Any, new: Any, type_: Type, removed: FieldSet, modified: FieldSet, added: FieldSet
) -> None:
    """Compare two lists item by item; items that stand there twice count as one atomic item."""
    assert type_.element is not None
    before, after = _grouped(old, type_), _grouped(new, type_)
    for step, olds in before.items():
        news = after.get(step, [])
        if olds == news:
            continue
        if len(olds) == 1 and len(news) <= 1:
            _compare(olds[0], news[0] if news else ABSENT, type_.element, step, removed, modified, added)
        elif len(olds) > 1 and len(news) > 1:
            modified[step] = {}
        elif len(olds) > 1:
            if news:
                _compare(ABSENT, news[0], type_.element, step, removed, modified, added)
            removed[step] = {}
        else:
            _compare(olds[0], ABSENT, type_.element, step, removed, modified, added)
            added[step] = {}
    for step, news in after.items():
        if step not in before:
            added[step] = _whole(news[0], type_.element) if len(news) == 1 else {}


def _grouped(items: Any, type_: Type) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(item_step(item, type_), []).append(item)
    return groups


def _whole(value: Any, type_: Type) -> FieldSet:
    """The node of a value that came or went as a whole: all of it, and every step on the way."""
    shape = type_.shape
    if shape == LEAF or not value:
        return {}
    out: FieldSet = {}
    if isinstance(value, dict) and shape in (OBJECT, MAP, ANY):
        out[SELF] = {}
        for name, inner in value.items():
            out["f:" + name] = _whole(inner, type_.member(name) or ANYTHING)
    elif isinstance(value, list | tuple) and shape in (SET, KEYED) and type_.element is not None:
        out[SELF] = {}
        for step, items in _grouped(value, type_).items():
            out[step] = _whole(items[0], type_.element) if len(items) == 1 else {}
    return out
