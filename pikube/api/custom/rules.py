"""Pure: x-kubernetes-validations: what a custom object breaks of the rules in its schema.

Enter: a new object, the one that it replaces, the schema. Leave: causes. Called when a custom object is written and
its schema has rules. A rule that this CEL cannot read is refused where it is defined (`rule_check`).
Source: kubernetes apiextensions-apiserver pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pikube.api.cel import CelError, CelUnsupported, compile_expression, escaped
from pikube.api.custom.objects import CustomObject
from pikube.api.custom.values import INT_OR_STRING
from pikube.api.custom.values import invalid as invalid_value
from pikube.api.errors import Cause
from pikube.api.validation.causes import duplicate, forbidden, required

Schema = Mapping[str, Any]
RULES = "x-kubernetes-validations"
_MISSING: Any = object()
_OLD = re.compile(r"\boldSelf\b")


def has_rules(schema: Schema) -> bool:
    """Whether any part of a schema has rules."""
    return next(ruled(schema, ""), None) is not None


def ruled(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Every part of a schema that has rules, and its path."""
    if schema.get(RULES):
        yield path, schema
    for name, inner in (schema.get("properties") or {}).items():
        yield from ruled(inner, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        inner = schema.get(name)
        if isinstance(inner, Mapping):
            yield from ruled(inner, f"{path}.{name}")


def rule_causes(new: CustomObject, old: CustomObject | None, schema: Schema) -> list[Cause]:
    """Every rule that does not hold; rules about oldSelf count on updates only."""
    before = _document(old) if old is not None else _MISSING
    return list(_causes(_document(new), before, schema, ""))


def _document(obj: CustomObject) -> dict[str, Any]:
    """Of the metadata, rules see name and generateName."""
    meta = msgspec.to_builtins(obj.metadata)
    seen = {name: meta[name] for name in ("name", "generateName") if name in meta}
    return {**obj, "metadata": seen}


def _causes(value: Any, old: Any, schema: Schema, path: str) -> Iterator[Cause]:
    rules = schema.get(RULES)
    if rules and value is not None:
        variables = {"self": typed(value, schema)}
        if old is not _MISSING and old is not None:
            variables["oldSelf"] = typed(old, schema)
        for rule in rules:
            cause = _broken(rule, variables, schema, path)
            if cause is not None:
                yield cause
    if isinstance(value, dict):
        properties: Mapping[str, Schema] = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        for name, inner in value.items():
            below = properties.get(name, extra)
            if isinstance(below, Mapping):
                before = old.get(name, _MISSING) if isinstance(old, dict) else _MISSING
                yield from _causes(inner, before, below, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        befores = _correlated(value, old, schema)
        for index, item in enumerate(value):
            yield from _causes(item, befores[index], schema["items"], f"{path}[{index}]")


def _correlated(value: list[Any], old: Any, schema: Schema) -> list[Any]:
    """The old items of a keyed list that new ones continue."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") != "map" or not keys or not isinstance(old, list):
        return [_MISSING] * len(value)
    by_key = {_key(item, keys): item for item in old if isinstance(item, dict)}
    return [by_key.get(_key(item, keys), _MISSING) if isinstance(item, dict) else _MISSING for item in value]


def _key(item: Mapping[str, Any], keys: Any) -> tuple[str, ...]:
    return tuple(repr(item.get(key)) for key in keys)


def _broken(rule: Mapping[str, Any], variables: dict[str, Any], schema: Schema, path: str) -> Cause | None:
    text = rule["rule"]
    if _OLD.search(text) and "oldSelf" not in variables:
        return None
    try:
        expression = compile_expression(text)
        if expression.holds(variables):
            return None
        words = _message(rule, variables)
    except CelUnsupported:
        return None
    except CelError as error:
        words = f"{error} evaluating rule: {rule.get('message') or _failed(text)}"
    where = f"{path}{rule.get('fieldPath') or ''}".lstrip(".") or "<nil>"
    kind = "" if schema.get(INT_OR_STRING) else schema.get("type", "")
    match rule.get("reason"):
        case "FieldValueForbidden":
            return forbidden(where, words)
        case "FieldValueRequired":
            return required(where, words)
        case "FieldValueDuplicate":
            return duplicate(where, kind)
    return invalid_value(where, kind, words)


def _message(rule: Mapping[str, Any], variables: dict[str, Any]) -> str:
    if rule.get("messageExpression"):
        try:
            words: Any = compile_expression(rule["messageExpression"]).value(variables)
            if isinstance(words, str) and words.strip() and "\n" not in words:
                return words
        except CelError:
            pass  # upstream falls back to the message, too
    return rule.get("message") or _failed(rule["rule"])


def _failed(text: str) -> str:
    return f"failed rule: {text.strip()}"


def typed(value: Any, schema: Schema) -> Any:
    """A value as CEL knows it: numbers that may have decimals are doubles, dates and durations are such."""
    if isinstance(value, dict):
        properties: Mapping[str, Schema] = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        below = extra if isinstance(extra, Mapping) else {}
        return {
            escaped(name) if name in properties else name: typed(inner, properties.get(name, below))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        items = schema.get("items")
        return [typed(item, items) for item in value] if isinstance(items, Mapping) else value
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and schema.get("format") in ("date-time", "duration"):
        return _timed(value, schema["format"])
    return value


def _timed(value: str, format_: str) -> Any:
    try:
        if format_ == "date-time":
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        parts = re.findall(r"([\d.]+)(h|ms|us|µs|ns|m|s)", value)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
        return timedelta(seconds=-seconds if value.startswith("-") else seconds)
    except ValueError:
        return value


_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
