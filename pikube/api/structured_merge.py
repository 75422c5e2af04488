"""Pure: merging one object over another and taking fields out, told by their structure.

Enter: decoded objects and their `Type`. Leave: new objects that share what did not change. Called by apply. The
rules are those of sigs.k8s.io/structured-merge-diff `typed/merge.go` and `typed/remove.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pikube.api.field_sets import FieldSet, is_member
from pikube.api.structure import ANY, ANYTHING, KEYED, MAP, OBJECT, SET, Type
from pikube.api.structured_diff import ABSENT
from pikube.api.structured_fields import item_step


def merge(live: Any, applied: Any, type_: Type) -> Any:
    """The live object with the applied one laid over it; nothing is removed.

    Items of sets and keyed lists stand in the applied order, with the live-only ones where they were.
    """
    if live is ABSENT or applied is ABSENT:
        return applied if live is ABSENT else live
    if isinstance(live, dict) and type_.shape in (OBJECT, MAP, ANY):
        if applied is None or (isinstance(applied, dict) and not applied and live):
            return live
        if isinstance(applied, dict):
            return _merge_members(live, applied, type_)
    if isinstance(live, list | tuple) and type_.shape in (SET, KEYED):
        if applied is None or (isinstance(applied, list) and not applied and live):
            return live if live else applied
        if isinstance(applied, list):
            return _merge_items(list(live), applied, type_)
    return applied


def without(document: Any, doomed: FieldSet, type_: Type) -> Any:
    """The document without the fields and items of a set; what this empties stays as an empty list or object."""
    if not doomed:
        return document
    if isinstance(document, dict):
        return _members_without(document, doomed, type_) if type_.shape in (OBJECT, MAP, ANY) else {}
    if isinstance(document, list | tuple):
        return list(_kept_items(document, doomed, type_)) if type_.shape in (SET, KEYED) else []
    return document


def _merge_members(live: dict[str, Any], applied: dict[str, Any], type_: Type) -> dict[str, Any]:
    out = dict(live)
    for name, value in applied.items():
        if name in live:
            if live[name] != value:
                out[name] = merge(live[name], value, type_.member(name) or ANYTHING)
        else:
            out[name] = value
    return out


def _merge_items(live: list[Any], applied: list[Any], type_: Type) -> list[Any]:
    """Weave two lists: applied items in their order, live-only items before the applied one they preceded.

    The walk is structured-merge-diff's `visitListItems`: the live list is followed as long as it agrees
    with the applied order, an item that is shared but comes too early is left for its turn.
    """
    assert type_.element is not None
    live_steps = [item_step(item, type_) for item in live]
    new_steps = [item_step(item, type_) for item in applied]
    live_by_step = _first_or_absent(live_steps, live)
    new_by_step = dict(zip(new_steps, applied, strict=True))
    shared = iter([step for step in new_steps if step in live_by_step])
    awaited = next(shared, None)
    out: list[Any] = []
    merged: set[str] = set()

    def take(step: str) -> None:
        merged.add(step)
        out.append(merge(live_by_step.get(step, ABSENT), new_by_step[step], type_.element or ANYTHING))

    at, position = 0, 0
    while at < len(live) or position < len(applied):
        if at < len(live) and position < len(applied):
            step = live_steps[at]
            if step == new_steps[position]:
                take(step)
                at, position, awaited = at + 1, position + 1, next(shared, None)
                continue
            if step in new_by_step and awaited is not None and awaited != step:
                at += 1
                continue
        if at < len(live):
            step = live_steps[at]
            if step not in new_by_step:
                out.append(live[at])
                at += 1
                continue
            if step in merged:
                at += 1
        if position < len(applied):
            step = new_steps[position]
            take(step)
            position += 1
            if step == awaited:
                awaited = next(shared, None)
    return out


def _first_or_absent(steps: list[str], items: list[Any]) -> dict[str, Any]:
    """Items by step; one that stands there twice merges with nothing."""
    out: dict[str, Any] = {}
    for step, item in zip(steps, items, strict=True):
        out[step] = ABSENT if step in out else item
    return out


def _members_without(document: dict[str, Any], doomed: FieldSet, type_: Type) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in document.items():
        node = doomed.get("f:" + name)
        if node is None:
            out[name] = value
        elif not is_member(node):
            out[name] = without(value, node, type_.member(name) or ANYTHING)
    return out


def _kept_items(document: Any, doomed: FieldSet, type_: Type) -> Iterator[Any]:
    for item in document:
        node = doomed.get(item_step(item, type_))
        if node is None:
            yield item
        elif not is_member(node):
            yield without(item, node, type_.element or ANYTHING)
