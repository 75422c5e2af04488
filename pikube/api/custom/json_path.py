"""Pure: the JSONPath of printer columns and scale paths (kubernetes client-go util/jsonpath, the part they allow).

Enter: a template such as `.status.conditions[?(@.type=="Ready")].status`. Leaves: a `JsonPath` that finds the
values in a document. ValueError for a template that cannot be read.
"""

from __future__ import annotations

import json
import operator as operators
import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_NAME = re.compile(r"(?:\\.|[^.\[\]{}\s'\"()?@*=!<>,:|&])+")
_FILTER = re.compile(
    r"\?\(\s*@(?P<path>[^=!<>]*?)\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>.+?)\s*)?\)$"
)
_SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(\d+))?$")


class JsonPath:
    """A compiled template."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self.text = text
        bare = text.strip()
        if bare.startswith("{") and bare.endswith("}"):
            bare = bare[1:-1]
        self._steps = tuple(_steps(bare.removeprefix("$")))

    def find(self, document: Any) -> list[Any]:
        """Every value it leads to, in order."""
        found = [document]
        for step in self._steps:
            found = [value for here in found for value in step(here)]
        return found


def _steps(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        if text.startswith("..", at):
            name, at = _name(text, at + 2)
            yield _anywhere(name)
        elif text[at] == ".":
            if at + 1 == len(text):
                return  # `.` alone is the document
            if text[at + 1] == "[":
                at += 1
            elif text[at + 1] == "*":
                at += 2
                yield _every
            else:
                name, at = _name(text, at + 1)
                yield _member(name)
        elif text[at] == "[":
            end = _closing(text, at)
            yield _subscript(text[at + 1 : end].strip())
            at = end + 1
        elif at == 0:
            name, at = _name(text, 0)
            yield _member(name)
        else:
            raise ValueError(f"unexpected {text[at]!r} in {text!r}")


def _name(text: str, at: int) -> tuple[str, int]:
    match = _NAME.match(text, at)
    if match is None:
        raise ValueError(f"a name is missing in {text!r}")
    return re.sub(r"\\(.)", r"\1", match[0]), match.end()


def _closing(text: str, at: int) -> int:
    """The bracket that closes the one at `at`, quotes and nesting respected."""
    depth, quote = 0, ""
    for index in range(at, len(text)):
        char = text[index]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if not depth:
                return index
    raise ValueError(f"unterminated array in {text!r}")


def _subscript(inside: str) -> Step:
    if inside == "*":
        return _every
    if inside.startswith("?"):
        return _filter(inside)
    if inside[:1] in ("'", '"') and inside[-1:] == inside[:1] and len(inside) > 1:
        return _member(inside[1:-1].replace("\\", ""))
    if re.fullmatch(r"-?\d+", inside):
        return _index(int(inside))
    match = _SLICE.match(inside)
    if match is not None:
        low, high, by = (int(part) if part else None for part in match.groups())
        return lambda here: iter(here[low:high:by] if isinstance(here, list) else ())
    raise ValueError(f"invalid array index {inside}")


def _member(name: str) -> Step:
    def step(here: Any) -> Iterator[Any]:
        if isinstance(here, dict) and name in here:
            yield here[name]

    return step


def _index(number: int) -> Step:
    def step(here: Any) -> Iterator[Any]:
        if isinstance(here, list) and -len(here) <= number < len(here):
            yield here[number]

    return step


def _every(here: Any) -> Iterator[Any]:
    if isinstance(here, dict):
        yield from here.values()
    elif isinstance(here, list):
        yield from here


def _anywhere(name: str) -> Step:
    def step(here: Any) -> Iterator[Any]:
        if isinstance(here, dict) and name in here:
            yield here[name]
        for inner in _every(here):
            yield from step(inner)

    return step


def _filter(inside: str) -> Step:
    match = _FILTER.match(inside)
    if match is None:
        raise ValueError(f"invalid filter {inside}")
    path = JsonPath(match["path"].strip() or ".")
    holds = _comparison(match["operator"], match["value"])

    def step(here: Any) -> Iterator[Any]:
        for item in _every(here):
            found = path.find(item)
            if holds(found[0]) if found else False:
                yield item

    return step


def _comparison(operator: str | None, text: str | None) -> Callable[[Any], bool]:
    if operator is None or text is None:
        return lambda value: True
    wanted: Any = text[1:-1] if text[0] in "'\"" and text[-1] == text[0] else _literal(text)

    def holds(value: Any) -> bool:
        if operator == "==":
            return bool(value == wanted)
        if operator == "!=":
            return bool(value != wanted)
        try:
            return bool(_ORDER[operator](value, wanted))
        except TypeError:
            return False

    return holds


_ORDER = {"<": operators.lt, ">": operators.gt, "<=": operators.le, ">=": operators.ge}


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"unrecognized literal {text}") from None


def shown(value: Any) -> str:
    """A value as upstream prints it in a cell: text bare, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
