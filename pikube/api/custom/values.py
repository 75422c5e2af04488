"""Pure: whether a document is what its structural schema says, in the words of upstream's validator.

Enter: a decoded document and its schema. Leave: causes. Called when a custom object is written. Sources: kubernetes
kube-openapi pkg/validation/{validate,errors}, apiextensions-apiserver pkg/apiserver/{validation,schema/listtype}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pikube.api.custom.formats import is_of_format, pattern_of
from pikube.api.custom.shaping import EMBEDDED
from pikube.api.errors import Cause
from pikube.api.validation.causes import duplicate, required, too_long

Schema = Mapping[str, Any]
INT_OR_STRING = "x-kubernetes-int-or-string"
_KINDS: tuple[tuple[type[Any], str], ...] = (
    (bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"),
)  # fmt: skip


def document_causes(document: Mapping[str, Any], schema: Schema) -> list[Cause]:
    """What is wrong with a whole object; its metadata is looked at elsewhere."""
    content = {name: value for name, value in document.items() if name != "metadata"}
    return list(_causes(content, schema, "")) + list(_list_causes(content, schema, ""))


def shown(value: Any) -> str:
    """A bad value as field.Error prints it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(path: str, value: Any, why: str, reason: str = "FieldValueInvalid") -> Cause:
    return Cause(reason, f"Invalid value: {shown(value)}: {why}", path)


def _kind(value: Any) -> str:
    return next((name for cls, name in _KINDS if isinstance(value, cls)), "null")


def _causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """Depth first, in the order in which upstream's validators run."""
    if value is None:
        wanted = _wanted(schema)
        if wanted and not schema.get("nullable"):
            yield _type_cause(path, wanted, "null")
        return
    kind = _kind(value)
    wanted = _wanted(schema)
    if wanted and not _fits(value, kind, wanted):
        yield _type_cause(path, wanted, kind)
    yield from _junction_causes(value, schema, path)
    check = _BY_KIND.get(kind)
    if check is not None:
        yield from check(value, schema, path)
    choices = schema.get("enum")
    if choices and value not in choices:
        listed = ", ".join(json.dumps(c if isinstance(c, str) else shown(c)) for c in choices)
        yield Cause(
            "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}", path
        )


def _wanted(schema: Schema) -> str:
    if schema.get(INT_OR_STRING):
        return "integer,string"
    return str(schema.get("type") or "")


def _fits(value: Any, kind: str, wanted: str) -> bool:
    if kind in wanted.split(","):
        return True
    if kind == "integer":
        return wanted == "number"
    return kind == "number" and wanted == "integer" and value.is_integer()


def _type_cause(path: str, wanted: str, kind: str) -> Cause:
    return Cause(
        "FieldValueTypeInvalid",
        f'Invalid value: "{kind}": {path} in body must be of type {wanted}: "{kind}"',
        path,
    )


def _junction_causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    everything = schema.get("allOf") or ()
    for one in everything:
        yield from _causes(value, one, path)
    if schema.get("anyOf"):
        tried = [list(_causes(value, one, path)) for one in schema["anyOf"]]
        if all(tried):
            yield _composite(f'"{path}" must validate at least one schema (anyOf)')
            yield from min(tried, key=len)
    if schema.get("oneOf"):
        tried = [list(_causes(value, one, path)) for one in schema["oneOf"]]
        good = sum(not causes for causes in tried)
        if good != 1:
            found = "Found none valid" if not good else f"Found {good} valid alternatives"
            yield _composite(f'"{path}" must validate one and only one schema (oneOf). {found}')
            if not good:
                yield from min(tried, key=len)
    if schema.get("not") and not any(_causes(value, schema["not"], path)):
        yield _composite(f'"{path}" must not validate the schema (not)')


def _composite(words: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "": {words}', "<nil>")


def _text_causes(value: str, schema: Schema, path: str) -> Iterator[Cause]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    if longest is not None and len(value) > longest:
        yield too_long(path, longest)
    if shortest is not None and len(value) < shortest:
        yield invalid(path, value, f"{path} in body should be at least {shortest} chars long")
    pattern = schema.get("pattern")
    if pattern:
        compiled = pattern_of(pattern)
        if compiled is not None and compiled.search(value) is None:
            yield invalid(path, value, f"{path} in body should match '{pattern}'")
    format_ = schema.get("format")
    if format_ and not is_of_format(value, format_):
        words = f"{path} in body must be of type {format_}: {shown(value)}"
        yield invalid(path, value, words, "FieldValueTypeInvalid")


def _number_causes(value: float, schema: Schema, path: str) -> Iterator[Cause]:
    by = schema.get("multipleOf")
    if by and abs(value / by - round(value / by)) > 1e-9:
        yield invalid(path, value, f"{path} in body should be a multiple of {shown(by)}")
    most, least = schema.get("maximum"), schema.get("minimum")
    if most is not None:
        if schema.get("exclusiveMaximum"):
            if value >= most:
                yield invalid(path, value, f"{path} in body should be less than {shown(most)}")
        elif value > most:
            yield invalid(path, value, f"{path} in body should be less than or equal to {shown(most)}")
    if least is not None:
        if schema.get("exclusiveMinimum"):
            if value <= least:
                yield invalid(path, value, f"{path} in body should be greater than {shown(least)}")
        elif value < least:
            yield invalid(path, value, f"{path} in body should be greater than or equal to {shown(least)}")


def _array_causes(value: Sequence[Any], schema: Schema, path: str) -> Iterator[Cause]:
    items = schema.get("items")
    if isinstance(items, Mapping):
        for index, item in enumerate(value):
            yield from _causes(item, items, f"{path}[{index}]")
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        yield invalid(path, len(value), f"{path} in body should have at least {least} items")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path)


def _object_causes(value: Mapping[str, Any], schema: Schema, path: str) -> Iterator[Cause]:
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        yield invalid(path, len(value), f"{path} in body should have at least {least} properties")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path)
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        if name in properties:
            yield from _causes(inner, properties[name], here)
        elif isinstance(extra, Mapping):
            yield from _causes(inner, extra, here)
    for name in schema.get("required") or ():
        if name not in value and (path or name != "metadata"):
            yield required(f"{path}.{name}" if path else name)
    if schema.get(EMBEDDED) and path:
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                yield required(f"{path}.{name}", "must not be empty")


_BY_KIND: dict[str, Callable[[Any, Schema, str], Iterator[Cause]]] = {
    "string": _text_causes,
    "integer": _number_causes,
    "number": _number_causes,
    "array": _array_causes,
    "object": _object_causes,
}


def _list_causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """Sets and keyed lists hold no item twice."""
    if isinstance(value, list):
        items = schema.get("items")
        items = items if isinstance(items, Mapping) else {}
        kind = schema.get("x-kubernetes-list-type")
        seen: list[Any] = []
        for index, item in enumerate(value):
            if kind in ("set", "map"):
                mark = _mark(item, schema, items) if kind == "map" else item
                if mark in seen:
                    yield duplicate(f"{path}[{index}]", mark)
                seen.append(mark)
            yield from _list_causes(item, items, f"{path}[{index}]")
    elif isinstance(value, dict):
        properties: Mapping[str, Schema] = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        for name, inner in value.items():
            below = properties.get(name, extra)
            if isinstance(below, Mapping):
                yield from _list_causes(inner, below, f"{path}.{name}" if path else name)


def _mark(item: Any, schema: Schema, items: Schema) -> Any:
    """What tells an item of a keyed list from the others."""
    if not isinstance(item, dict):
        return item
    properties = items.get("properties") or {}
    mark = {}
    for key in schema.get("x-kubernetes-list-map-keys") or ():
        if key in item:
            mark[key] = item[key]
        elif "default" in (properties.get(key) or {}):
            mark[key] = properties[key]["default"]
    return mark


def unchanged_aside(causes: Sequence[Cause], new: Any, old: Any) -> list[Cause]:
    """Causes without those of values that an update left as they were (KEP-4008, ratcheting)."""
    return [cause for cause in causes if cause.field in ("", "<nil>") or not _is_same(cause, new, old)]


def _is_same(cause: Cause, new: Any, old: Any) -> bool:
    path = cause.field
    if cause.reason == "FieldValueRequired":
        path = path.rpartition(".")[0]
    found_new, found_old = _at(new, path), _at(old, path)
    return found_new is not None and found_new == found_old


def _at(document: Any, path: str) -> Any:
    here = document
    for part in path.replace("[", ".[").split(".") if path else ():
        if part.startswith("[") and isinstance(here, list):
            index = part[1:-1]
            here = here[int(index)] if index.isdigit() and int(index) < len(here) else None
        elif isinstance(here, dict):
            here = here.get(part)
        else:
            return None
    return here
