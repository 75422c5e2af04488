"""Pure: the syntax of CEL, with where each part stands, for whoever looks at expressions without evaluating them.

Enter: the text of an expression. Leaves: a tree of nodes; `at` is the offset of a node as cel-go counts it (of a
member its dot, of a call its bracket, of an operator its sign). Called by `cel_check`. Source: the CEL specification
(doc/langdef.md), cel-go parser/parser.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


class SyntaxUnknown(Exception):
    """An expression that cannot be read here."""


@dataclass(frozen=True, slots=True)
class Literal:
    """`kind`: int, uint, double, string, bytes, bool or null."""

    kind: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or the first part of a name with dots."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """`is_asked`: inside has(). `is_optional`: `a.?b`."""

    of: Node
    name: str
    at: int
    is_asked: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a method (with `target`) or an operator (`_==_`)."""

    name: str
    target: Node | None
    args: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Optional:
    """`?a` in a list, or as the value of `?key: a`: there only if it has a value. It stands where `a` stands."""

    of: Node

    @property
    def at(self) -> int:
        return self.of.at


@dataclass(frozen=True, slots=True)
class Listing:
    """`[a, ?b]`."""

    items: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """`{a: b, ?c: d}`."""

    entries: tuple[tuple[Node, Node], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Made:
    """`Object.spec{replicas: 1, ?paused: a}`; each field has the place of its colon."""

    kind: str
    fields: tuple[tuple[str, Node, int], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A macro over a list or map: all, exists, exists_one, filter, map (two bodies: a condition and what it becomes),
    or over an optional value: optMap, optFlatMap."""

    macro: str
    over: Node
    variables: tuple[str, ...]
    bodies: tuple[Node, ...]
    at: int


Node: TypeAlias = Literal | Name | Member | Call | Listing | Mapping | Made | Optional | Loop

RESERVED = frozenset((
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
))  # fmt: skip
"""CEL's words, which name no variable."""
LOOPS = {"all": (1,), "exists": (1,), "exists_one": (1,), "existsOne": (1,), "filter": (1,), "map": (1, 2)}
"""How many bodies each macro over one variable has."""
TWO_VARIABLES = {
    "all": (1,),
    "exists": (1,),
    "existsOne": (1,),
    "transformList": (1, 2),
    "transformMap": (1, 2),
}
OPTIONAL_LOOPS = ("optMap", "optFlatMap")
OPERATORS = (("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"))
"""From the loosest to the tightest; `? :`, `||` and `&&` are looser."""
_TOKEN = re.compile(
    r"""\s+|//[^\n]*
    |(?P<text>(?P<prefix>[rRbB]{0,2})(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
        |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<uint>(?:0x[0-9a-fA-F]+|\d+)[uU])
    |(?P<int>0x[0-9a-fA-F]+|\d+)
    |(?P<quoted>`[A-Za-z0-9_./ -]+`)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """Raises SyntaxUnknown."""
    return _Reader(_tokens(text)).whole()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxUnknown(f"{text[at]!r} at {at}")
        kind = match.lastgroup if match.lastgroup != "prefix" else "text"
        if kind:
            if match["text"] and "b" in match["prefix"].lower():
                kind = "bytes"
            tokens.append(_Token("string" if kind == "text" else kind, match[0], at))
        at = match.end()
    return [*tokens, _Token("end", "", at)]


class _Reader:
    """Reads tokens from the left, one function for each level of binding."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def whole(self) -> Node:
        node = self._choice()
        if self._here.kind != "end":
            raise SyntaxUnknown(f"{self._here.text!r} at {self._here.at}")
        return node

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._here
        self._next += 1
        return token

    def _takes(self, sign: str) -> _Token | None:
        token = self._here
        if token.text == sign and token.kind in ("sign", "name"):
            return self._take()
        return None

    def _expect(self, sign: str) -> _Token:
        token = self._takes(sign)
        if token is None:
            raise SyntaxUnknown(f"{self._here.text!r} at {self._here.at}: not {sign!r}")
        return token

    def _choice(self) -> Node:
        condition = self._joined("||", "_||_")
        mark = self._takes("?")
        if mark is not None:
            then = self._joined("||", "_||_")
            self._expect(":")
            condition = Call("_?_:_", None, (condition, then, self._choice()), mark.at)
        return condition

    def _joined(self, sign: str, name: str) -> Node:
        """Terms between the same logical signs, as a balanced tree (cel-go parser/helper.go:balancer)."""

        def inner() -> Node:
            return self._joined("&&", "_&&_") if sign == "||" else self._operation(0)

        terms: list[Node] = [inner()]
        signs: list[int] = []
        while (token := self._takes(sign)) is not None:
            signs.append(token.at)
            terms.append(inner())
        return _balanced(name, terms, signs)

    def _operation(self, level: int) -> Node:
        if level == len(OPERATORS):
            return self._unary()
        left = self._operation(level + 1)
        while True:
            token = next((token for sign in OPERATORS[level] if (token := self._takes(sign))), None)
            if token is None:
                return left
            name = "@in" if token.text == "in" else f"_{token.text}_"
            left = Call(name, None, (left, self._operation(level + 1)), token.at)

    def _unary(self) -> Node:
        token = self._here
        if token.text in ("!", "-") and token.kind == "sign":
            self._take()
            if token.text == "-" and self._here.kind in ("int", "double"):
                number = self._take()
                return self._members(Literal(number.kind, token.at))
            return Call("!_" if token.text == "!" else "-_", None, (self._unary(),), token.at)
        return self._members(self._primary())

    def _members(self, node: Node) -> Node:
        while True:
            if (dot := self._takes(".")) is not None:
                node = self._member(node, dot.at)
            elif (bracket := self._takes("[")) is not None:
                name = "_[?_]" if self._takes("?") else "_[_]"
                node = Call(name, None, (node, self._choice()), bracket.at)
                self._expect("]")
            elif self._here.text == "{" and (kind := dotted(node)):
                bracket = self._take()
                node = Made(kind, self._fields(), bracket.at)
            else:
                return node

    def _member(self, of: Node, at: int) -> Node:
        is_optional = self._takes("?") is not None
        token = self._take()
        if token.kind not in ("name", "quoted"):
            raise SyntaxUnknown(f"{token.text!r} at {token.at}")
        name = token.text.strip("`")
        bracket = self._takes("(") if not is_optional else None
        if bracket is None:
            return Member(of, name, at, is_optional=is_optional)
        args = self._list(")")
        return _loop(name, of, args, bracket.at) or Call(name, of, args, bracket.at)

    def _primary(self) -> Node:
        token = self._take()
        match token.kind, token.text:
            case (("int" | "uint" | "double" | "string" | "bytes"), _):
                return Literal(token.kind, token.at)
            case "name", ("true" | "false"):
                return Literal("bool", token.at)
            case "name", "null":
                return Literal("null", token.at)
            case "name", _:
                bracket = self._takes("(")
                return self._called(token, bracket) if bracket else Name(token.text, token.at)
            case "sign", "(":
                node = self._choice()
                self._expect(")")
                return node
            case "sign", "[":
                return Listing(self._list("]"), token.at)
            case "sign", "{":
                return Mapping(self._entries(), token.at)
        raise SyntaxUnknown(f"{token.text!r} at {token.at}")

    def _called(self, token: _Token, bracket: _Token) -> Node:
        args = self._list(")")
        if token.text == "has":
            if len(args) != 1 or not isinstance(args[0], Member):
                raise SyntaxUnknown("invalid argument to has() macro")
            return Member(args[0].of, args[0].name, bracket.at, is_asked=True)
        return Call(token.text, None, args, bracket.at)

    def _list(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self._takes(end) is None:
            is_optional = end == "]" and self._takes("?") is not None
            item = self._choice()
            items.append(Optional(item) if is_optional else item)
            if self._takes(",") is None:
                self._expect(end)
                break
        return tuple(items)

    def _entries(self) -> tuple[tuple[Node, Node], ...]:
        entries: list[tuple[Node, Node]] = []
        while self._takes("}") is None:
            is_optional = self._takes("?") is not None
            key = self._choice()
            self._expect(":")
            value = self._choice()
            entries.append((key, Optional(value) if is_optional else value))
            if self._takes(",") is None:
                self._expect("}")
                break
        return tuple(entries)

    def _fields(self) -> tuple[tuple[str, Node, int], ...]:
        fields: list[tuple[str, Node, int]] = []
        while self._takes("}") is None:
            is_optional = self._takes("?") is not None
            token = self._take()
            if token.kind not in ("name", "quoted"):
                raise SyntaxUnknown(f"{token.text!r} at {token.at}")
            colon = self._expect(":")
            value = self._choice()
            fields.append((token.text.strip("`"), Optional(value) if is_optional else value, colon.at))
            if self._takes(",") is None:
                self._expect("}")
                break
        return tuple(fields)


def dotted(node: Node) -> str:
    """`a.b.c` when a node is nothing else, or ''."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Member) and not node.is_asked and not node.is_optional:
        of = dotted(node.of)
        return f"{of}.{node.name}" if of else ""
    return ""


def _balanced(name: str, terms: list[Node], signs: list[int]) -> Node:
    if len(terms) == 1:
        return terms[0]
    middle = len(signs) // 2
    left = _balanced(name, terms[: middle + 1], signs[:middle])
    return Call(name, None, (left, _balanced(name, terms[middle + 1 :], signs[middle + 1 :])), signs[middle])


def _loop(name: str, over: Node, args: tuple[Node, ...], at: int) -> Node | None:
    """A macro, when the call is one."""
    for known, variables in ((LOOPS, 1), (TWO_VARIABLES, 2)):
        if name in known and len(args) - variables in known[name] and _are_names(args[:variables]):
            names = tuple(arg.name for arg in args[:variables] if isinstance(arg, Name))
            return Loop(name, over, names, args[variables:], at)
    if name in OPTIONAL_LOOPS and len(args) == 2 and isinstance(args[0], Name):
        return Loop(name, over, (args[0].name,), args[1:], at)
    return None


def _are_names(nodes: Sequence[Node]) -> bool:
    return all(isinstance(node, Name) for node in nodes)
