"""Pure: x-kubernetes-validations where they are defined: rules that are no CEL, or name what is not there.

Enter: a schema and its path in the definition. Leave: causes, or warnings where no CEL library is installed and rules
have no effect. Called by `definitions`. Upstream checks types as well; here only names are looked up.
Source: kubernetes apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from pikube.api.cel import CelMissing, CelUnsupported, compile_expression, escaped
from pikube.api.custom.rule_cost import BUDGET, steps_of
from pikube.api.custom.rules import RULES, ruled
from pikube.api.custom.shaping import EMBEDDED, PRESERVE
from pikube.api.custom.values import INT_OR_STRING
from pikube.api.errors import Cause
from pikube.api.validation.causes import forbidden, invalid, required

Schema = Mapping[str, Any]
VARIABLES = frozenset(("self", "oldSelf"))
HEAD: Mapping[str, Schema] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
    },
}
"""What rules see of every object."""
_CHAIN = re.compile(r"(?<![\w.\"'])(?:self|oldSelf)((?:\.[A-Za-z_]\w*)+)(\s*\()?")
_STRING = re.compile(r"""'[^'\\]*'|"[^"\\]*\"""")


def unread_rules(schema: Schema, path: str) -> list[str]:
    """One sentence for each rule that has no effect here."""
    return [
        f"{where}: not enforced by this server: {error}"
        for where, _, error in _unreadable(schema, path)
        if isinstance(error, CelMissing)
    ]


def rule_definition_causes(schema: Schema, path: str, known: Container[str] = ()) -> Iterator[Cause]:
    """Rules and messages that are no CEL, but those that were `known` before (kubernetes ratchets these, too)."""
    for where, text, error in _unreadable(schema, path):
        if not text.strip():
            yield required(where, "rule is not specified")
        elif text not in known and not isinstance(error, CelMissing):
            yield invalid(where, text, f"compilation failed: {error}")
    for where, text, node in _expressions(schema, path):
        steps = steps_of(text, node) if text not in known else 0
        if steps > BUDGET:
            yield forbidden(where, TOO_DEAR.format(_factor(steps)))


TOO_DEAR = (
    "estimated rule cost exceeds budget by factor of {} (try simplifying the rule, or adding maxItems, "
    "maxProperties, and maxLength where arrays, maps, and strings are declared)"
)


def _factor(steps: int) -> str:
    """As apiextensions validation.go:getExpressionCostErrorMessage words it."""
    factor = steps / BUDGET
    return "more than 100x" if factor > 100 else f"{factor:.1f}x"


def texts_of(schema: Schema) -> set[str]:
    """Every expression in a schema."""
    return {text for _, text, _ in _expressions(schema, "")}


def _expressions(schema: Schema, path: str) -> Iterator[tuple[str, str, Schema]]:
    for where, node in ruled(schema, path):
        seen = {**node, "properties": {**(node.get("properties") or {}), **HEAD}} if where == path else node
        for index, rule in enumerate(node[RULES]):
            here = f"{where}.{RULES}[{index}]"
            yield f"{here}.rule", rule.get("rule") or "", seen
            if rule.get("messageExpression"):
                yield f"{here}.messageExpression", rule["messageExpression"], seen


def _unreadable(schema: Schema, path: str) -> Iterator[tuple[str, str, CelUnsupported]]:
    for where, text, node in _expressions(schema, path):
        try:
            compile_expression(text).check_names(VARIABLES)
            _check_members(text, node)
        except CelUnsupported as error:
            yield where, text, error


def _check_members(text: str, schema: Schema) -> None:
    """Raises CelUnsupported for a member that an object of this schema cannot have."""
    plain = _STRING.sub(lambda match: '"' + "_" * (len(match[0]) - 2) + '"', text)
    for match in _CHAIN.finditer(plain):
        names = match[1].split(".")[1:]
        here: Schema = schema
        at = match.start(1) + 1
        for name in names[:-1] if match[2] else names:
            if not _is_closed(here):
                break
            members = _members(here)
            if name not in members:
                raise CelUnsupported(f"ERROR: <input>:1:{at}: undefined field '{name}'")
            here = members[name]
            at += len(name) + 1


def _is_closed(schema: Schema) -> bool:
    """Whether its members are all named; one that names none has none."""
    return schema.get("type") == "object" and not any(
        schema.get(word) for word in (PRESERVE, INT_OR_STRING, EMBEDDED, "additionalProperties")
    )


def _members(schema: Schema) -> dict[str, Schema]:
    return {escaped(name): inner for name, inner in (schema.get("properties") or {}).items()}
