"""Pure: the words of validation: one function for each kind of complaint, as kubectl users know them.

Leaves: `Cause`s whose message follows `<field>: `. Source: kubernetes apimachinery
util/validation/field/errors.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pikube.api.errors import Cause


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", _with(detail, "Required value"), field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", _with(detail, f"Invalid value: {_shown(value)}"), field)


def duplicate(field: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {_shown(value)}", field)


def forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", _with(detail, "Forbidden"), field)


def not_found(field: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", f"Not found: {_shown(value)}", field)


def not_supported(field: str, value: Any, supported: Iterable[str], *, is_sorted: bool = True) -> Cause:
    """Upstream keeps most of what it supports in sets, and names it in order."""
    offered = ", ".join(json.dumps(word) for word in (sorted(supported) if is_sorted else supported))
    return Cause(
        "FieldValueNotSupported",
        f"Unsupported value: {_shown(value)}: supported values: {offered}",
        field,
    )


def too_long(field: str, limit: int) -> Cause:
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", field)


def too_many(field: str, count: int, limit: int) -> Cause:
    """`Too many: 21: must have at most 20 items`."""
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} items", field)


def by_rule(field: str, value: Any, rule: Callable[[Any], list[str]]) -> list[Cause]:
    """One `Invalid value` for each complaint of a rule of pikube.api.names."""
    return [invalid(field, value, word) for word in rule(value)]


def not_negative(field: str, value: int | None) -> list[Cause]:
    """The message of ValidateNonnegativeField."""
    if value is not None and value < 0:
        return [invalid(field, value, "must be greater than or equal to 0")]
    return []


def immutable(field: str, new: Any, old: Any) -> list[Cause]:
    """The message of ValidateImmutableField."""
    return [invalid(field, new, "field is immutable")] if new != old else []


def _with(detail: str, words: str) -> str:
    return f"{words}: {detail}" if detail else words


def _shown(value: Any) -> str:
    """Go's %q for text, plain for numbers, JSON for the rest."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if value is None:
        return "null"
    return msgspec.json.encode(value).decode()
