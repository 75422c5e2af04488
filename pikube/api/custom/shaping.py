"""Pure: what a structural schema does to a document before anyone looks at it: pruning, nulls, defaults.

Enter: a decoded document (changed in place) and its schema. Leave: the names of fields that the schema does not
know. Called when a custom object is decoded and when it is written. Sources: kubernetes apiextensions-apiserver
pkg/apiserver/schema/{pruning,defaulting}.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
_HEAD = ("apiVersion", "kind", "metadata")


def unknown_fields(document: Any, schema: Schema) -> list[str]:
    """Paths of the members that pruning would take, in order."""
    return list(_unknown(document, schema, "", is_root=True))


def prune(document: Any, schema: Schema, *, is_root: bool = True) -> None:
    """Drop every member that the schema does not know."""
    if isinstance(document, list):
        for item in document:
            prune(item, schema.get("items") or {}, is_root=False)
        return
    if not isinstance(document, dict):
        return
    for name in list(document):
        if _is_head(name, schema, is_root):
            continue
        inner = _schema_of(name, schema)
        if inner is not None:
            prune(document[name], inner, is_root=False)
        elif not schema.get(PRESERVE):
            del document[name]


def _unknown(document: Any, schema: Schema, path: str, *, is_root: bool = False) -> Iterator[str]:
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from _unknown(item, schema.get("items") or {}, f"{path}[{index}]")
    elif isinstance(document, dict):
        for name, value in sorted(document.items()):
            if _is_head(name, schema, is_root):
                continue
            here = f"{path}.{name}" if path else name
            inner = _schema_of(name, schema)
            if inner is not None:
                yield from _unknown(value, inner, here)
            elif not schema.get(PRESERVE):
                yield here


def _is_head(name: str, schema: Schema, is_root: bool) -> bool:
    return name in _HEAD and (is_root or bool(schema.get(EMBEDDED)))


ANYTHING: Schema = {PRESERVE: True}


def _schema_of(name: str, schema: Schema) -> Schema | None:
    """The schema of a member; None for one that is not specified."""
    inner = (schema.get("properties") or {}).get(name)
    if inner is not None:
        return inner  # type: ignore[no-any-return]
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        return extra
    return ANYTHING if extra else None


def fill(document: Any, schema: Schema, *, is_root: bool = True) -> None:
    """Drop nulls that may not be, and put in the defaults."""
    if isinstance(document, list):
        for item in document:
            fill(item, schema.get("items") or {}, is_root=False)
        return
    if not isinstance(document, dict):
        return
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    for name, value in list(document.items()):
        inner = None if _is_head(name, schema, is_root) else _schema_of(name, schema)
        if value is None and inner is not None and inner is not ANYTHING and not inner.get("nullable"):
            del document[name]
    for name, inner in properties.items():
        if name not in document and "default" in inner and not _is_head(name, schema, is_root):
            document[name] = copy.deepcopy(inner["default"])
    for name, value in document.items():
        if isinstance(value, dict | list) and not _is_head(name, schema, is_root):
            fill(value, _schema_of(name, schema) or {}, is_root=False)


def has_defaults(schema: Schema) -> bool:
    """Whether `fill` could ever add something."""
    if "default" in schema:
        return True
    inner = [
        *(schema.get("properties") or {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    return any(isinstance(one, Mapping) and has_defaults(one) for one in inner)
