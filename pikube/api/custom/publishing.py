"""Pure: custom kinds in the OpenAPI documents: the definition's own schema, with what every object has.

Enter: the class of a version. Leaves: its name and schema in a document. Called by pikube.api.openapi. Source:
kubernetes apiextensions-apiserver pkg/controller/openapi/builder, pkg/apiserver/schema/kubeopenapi.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pikube.api.custom.objects import CustomObject
from pikube.api.custom.shaping import EMBEDDED, PRESERVE

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_UNKNOWN_TO_V2 = ("oneOf", "anyOf", "allOf", "not", "nullable")


def custom_schema_name(cls: type[CustomObject]) -> str:
    """`com.example.stable.v1.CronTab`."""
    names = cls.names
    return ".".join([*reversed(names.group.split(".")), names.version, names.kind])


def custom_schema(cls: type[CustomObject], prefix: str, *, is_v3: bool) -> dict[str, Any]:
    """The schema of one version."""
    names = cls.names
    known = [{"group": names.group, "kind": names.kind, "version": names.version}]
    if not is_v3 and cls.facts.keeps_unknown:
        # nothing more: kubectl takes the properties of v2 for all that there may be
        return {"type": "object", "x-kubernetes-group-version-kind": known}
    schema = cls.facts.schema if is_v3 else _for_v2(cls.facts.schema)
    out = _with_embedded({"type": "object", **schema}, _every_object(prefix, is_v3=is_v3), is_v3=is_v3)
    every = _every_object(prefix, is_v3=is_v3)
    out["properties"] = {**every, **(out.get("properties") or {}), **every}
    out["x-kubernetes-group-version-kind"] = known
    return out


def _every_object(prefix: str, *, is_v3: bool) -> dict[str, Any]:
    """The properties that every object has."""
    return {
        "apiVersion": {
            "type": "string",
            "description": "The version of the API that this document is written in.",
        },
        "kind": {"type": "string", "description": "What this document describes."},
        "metadata": {"allOf": [{"$ref": prefix + META}]} if is_v3 else {"$ref": prefix + META},
    }


def _with_embedded(schema: Mapping[str, Any], every: Mapping[str, Any], *, is_v3: bool) -> dict[str, Any]:
    """The objects within it have the properties of every object, too."""

    def inside(inner: Any) -> Any:
        return _with_embedded(inner, every, is_v3=is_v3) if isinstance(inner, Mapping) else inner

    out = dict(schema)
    if "properties" in out:
        out["properties"] = {name: inside(inner) for name, inner in out["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in out:
            out[name] = inside(out[name])
    if out.get(EMBEDDED) and (is_v3 or not out.get(PRESERVE)):
        out["properties"] = {**(out.get("properties") or {}), **every}
        needed = tuple(out.get("required") or ())
        out["required"] = [*needed, *(name for name in ("kind", "apiVersion") if name not in needed)]
    return out


def _for_v2(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAPI v2 knows no alternatives, and kubectl's validation of it takes everything literally."""
    out = {name: value for name, value in schema.items() if name not in _UNKNOWN_TO_V2}
    properties = out.get("properties") or {}
    may_be_null = [name for name, inner in properties.items() if inner.get("nullable")]
    if may_be_null and "required" in out:
        out["required"] = [name for name in out["required"] if name not in may_be_null]
    if schema.get("nullable"):
        out.pop("type", None)
    if schema.get("nullable") or schema.get(PRESERVE):
        out.pop("properties", None)
        out.pop("items", None)
    if out.get("type") == "array" and "items" not in out:
        del out["type"]
    if out.get("type") == "object" and schema.get(PRESERVE):
        del out["type"]
    if "properties" in out:
        out["properties"] = {name: _for_v2(inner) for name, inner in out["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(out.get(name), Mapping):
            out[name] = _for_v2(out[name])
    return out
