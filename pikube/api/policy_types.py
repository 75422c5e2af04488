"""Pure: what is wrong with the types in a ValidatingAdmissionPolicy's expressions, for each kind that it is about.

Enter: a policy, how to find the kinds that are served. Leave: warnings for its status. Called by the controller
`policy_status`. Source: kubernetes apiserver pkg/admission/plugin/policy/validating/typechecking.go,
pkg/admission/plugin/cel/compile.go and composition.go, pkg/cel/common/schemas.go.

Quantities are of any type here, so that comparing one is no warning: upstream's schema of them has no type, and what
has none expressions are not to see there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from pikube.api.cel_types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    CelType,
    ObjectType,
    list_of,
    map_of,
    object_type,
)  # fmt: skip
from pikube.api.custom.objects import CustomObject
from pikube.api.custom.shaping import EMBEDDED
from pikube.api.custom.values import INT_OR_STRING
from pikube.api.kinds.admission import (
    ExpressionWarning,
    NamedRuleWithOperations,
    ValidatingAdmissionPolicy,
    Validation,
)
from pikube.api.kinds.base import Struct
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.policy_scopes import Members, checked, member_name, scope_of
from pikube.api.schema import FieldInfo, fields_of
from pikube.api.scheme import KindInfo

MOST_TYPES = 10
"""Of one rule, so that a policy cannot keep the controller busy (typechecking.go:maxTypesToCheck)."""
Schema = Mapping[str, Any]


class Served(Protocol):
    """What is served now; a Scheme."""

    def by_url(self, group: str, version: str, plural: str) -> KindInfo | None: ...

    def by_kind(self, group: str, version: str, kind: str) -> KindInfo | None: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind that a policy is about. `label` as Go writes a GroupVersionKind: `apps/v1, Kind=Deployment`."""

    label: str
    kind: CelType


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a policy's expressions are held to. `params` is None where its kind is not served, or none is named."""

    objects: tuple[Subject, ...]
    params: CelType | None


def subjects(policy: ValidatingAdmissionPolicy, served: Served) -> Subjects:
    """The kinds that the rules name without wildcards, in order of group, version and kind."""
    found: dict[tuple[str, str, str], KindInfo] = {}
    constraints = policy.spec.match_constraints
    for rule in constraints.resource_rules if constraints is not None else ():
        infos = list(_named(rule, served))[:MOST_TYPES]
        found |= {(i.names.group, i.names.version, i.names.kind): i for i in infos}
        if len(infos) == MOST_TYPES:
            break
    objects = tuple(
        Subject(f"{group}/{version}, Kind={kind}", type_of(found[group, version, kind]))
        for group, version, kind in sorted(found)
    )
    param = policy.spec.param_kind
    if param is None:
        return Subjects(objects, None)
    group, _, version = param.api_version.rpartition("/")
    info = served.by_kind(group, version, param.kind)
    return Subjects(objects, type_of(info) if info is not None else None)


def _named(rule: NamedRuleWithOperations, served: Served) -> Iterator[KindInfo]:
    if any("*" in word for word in (*rule.api_groups, *rule.api_versions)):
        return
    plurals = [name for name in rule.resources if "*" not in name and "/" not in name]
    for group, version, plural in product(
        sorted(rule.api_groups), sorted(rule.api_versions), sorted(plurals)
    ):
        info = served.by_url(group, version, plural)
        if info is not None:
            yield info


def warnings(policy: ValidatingAdmissionPolicy, about: Subjects) -> tuple[ExpressionWarning, ...]:
    """For each expression of the validations, and each one of a message, what does not fit some kind."""
    found = []
    scopes = [(subject.label, _variables(policy, subject.kind, about.params)) for subject in about.objects]
    for index, validation in enumerate(policy.spec.validations):
        for name, text in _expressions(validation):
            words = [
                f"{label}: {errors}\n" for label, scope in scopes if (errors := checked(text, scope).errors)
            ]
            if words:
                where = f"spec.validations[{index}].{name}"
                found.append(ExpressionWarning(field_ref=where, warning="\n".join(words)))
    return tuple(found)


def _expressions(validation: Validation) -> Iterator[tuple[str, str]]:
    yield "expression", validation.expression
    if validation.message_expression:
        yield "messageExpression", validation.message_expression


def _variables(
    policy: ValidatingAdmissionPolicy, kind: CelType, params: CelType | None
) -> dict[str, CelType]:
    """What expressions may name."""
    known = {"object": kind, "oldObject": kind}
    if params is not None:
        known["params"] = params
    return scope_of((*known, "request", "namespaceObject", "authorizer"), policy.spec.variables, known)


def type_of(info: KindInfo) -> CelType:
    """A kind as expressions know it."""
    name = info.names.kind
    if issubclass(info.cls, CustomObject):
        return _of_schema(info.cls.facts.schema, name, is_resource=True) or DYN
    return _of_struct(info.cls, name)


def _of_struct(cls: type[Struct], name: str) -> ObjectType:
    def fields() -> Mapping[str, CelType]:
        return Members(
            {
                member_name(field.name): _of_field(field, f"{name}.{field.name}")
                for field in fields_of(cls)
                if field.type != "any"
            }
        )

    return ObjectType(name, fields=fields)


_FORMATS = {
    "string": STRING, "duration": STRING, "boolean": BOOL, "number": DOUBLE, "int32": INT, "int64": INT,
    "date-time": TIMESTAMP, "micro-time": TIMESTAMP, "byte": BYTES, "int-or-string": DYN, "quantity": DYN,
}  # fmt: skip


def _of_field(field: FieldInfo, name: str) -> CelType:
    if field.container == "list":
        return list_of(_of_single(field, f"{name}.@idx"))
    if field.container == "map":
        return map_of(STRING, _of_single(field, f"{name}.@elem"))
    if field.container == "map-of-lists":
        return map_of(STRING, list_of(_of_single(field, f"{name}.@elem.@idx")))
    return _of_single(field, name)


def _of_single(field: FieldInfo, name: str) -> CelType:
    if field.struct is not None:
        return _of_struct(field.struct, name)
    return _FORMATS.get(field.type) or object_type(name, {})


def _of_schema(schema: Schema, name: str, *, is_resource: bool = False) -> CelType | None:
    """None for what expressions do not see."""
    if schema.get(INT_OR_STRING):
        return DYN
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            inner = _below(items, f"{name}.@idx") if isinstance(items, Mapping) else None
            return list_of(inner) if inner is not None else None
        case "object":
            return _of_object(schema, name, is_resource=is_resource)
        case "string":
            return _STRINGS.get(schema.get("format", ""), STRING)
        case "boolean":
            return BOOL
        case "number":
            return DOUBLE
        case "integer":
            return INT
    return None


_STRINGS = {"byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP}


def _below(schema: Schema, name: str) -> CelType | None:
    return _of_schema(schema, name, is_resource=bool(schema.get(EMBEDDED)))


def _of_object(schema: Schema, name: str, *, is_resource: bool) -> CelType | None:
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        inner = _below(extra, f"{name}.@elem")
        return map_of(STRING, inner) if inner is not None else None
    fields = Members()
    for member, below in (schema.get("properties") or {}).items():
        kind = _below(below, f"{name}.{member}")
        if kind is not None:
            fields[member_name(member)] = kind
    if is_resource:
        fields |= {
            "apiVersion": STRING,
            "kind": STRING,
            "metadata": _of_struct(ObjectMeta, f"{name}.metadata"),
        }
    return object_type(name, fields)
