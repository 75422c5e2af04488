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
from pikube.api.schema import fields_by_name

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
    if issubclass(cls, CustomObject):
        _unknown({"metadata": document.get("metadata")}, cls.head, "", problems)
        problems += [f'unknown field "{path}"' for path in unknown_fields(document, cls.facts.schema)]
    else:
        _unknown(document, cls, "", problems)
    if body and len(_KEYS.findall(body)) != _count_keys(document):
        problems += repeated_fields(body)
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

    __slots__ = ("twice",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = [] if len(self) == len(pairs) else _repeated([key for key, _ in pairs])


def _repeated(keys: list[str]) -> list[str]:
    seen: set[str] = set()
    twice = []
    for key in keys:
        if key in seen and key not in twice:
            twice.append(key)
        seen.add(key)
    return twice


def _duplicates(value: Any, path: str, problems: list[str]) -> None:
    if isinstance(value, _Pairs):
        for key in value.twice:
            problems.append(f'duplicate field "{path}.{key}"' if path else f'duplicate field "{key}"')
        for key, item in value.items():
            _duplicates(item, f"{path}.{key}" if path else key, problems)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _duplicates(item, f"{path}[{index}]", problems)
