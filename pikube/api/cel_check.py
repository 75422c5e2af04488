"""Pure: what is wrong with the types in an expression: missing fields, operators between what does not fit.

Enter: an expression, its variables' types. Leaves: its own type, or the errors in cel-go's words. Called by
`policy_types` and by the validation of policies. Source: cel-go checker/checker.go, checker/errors.go,
common/errors.go. cel-go's `cel.bind` is none of Kubernetes' macros (apiserver pkg/cel/environment/base.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pikube.api import cel_syntax as syntax
from pikube.api.cel_signatures import Signature, signatures
from pikube.api.cel_types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    PRIMITIVES,
    STRING,
    UINT,
    CelType,
    ObjectType,
    Unifier,
    Variable,
    list_of,
    map_of,
    most_general,
)

MOST_ERRORS = 100
MADE = "@made"
"""In a scope: expressions may make objects (kubernetes apiserver pkg/cel/mutation)."""
JSON_PATCH = {"op": STRING, "path": STRING, "from": STRING, "value": DYN}
TYPE_NAMES = {
    **{
        kind.name: CelType("type", (kind,)) for kind in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, DYN)
    },
    "null_type": CelType("type", (PRIMITIVES["null"],)),
    "list": CelType("type", (list_of(DYN),)),
    "map": CelType("type", (map_of(DYN, DYN),)),
    "type": CelType("type", (CelType("type"),)),
    "google.protobuf.Duration": CelType("type", (PRIMITIVES["duration"],)),
    "google.protobuf.Timestamp": CelType("type", (PRIMITIVES["timestamp"],)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """`errors`: one text for all of them, '' when there is none."""

    kind: CelType
    errors: str


def check(text: str, variables: Mapping[str, CelType]) -> Checked:
    """Raises SyntaxUnknown. Variables may have dots (`authorizer.requestResource`)."""
    checker = _Checker(variables)
    try:
        kind = checker.kind_of(syntax.parse(text))
    except RecursionError:
        raise syntax.SyntaxUnknown("too deep") from None
    return Checked(checker.unifier.known(kind, is_final=True), _rendered(text, checker.errors))


def _rendered(text: str, errors: list[tuple[int, str]]) -> str:
    lines = text.split("\n")
    words = []
    for at, error in sorted(errors[:MOST_ERRORS], key=lambda found: found[0]):
        row = text.count("\n", 0, at)
        column = at - (text.rfind("\n", 0, at) + 1)
        words.append(f"ERROR: <input>:{row + 1}:{column + 1}: {error}\n | {lines[row]}\n | {'.' * column}^")
    if len(errors) > MOST_ERRORS:
        words.append(f"{len(errors) - MOST_ERRORS} more errors were truncated")
    return "\n".join(words)


class _Checker:
    """One expression. `kind_of` gives the type of a node and notes what is wrong in it."""

    def __init__(self, variables: Mapping[str, CelType]) -> None:
        self.errors: list[tuple[int, str]] = []
        self.unifier = Unifier()
        self._scopes: list[Mapping[str, CelType]] = [variables]

    def _error(self, at: int, words: str) -> CelType:
        self.errors.append((at, words))
        return ERROR

    def _shown(self, kind: CelType) -> str:
        return str(self.unifier.known(kind))

    def kind_of(self, node: syntax.Node) -> CelType:
        match node:
            case syntax.Literal(kind):
                return PRIMITIVES[kind]
            case syntax.Name(name, at):
                found = self._lookup(name)
                return found or self._error(at, f"undeclared reference to '{name}' (in container '')")
            case syntax.Member():
                return self._member(node)
            case syntax.Call():
                return self._call(node)
            case syntax.Listing(items):
                return list_of(self._joined(items))
            case syntax.Mapping(entries):
                keys = self._joined(tuple(key for key, _ in entries))
                return map_of(keys, self._joined(tuple(value for _, value in entries)))
            case syntax.Made():
                return self._made(node)
            case syntax.Optional(of):
                return self._unwrapped(of)
            case syntax.Loop():
                return self._loop(node)

    def _lookup(self, name: str) -> CelType | None:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return TYPE_NAMES.get(name)

    def _member(self, node: syntax.Member) -> CelType:
        qualified = syntax.dotted(node)
        if qualified and not node.is_asked and self._lookup(qualified.partition(".")[0]) is None:
            found = self._lookup(qualified)
            if found is not None:
                return found
        if qualified and not node.is_asked and qualified in self._scopes[0]:
            return self._scopes[0][qualified]
        of = self.unifier.known(self.kind_of(node.of))
        is_optional = of.name == "optional_type" or node.is_optional
        if of.name == "optional_type":
            of = self.unifier.known(of.params[0])
        kind = self._field(of, node)
        if node.is_asked:
            return BOOL
        return CelType("optional_type", (kind,)) if is_optional and kind != ERROR else kind

    def _field(self, of: CelType, node: syntax.Member) -> CelType:
        if of in (DYN, ERROR) or isinstance(of, Variable):
            return DYN
        if isinstance(of, ObjectType):
            field = of.fields().get(node.name)
            return field or self._error(node.at, f"undefined field '{node.name}'")
        if of.name == "map":
            return of.params[1]
        return self._error(node.at, f"type '{self._shown(of)}' does not support field selection")

    def _call(self, node: syntax.Call) -> CelType:
        args = tuple(map(self.kind_of, node.args))
        known = signatures()
        if node.target is None:
            return self._resolved(node.at, node.name, known.get(node.name), args, is_method=False)
        qualified = syntax.dotted(node.target)
        full = f"{qualified}.{node.name}" if qualified else ""
        if full in known:
            return self._resolved(node.at, full, known[full], args, is_method=False)
        args = (self.kind_of(node.target), *args)
        return self._resolved(node.at, node.name, known.get(node.name), args, is_method=True)

    def _resolved(
        self,
        at: int,
        name: str,
        candidates: tuple[Signature, ...] | None,
        args: tuple[CelType, ...],
        *,
        is_method: bool,
    ) -> CelType:
        if candidates is None:
            return self._error(at, f"undeclared reference to '{name}' (in container '')")
        result: CelType | None = None
        for candidate in candidates:
            if candidate.is_method != is_method:
                continue
            *wanted, gives = self.unifier.instances(*candidate.args, candidate.result)
            if self.unifier.are_assignable(tuple(wanted), args):
                found = self.unifier.known(gives)
                result = found if result is None or result == found else DYN
        if result is not None:
            return result
        shown = [self._shown(arg) for arg in args]
        call = f"{shown[0]}.({', '.join(shown[1:])})" if is_method else f"({', '.join(shown)})"
        return self._error(at, f"found no matching overload for '{name}' applied to '{call}'")

    def _joined(self, items: tuple[syntax.Node, ...]) -> CelType:
        """The one type of what stands in a list."""
        joined: CelType | None = None
        for item in items:
            kind = self.kind_of(item)
            if joined is None:
                joined = kind
            elif self.unifier.are_assignable((joined,), (kind,)):
                joined = most_general(joined, kind)
            else:
                self._error(item.at, f"expected type '{self._shown(joined)}' but found '{self._shown(kind)}'")
        return joined if joined is not None else self.unifier.fresh()

    def _unwrapped(self, of: syntax.Node) -> CelType:
        """What an entry becomes if it is there."""
        kind = self.unifier.known(self.kind_of(of))
        if kind.name == "optional_type":
            return self.unifier.known(kind.params[0])
        if kind not in (DYN, ERROR) and not isinstance(kind, Variable):
            wanted = CelType("optional_type", (kind,))
            self._error(of.at, f"expected type '{self._shown(wanted)}' but found '{self._shown(kind)}'")
        return kind

    def _made(self, node: syntax.Made) -> CelType:
        declared = self._fields_of(node.kind)
        if declared is None:
            return self._error(node.at, f"undeclared reference to '{node.kind}' (in container '')")
        for name, value, at in node.fields:
            kind = self.kind_of(value)
            wanted = declared.get(name) if declared else DYN
            if wanted is None:
                self._error(at, f"undefined field '{name}'")
            elif not self.unifier.are_assignable((wanted,), (kind,)):
                words = f"expected type of field '{name}' is '{self._shown(wanted)}'"
                self._error(at, f"{words} but provided type is '{self._shown(kind)}'")
        return CelType(node.kind)

    def _fields_of(self, kind: str) -> Mapping[str, CelType] | None:
        """What an expression may make; no fields at all stand for any."""
        if MADE not in self._scopes[0]:
            return None
        if kind == "JSONPatch":
            return JSON_PATCH
        return {} if kind == "Object" or kind.startswith("Object.") else None

    def _loop(self, node: syntax.Loop) -> CelType:
        over = self.unifier.known(self.kind_of(node.over))
        if node.macro in syntax.OPTIONAL_LOOPS:
            return self._optional_loop(node, over)
        first, second = self._ranged(node, over)
        if len(node.variables) == 1 and over.name != "map":
            first = second
        self._scopes.append(dict(zip(node.variables, (first, second), strict=False)))
        kinds = [self.kind_of(body) for body in node.bodies]
        self._scopes.pop()
        return self._looped(node, kinds, first)

    def _ranged(self, node: syntax.Loop, over: CelType) -> tuple[CelType, CelType]:
        """The types of index or key, and of value."""
        if over.name == "list":
            return INT, over.params[0]
        if over.name == "map":
            return over.params[0], over.params[1]
        if over not in (DYN, ERROR) and not isinstance(over, Variable):
            words = f"expression of type '{self._shown(over)}' cannot be range of a comprehension"
            self._error(node.over.at, f"{words} (must be list, map, or dynamic)")
        return DYN, DYN

    def _looped(self, node: syntax.Loop, kinds: list[CelType], item: CelType) -> CelType:
        """What a macro gives; its condition is an operand of what the macro stands for (cel-go parser/macro.go)."""
        at, known = node.at, signatures()
        match node.macro:
            case "all" | "exists":
                sign = "_&&_" if node.macro == "all" else "_||_"
                self._resolved(at, sign, known[sign], (BOOL, kinds[0]), is_method=False)
                return BOOL
            case "exists_one" | "existsOne":
                self._resolved(at, "_?_:_", known["_?_:_"], (kinds[0], INT, INT), is_method=False)
                return BOOL
            case "transformMap":
                return map_of(item, kinds[-1])
        gives = list_of(item if node.macro == "filter" else kinds[-1])
        if node.macro == "filter" or len(kinds) == 2:
            self._resolved(at, "_?_:_", known["_?_:_"], (kinds[0], gives, gives), is_method=False)
        return gives

    def _optional_loop(self, node: syntax.Loop, over: CelType) -> CelType:
        value = self.unifier.known(over.params[0]) if over.name == "optional_type" else DYN
        self._scopes.append({node.variables[0]: value})
        kind = self.kind_of(node.bodies[0])
        self._scopes.pop()
        return kind if node.macro == "optFlatMap" else CelType("optional_type", (kind,))
