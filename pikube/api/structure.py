"""Pure: how server-side apply sees a type: what is one leaf, what merges member by member, what by key.

Enter: a kind's Struct class, or the OpenAPI schema of a custom resource. Leaves: a `Type`, which unfolds as it
is walked (CustomResourceDefinition schemas contain themselves). Called by structured_merge, managed_fields
and apply.

The defaults are those of Kubernetes: lists are atomic unless the declaration says set or map, objects and
maps merge member by member unless declared atomic; where no schema is known, objects merge and lists do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pikube.api.custom.objects import CustomObject
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.schema import FieldInfo, StructClass, fields_of

LEAF, OBJECT, MAP, SET, KEYED, ANY = "leaf", "object", "map", "set", "keyed", "any"
STRING, NUMBER, BOOLEAN, SCALAR, ATOMIC = "string", "numeric", "boolean", "any scalar", "atomic"


class Type:
    """One node of a structure.

    shape: LEAF (scalar or atomic), OBJECT (named members), MAP (free keys), SET (list of unique scalars),
    KEYED (list of objects told apart by `keys`), ANY (as the value turns out).
    scalar: what a LEAF may hold: STRING, NUMBER, BOOLEAN, SCALAR; ATOMIC for a list or map that is one leaf.
    element: the type of map values or list items; for an OBJECT the type of undeclared members, if allowed.
    """

    __slots__ = ("_load", "_members", "element", "key_defaults", "keys", "scalar", "shape")

    def __init__(
        self,
        shape: str,
        *,
        scalar: str = "",
        element: Type | None = None,
        keys: tuple[str, ...] = (),
        key_defaults: Mapping[str, Any] | None = None,
        load: Callable[[], dict[str, Type]] | None = None,
    ) -> None:
        self.shape = shape
        self.scalar = scalar
        self.element = element
        self.keys = keys
        self.key_defaults = key_defaults or {}
        self._load = load
        self._members: dict[str, Type] | None = None

    @property
    def members(self) -> dict[str, Type]:
        """The declared members of an OBJECT."""
        if self._members is None:
            self._members = self._load() if self._load is not None else {}
        return self._members

    def member(self, name: str) -> Type | None:
        """The type of a member or map value; None if nothing of that name may be there."""
        if self.shape == OBJECT:
            return self.members.get(name, self.element)
        return ANYTHING if self.shape == ANY else self.element

    def has_named(self, name: str) -> bool:
        """Whether this is a declared member, as against a free key of a map."""
        return self.shape == OBJECT and name in self.members


ANYTHING = Type(ANY)
_ATOMIC = Type(LEAF, scalar=ATOMIC)
_SCALAR = Type(LEAF, scalar=SCALAR)
_STRING = Type(LEAF, scalar=STRING)
_NUMBER = Type(LEAF, scalar=NUMBER)
_BOOLEAN = Type(LEAF, scalar=BOOLEAN)
_OF_FIELD = {
    "string": _STRING, "boolean": _BOOLEAN, "number": _NUMBER, "int32": _NUMBER, "int64": _NUMBER,
    "quantity": _SCALAR, "int-or-string": _SCALAR, "date-time": _SCALAR, "micro-time": _SCALAR,
    "duration": _STRING, "byte": _STRING,
}  # fmt: skip
_ATOMIC_ITEMS = frozenset(("LocalObjectReference", "ObjectReference", "OwnerReference", "Variable"))
"""Types that upstream marks +structType=atomic and that stand in keyed lists: an item has one owner."""


@cache
def structure_of(cls: StructClass | type[CustomObject]) -> Type:
    """The structure of a kind, or of a struct inside a kind."""
    if issubclass(cls, CustomObject):
        return custom_structure(cls.facts.schema)
    return Type(OBJECT, load=lambda: {field.name: _of_field(field) for field in fields_of(cls)})


def custom_structure(schema: Mapping[str, Any] | None) -> Type:
    """The structure of a custom resource with this openAPIV3Schema (None: nothing is known of it)."""
    root = _of_openapi(schema) if schema else Type(OBJECT, element=ANYTHING)

    def load() -> dict[str, Type]:
        meta = {"apiVersion": _STRING, "kind": _STRING, "metadata": structure_of(ObjectMeta)}
        return {**root.members, **meta} if root.shape == OBJECT else meta

    return Type(OBJECT, element=root.element if root.shape == OBJECT else ANYTHING, load=load)


def _of_field(field: FieldInfo) -> Type:
    facts = field.facts
    if field.container == "map-of-lists":
        return Type(MAP, element=_ATOMIC)
    if field.is_list:
        return _of_list(field)
    if facts.atomic:
        return _ATOMIC
    single = _single(field)
    return Type(MAP, element=single) if field.is_map else single


def _single(field: FieldInfo) -> Type:
    if field.struct is not None:
        return structure_of(field.struct)
    return _OF_FIELD.get(field.type, ANYTHING)


def _of_list(field: FieldInfo) -> Type:
    facts = field.facts
    if facts.list_type == "set":
        return Type(SET, element=_single(field))
    if facts.list_type == "map" and field.struct is not None:
        element = _ATOMIC if field.struct.__name__ in _ATOMIC_ITEMS else structure_of(field.struct)
        return Type(KEYED, element=element, keys=facts.list_keys, key_defaults=_key_defaults(field))
    return _ATOMIC


def _key_defaults(field: FieldInfo) -> dict[str, Any]:
    """What a key is when an item leaves it out: its default, or the zero that Go writes for a required one."""
    assert field.struct is not None
    defaults: dict[str, Any] = {}
    for item in fields_of(field.struct):
        if item.name not in field.facts.list_keys:
            continue
        if item.facts.default is not None:
            defaults[item.name] = item.facts.default
        elif item.facts.required:
            defaults[item.name] = "" if item.type == "string" else 0
    return defaults


def _of_openapi(schema: Mapping[str, Any]) -> Type:
    """One node of a structural schema (apiextensions/v1, with its x-kubernetes extensions)."""
    if schema.get("x-kubernetes-int-or-string"):
        return _SCALAR
    kind = schema.get("type")
    if kind == "array":
        return _of_openapi_list(schema)
    if kind == "object" or "properties" in schema:
        return _of_openapi_object(schema)
    scalars = {"string": _STRING, "integer": _NUMBER, "number": _NUMBER, "boolean": _BOOLEAN}
    return scalars.get(str(kind), ANYTHING)


def _of_openapi_list(schema: Mapping[str, Any]) -> Type:
    items = schema.get("items") or {}
    list_type = schema.get("x-kubernetes-list-type")
    if list_type == "set":
        return Type(SET, element=_of_openapi(items))
    if list_type == "map":
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        properties = items.get("properties") or {}
        defaults = {key: properties[key]["default"] for key in keys if "default" in properties.get(key, {})}
        return Type(KEYED, element=_of_openapi(items), keys=keys, key_defaults=defaults)
    return _ATOMIC


def _of_openapi_object(schema: Mapping[str, Any]) -> Type:
    if schema.get("x-kubernetes-map-type") == "atomic":
        return _ATOMIC
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    keeps_unknown = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    element = (
        _of_openapi(extra) if isinstance(extra, Mapping) else ANYTHING if extra or keeps_unknown else None
    )

    def load() -> dict[str, Type]:
        members = {name: _of_openapi(sub) for name, sub in properties.items()}
        if schema.get("x-kubernetes-embedded-resource"):
            members |= {"apiVersion": _STRING, "kind": _STRING, "metadata": structure_of(ObjectMeta)}
        return members

    if not properties and not schema.get("x-kubernetes-embedded-resource"):
        return Type(MAP, element=element) if element is not None else Type(OBJECT)
    return Type(OBJECT, element=element, load=load)
