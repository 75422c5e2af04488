"""Pure: bodies in Kubernetes' protobuf form, read by the field numbers of our declarations.

Enter: an `application/vnd.kubernetes.protobuf` body, the four bytes `k8s\\0` and a runtime.Unknown. Leaves:
the same object as JSON builtins, from which codec makes the Struct. protobuf_writer is the other way.
Sources: kubernetes apimachinery runtime/serializer/protobuf/protobuf.go, the protobuf wire format.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from pikube.api.errors import BadRequest
from pikube.api.kinds.base import Struct
from pikube.api.schema import FieldInfo, fields_of

MAGIC = b"k8s\x00"
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
MAX_DEPTH = 64  # JSONSchemaProps nests deepest; garbage must not recurse for ever
MAX_NUMBER = (1 << 29) - 1


class Truncated(BadRequest):
    def __init__(self) -> None:
        super().__init__("the protobuf body ends in the middle of a field")


def unwrap(body: bytes) -> tuple[str, str, bytes]:
    """(apiVersion, kind, message) of an enveloped object; BadRequest if it is none."""
    if not body.startswith(MAGIC):
        raise BadRequest(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    api_version = kind = ""
    raw = b""
    for number, _, value in fields_in(body[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            for inner, _, text in fields_in(value):
                if inner == 1 and isinstance(text, bytes):
                    api_version = _text(text)
                elif inner == 2 and isinstance(text, bytes):
                    kind = _text(text)
        elif number == 2 and isinstance(value, bytes):
            raw = value
    return api_version, kind, raw


def decode_message(data: bytes, cls: type[Struct], depth: int = 0) -> dict[str, Any]:
    """A message as JSON builtins in the shape of `cls`; unknown fields are skipped."""
    if depth > MAX_DEPTH:
        raise BadRequest("the protobuf body nests too deeply")
    out: dict[str, Any] = {}
    plan = _decode_plan(cls)
    _decode_into(out, data, plan, depth)
    return out


def _decode_into(out: dict[str, Any], data: bytes, plan: dict[int, Any], depth: int) -> None:
    for number, wire, value in fields_in(data):
        target = plan.get(number)
        if target is None:
            continue
        if isinstance(target, dict):  # a message whose fields JSON writes inline
            if not isinstance(value, bytes):
                raise Truncated()
            _decode_into(out, value, target, depth)
            continue
        _take(out, target, wire, value, depth)


def _take(out: dict[str, Any], field: FieldInfo, wire: int, value: int | bytes, depth: int) -> None:
    if field.container == "":
        out[field.name] = _scalar(field, wire, value, depth)
    elif field.container == "list":
        items = out.setdefault(field.name, [])
        if wire == LENGTH and field.type in ("int32", "int64", "boolean") and isinstance(value, bytes):
            items += [_scalar(field, VARINT, number, depth) for number in _packed(value)]
        else:
            items.append(_scalar(field, wire, value, depth))
    else:
        entry = out.setdefault(field.name, {})
        key, content = _entry(value)
        if field.container == "map-of-lists":
            entry[key] = _items(field, content, depth)
        else:
            entry[key] = _scalar(field, LENGTH if isinstance(content, bytes) else VARINT, content, depth)


def _items(field: FieldInfo, value: int | bytes, depth: int) -> list[Any]:
    """A named Go slice travels as a message of its own with items = 1."""
    if not isinstance(value, bytes):
        raise Truncated()
    return [_scalar(field, wire, item, depth) for number, wire, item in fields_in(value) if number == 1]


def _entry(value: int | bytes) -> tuple[str, int | bytes]:
    if not isinstance(value, bytes):
        raise Truncated()
    key: str = ""
    content: int | bytes = b""
    for number, _, part in fields_in(value):
        if number == 1 and isinstance(part, bytes):
            key = _text(part)
        elif number == 2:
            content = part
    return key, content


def _scalar(field: FieldInfo, wire: int, value: int | bytes, depth: int) -> Any:
    if field.facts.either:
        return _either(field.facts.either, value, depth)
    kind = field.type
    if isinstance(value, int):
        if kind == "boolean":
            return bool(value)
        if kind == "number":
            number = struct.unpack("<d", value.to_bytes(8, "little"))[0] if wire == FIXED64 else float(value)
            return int(number) if number.is_integer() else number  # as JSON of Go writes it
        return value - (1 << 64) if value >= 1 << 63 else value
    if kind == "struct":
        assert field.struct is not None
        return decode_message(value, field.struct, depth + 1)
    if kind == "byte":
        return base64.b64encode(value).decode("ascii")
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(value)
    return _text(value)


def _either(other: str, value: int | bytes, depth: int) -> Any:
    """A JSON schema, or what may be in its place (apiextensions v1 JSONSchemaPropsOrArray and its kin)."""
    if not isinstance(value, bytes):
        raise Truncated()
    allows: Any = False
    listed: list[Any] = []
    for number, _, part in fields_in(value):
        if number == 1 and isinstance(part, int):
            allows = bool(part)
        elif number == (2 if other == "bool" else 1) and isinstance(part, bytes):
            return _schema(part, depth)
        elif number == 2 and isinstance(part, bytes):
            listed.append(_text(part) if other == "strings" else _schema(part, depth))
    return allows if other == "bool" else listed


def _schema(data: bytes, depth: int) -> Any:
    """As JSON has it: Go writes what is empty, too, and nobody drops that from a document that stays plain."""
    from pikube.api.kinds.extensions import JSONSchemaProps

    schema = decode_message(data, JSONSchemaProps, depth + 1)
    return msgspec.to_builtins(msgspec.convert(schema, JSONSchemaProps))


def _message(data: bytes) -> dict[int, int | bytes]:
    return {number: value for number, _, value in fields_in(data)}


def _read_time(data: bytes) -> str:
    parts = _message(data)
    seconds = parts.get(1, 0)
    return _when(seconds, 0, micro=False)


def _read_micro_time(data: bytes) -> str:
    parts = _message(data)
    return _when(parts.get(1, 0), parts.get(2, 0), micro=True)


def _when(seconds: int | bytes, nanos: int | bytes, *, micro: bool) -> str:
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        raise Truncated()
    if seconds >= 1 << 63:
        seconds -= 1 << 64
    if seconds == -62135596800 or (not seconds and not nanos):  # Go's zero time
        return ""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadRequest("a time in the protobuf body is out of range") from None
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanos // 1000:06d}Z" if micro else f"{text}Z"


def _read_quantity(data: bytes) -> str:
    value = _message(data).get(1, b"")
    return _text(value) if isinstance(value, bytes) else ""


def _read_int_or_string(data: bytes) -> int | str:
    parts = _message(data)
    if parts.get(1, 0) == 1:
        text = parts.get(3, b"")
        return _text(text) if isinstance(text, bytes) else ""
    number = parts.get(2, 0)
    if not isinstance(number, int):
        raise Truncated()
    return number - (1 << 64) if number >= 1 << 63 else number


def _read_raw(data: bytes) -> Any:
    """RawExtension, FieldsV1 and JSON: JSON bytes in field 1."""
    value = _message(data).get(1, b"")
    if not isinstance(value, bytes) or not value:
        return None
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        raise BadRequest("an embedded document of the protobuf body is no JSON") from None


def _read_duration(data: bytes) -> str:
    value = _message(data).get(1, 0)
    if not isinstance(value, int):
        raise Truncated()
    return _duration_text(value - (1 << 64) if value >= 1 << 63 else value)


def _duration_text(nanos: int) -> str:
    """As Go writes it: `1m30s`, `1.5s`, `250ms`."""
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 10**6)):
        if 0 < nanos < size * 1000:
            return f"{sign}{_decimal(nanos, size)}{unit}"
    hours, rest = divmod(nanos, 3600 * 10**9)
    minutes, rest = divmod(rest, 60 * 10**9)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{_decimal(rest, 10**9)}s"


def _decimal(number: int, unit: int) -> str:
    whole, rest = divmod(number, unit)
    digits = str(unit + rest)[1:].rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


_SPECIAL = {
    "date-time": _read_time,
    "micro-time": _read_micro_time,
    "quantity": _read_quantity,
    "int-or-string": _read_int_or_string,
    "raw": _read_raw,
    "duration": _read_duration,
}


@cache
def _decode_plan(cls: type[Struct]) -> dict[int, Any]:
    plan: dict[int, Any] = {}
    for field in fields_of(cls):
        path = field.facts.number
        if isinstance(path, int):
            if path:
                plan[path] = field
            continue
        here = plan
        for number in path[:-1]:
            here = here.setdefault(number, {})
        here[path[-1]] = field
    return plan


def fields_in(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number, wire type, value) of every field; value is an int for varints and fixed ones, else bytes."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= MAX_NUMBER:
            raise BadRequest("the protobuf body has a field with a bad number")
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, wire, value
        elif wire == LENGTH:
            size, position = _varint(data, position)
            if position + size > end:
                raise Truncated()
            yield number, wire, data[position : position + size]
            position += size
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            if position + size > end:
                raise Truncated()
            yield number, wire, int.from_bytes(data[position : position + size], "little")
            position += size
        else:
            raise BadRequest(f"the protobuf body has a field of unknown wire type {wire}")


def _packed(data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        yield value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise Truncated()
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("a text of the protobuf body is not UTF-8") from None
