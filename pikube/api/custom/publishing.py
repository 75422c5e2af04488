"""Pure: custom kinds in the OpenAPI documents: the definition's own schema, with what every object has.

Enter: the class of a version. Leaves: its name and schema in a document. Called by pikube.api.openapi. Source:
kubernetes apiextensions-apiserver pkg/controller/openapi/builder, pkg/apiserver/schema/kubeopenapi.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pikube.api.custom.objects import CustomObject
from pikube.api.custom.shaping import EMBEDDED, PRESERVE
from pikube.api.custom.values import INT_OR_STRING

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_UNKNOWN_TO_V2 = ("oneOf", "anyOf", "allOf", "not", "nullable", "default")


def custom_schema_name(cls: type[CustomObject]) -> str:
    """`com.example.stable.v1.CronTab`."""
    names = cls.names
    return ".".join([*reversed(names.group.split(".")), names.version, names.kind])


def custom_schema(cls: type[CustomObject], prefix: str, *, is_v3: bool) -> dict[str, Any]:
    """The schema of one version."""
    names = cls.names
    schema = cls.facts.schema if is_v3 else _for_v2(cls.facts.schema)
    out = {"type": "object", **schema}
    if not is_v3 and cls.facts.keeps_unknown:
        out.pop("properties", None)
    properties = {
        "apiVersion": {
            "type": "string",
            "description": "The version of the API that this document is written in.",
        },
        "kind": {"type": "string", "description": "What this document describes."},
        "metadata": {"allOf": [{"$ref": prefix + META}]} if is_v3 else {"$ref": prefix + META},
    }
    out["properties"] = {**properties, **_without(out.get("properties") or {}, properties)}
    out["x-kubernetes-group-version-kind"] = [
        {"group": names.group, "kind": names.kind, "version": names.version}
    ]
    return out


def _without(given: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def _for_v2(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAPI v2 knows no alternatives, and kubectl's validation of it takes everything literally."""
    out = {name: value for name, value in schema.items() if name not in _UNKNOWN_TO_V2}
    if schema.get("nullable") or schema.get(INT_OR_STRING):
        for name in ("type", "format", "properties", "items", "additionalProperties"):
            out.pop(name, None)
        return out
    if schema.get(PRESERVE) or schema.get(EMBEDDED):
        out.pop("properties", None)
        out.pop("items", None)
    if "properties" in out:
        out["properties"] = {name: _for_v2(inner) for name, inner in out["properties"].items()}
    if isinstance(out.get("items"), Mapping):
        out["items"] = _for_v2(out["items"])
    if isinstance(out.get("additionalProperties"), Mapping):
        out["additionalProperties"] = _for_v2(out["additionalProperties"])
    return out
