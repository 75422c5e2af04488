"""Pure: objects that expressions make, `Object.spec{replicas: 3}` and `JSONPatch{op: "add"}`, in words that the
library reads: maps that remember what they were called.

Enter: the text of an expression. Leaves: the same with maps; and what was made, checked and as JSON. Called by `cel`
and by mutating policies. Source: kubernetes apiserver pkg/cel/mutation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pikube.api.times import render_time

TYPE = "@type"  # no field has this name: it is none in CEL
_STRING = re.compile(
    r"""[rR]?(?:'{3}(?s:.*?)'{3}|"{3}(?s:.*?)"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")"""
)
_COMMENT = re.compile(r"//[^\n]*")
MADE = re.compile(r"(?<![\w.])(Object(?:\.\w+)*|JSONPatch)\s*\{\s*(\})?")
_WORD = re.compile(r"\w+")
_FIELD = re.compile(r"\s*(\??)\s*([A-Za-z_]\w*)\s*:")
_ESCAPED = re.compile(r"__(\w+)__")


def as_maps(text: str) -> str:
    """The expression with maps in the place of made objects."""
    out: list[str] = []
    open_: list[bool] = []  # of each bracket, whether it is one of a made object
    at = 0

    def take(match: re.Match[str]) -> None:
        nonlocal at
        out.append(match[0])
        at = match.end()

    while at < len(text):
        made = MADE.match(text, at)
        if made is not None:
            out.append(f'{{"{TYPE}": "{made[1]}"' + ("}" if made[2] else ", "))
            at = made.end()
            if not made[2]:
                open_.append(True)
                at = _field(text, at, out)
            continue
        for pattern in (_STRING, _COMMENT, _WORD):
            if (match := pattern.match(text, at)) is not None:
                take(match)
                break
        else:
            char = text[at]
            at += 1
            out.append(char)
            if char in "([{":
                open_.append(False)
            elif char in ")]}" and open_:
                open_.pop()
            elif char == "," and open_ and open_[-1]:
                at = _field(text, at, out)
    return "".join(out)


def _field(text: str, at: int, out: list[str]) -> int:
    """Quote the name of a field that begins here; where the text goes on."""
    match = _FIELD.match(text, at)
    if match is None:
        return at
    escaped = _ESCAPED.fullmatch(match[2])
    out.append(f'"{match[1]}{escaped[1] if escaped else match[2]}":')
    return match.end()


def misnamed(value: Any, path: str = "Object") -> Iterator[str]:
    """What was made under a name that is not that of the field it stands in."""
    if isinstance(value, dict):
        name = value.get(TYPE)
        if name is not None and name != path:
            yield (
                f'unexpected type name "{name}", expected "{path}", which matches field name path from root '
                "Object type"
            )
        for key, below in value.items():
            if key != TYPE:
                items = _items(key, below) if name is not None else [below]
                yield from misnamed(items, f"{path}.{key.removeprefix('?')}" if name is not None else path)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from misnamed(item, path)


class NotOptional(Exception):
    """An optional field was given a value that is not one."""


def _items(key: str, value: Any) -> list[Any]:
    """What a field is given: of an optional one its value, if it has one. NotOptional."""
    if not key.startswith("?"):
        return [value]
    if not hasattr(value, "has_value"):
        raise NotOptional(f"cannot initialize optional entry '{key[1:]}' from non-optional value")
    return [value.value()] if value.has_value() else []


def as_json(value: Any) -> Any:
    """What was made as a document: without the names and what is optional and not there; times, durations and bytes
    as JSON has them."""
    if isinstance(value, dict) and TYPE in value:
        fields = [(key, one) for key, below in value.items() if key != TYPE for one in _items(key, below)]
        return {key.removeprefix("?"): as_json(below) for key, below in fields}
    if isinstance(value, dict):
        return {str(key): as_json(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return render_time(value.timestamp())
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
