"""Pure: reads a kind's declaration back as data, for everyone who walks objects by their schema.

Enter: a Struct class of pikube.api.kinds. Leaves: its fields in declared order as `FieldInfo`. Called by
field validation, strategic merge, server-side apply, protobuf, OpenAPI and defaulting.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeAlias

from pikube.api.kinds.base import Field, Format, Struct

NO_FACTS = Field(0)
StructClass: TypeAlias = type[Struct]


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field: `type` is string, boolean, number, any or a Format name (int32, int64, date-time,
    micro-time, duration, quantity, int-or-string, byte, raw) or `struct`; `container` is '', list or map
    (of that type); `struct` is the class when type is struct."""

    attribute: str
    name: str
    type: str
    container: str
    struct: StructClass | None
    facts: Field

    @property
    def is_list(self) -> bool:
        return self.container == "list"

    @property
    def is_map(self) -> bool:
        return self.container == "map"


_PLAIN = {str: "string", bool: "boolean", int: "int64", float: "number"}


@cache
def fields_of(cls: type[Struct]) -> tuple[FieldInfo, ...]:
    """The fields of a kind or of a struct inside a kind, in declared order."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(
        _field_info(attribute, name, hints[attribute])
        for attribute, name in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    )


@cache
def fields_by_name(cls: type[Struct]) -> dict[str, FieldInfo]:
    """The same by JSON name."""
    return {field.name: field for field in fields_of(cls)}


def field_at(cls: type[Struct], path: tuple[str, ...]) -> FieldInfo | None:
    """The field at a path of JSON names (list items and map keys are not named); None if there is none."""
    found: FieldInfo | None = None
    here: type[Struct] | None = cls
    for name in path:
        found = fields_by_name(here).get(name) if here is not None else None
        if found is None:
            return None
        here = found.struct
    return found


def _field_info(attribute: str, name: str, hint: Any) -> FieldInfo:
    facts, hint = _take(hint, Field)
    format_, inner = _take(_without_none(hint), Format)
    container = ""
    if format_ is None:
        origin = typing.get_origin(inner)
        if origin is tuple or origin is list:
            container, inner = "list", typing.get_args(inner)[0]
        elif origin is dict:
            container, inner = "map", typing.get_args(inner)[1]
            if typing.get_origin(inner) is tuple:  # map of lists (userInfo.extra)
                container, inner = "map-of-lists", typing.get_args(inner)[0]
        format_, inner = _take(_without_none(inner), Format)
    if format_ is not None:
        return FieldInfo(attribute, name, format_.name, container, None, facts or NO_FACTS)
    if isinstance(inner, type) and issubclass(inner, Struct):
        return FieldInfo(attribute, name, "struct", container, inner, facts or NO_FACTS)
    return FieldInfo(attribute, name, _PLAIN.get(inner, "any"), container, None, facts or NO_FACTS)


def _take(hint: Any, wanted: type) -> tuple[Any, Any]:
    """Split Annotated[T, wanted] into (the wanted metadata or None, T with the other metadata kept)."""
    if typing.get_origin(hint) is not Annotated:
        return None, hint
    base, *extras = typing.get_args(hint)
    mine = next((extra for extra in extras if isinstance(extra, wanted)), None)
    others = [extra for extra in extras if extra is not mine]
    return mine, (Annotated[(base, *others)] if others else base)


def _without_none(hint: Any) -> Any:
    """`X | None` as X."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        rest = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return hint
