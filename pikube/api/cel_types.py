"""Pure: types of CEL, and whether a value of one may stand where another is wanted.

Enter: types. Leave: types, or their names as cel-go writes them in errors. Called by `cel_check` and by whoever makes
types of schemas. Source: cel-go common/types/types.go, checker/types.go, checker/format.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count


@dataclass(frozen=True, slots=True)
class CelType:
    """`name` of a type, and its parameters: list(T), map(K, V), type(T), optional_type(T)."""

    name: str
    params: tuple[CelType, ...] = ()

    def __str__(self) -> str:
        """As in errors."""
        if not self.params:
            return self.name
        return f"{self.name}({', '.join(map(str, self.params))})"


@dataclass(frozen=True, slots=True)
class Variable(CelType):
    """A type that is not known yet: `A` in a signature, `_var0` where it is used."""


@dataclass(frozen=True, slots=True)
class ObjectType(CelType):
    """A type with named fields, looked up when they are needed (schemas may contain themselves)."""

    fields: Callable[[], Mapping[str, CelType]] = field(default=dict, compare=False)


DYN = CelType("dyn")
ERROR = CelType("!error!")
NULL = CelType("null")
BOOL, INT, UINT, DOUBLE = CelType("bool"), CelType("int"), CelType("uint"), CelType("double")
STRING, BYTES = CelType("string"), CelType("bytes")
DURATION, TIMESTAMP = CelType("duration"), CelType("timestamp")
PRIMITIVES = {
    kind.name: kind for kind in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, DURATION, TIMESTAMP, NULL, DYN)
}
_PLAIN = frozenset(("bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"))


def list_of(item: CelType) -> CelType:
    return CelType("list", (item,))


def map_of(key: CelType, value: CelType) -> CelType:
    return CelType("map", (key, value))


def object_type(name: str, fields: Mapping[str, CelType]) -> ObjectType:
    return ObjectType(name, fields=lambda: fields)


_WORD = re.compile(r"\s*([A-Za-z_][\w.]*)\s*")


def read_type(text: str) -> CelType:
    """`map(string, list(A))`: a capital letter is a variable."""
    kind, rest = _read(text)
    assert not rest, text
    return kind


def read_types(text: str) -> tuple[CelType, ...]:
    """Several, between commas."""
    found = []
    while text:
        kind, text = _read(text)
        found.append(kind)
        text = text.removeprefix(",")
    return tuple(found)


def _read(text: str) -> tuple[CelType, str]:
    match = _WORD.match(text)
    assert match, text
    name, rest = match[1], text[match.end() :]
    params = []
    if rest.startswith("("):
        rest = "," + rest[1:]
        while rest.startswith(","):
            param, rest = _read(rest[1:])
            params.append(param)
        rest = rest[1:].lstrip()
    if len(name) == 1 and name.isupper():
        return Variable(name), rest
    return CelType(name, tuple(params)), rest


class Unifier:
    """What is known of the variables of one expression."""

    def __init__(self) -> None:
        self._known: dict[Variable, CelType] = {}
        self._numbers = count()

    def fresh(self) -> Variable:
        return Variable(f"_var{next(self._numbers)}")

    def instances(self, *kinds: CelType) -> tuple[CelType, ...]:
        """The types of a signature with variables of their own."""
        given: dict[CelType, CelType] = {}

        def instance(kind: CelType) -> CelType:
            if isinstance(kind, Variable):
                if kind not in given:
                    given[kind] = self.fresh()
                return given[kind]
            return CelType(kind.name, tuple(map(instance, kind.params))) if kind.params else kind

        return tuple(map(instance, kinds))

    def known(self, kind: CelType, *, is_final: bool = False) -> CelType:
        """A type with what is known of its variables; the others stay, or are dyn in the end."""
        while isinstance(kind, Variable) and kind in self._known:
            kind = self._known[kind]
        if isinstance(kind, Variable):
            return DYN if is_final else kind
        if not kind.params:
            return kind
        return CelType(kind.name, tuple(self.known(param, is_final=is_final) for param in kind.params))

    def are_assignable(self, wanted: tuple[CelType, ...], given: tuple[CelType, ...]) -> bool:
        """Whether each may stand for what is wanted; what that says of variables is kept only if all may."""
        before = dict(self._known)
        if len(wanted) == len(given) and all(map(self._may, wanted, given)):
            return True
        self._known = before
        return False

    def _may(self, wanted: CelType, given: CelType) -> bool:
        root = self._root(wanted) if isinstance(wanted, Variable) else None
        wanted, given = self.known(wanted), self.known(given)
        if root in self._known and _is_any(given):
            self._known[root] = given  # of two that it stands for, the one that says less
            return True
        if isinstance(given, Variable) or isinstance(wanted, Variable):
            return self._bind(wanted, given)
        if _is_any(wanted) or _is_any(given):
            return True
        if NULL in (wanted, given):
            other = wanted if given == NULL else given
            return other == NULL or other.name not in _PLAIN
        if wanted.name != given.name or (wanted.name != "type" and len(wanted.params) != len(given.params)):
            return False
        return wanted.name == "type" or all(map(self._may, wanted.params, given.params))

    def _root(self, variable: Variable) -> Variable:
        """The last of the variables that stand for one another."""
        while isinstance(known := self._known.get(variable), Variable):
            variable = known
        return variable

    def _bind(self, wanted: CelType, given: CelType) -> bool:
        variable, other = (wanted, given) if isinstance(wanted, Variable) else (given, wanted)
        assert isinstance(variable, Variable)
        if variable == other:
            return True
        if _mentions(other, variable):
            return False
        self._known[variable] = other
        return True


def _is_any(kind: CelType) -> bool:
    return kind in (DYN, ERROR)


def _mentions(kind: CelType, variable: Variable) -> bool:
    return kind == variable or any(_mentions(param, variable) for param in kind.params)


def most_general(one: CelType, other: CelType) -> CelType:
    """Of two that may stand for one another, the one that says less (cel-go checker/types.go:mostGeneral)."""
    return other if _is_any(other) or isinstance(other, Variable) else one
