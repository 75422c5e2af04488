"""Pure: a patch as it comes and the document it leaves: read, checked, typed; refused in upstream's words.

Enter: the patch's bytes and media type; the patched document. Leave: builtins, a typed object, warnings. Called by
the request path. Source: kubernetes apiserver `endpoints/handlers/patch.go`, apimachinery `runtime/converter.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pikube.api.codec import WrongType, convert, from_builtins
from pikube.api.custom.objects import CustomObject
from pikube.api.errors import BadRequest, Invalid
from pikube.api.field_validation import IGNORE, STRICT, field_problems, repeated_fields
from pikube.api.go_words import json_words
from pikube.api.kinds.base import Kind
from pikube.api.schema import FieldInfo
from pikube.api.validation.causes import invalid

STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
GO_INTEGERS = ("int32", "int64")


def read_patch(body: bytes, kind: str, mode: str) -> tuple[Any, list[str]]:
    """The patch as builtins, and the fields that it gives twice. BadRequest for what is no JSON object."""
    try:
        change = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest(f"error decoding patch: {json_words(body)}") from None
    if kind == JSON_PATCH:
        return [] if change is None else change, []
    if not isinstance(change, dict):
        words = f"json: cannot unmarshal {_json_word(change)} into Go value of type map[string]interface {{}}"
        raise BadRequest(words if kind == STRATEGIC_PATCH else f"error decoding patch: {words}")
    return change, [] if mode == IGNORE else repeated_fields(body)


def typed_result(
    after: dict[str, Any], change: Any, kind: str, cls: type[Kind], mode: str, repeated: list[str]
) -> tuple[Any, list[str]]:
    """The patched object and the warnings about it. Invalid when a field cannot hold what it got, or Strict minds."""
    names = cls.names
    if (after.get("apiVersion"), after.get("kind")) != (names.api_version, names.kind):
        if kind == STRATEGIC_PATCH:  # upstream patches the typed object, whose kind is its type
            after["apiVersion"], after["kind"] = names.api_version, names.kind
        else:
            words = f"the patch makes it a {after.get('kind')} of {after.get('apiVersion')}"
            raise _refused(after, change, kind, words)
    if issubclass(cls, CustomObject):
        obj: Any = from_builtins(after, cls)
    else:
        try:
            obj = convert(after, cls)
        except WrongType as error:
            words = _unstructured_words(error) if kind == STRATEGIC_PATCH else str(error)
            raise _refused(after, change, kind, words) from None
    if mode == IGNORE:
        return obj, []
    problems = [*repeated, *field_problems(after, cls)]
    if problems and mode == STRICT:
        raise _refused(after, change, kind, f"strict decoding error: {', '.join(problems)}")
    return obj, problems


def _refused(after: dict[str, Any], change: Any, kind: str, words: str) -> Invalid:
    shown = go_shown(change) if kind == STRATEGIC_PATCH else msgspec.json.encode(after).decode()
    return Invalid.of("", "", "", [invalid("patch", shown, words)])


def go_shown(value: Any) -> str:
    """Go's %+v of a decoded document: `map[a:1 b:[x y]]`."""
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{go_shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_shown, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


def _unstructured_words(error: WrongType) -> str:
    """What the converter from maps to Go values says."""
    field, value = error.field, error.value
    if field is None:
        return str(error)
    if field.container and not error.is_element:
        return f"cannot restore {'slice' if field.is_list else 'map'} from {_go_kind(value)}"
    if field.struct is not None:
        return f"cannot restore struct from: {_go_kind(value)}"
    return _scalar_words(field, value, str(error))


def _scalar_words(field: FieldInfo, value: Any, words: str) -> str:
    target = {"boolean": "bool", "number": "float64"}.get(field.type, field.type)
    if target not in ("string", "bool", "float64", *GO_INTEGERS):
        return words
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and target != "bool":  # Go converts these kinds into each other; its JSON does not
        return f"cannot convert {_go_kind(value)} to {target}"
    return f"unrecognized type: {target}"


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    return "string" if isinstance(value, str) else "map" if isinstance(value, Mapping) else "slice"


def _json_word(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "null"
