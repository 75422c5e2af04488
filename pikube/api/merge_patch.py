"""Pure: JSON merge patch, RFC 7386 (`application/merge-patch+json`).

Enter: a document and a patch as builtins. Leaves: the patched document; what was given stays as it was, and
the result shares the parts that did not change. Called by the patch handler; `diff` by controllers that send
the least change.
"""

from __future__ import annotations

from typing import Any

from pikube.api.equality import is_equal
from pikube.api.errors import BadRequest


def merge_patch(document: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The document with the patch merged in: null deletes, objects merge, everything else replaces.

    Raises: BadRequest if the patch is no object (RFC 7386 lets it replace the whole; an API object cannot).
    """
    if not isinstance(patch, dict):
        raise BadRequest("Invalid JSON Patch")
    return _merge_object(document, patch)


def diff(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The least merge patch that turns old into new; neither may hold null members, which no patch can set."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name not in old:
            patch[name] = value
            continue
        before = old[name]
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := diff(before, value):
                patch[name] = inner
        elif not is_equal(before, value):
            patch[name] = value
    return patch


def _merge_object(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merge_object(merged.get(name), value)
        else:
            merged[name] = _without_nulls(value) if isinstance(value, list) else value
    return merged


def _without_nulls(value: Any) -> Any:
    """A list as kube-apiserver takes it over: the objects in it lose their null members, the RFC notwithstanding
    (evanphx/json-patch v4 `merge.go:pruneNulls`)."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
