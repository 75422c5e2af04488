"""Pure: `fieldValidation`: the fields of a document that no kind knows, and those that it has twice.

Enter: the body as builtins and its class. Leave: messages as upstream words them, `unknown field
"spec.replica"`. Strict refuses with all of them, Warn sends them as warnings, Ignore never asks.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pikube.api.custom.objects import CustomObject
from pikube.api.custom.shaping import unknown_fields
from pikube.api.errors import BadRequest
from pikube.api.kinds.base import Kind, Struct
from pikube.api.schema import FieldInfo, fields_by_name

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"
MODES = (STRICT, WARN, IGNORE)


def check_mode(mode: str) -> str:
    """The mode of a request, Warn when not given; BadRequest for another word."""
    if mode not in (*MODES, ""):
        raise BadRequest(
            f"fieldValidation: Unsupported value: {json.dumps(mode)}: supported values: "
            '"Ignore", "Strict", "Warn"'
        )
    return mode or WARN


def field_problems(document: Any, cls: type[Struct], body: bytes = b"") -> list[str]:
    """Unknown fields of `document`, and, where `body` is JSON text, fields given twice."""
    problems: list[str] = []
    may_repeat = bool(body) and len(_KEYS.findall(body)) != _count_keys(document)
    if issubclass(cls, CustomObject):  # upstream reads it twice: as it is, and by its schema
        if may_repeat:
            problems += repeated_fields(body)
        _unknown({"metadata": document.get("metadata")}, cls.head, "", problems)
        problems += [f'unknown field "{path}"' for path in unknown_fields(document, cls.facts.schema)]
    elif may_repeat:
        _in_order(json.loads(body, object_pairs_hook=_Pairs), cls, "", problems)
    else:
        _unknown(document, cls, "", problems)
    return problems


_KEYS = re.compile(rb'"\s*:')
"""Every key of JSON text ends so; a text within it may contain the same. No more of these than keys in what was read
of it means that no key came twice, which spares reading it again (a tenth of a create's time in the handler)."""


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if isinstance(value, list) else 0


def repeated_fields(body: bytes) -> list[str]:
    """The fields that JSON text gives twice."""
    problems: list[str] = []
    _duplicates(json.loads(body, object_pairs_hook=_Pairs), "", problems)
    return problems


def refuse(problems: list[str], cls: type[Kind]) -> BadRequest:
    """The answer of Strict."""
    names = cls.names
    return BadRequest(
        f'{names.kind} in version "{names.version}" cannot be handled as a {names.kind}: '
        f"strict decoding error: {', '.join(problems)}"
    )


def _unknown(value: Any, cls: type[Struct], path: str, problems: list[str]) -> None:
    if not isinstance(value, dict):
        return
    known = fields_by_name(cls)
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        field = known.get(name)
        if field is None:
            problems.append(f'unknown field "{here}"')
        elif field.struct is None:
            continue
        elif field.container == "":
            _unknown(item, field.struct, here, problems)
        elif field.is_list and isinstance(item, list):
            for index, element in enumerate(item):
                _unknown(element, field.struct, f"{here}[{index}]", problems)
        elif isinstance(item, dict):
            for key, element in item.items():
                _unknown(element, field.struct, f"{here}.{key}", problems)


class _Pairs(dict[str, Any]):
    """A JSON object that remembers which keys came twice."""

    __slots__ = ("pairs", "twice")

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs
        self.twice = [] if len(self) == len(pairs) else _repeated([key for key, _ in pairs])


def _repeated(keys: list[str]) -> list[str]:
    seen: set[str] = set()
    twice = []
    for key in keys:
        if key in seen and key not in twice:
            twice.append(key)
        seen.add(key)
    return twice


def _in_order(value: Any, cls: type[Struct], path: str, problems: list[str]) -> None:
    """Both kinds of problems as they are met; what is unknown and comes twice is only unknown."""
    if not isinstance(value, _Pairs):
        return
    known = fields_by_name(cls)
    seen: set[str] = set()
    for name, item in value.pairs:
        here = f"{path}.{name}" if path else name
        field = known.get(name)
        if name in seen:
            if field is not None:
                problems.append(f'duplicate field "{here}"')
        elif field is None:
            problems.append(f'unknown field "{here}"')
        seen.add(name)
        if field is not None:
            _field_in_order(item, field, here, problems)


def _field_in_order(item: Any, field: FieldInfo, here: str, problems: list[str]) -> None:
    if field.container == "" and field.struct is not None:
        _in_order(item, field.struct, here, problems)
    elif field.is_list and isinstance(item, list) and field.struct is not None:
        for index, element in enumerate(item):
            _in_order(element, field.struct, f"{here}[{index}]", problems)
    elif field.container in ("map", "map-of-lists") and isinstance(item, _Pairs):
        seen: set[str] = set()
        for key, element in item.pairs:
            if key in seen:
                problems.append(f'duplicate field "{here}.{key}"')
            seen.add(key)
            if field.struct is not None:
                _in_order(element, field.struct, f"{here}.{key}", problems)


def _duplicates(value: Any, path: str, problems: list[str]) -> None:
    if isinstance(value, _Pairs):
        for key in value.twice:
            problems.append(f'duplicate field "{path}.{key}"' if path else f'duplicate field "{key}"')
        for key, item in value.items():
            _duplicates(item, f"{path}.{key}" if path else key, problems)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _duplicates(item, f"{path}[{index}]", problems)
