"""Pure: OpenAPI from the kinds' declarations: version 3 by group, version 2 for everything.

Enter: the Scheme. Leave: documents as builtins. They are lean on purpose: kubectl 1.31 to 1.33 parse the
core document again for every object they apply (kubectl-wire: seconds with upstream's 1.6 MB).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pikube.api.custom.objects import CustomObject
from pikube.api.custom.publishing import custom_schema, custom_schema_name
from pikube.api.kinds.base import Kind, Struct
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.schema import NO_FACTS, FieldInfo, fields_of
from pikube.api.scheme import KindInfo, Scheme
from pikube.api.strategic_merge import REPLACED

TITLE = "Kubernetes"
PACKAGES = {
    "meta": "io.k8s.apimachinery.pkg.apis.meta.v1",
    "extensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "apiregistration": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
    "metrics": "io.k8s.metrics.pkg.apis.metrics.v1beta1",
    "admission": "io.k8s.api.admissionregistration.v1",
    "autoscaling_v2": "io.k8s.api.autoscaling.v2",
}
GVK = "x-kubernetes-group-version-kind"
ACTIONS = {
    "get": ("get", "get"), "list": ("get", "list"), "create": ("post", "post"), "update": ("put", "put"),
    "patch": ("patch", "patch"), "delete": ("delete", "delete"),
    "deletecollection": ("delete", "deletecollection"),
}  # fmt: skip
SHARED = {
    "quantity": "io.k8s.apimachinery.pkg.api.resource.Quantity",
    "int-or-string": "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
}
"""Types that have a definition of their own, whose name `kubectl explain` shows."""
WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
TYPE_WORDS = {
    "kind": "The kind of object this is, in CamelCase.",
    "apiVersion": "The API group and version that this object is written in.",
}


def schema_name(cls: type[Struct]) -> str:
    """Upstream's name of a definition: `io.k8s.api.apps.v1.Deployment`."""
    module = cls.__module__.rsplit(".", 1)[-1]
    if module.startswith("core_"):
        return f"io.k8s.api.core.v1.{cls.__name__}"
    return f"{PACKAGES.get(module, f'io.k8s.api.{module}.v1')}.{cls.__name__}"


def document_v3(scheme: Scheme, group: str, version: str) -> dict[str, Any]:
    """The document of one group and version."""
    infos = [i for i in scheme if (i.names.group, i.names.version) == (group, version)]
    schemas = _schemas(infos, "#/components/schemas/", is_v3=True)
    return {
        "openapi": "3.0.0",
        "info": {"title": TITLE, "version": "v1.36.0"},
        "paths": _paths(infos, is_v3=True),
        "components": {"schemas": schemas},
    }


def document_v2(scheme: Scheme) -> dict[str, Any]:
    """The one document of everything, for kubectl before 1.30."""
    infos = list(scheme)
    return {
        "swagger": "2.0",
        "info": {"title": TITLE, "version": "v1.36.0"},
        "paths": _paths(infos, is_v3=False),
        "definitions": _schemas(infos, "#/definitions/", is_v3=False),
    }


def _schemas(infos: Iterable[KindInfo], prefix: str, *, is_v3: bool) -> dict[str, Any]:
    """Every definition that the kinds need, by name."""
    roots: list[type[Struct]] = []
    schemas: dict[str, Any] = {}
    for info in infos:
        if issubclass(info.cls, CustomObject):
            schemas[custom_schema_name(info.cls)] = custom_schema(info.cls, prefix, is_v3=is_v3)
            roots.append(ObjectMeta)
        else:
            roots.append(info.cls)
        roots += [sub.cls for sub in info.subresources if sub.cls]
    classes = reachable(roots)
    schemas |= {schema_name(cls): _struct_schema(cls, prefix, is_v3=is_v3) for cls in classes}
    for field in (field for cls in classes for field in fields_of(cls)):
        if field.type in SHARED:
            schemas[SHARED[field.type]] = _shared_schema(field.type, is_v3=is_v3)
    return dict(sorted(schemas.items()))


def reachable(roots: Iterable[type[Struct]]) -> list[type[Struct]]:
    """The structs that a schema of the roots needs, by name."""
    found: set[type[Struct]] = set()
    waiting = list(roots)
    while waiting:
        cls = waiting.pop()
        if cls in found:
            continue
        found.add(cls)
        waiting += [field.struct for field in fields_of(cls) if field.struct is not None]
    return sorted(found, key=schema_name)


def _struct_schema(cls: type[Struct], prefix: str, *, is_v3: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "object"}
    if cls.__doc__ and not cls.__doc__.startswith("The base of"):
        out["description"] = cls.__doc__
    properties = {}
    required = []
    for field in fields_of(cls):
        properties[field.name] = _field_schema(field, prefix, is_v3=is_v3)
        if (cls.__name__, field.name) in REPLACED:
            properties[field.name]["x-kubernetes-patch-strategy"] = "replace"
        if field.facts is NO_FACTS and field.name in TYPE_WORDS:
            properties[field.name]["description"] = TYPE_WORDS[field.name]
        if field.facts.required:
            required.append(field.name)
    if properties:
        out["properties"] = properties
    if required:
        out["required"] = required
    names = getattr(cls, "names", None)
    if issubclass(cls, Kind) and names is not None:
        out[GVK] = [{"group": names.group, "kind": names.kind, "version": names.version}]
    return out


def _field_schema(field: FieldInfo, prefix: str, *, is_v3: bool) -> dict[str, Any]:
    facts = field.facts
    inner = _type_schema(field, prefix, is_v3=is_v3)
    if facts.enum:
        inner = {**inner, "enum": list(facts.enum)}
    if field.container == "list":
        out: dict[str, Any] = {"type": "array", "items": inner}
        out["x-kubernetes-list-type"] = facts.list_type or "atomic"
        if facts.list_keys:
            out["x-kubernetes-list-map-keys"] = list(facts.list_keys)
    elif field.container == "map":
        out = {"type": "object", "additionalProperties": inner}
    elif field.container == "map-of-lists":
        out = {"type": "object", "additionalProperties": {"type": "array", "items": inner}}
    elif "$ref" in inner and (is_v3 and (facts.words or facts.merge)):
        out = {"allOf": [inner]}
    else:
        out = inner
    if facts.atomic and field.container != "list":
        out = {**out, "x-kubernetes-map-type": "atomic"} if "$ref" not in out else out
    if facts.words:
        out = {**out, "description": facts.words}
    if facts.default is not None:
        out = {**out, "default": facts.default} if "$ref" not in out else out
    if facts.merge or facts.retain_keys:
        strategies = ["merge"] * facts.merge + ["retainKeys"] * facts.retain_keys
        out = {**out, "x-kubernetes-patch-strategy": ",".join(strategies)}
        if facts.merge_key:
            out["x-kubernetes-patch-merge-key"] = facts.merge_key
    return out


_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number", "format": "double"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "date-time": {"type": "string", "format": "date-time"},
    "micro-time": {"type": "string", "format": "date-time"},
    "duration": {"type": "string"},
    "byte": {"type": "string", "format": "byte"},
    "raw": {"type": "object"},
    "any": {"type": "object"},
}


def _type_schema(field: FieldInfo, prefix: str, *, is_v3: bool) -> dict[str, Any]:
    if field.struct is not None:
        return {"$ref": prefix + schema_name(field.struct)}
    if field.type in SHARED:
        return {"$ref": prefix + SHARED[field.type]}
    return dict(_TYPES[field.type])


def _shared_schema(type_: str, *, is_v3: bool) -> dict[str, Any]:
    if type_ == "int-or-string":
        form = {"oneOf": [{"type": "integer"}, {"type": "string"}]} if is_v3 else {"type": "string"}
        return {"description": "A number, or a name or percentage.", "format": "int-or-string", **form}
    form = {"oneOf": [{"type": "string"}, {"type": "number"}]} if is_v3 else {"type": "string"}
    return {"description": "A fixed-point number with a unit: 500m, 64Mi, 1e3.", **form}


def _paths(infos: Iterable[KindInfo], *, is_v3: bool) -> dict[str, Any]:
    """Collections and objects of each kind; operations say their kind and the query parameters that clients look
    for (kubectl asks a server for `fieldValidation` before it validates by itself). They do not say which patches
    they take: newer kubectls would parse the document of version 3 twice more for each object that they apply
    (kubectl 1.33, 40 ConfigMaps: 1.3 s instead of 0.6 s), and know how built-in kinds are merged without it."""
    paths: dict[str, Any] = {}
    for info in infos:
        names = info.names
        collection = names.path("{namespace}")
        item = names.path("{namespace}", "{name}")
        for path, verbs in (
            (collection, ("list", "create", "deletecollection")),
            (item, ("get", "update", "patch", "delete")),
        ):
            operations = {
                ACTIONS[verb][0]: _operation(info, verb, is_v3=is_v3) for verb in verbs if verb in info.verbs
            }
            if operations:
                paths[path] = operations
    return dict(sorted(paths.items()))


def _operation(info: KindInfo, verb: str, *, is_v3: bool) -> dict[str, Any]:
    names = info.names
    out: dict[str, Any] = {
        "operationId": f"{verb}{names.group.partition('.')[0].capitalize()}{names.version.upper()}{names.kind}",
        "x-kubernetes-action": ACTIONS[verb][1],
        GVK: {"group": names.group, "kind": names.kind, "version": names.version},
        "responses": {"200": {"description": "OK"}},
    }
    if verb in ("create", "update", "patch"):
        kind: dict[str, Any] = {"schema": {"type": "string"}} if is_v3 else {"type": "string"}
        out["parameters"] = [{"name": name, "in": "query", **kind} for name in WRITE_PARAMETERS]
    return out
