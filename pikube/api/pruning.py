"""Pure: what goes from an object when its applier no longer names it.

Enter: the object with the new configuration merged in, what the manager applied last time and applies now, and
what others own. Leaves: the object without the fields that only last time's configuration asked for. Called by
apply. The rule is the one of structured-merge-diff `merge/update.go:prune`:

- a field goes if it was applied last time, is not applied now, and nobody else owns it;
- a list item or map value that goes takes along what it holds, unless someone owns a part of it;
- what nobody owns (defaults) and what stands in something that stays, stays;
- a list that this empties goes too, and so does a member left with nothing but such lists.

The rule works path by path, so it is played through only below the fields that were dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from pikube.api.field_sets import FieldSet, difference, intersection, is_member, union
from pikube.api.structure import ANYTHING, KEYED, OBJECT, SET, Type
from pikube.api.structured_fields import StructureError, field_set_of, item_step, with_named_members
from pikube.api.structured_merge import without


def pruned(
    merged: dict[str, Any], last: FieldSet, applied: FieldSet, others: Iterable[FieldSet], structure: Type
) -> dict[str, Any]:
    """The object without what only the last configuration named; the same object if nothing goes."""
    if not difference(last, applied):
        return merged
    last = with_named_members(last, structure)
    owned = with_named_members(reduce(union, others, applied), structure)
    dropped = difference(last, owned)
    return _pruned_members(merged, structure, last, owned, dropped)[0] if dropped else merged


def _pruned(value: Any, type_: Type, last: FieldSet, owned: FieldSet, dropped: FieldSet) -> tuple[Any, bool]:
    """What is left of a value, and whether that still names a field: `{items: []}` does not, `{}` does."""
    if isinstance(value, dict):
        return _pruned_members(value, type_, last, owned, dropped)
    if isinstance(value, list) and type_.shape in (SET, KEYED):
        left = _pruned_items(value, type_, last, owned, dropped)
        return left, bool(left)
    return value, True


def _pruned_members(
    value: dict[str, Any], type_: Type, last: FieldSet, owned: FieldSet, dropped: FieldSet
) -> tuple[dict[str, Any], bool]:
    out: dict[str, Any] = {}
    has_members, is_named = False, False
    for name, inner in value.items():
        step = "f:" + name
        node = dropped.get(step)
        inner_type = type_.member(name) or ANYTHING
        if node is None:
            out[name] = inner
            names = is_named or _names_something(inner, inner_type)
        elif is_member(node):
            left, kept = _without_dropped({name: inner}, type_, step, last[step], owned.get(step))
            out |= left
            if not kept:
                continue
            names = bool(_fields_of(kept, type_))
        else:
            left, names = _pruned(inner, inner_type, last[step], owned.get(step, {}), node)
            if names or not type_.has_named(name):
                out[name] = left
        has_members = True
        is_named = is_named or names or not type_.has_named(name)
    return out, is_named or not has_members


def _pruned_items(
    value: list[Any], type_: Type, last: FieldSet, owned: FieldSet, dropped: FieldSet
) -> list[Any]:
    out: list[Any] = []
    for item in value:
        step = item_step(item, type_)
        node = dropped.get(step)
        if node is None:
            out.append(item)
        elif is_member(node):
            out += _without_dropped([item], type_, step, last[step], owned.get(step))[0]
        else:
            inner_type = type_.element or ANYTHING
            out.append(_pruned(item, inner_type, last[step], owned.get(step, {}), node)[0])
    return out


def _without_dropped(
    document: Any, type_: Type, step: str, last: FieldSet, owned: FieldSet | None
) -> tuple[Any, Any]:
    """Play the rule through for one member or item that its manager dropped: what is left, and what is owned.

    First everything of last time goes; then what someone owns, or what only stood beside it, comes back.
    """
    last = {step: last}
    kept = {step: owned} if owned is not None else {}
    everything = _fields_of(document, type_)
    bare = without(document, last, type_)
    orphaned = difference(everything, union(_fields_of(bare, type_), kept))
    adopted = without(document, orphaned, type_)
    gone = difference(everything, _fields_of(adopted, type_))
    return without(document, intersection(gone, last), type_), adopted


def _fields_of(document: Any, type_: Type) -> FieldSet:
    """What a part of an object names; one that breaks its own structure names nothing, so it stays."""
    try:
        return with_named_members(field_set_of(document, type_), type_)
    except StructureError:
        return {}


def _names_something(value: Any, type_: Type) -> bool:
    if isinstance(value, list) and type_.shape in (SET, KEYED):
        return bool(value)
    if isinstance(value, dict) and value and type_.shape == OBJECT:
        return any(
            not type_.has_named(name) or _names_something(inner, type_.member(name) or ANYTHING)
            for name, inner in value.items()
        )
    return True
