"""Pure: what the expressions of admission policies may name, and the types of that.

Enter: names, a policy's own variables, types that are known. Leave: scopes, and what the type checker says of an
expression in one. Called by `policy_types` and by the validation of policies. Source: kubernetes apiserver
pkg/admission/plugin/cel/compile.go and composition.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pikube.api.cel import escaped
from pikube.api.cel_check import Checked, check
from pikube.api.cel_signatures import AUTHORIZER, RESOURCE_CHECK
from pikube.api.cel_syntax import RESERVED, SyntaxUnknown
from pikube.api.cel_types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    CelType,
    list_of,
    map_of,
    object_type,
)
from pikube.api.kinds.admission import Variable

Scope = Mapping[str, CelType]


class Members(dict[str, CelType]):
    """The fields of an object; one that is called as a word of CEL's is found by that, too."""

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name)
        if found is None and name in RESERVED:
            found = super().get(f"__{name}__")
        return found if found is not None else default


def member_name(name: str) -> str:
    return f"__{name}__" if name in RESERVED else escaped(name)


def scope_of(
    names: Iterable[str], declared: Iterable[Variable] | None = None, known: Scope = MappingProxyType({})
) -> dict[str, CelType]:
    """The types of what may be named. Each of the policy's own variables (None: there can be none) may use those
    before it."""
    scope = {name: known.get(name) or TYPES.get(name, DYN) for name in names}
    if "authorizer" in scope:
        scope["authorizer.requestResource"] = CelType(RESOURCE_CHECK)
    if declared is None:
        return scope
    own: dict[str, CelType] = {}
    scope["variables"] = object_type("kubernetes.variables", own)
    for variable in declared:
        given = checked(variable.expression, scope)
        own[variable.name] = DYN if given.errors else _stored(given.kind)
    return scope


def without_authorizer(scope: Scope) -> Scope:
    """What the expression of a message may name (api/admissionregistration/v1/types.go:Validation)."""
    return {name: kind for name, kind in scope.items() if not name.startswith("authorizer")}


def checked(text: str, scope: Scope) -> Checked:
    """Of what cannot be read here nothing is said: the library that evaluates it has its own words."""
    try:
        return check(text, scope)
    except SyntaxUnknown:
        return Checked(DYN, "")


def type_problem(text: str, scope: Scope, wanted: tuple[CelType, ...]) -> str:
    """What is wrong with the types of an expression that is to give one of the wanted ones, if any are; '' for
    nothing."""
    try:
        found = check(text, scope)
    except SyntaxUnknown:
        return ""
    if found.errors:
        return f"compilation failed: {found.errors}"
    if not wanted or found.kind in wanted:
        return ""
    words = [_go_name(kind) for kind in wanted]
    types = words[0] if len(words) == 1 else f"one of [{' '.join(words)}]"
    return f"must evaluate to {types} but got {_go_name(found.kind)}"


_GO_NAMES = {
    "null": "null_type",
    "duration": "google.protobuf.Duration",
    "timestamp": "google.protobuf.Timestamp",
}


def _go_name(kind: CelType) -> str:
    """As cel-go's types print themselves, outside of its errors."""
    name = _GO_NAMES.get(kind.name, kind.name)
    return f"{name}({', '.join(map(_go_name, kind.params))})" if kind.params else name


_KEPT = (BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, UINT)


def _stored(kind: CelType) -> CelType:
    """The type that a variable is known by; objects are not (composition.go:convertCelTypeToDeclType)."""
    if kind in _KEPT:
        return kind
    if kind.name in ("list", "map"):
        return CelType(kind.name, tuple(map(_stored, kind.params)))
    return DYN


def _strings(*names: str) -> dict[str, CelType]:
    return dict.fromkeys(names, STRING)


_KIND = object_type("kubernetes.GroupVersionKind", _strings("group", "version", "kind"))
_RESOURCE = object_type("kubernetes.GroupVersionResource", _strings("group", "version", "resource"))
_USER = object_type(
    "kubernetes.UserInfo",
    {**_strings("username", "uid"), "groups": list_of(STRING), "extra": map_of(STRING, list_of(STRING))},
)
REQUEST = object_type(
    "kubernetes.AdmissionRequest",
    Members(
        {
            **_strings("subResource", "requestSubResource", "name", "namespace", "operation"),
            "kind": _KIND,
            "requestKind": _KIND,
            "resource": _RESOURCE,
            "requestResource": _RESOURCE,
            "userInfo": _USER,
            "dryRun": BOOL,
            "options": DYN,
        }
    ),
)
_NAMESPACE_META = object_type(
    "kubernetes.NamespaceMetadata",
    {
        **_strings("name", "generateName", "namespace", "UID", "resourceVersion"),
        **dict.fromkeys(("labels", "annotations"), map_of(STRING, STRING)),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), TIMESTAMP),
        **dict.fromkeys(("deletionGracePeriodSeconds", "generation"), INT),
        "finalizers": list_of(STRING),
    },
)
_CONDITION = object_type(
    "kubernetes.NamespaceCondition",
    {**_strings("status", "type", "message", "reason"), "lastTransitionTime": TIMESTAMP},
)
NAMESPACE = object_type(
    "kubernetes.Namespace",
    {
        "metadata": _NAMESPACE_META,
        "spec": object_type("kubernetes.NamespaceSpec", {"finalizers": list_of(STRING)}),
        "status": object_type(
            "kubernetes.NamespaceStatus", {"conditions": list_of(_CONDITION), "phase": STRING}
        ),
    },
)
TYPES: Scope = MappingProxyType(
    {"request": REQUEST, "namespaceObject": NAMESPACE, "authorizer": CelType(AUTHORIZER)}
)
"""Of what is not of any type."""
