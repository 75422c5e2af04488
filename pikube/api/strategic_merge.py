"""Pure: strategic merge patch (`application/strategic-merge-patch+json`), kubectl's default.

Enter: a document, a patch and the Struct class that says which lists merge by which key. Leaves: the patched
document; what was given stays as it was. Called by the patch handler.

Beside plain values a patch may hold directives:
- null deletes a member;
- `$patch: replace` or `delete` in an object, or in one item of a merging list;
- `$deleteFromPrimitiveList/x` names scalars to take out of list x;
- `$setElementOrder/x` gives the order of list x; items only the server has keep their places between;
- `$retainKeys` names the members that stay; all others go.
The behaviour is that of kubernetes apimachinery `pkg/util/strategicpatch/patch.go`.
"""

from __future__ import annotations

from typing import Any

from pikube.api.errors import BadRequest, Unprocessable
from pikube.api.schema import FieldInfo, StructClass, fields_by_name

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_LIST = "$deleteFromPrimitiveList"
_ELEMENT_ORDER = "$setElementOrder"
_BAD_DELETE_LIST = "invalid patch format of primitive list"
_BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
_BAD_ELEMENT_ORDER = "invalid patch format of setElementOrder list"

REPLACED = frozenset((("PodDisruptionBudgetSpec", "selector"),))
"""The one object that is not merged but replaced (k8s.io/api policy/v1 types.go: patchStrategy replace)."""

Json = dict[str, Any]


def strategic_merge(document: Json, patch: Any, schema: StructClass | None) -> Json:
    """The document with the patch merged in.

    Raises: BadRequest for a patch that makes no sense; a custom resource (no schema) cannot be patched so.
    """
    if schema is None:
        raise BadRequest("strategic merge patch format is not supported")
    if not isinstance(patch, dict):
        raise BadRequest("invalid JSON document")
    return _merge_objects(document, patch, schema)


def _merge_objects(original: Json, patch: Json, schema: StructClass | None) -> Json:
    if _PATCH in patch:
        return _directed_object(patch)
    merged = _retained(original, patch)
    done = {_PATCH, _RETAIN_KEYS}
    for name, order in patch.items():
        if name.startswith(_ELEMENT_ORDER):
            target = _target(name, _ELEMENT_ORDER, _BAD_ELEMENT_ORDER)
            _merge_in_order(merged, patch, target, order, _field(schema, target))
            done |= {name, target}
    for name, value in patch.items():
        if name in done:
            continue
        if name.startswith(_DELETE_LIST):
            _delete_scalars(merged, _target(name, _DELETE_LIST, _BAD_DELETE_LIST), value)
        elif value is None:
            merged.pop(name, None)
        else:
            _merge_member(merged, name, value, schema)
    return merged


def _merge_member(merged: Json, name: str, value: Any, schema: StructClass | None) -> None:
    before, field = merged.get(name), _field(schema, name)
    if isinstance(before, dict) and isinstance(value, dict):
        inner = field.struct if field is not None and not field.container else None
        is_replaced = schema is not None and (schema.__name__, name) in REPLACED
        merged[name] = value if is_replaced else _merge_objects(before, value, inner)
    elif isinstance(before, list) and isinstance(value, list):
        merged[name] = (
            _merge_lists(before, value, field) if field is not None and field.facts.merge else value
        )
    elif _is_dropped(value):
        merged.pop(name, None)
    else:
        merged[name] = _plain(value)


def _directed_object(patch: Json) -> Json:
    directive = patch[_PATCH]
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != _PATCH}
    if directive == "delete":
        return {}
    raise BadRequest(f"unknown patch type: {directive} in map: {_shown(patch)}")


def _retained(original: Json, patch: Json) -> Json:
    """A shallow copy of the original, without what `$retainKeys` does not name."""
    if _RETAIN_KEYS not in patch:
        return dict(original)
    keys = patch[_RETAIN_KEYS]
    if not isinstance(keys, list):
        raise BadRequest(_BAD_RETAIN_KEYS)
    for name, value in patch.items():
        is_plain = name != _RETAIN_KEYS and not name.startswith((_DELETE_LIST, _ELEMENT_ORDER))
        if is_plain and value is not None and name not in keys:
            raise BadRequest(_BAD_RETAIN_KEYS)
    return {name: value for name, value in original.items() if name in keys}


def _delete_scalars(merged: Json, name: str, doomed: Any) -> None:
    if name not in merged:
        return
    before = merged[name]
    if not isinstance(before, list):
        return
    if not isinstance(doomed, list):
        raise BadRequest(_BAD_DELETE_LIST)
    gone = {_scalar_key(item) for item in doomed}
    merged[name] = [item for item in before if isinstance(item, dict | list) or _scalar_key(item) not in gone]


def _merge_in_order(merged: Json, patch: Json, name: str, order: Any, field: FieldInfo | None) -> None:
    """Merge the list patch[name] into merged[name] and arrange it by a `$setElementOrder` list."""
    before, change = merged.get(name), patch.get(name)
    for found in (order, merged.get(name, []), patch.get(name, [])):
        if not isinstance(found, list):
            raise BadRequest(_bad_type("[]interface {}", found))
    merge_key = field.facts.merge_key if field is not None else ""
    _check_order(change or [], order, merge_key)
    if before is None and change is None:
        merged.pop(name, None)
        return
    if before is None:
        items = _plain(change)
    elif change is None:
        items = before
    elif field is not None and field.facts.merge:
        items = _merge_lists(before, change, field)
    else:
        items = change
    merged[name] = _arranged(items, order, _server_order(before or [], items, merge_key), merge_key)


def _server_order(before: list[Any], items: list[Any], merge_key: str) -> list[Any]:
    """The order server-only items are measured by: new items count as standing in the places that deleted
    items freed at the end (an effect of Go's slices that has become behaviour: see deleteMatchingEntries)."""
    now, then = _ranks(items, merge_key), _ranks(before, merge_key)
    kept = [item for item in before if _key(item, merge_key) in now]
    new = [item for item in items if _key(item, merge_key) not in then]
    return kept + new[: len(before) - len(kept)]


def _check_order(change: list[Any], order: list[Any], merge_key: str) -> None:
    """The patched items must stand in the order list, in the same order."""
    if not order or not change:
        return
    rest = iter([_key(item, merge_key) for item in order])
    for item in change:
        if isinstance(item, dict) and _PATCH in item:
            continue
        wanted = _key(item, merge_key)
        if not any(found == wanted for found in rest):
            raise BadRequest(
                f"The order in patch list:\n{_shown(change)}\n doesn't match {_ELEMENT_ORDER} list:\n"
                f"{_shown(order)}\n"
            )


def _merge_lists(before: list[Any], change: list[Any], field: FieldInfo) -> list[Any]:
    if not before and not change:
        return before
    merge_key = field.facts.merge_key
    _check_items(before, change)
    are_objects = isinstance((before or change)[0], dict)
    if not merge_key and not are_objects:
        return _arranged(_unique([*before, *change]), change, before, "")
    if not merge_key:
        raise BadRequest(f"cannot merge lists without merge key for {field.name}")
    if not are_objects:
        raise BadRequest(_bad_type("map[string]interface {}", (before or change)[0]))
    kept, additions = _without_special_items(before, change, merge_key)
    merged = list(kept)
    places = {_key(item, merge_key): index for index, item in reversed(list(enumerate(merged)))}
    for item in additions:
        key = _key(item, merge_key)
        if key in places:
            place = places[key]
            merged[place] = _merge_objects(merged[place], item, field.struct)
        else:
            places[key] = len(merged)
            merged.append(_plain(item))
    return _arranged(merged, additions, kept, merge_key)


def _without_special_items(
    before: list[Any], change: list[Any], merge_key: str
) -> tuple[list[Any], list[Any]]:
    """Obey the items that carry `$patch`: what stays of the list, and the items left to merge into it."""
    additions, doomed, is_replaced = [], set(), False
    for item in change:
        directive = item.get(_PATCH)
        if _PATCH not in item:
            additions.append(item)
        elif directive == "delete":
            doomed.add(_key(item, merge_key))
        elif directive == "replace":
            is_replaced = True
        elif directive == "merge":
            raise BadRequest("merging lists cannot yet be specified in the patch")
        else:
            raise BadRequest(f"unknown patch type: {directive} in map: {_shown(item)}")
    if is_replaced:
        return _plain(additions), []
    if not doomed:
        return before, additions
    return [
        item for item in before if item.get(merge_key) is None or _key(item, merge_key) not in doomed
    ], additions


def _arranged(items: list[Any], order: list[Any], before: list[Any], merge_key: str) -> list[Any]:
    """Items named in `order` in that order; the others in the order of `before`, woven in at their old places."""
    ranks = _ranks(order, merge_key)
    old_ranks = _ranks(before, merge_key)
    named: list[tuple[Any, Any]] = []
    others: list[tuple[Any, Any]] = []
    for item in items:
        key = _key(item, merge_key)
        (named if key in ranks else others).append((key, item))
    named.sort(key=lambda entry: ranks[entry[0]])
    others.sort(key=lambda entry: old_ranks.get(entry[0], len(old_ranks)))
    woven, index = [], 0
    for key, item in named:
        rank = old_ranks.get(key)
        while rank is not None and index < len(others) and old_ranks.get(others[index][0], rank) < rank:
            woven.append(others[index][1])
            index += 1
        woven.append(item)
    return woven + [item for _, item in others[index:]]


def _ranks(items: list[Any], merge_key: str) -> dict[Any, int]:
    ranks: dict[Any, int] = {}
    for index, item in enumerate(items):
        ranks.setdefault(_key(item, merge_key), index)
    return ranks


def _key(item: Any, merge_key: str) -> tuple[bool, Any]:
    """What identifies an item: its merge key, or itself if it is a scalar."""
    if not merge_key:
        return _scalar_key(item)
    if not isinstance(item, dict):
        raise BadRequest(_bad_type("map[string]interface {}", item))
    if merge_key not in item:
        raise BadRequest(f"map: {_shown(item)} does not contain declared merge key: {merge_key}")
    return _scalar_key(item[merge_key])


def _scalar_key(value: Any) -> tuple[bool, Any]:
    """The value as a key; in JSON `true` is not 1."""
    if isinstance(value, dict | list):
        raise BadRequest(_bad_type("string", value))
    return isinstance(value, bool), value


def _check_items(before: list[Any], change: list[Any]) -> None:
    kinds = {_go_type(item) for item in before} | {_go_type(item) for item in change}
    if "[]interface {}" in kinds:
        raise Unprocessable
    if len(kinds) > 1:
        raise BadRequest(f"list element types are not identical: {_shown([before, change])}")


def _unique(items: list[Any]) -> list[Any]:
    return list({_scalar_key(item): item for item in items}.values())


def _is_dropped(value: Any) -> bool:
    return isinstance(value, dict) and _PATCH in value


def _plain(value: Any) -> Any:
    """A value that enters the document as it is: without nulls and without directives."""
    if isinstance(value, dict):
        return {
            name: _plain(member)
            for name, member in value.items()
            if member is not None
            and not _is_dropped(member)
            and not name.startswith((_RETAIN_KEYS, _DELETE_LIST, _ELEMENT_ORDER))
        }
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_dropped(item)]
    return value


def _target(name: str, directive: str, words: str) -> str:
    """The list that `$directive/list` speaks of."""
    prefix, _, target = name.partition("/")
    if prefix != directive or not target:
        raise BadRequest(words)
    return target


def _field(schema: StructClass | None, name: str) -> FieldInfo | None:
    return fields_by_name(schema).get(name) if schema is not None else None


def _bad_type(expected: str, actual: Any) -> str:
    return f"expected a {expected}, but received a {_go_type(actual)}"


def _go_type(value: Any) -> str:
    """The Go type that kubernetes decodes this JSON value to."""
    if isinstance(value, bool):
        return "bool"
    for cls, name in ((str, "string"), (int, "int64"), (float, "float64"), (dict, "map[string]interface {}")):
        if isinstance(value, cls):
            return name
    return "%!s(<nil>)" if value is None else "[]interface {}"


def _shown(value: Any) -> str:
    """A value as Go's %v prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{_shown(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_shown, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)
