"""Pure: field selectors, compiled once and asked often.

Enter: the text of `fieldSelector=` and the fields its kind knows. Leaves: a `FieldSelector` with
`matches(fields)`. Called by list and watch handlers, informers and controllers. Malformed text raises
errors.BadRequest in the words of kubernetes `pkg/fields/selector.go`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pikube.api.errors import BadRequest
from pikube.api.names import quoted


class FieldRequirement(NamedTuple):
    """One condition on one field."""

    field: str
    is_equal: bool
    value: str

    def __str__(self) -> str:
        return f"{self.field}{'=' if self.is_equal else '!='}{_escaped(self.value)}"


class FieldSelector:
    """All of some field requirements; a field that is not there counts as empty text."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: Iterable[FieldRequirement] = ()) -> None:
        self.requirements = tuple(requirements)

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether every requirement holds for these fields."""
        for field, is_equal, value in self.requirements:  # hot: each change meets every board's selector
            if (fields.get(field, "") == value) is not is_equal:
                return False
        return True

    @property
    def empty(self) -> bool:
        """True if it matches everything."""
        return not self.requirements

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it looks at, so that callers compute no others."""
        return tuple(requirement.field for requirement in self.requirements)

    def exact(self, field: str) -> str | None:
        """The one value this field must have, if the selector says so."""
        for requirement in self.requirements:
            if requirement.field == field and requirement.is_equal:
                return requirement.value
        return None

    def renamed(self, names: Mapping[str, str]) -> FieldSelector:
        """The same with fields called otherwise."""
        return FieldSelector(
            FieldRequirement(names.get(r.field, r.field), r.is_equal, r.value) for r in self.requirements
        )

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"<FieldSelector {str(self) or 'everything'}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(self.requirements)


EVERY_FIELD = FieldSelector()
DEFAULT_FIELDS = ("metadata.name", "metadata.namespace")


def parse_field_selector(text: str, known: Collection[str] = DEFAULT_FIELDS) -> FieldSelector:
    """Compile `metadata.name=web,status.phase!=Running`; `known` are the fields of the kind.

    Raises: BadRequest, also for a field that is not known.
    """
    found = []
    for term in sorted(_split_terms(text)):
        if not term:
            continue
        match = _FIELD_TERM.match(term)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        field, value = match[1], _unescaped(term[match.end() :])
        if not field and not value:
            continue  # `=` alone asks for nothing, as upstream reads it
        if field not in known:
            raise BadRequest(_unknown_field_words(field, known))
        found.append(FieldRequirement(field, match[2] != "!=", value))
    return FieldSelector(found) if found else EVERY_FIELD


_FIELD_TERM = re.compile(r"(.*?)(!=|==|=)", re.DOTALL)
_TERMS = re.compile(r"(?:[^\\,]|\\.|\\$)*", re.DOTALL)


def _split_terms(text: str) -> list[str]:
    """Split at commas that no backslash precedes."""
    terms, start = [], 0
    while True:
        match = _TERMS.match(text, start)
        assert match is not None
        terms.append(match[0])
        if match.end() >= len(text):
            return terms
        start = match.end() + 1


def _unknown_field_words(field: str, known: Collection[str]) -> str:
    if set(known) <= set(DEFAULT_FIELDS):
        listed = ", ".join(map(quoted, DEFAULT_FIELDS))
        return f"{quoted(field)} is not a known field selector: only {listed}"
    return f"field label not supported: {field}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescaped(value: str) -> str:
    if not any(char in value for char in "\\,="):
        return value
    out, chars = [], iter(value)
    for char in chars:
        if char == "\\":
            following = next(chars, "")
            if following not in ("\\", ",", "="):
                raise BadRequest(f"invalid field selector: invalid escape sequence: \\{following}")
            out.append(following)
        elif char in ",=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            out.append(char)
    return "".join(out)
