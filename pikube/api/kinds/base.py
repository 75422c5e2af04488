"""Declaration: what a kind's declaration is made of.

Each kind is a msgspec Struct whose fields say everything that is known of them in one line: Python type,
default, and a `Field` with the protobuf number (facts of upstream's generated.proto), our own words and
what patches, validation and OpenAPI need. Everything else (decoding, schema, explain, patch semantics,
protobuf) is derived from it by pikube.api.schema.

How Go's JSON rules are kept, since clients know objects in that shape:
- a field that Go omits when empty has a plain default (`""`, `0`, `False`, `None`, `()`, `{}`), which
  omit_defaults leaves out;
- a field that Go always writes has one of the ALWAYS_* factories (omit_defaults looks into list, dict and
  set factories only), so that `replicas: 0` or `subjects: []` stay visible;
- a nested struct that is no pointer in Go is always written, if only as `{}`.
Lists are tuples: objects are values that many tasks share.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple, TypeAlias

import msgspec


class Field:
    """What is known of a field beside its Python type.

    number: protobuf field number; a tuple is the path through messages that JSON writes inline.
    words: description in our own words.
    required: a user must give it.
    merge_key: strategic-merge key of a list (patchStrategy merge); "" with `merge` set merges a list of scalars.
    list_type: atomic, set or map (server-side apply); list_keys are the keys of a map list.
    either: list, bool or strings: what a JSON schema may be instead of a schema; protobuf has messages for that.
    """

    __slots__ = (
        "atomic", "default", "either", "enum", "list_keys", "list_type", "merge", "merge_key", "number",
        "required", "retain_keys", "words",
    )  # fmt: skip

    def __init__(
        self,
        number: int | tuple[int, ...],
        words: str = "",
        *,
        required: bool = False,
        merge: bool = False,
        merge_key: str = "",
        retain_keys: bool = False,
        list_type: str = "",
        list_keys: tuple[str, ...] = (),
        atomic: bool = False,
        enum: tuple[str, ...] = (),
        default: Any = None,
        either: str = "",
    ) -> None:
        self.number = number
        self.words = words
        self.required = required
        self.merge = merge or bool(merge_key)
        self.merge_key = merge_key
        self.retain_keys = retain_keys
        self.list_type = list_type
        self.list_keys = list_keys
        self.atomic = atomic
        self.enum = enum
        self.default = default
        self.either = either


class Format:
    """A scalar that JSON writes as text or number but that means more: see the aliases below."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Names(NamedTuple):
    """What clients call a kind: its group, version, kind, plural and the rest of its entry in discovery."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    singular: str = ""
    list_kind: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`group/plural`: the store's and the caches' name of the kind."""
        return f"{self.group}/{self.plural}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


Time: TypeAlias = Annotated[str, Format("date-time")]
"""RFC 3339 in UTC with whole seconds, `2026-01-31T12:00:00Z`; "" is no time."""
MicroTime: TypeAlias = Annotated[str, Format("micro-time")]
"""RFC 3339 in UTC with six decimals."""
Duration: TypeAlias = Annotated[str, Format("duration")]
"""Go's duration text, `1m30s`."""
Quantity: TypeAlias = Annotated[str | int | float, Format("quantity")]
"""`500m`, `1Gi`; a number in a user's manifest becomes canonical text when the object is defaulted."""
Number: TypeAlias = Annotated[int | float, Format("number")]
"""A double that stays `1` when it was written so: Go writes whole ones without a point."""
IntOrString: TypeAlias = Annotated[int | str, Format("int-or-string")]
"""A count or a percentage, a port number or a port name."""
Bytes: TypeAlias = Annotated[str, Format("byte")]
"""Base64 text, as JSON carries it."""
Int32: TypeAlias = Annotated[int, Format("int32")]
Int64: TypeAlias = Annotated[int, Format("int64")]
RawObject: TypeAlias = Annotated[Any, Format("raw")]
"""Any JSON document."""


class Struct(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """The base of every API type: camelCase on the wire, snake_case here, empty values left out."""


class Kind(Struct):
    """The base of what has a URL of its own; each subclass declares `names` and carries metadata."""

    names: ClassVar[Names]
    kind: str = ""
    api_version: str = ""


ALWAYS_STR: Any = msgspec.field(default_factory=str)
ALWAYS_INT: Any = msgspec.field(default_factory=int)
ALWAYS_FLOAT: Any = msgspec.field(default_factory=float)
ALWAYS_BOOL: Any = msgspec.field(default_factory=bool)


def empty_list() -> Any:
    return ()


def empty_map() -> Any:
    return {}


ALWAYS_LIST: Any = msgspec.field(default_factory=empty_list)
ALWAYS_MAP: Any = msgspec.field(default_factory=empty_map)
MAP: Any = msgspec.field(default_factory=dict)
