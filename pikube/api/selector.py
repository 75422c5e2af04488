"""Pure: label selectors, compiled once and asked often.

Enter: the text of `labelSelector=`, a metav1.LabelSelector, or the requirements of a node selector. Leaves: a
`LabelSelector` with `matches(labels)`. Called by list and watch handlers, controllers, the scheduler and
netproxy. Malformed text raises errors.BadRequest in the words of kubernetes `pkg/labels/selector.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from pikube.api import names
from pikube.api.errors import BadRequest
from pikube.api.field_selector import FieldSelector, parse_field_selector

__all__ = (
    "EVERYTHING", "NOTHING", "FieldSelector", "LabelSelector", "Requirement", "from_label_selector", "from_map",
    "from_node_requirements", "parse_field_selector", "parse_label_selector",
)  # fmt: skip

IN, NOT_IN, EXISTS, MISSING = "in", "notin", "exists", "!"
EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER, LESS = "=", "==", "!=", "gt", "lt"

_POSITIVE = frozenset((IN, EQUALS, DOUBLE_EQUALS))
_NEGATIVE = frozenset((NOT_IN, NOT_EQUALS))
_SIGNS = {EQUALS: "=", DOUBLE_EQUALS: "==", NOT_EQUALS: "!=", GREATER: ">", LESS: "<"}
_WORDS = {"in": IN, "notin": NOT_IN}
_OPERATORS = {"=": EQUALS, "==": DOUBLE_EQUALS, "!=": NOT_EQUALS, ">": GREATER, "<": LESS, **_WORDS}
_BINARY_LIST = "in, notin, =, ==, !=, gt, lt"
_STRUCT_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": MISSING}
_NODE_OPERATORS = {**_STRUCT_OPERATORS, "Gt": GREATER, "Lt": LESS}

_TOKEN = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^=!(),<> \t\r\n]+))")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


class Requirement(NamedTuple):
    """One condition on one label; `values` are sorted and unique."""

    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        operator = self.operator
        if operator in _POSITIVE:
            return value in self.values if value is not None else False
        if operator in _NEGATIVE:
            return value is None or value not in self.values
        if operator == EXISTS:
            return value is not None
        if operator == MISSING:
            return value is None
        return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        if not _INTEGER.fullmatch(value):
            return False
        bound = int(self.values[0])
        return int(value) > bound if self.operator == GREATER else int(value) < bound

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == MISSING:
            return f"!{self.key}"
        if self.operator in (IN, NOT_IN):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        return f"{self.key}{_SIGNS[self.operator]}{self.values[0]}"


class LabelSelector:
    """All of some requirements; `nothing` is the selector of a nil metav1.LabelSelector."""

    __slots__ = ("_nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=itemgetter(0)))
        self._nothing = nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every requirement holds for these labels."""
        if self._nothing:
            return False
        for requirement in self.requirements:  # hot, as in FieldSelector
            if not requirement.matches(labels):
                return False
        return True

    @property
    def empty(self) -> bool:
        """True if it matches everything."""
        return not self.requirements and not self._nothing

    def exact(self, key: str) -> str | None:
        """The one value this label must have, if the selector says so: what an index can look up."""
        for requirement in self.requirements:
            if requirement.key == key and requirement.operator in _POSITIVE and len(requirement.values) == 1:
                return requirement.values[0]
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"<LabelSelector {'nothing' if self._nothing else str(self) or 'everything'}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelSelector)
            and self.requirements == other.requirements
            and self._nothing == other._nothing
        )

    def __hash__(self) -> int:
        return hash((self.requirements, self._nothing))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


def parse_label_selector(text: str) -> LabelSelector:
    """Compile `app=web,tier in (a,b),!legacy`.

    Raises: BadRequest.
    """
    return LabelSelector(_LabelParser(text).requirements()) if text else EVERYTHING


def from_map(labels: Mapping[str, str]) -> LabelSelector:
    """The selector of a Service or a ReplicationController: every pair must be there."""
    return LabelSelector(Requirement(key, EQUALS, (value,)) for key, value in labels.items())


def from_label_selector(selector: Any) -> LabelSelector:
    """Compile a metav1.LabelSelector, as a Struct or as decoded JSON; None matches nothing, {} everything.

    Raises: BadRequest.
    """
    if selector is None:
        return NOTHING
    labels = _field(selector, "matchLabels", "match_labels") or {}
    expressions = _field(selector, "matchExpressions", "match_expressions") or ()
    found = [_requirement(key, EQUALS, (value,)) for key, value in labels.items()]
    for expression in expressions:
        word = _field(expression, "operator", "operator")
        if word not in _STRUCT_OPERATORS:
            raise BadRequest(f"{names.quoted(str(word))} is not a valid label selector operator")
        found.append(_of_expression(expression, _STRUCT_OPERATORS[word]))
    return LabelSelector(found)


def from_node_requirements(requirements: Iterable[Any]) -> LabelSelector:
    """Compile the matchExpressions of a NodeSelectorTerm, which also know Gt and Lt.

    Raises: BadRequest.
    """
    found = []
    for requirement in requirements:
        word = _field(requirement, "operator", "operator")
        if word not in _NODE_OPERATORS:
            raise BadRequest(f"{names.quoted(str(word))} is not a valid node selector operator")
        found.append(_of_expression(requirement, _NODE_OPERATORS[word]))
    return LabelSelector(found)


def _of_expression(expression: Any, operator: str) -> Requirement:
    values = _field(expression, "values", "values") or ()
    return _requirement(_field(expression, "key", "key") or "", operator, values)


def _field(value: Any, name: str, attribute: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, attribute)


def _requirement(key: str, operator: str, values: Sequence[str], prefix: str = "") -> Requirement:
    """A checked Requirement; `prefix` goes before the message of the BadRequest."""
    values = tuple(sorted(set(values)))
    problems = []
    if found := names.qualified_name(key):
        problems.append(f"key: Invalid value: {names.quoted(key)}: {'; '.join(found)}")
    problems += _operand_problems(operator, values)
    for index, value in enumerate(values):
        if found := names.label_value(value):
            problems.append(
                f"values[{index}][{key}]: Invalid value: {names.quoted(value)}: {'; '.join(found)}"
            )
    if problems:
        joined = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise BadRequest(prefix + joined)
    return Requirement(key, operator, values)


def _operand_problems(operator: str, values: tuple[str, ...]) -> list[str]:
    shown = f"values: Invalid value: {json.dumps(values, separators=(',', ':'))}: "
    if operator in (IN, NOT_IN):
        return [] if values else [shown + "for 'in', 'notin' operators, values set can't be empty"]
    if operator in (EXISTS, MISSING):
        return [shown + "values set must be empty for exists and does not exist"] if values else []
    if operator not in (GREATER, LESS):
        return [] if len(values) == 1 else [shown + "exact-match compatibility requires one single value"]
    problems = []
    if len(values) != 1:
        problems.append(shown + "for 'Gt', 'Lt' operators, exactly one value is required")
    problems += [
        f"values[{index}]: Invalid value: {names.quoted(value)}: "
        "for 'Gt', 'Lt' operators, the value must be an integer"
        for index, value in enumerate(values)
        if not _INTEGER.fullmatch(value)
    ]
    return problems


class _LabelParser:
    """Recursive descent over (is_symbol, text) tokens; the last token is the empty text."""

    def __init__(self, text: str) -> None:
        self._tokens = [(bool(match[1]), match[1] or match[2]) for match in _TOKEN.finditer(text)]
        self._tokens.append((True, ""))
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            is_symbol, text = self._peek()
            if is_symbol and text not in ("!", ""):
                raise BadRequest(f"found '{text}', expected: !, identifier, or 'end of string'")
            if not text:
                return found
            try:
                found.append(self._requirement())
            except _ParseError as error:
                raise BadRequest(f"unable to parse requirement: {error}") from None
            _, separator = self._take()
            if not separator:
                return found
            if separator != ",":
                raise BadRequest(f"found '{separator}', expected: ',' or 'end of string'")
            is_symbol, text = self._peek()
            if is_symbol and text != "!":
                raise BadRequest(f"found '{text}', expected: identifier after ','")

    def _peek(self) -> tuple[bool, str]:
        return self._tokens[self._at]

    def _take(self) -> tuple[bool, str]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _requirement(self) -> Requirement:
        is_symbol, key = self._take()
        is_missing = is_symbol and key == "!"
        if is_missing:
            is_symbol, key = self._take()
        if is_symbol:
            raise _ParseError(f"found '{key}', expected: identifier")
        if problems := names.qualified_name(key):
            raise _ParseError(f"<nil>: Invalid value: {names.quoted(key)}: {'; '.join(problems)}")
        if is_missing:
            return Requirement(key, MISSING, ())
        if self._peek() in ((True, ""), (True, ",")):
            return Requirement(key, EXISTS, ())
        operator = self._operator()
        values = self._set() if operator in (IN, NOT_IN) else self._value()
        return _requirement(key, operator, values, "unable to parse requirement: ")

    def _operator(self) -> str:
        _, text = self._take()
        if text not in _OPERATORS:
            raise _ParseError(f"found '{text}', expected: {_BINARY_LIST}")
        return _OPERATORS[text]

    def _value(self) -> list[str]:
        if self._peek() in ((True, ""), (True, ",")):
            return [""]
        is_symbol, text = self._take()
        if is_symbol:
            raise _ParseError(f"found '{text}', expected: identifier")
        return [text]

    def _set(self) -> list[str]:
        """`(a,b)`; an empty place between commas or brackets is the empty value."""
        _, text = self._take()
        if text != "(":
            raise _ParseError(f"found '{text}' expected: '('")
        values = []
        while True:
            is_symbol, text = self._take()
            if not is_symbol:
                values.append(text)
                is_symbol, text = self._take()
                if text not in (",", ")") or not is_symbol:
                    raise _ParseError(f"found '{text}', expected: ',' or ')'")
                if text == ")":
                    return values
                if self._peek() == (True, ")"):
                    self._take()
                    return [*values, ""]
                continue
            if text == ")":
                return values or [""]
            if text != ",":
                raise _ParseError(f"found '{text}', expected: ',', ')' or identifier")
            values.append("")
            if self._peek() == (True, ")"):
                self._take()
                return values


class _ParseError(Exception):
    """A requirement's own part of a message."""
