"""Pure: how much work a rule may be at most: loops within loops over unbounded lists would hold up the leader.

Enter: a rule and its schema. Leaves: an estimate in steps. Called where rules are defined. Kubernetes estimates every
operation (apiserver pkg/cel/library/cost.go); here loops are multiplied by the most items that their lists may have,
which is what makes a rule dear, and everything else is one step.
Source of the numbers: kubernetes apiextensions-apiserver pkg/apis/apiextensions/validation:StaticEstimatedCostLimit,
apiserver pkg/cel/limits.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pikube.api.cel import escaped
from pikube.api.cel_words import closing

Schema = Mapping[str, Any]

BUDGET = 10_000_000
"""Steps of one rule (StaticEstimatedCostLimit)."""
BODY_BYTES = 3 * 1024 * 1024
"""No object is larger, so no list has more items than fit in it."""
LITERAL_ITEMS = 16
"""Of a list that the rule itself writes, or that nothing is known of."""

_LOOP = re.compile(
    r"([A-Za-z_][\w.]*|[\])])?\.(?:all|exists|exists_one|existsOne|map|filter)\(\s*([A-Za-z_]\w*)\s*,"
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What names lead to, and whether that is below a list already."""

    schemas: Mapping[str, Schema]

    def at(self, chain: str) -> Schema | None:
        first, *names = chain.split(".")
        here = self.schemas.get(first)
        for name in names:
            members = (here or {}).get("properties") or {}
            here = next((inner for key, inner in members.items() if escaped(key) == name), None)
        return here


def steps_of(text: str, schema: Schema) -> int:
    """The most steps that a rule about objects of this schema takes."""
    return _steps(_without_texts(text), _Known({"self": schema, "oldSelf": schema}))


def _steps(text: str, known: _Known) -> int:
    steps, at = 1, 0
    while (match := _LOOP.search(text, at)) is not None:
        end = closing(text[match.end() :])
        body = text[match.end() :] if end is None else text[match.end() : match.end() + end]
        items = known.at(match[1]) if match[1] and match[1] not in "])" else None
        inner = _Known({**known.schemas, match[2]: _item_of(items)})
        steps += _most_items(items) * _steps(body, inner)
        at = match.end() + len(body)
    return steps


def _item_of(schema: Schema | None) -> Schema:
    items = (schema or {}).get("items")
    return items if isinstance(items, Mapping) else {}


def _most_items(schema: Schema | None) -> int:
    """Of a list, or keys of a map."""
    if schema is None:
        return LITERAL_ITEMS
    for word in ("maxItems", "maxProperties"):
        if schema.get(word) is not None:
            return int(schema[word])
    inner = schema.get("items") or schema.get("additionalProperties")
    return BODY_BYTES // (_least_bytes(inner if isinstance(inner, Mapping) else {}) + 1)


def _least_bytes(schema: Schema) -> int:
    """The shortest JSON of a value, as it may come over the wire."""
    match schema.get("type"):
        case "string":
            return 2 + int(schema.get("minLength") or 0)
        case "object":
            needed = schema.get("required") or ()
            members = schema.get("properties") or {}
            return 2 + sum(len(name) + 4 + _least_bytes(members.get(name) or {}) for name in needed)
        case "boolean":
            return 4
        case "array":
            return 2
    return 1


def _without_texts(text: str) -> str:
    return re.sub(r"""'[^'\\]*'|"[^"\\]*\"""", '""', text)
