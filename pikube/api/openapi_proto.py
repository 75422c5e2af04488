"""Pure: the OpenAPI v2 document in the protobuf form that kubectl before 1.30 insists on.

Enter: the document as builtins, of the shapes that openapi_shapes declares. Leaves: an openapi.v2.Document.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import yaml

from pikube.api.openapi_shapes import MESSAGES, ONE_OF, Part, X, chosen


def encode_document(document: dict[str, Any]) -> bytes:
    """The whole Document."""
    return _body("Document", document)


def _body(shape: str, value: dict[str, Any]) -> bytes:
    """The fields of a message; what it does not know is left out."""
    parts = MESSAGES[shape]
    out = bytearray()
    for name, inner in value.items():
        part = parts.get(name)
        if part is not None:
            out += _field(part, inner)
        elif name.startswith(X) and X in parts:
            out += _named(parts[X].number, name, "any", inner)
    return bytes(out)


def _field(part: Part, value: Any) -> bytes:
    if part.many == "list":
        return b"".join(_one(part.number, part.shape, item) for item in value)
    if part.many == "map":
        entries = b"".join(_named(part.at, name, part.shape, inner) for name, inner in value.items())
        return _message(part.number, entries)
    return _one(part.number, part.shape, value)


def _named(number: int, name: str, shape: str, value: Any) -> bytes:
    return _message(number, _message(1, name.encode()) + _one(2, shape, value))


def _one(number: int, shape: str, value: Any) -> bytes:
    match shape:
        case "text":
            return _message(number, value.encode())
        case "any":
            return _message(number, _any(value))
        case "bool":
            return _varint(number << 3) + _varint(bool(value))
        case "int":
            return _varint(number << 3) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
        case "number":
            return _varint(number << 3 | 1) + struct.pack("<d", value)
    if shape not in ONE_OF:
        return _message(number, _body(shape, value))
    inner, around = chosen(shape, value)
    if not inner:
        return b""
    data = _one(around[-1], inner, value)
    for outer in reversed(around[:-1]):
        data = _message(outer, data)
    return _message(number, data)


def _any(value: Any) -> bytes:
    """An Any whose yaml field holds the value."""
    if isinstance(value, str):
        return _message(2, yaml.safe_dump(value).removesuffix("...\n").encode())
    return _message(2, msgspec.json.encode(value) + b"\n")


def _message(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
