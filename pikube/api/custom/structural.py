"""Pure: whether an openAPIV3Schema is structural, as every served CustomResourceDefinition must be.

Enter: a schema as builtins and where it stands. Leave: causes. Source: kubernetes apiextensions-apiserver
pkg/apiserver/schema/validation.go and pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pikube.api.custom.shaping import EMBEDDED, PRESERVE
from pikube.api.custom.values import INT_OR_STRING, document_causes
from pikube.api.errors import Cause
from pikube.api.validation.causes import forbidden, invalid, not_supported, required

Schema = Mapping[str, Any]
TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN_ANYWHERE = (
    "$ref",
    "definitions",
    "dependencies",
    "patternProperties",
    "additionalItems",
    "id",
    "$schema",
)
_FORBIDDEN_IN_JUNCTIONS = ("default", "nullable", "description", "title", "additionalProperties", "type", PRESERVE,
                           EMBEDDED, INT_OR_STRING)  # fmt: skip


def structural_causes(schema: Schema, path: str) -> list[Cause]:
    """What keeps a root schema from being structural."""
    causes = []
    if schema.get("type") != "object":
        causes.append(
            invalid(f"{path}.type", schema.get("type", ""), "must be object at the root")
            if schema.get("type")
            else required(f"{path}.type", "must not be empty at the root")
        )
    if schema.get("nullable"):
        causes.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    causes += _causes({**schema, "type": schema.get("type") or "object"}, path, is_root=True)
    return causes


def _causes(schema: Schema, path: str, *, is_root: bool = False) -> Iterator[Cause]:
    for name in _FORBIDDEN_ANYWHERE:
        if schema.get(name):
            yield forbidden(f"{path}.{name}", f"{name} is not supported")
    if schema.get("uniqueItems"):
        yield forbidden(
            f"{path}.uniqueItems",
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        )
    yield from _type_causes(schema, path, is_root=is_root)
    yield from _list_causes(schema, path)
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "must not be used together with properties")
    if is_root and schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    for name, inner in sorted((schema.get("properties") or {}).items()):
        here = f"{path}.properties[{name}]"
        if is_root and name == "metadata":
            yield from _metadata_causes(inner, here)
        else:
            yield from _causes(inner, here)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        yield from _causes(extra, f"{path}.additionalProperties")
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _causes(items, f"{path}.items")
    if isinstance(items, list):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")
    yield from _junction_causes(schema, path)
    if "default" in schema:
        for cause in document_causes({"it": schema["default"]}, {"properties": {"it": schema}}):
            yield invalid(
                f"{path}.default", schema["default"], cause.message.replace("it in body", "default")
            )


def _type_causes(schema: Schema, path: str, *, is_root: bool) -> Iterator[Cause]:
    kind = schema.get("type")
    if kind and kind not in TYPES:
        yield not_supported(f"{path}.type", kind, TYPES)
    if schema.get(INT_OR_STRING):
        if kind:
            yield forbidden(f"{path}.type", f"must be empty if {INT_OR_STRING} is true")
    elif not kind and not schema.get(PRESERVE):
        yield required(f"{path}.type", _MISSING_TYPE)
    if schema.get(EMBEDDED):
        if kind and kind != "object":
            yield invalid(f"{path}.type", kind, f"must be object if {EMBEDDED} is true")
        if not schema.get("properties") and not schema.get(PRESERVE):
            yield required(
                f"{path}.properties", f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
            )
    if kind == "array" and not schema.get("items"):
        yield required(f"{path}.items", "must be specified")


_MISSING_TYPE = "must not be empty for specified object fields"


def _list_causes(schema: Schema, path: str) -> Iterator[Cause]:
    list_type = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if list_type and schema.get("type") != "array":
        yield invalid(
            f"{path}.type", schema.get("type", ""), "must be array if x-kubernetes-list-type is specified"
        )
    if list_type and list_type not in ("atomic", "set", "map"):
        yield not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "map", "set"))
    if keys and list_type != "map":
        yield invalid(
            f"{path}.x-kubernetes-list-type",
            list_type or "",
            "must be map if x-kubernetes-list-map-keys is non-empty",
        )
    if list_type == "map":
        items = schema.get("items") or {}
        properties = items.get("properties") or {}
        if not keys:
            yield required(
                f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"
            )
        for index, key in enumerate(keys):
            if key not in properties:
                where = f"{path}.x-kubernetes-list-map-keys[{index}]"
                yield invalid(where, key, "must be the name of an item property")
            elif key not in (items.get("required") or ()) and "default" not in properties[key]:
                where = f"{path}.items.properties[{key}].default"
                yield required(
                    where,
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
                    "property",
                )
    map_type = schema.get("x-kubernetes-map-type")
    if map_type and map_type not in ("atomic", "granular"):
        yield not_supported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular"))


def _metadata_causes(schema: Schema, path: str) -> Iterator[Cause]:
    for name in schema.get("properties") or {}:
        if name not in ("name", "generateName"):
            yield forbidden(
                f"{path}.properties[{name}]",
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            )


def _junction_causes(schema: Schema, path: str) -> Iterator[Cause]:
    """What stands in allOf, anyOf, oneOf and not may only say more of what is specified outside."""
    for name in ("allOf", "anyOf", "oneOf"):
        for index, inner in enumerate(schema.get(name) or ()):
            yield from _inside_junction(inner, schema, f"{path}.{name}[{index}]")
    if schema.get("not"):
        yield from _inside_junction(schema["not"], schema, f"{path}.not")


def _inside_junction(inner: Schema, outer: Schema, path: str) -> Iterator[Cause]:
    for name in _FORBIDDEN_IN_JUNCTIONS:
        if name == "type" and outer.get(INT_OR_STRING) and inner.get("type") in ("integer", "string"):
            continue
        if inner.get(name):
            yield forbidden(f"{path}.{name}", "must be empty to be structural")
    properties = outer.get("properties") or {}
    for name, below in sorted((inner.get("properties") or {}).items()):
        if name in properties:
            yield from _inside_junction(below, properties[name], f"{path}.properties[{name}]")
        elif not outer.get("additionalProperties"):
            where = path.replace(".anyOf", "").replace(".oneOf", "")
            yield required(
                f"{where}.properties[{name}]", f"because it is defined in {path}.properties[{name}]"
            )
    if isinstance(inner.get("items"), Mapping) and isinstance(outer.get("items"), Mapping):
        yield from _inside_junction(inner["items"], outer["items"], f"{path}.items")
