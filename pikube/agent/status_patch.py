"""Pure: what a board changes of a status, as a strategic merge patch, so that what others write meanwhile to the same
object (labels, finalizers, their own conditions) stays as they wrote it.

Enter: the status as the API last gave it and as it is to be. Leaves: a patch for the subresource `status`. Called by
pods/reporter.py and node.py. The kubelet writes so too (kubernetes pkg/util/pod/pod.go, pkg/util/node/node.go).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pikube.api.kinds.meta import Object

CONDITIONS = "conditions"
REPLACED = frozenset(("addresses", "hostIPs", "podIPs"))  # they merge by a key, but are ours as a whole


def status_patch(obj: Object, status: Any) -> dict[str, Any]:
    """The patch that turns `obj.status`, both of one class, into `status`; it holds for this very object only (its
    uid), whatever its version. `{}` if nothing is to change."""
    before, after = _plain(obj.status), _plain(status)  # type: ignore[attr-defined]
    change = _changed(before, after)
    return {"metadata": {"uid": obj.metadata.uid}, "status": change} if change else {}


def _plain(status: Any) -> dict[str, Any]:
    """As JSON has it, lists and not tuples: an API in the same process takes the patch as it is."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status))
    return plain


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        known, value = before.get(name), after.get(name)
        if value == known:
            continue
        if name == CONDITIONS:
            change[name] = _changed_conditions(known or [], value or [])
        elif value is not None and name in REPLACED:
            change[name] = [{"$patch": "replace"}, *value]
        elif isinstance(value, dict) and isinstance(known, dict):
            change[name] = _changed(known, value)
        else:
            change[name] = value
    return change


def _changed_conditions(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {condition["type"]: condition for condition in before}
    wanted = {condition["type"] for condition in after}
    gone = [{"$patch": "delete", "type": type_} for type_ in known if type_ not in wanted]
    changed = [_whole(known.get(c["type"], {}), c) for c in after if known.get(c["type"]) != c]
    return [*gone, *changed]


def _whole(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """A merged item keeps what is not named: what it no longer has is named as null."""
    return {**{name: None for name in before if name not in after}, **after}
