"""Pure: our kinds in Kubernetes' protobuf form, by the field numbers of their declarations.

Enter: JSON builtins in the shape of a declaration. Leave: messages, the enveloped documents that clients know
(`k8s\\0` and a runtime.Unknown), lists and frames of a watch. Every field costs Python code, so nobody gets
protobuf who takes JSON, too (media_types). Sources: kubernetes apimachinery runtime/serializer/protobuf/
protobuf.go; apimachinery pkg/runtime/generated.proto.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import msgspec

from pikube.api.kinds.base import Struct
from pikube.api.protobuf import FIXED64, LENGTH, MAGIC, VARINT
from pikube.api.schema import FieldInfo, fields_of

Parts: TypeAlias = list[bytes]
Writer: TypeAlias = Callable[[Parts, Any], None]
Payload: TypeAlias = Callable[[Any], bytes]

FRAME_HEAD_BYTES = 4  # in which a watch tells an event's length
ONE_BYTE = tuple(bytes([number]) for number in range(128))


def encode_message(document: Mapping[str, Any], cls: type[Struct]) -> bytes:
    """The message of a document; what the declaration does not know is left out."""
    plain, inline = _plan(cls)
    parts: Parts = []
    inner: dict[tuple[int, ...], Parts] = {}
    for name, value in document.items():
        if value is None:
            continue
        if (write := plain.get(name)) is not None:
            write(parts, value)
        elif (placed := inline.get(name)) is not None:
            placed[1](inner.setdefault(placed[0], []), value)
    while inner:
        path = max(
            inner, key=len
        )  # the deepest first, so that each is whole when it goes into the one around it
        content = b"".join(inner.pop(path))
        here = parts if len(path) == 1 else inner.setdefault(path[:-1], [])
        here.append(sized(_tag(path[-1], LENGTH), content))
    return b"".join(parts)


def enveloped(api_version: str, kind: str, message: bytes) -> bytes:
    """A whole document: magic and runtime.Unknown, with the two fields that Go always writes."""
    type_meta = sized(b"\x0a", api_version.encode()) + sized(b"\x12", kind.encode())
    return b"".join([MAGIC, sized(b"\x0a", type_meta), sized(b"\x12", message), b"\x1a\x00\x22\x00"])


def encode_document(document: Mapping[str, Any], cls: type[Struct]) -> bytes:
    """An enveloped object that says its own apiVersion and kind."""
    return enveloped(document["apiVersion"], document["kind"], encode_message(document, cls))


def encode_list(
    api_version: str, kind: str, metadata: Mapping[str, Any], items: Iterable[bytes], cls: type[Struct]
) -> bytes:
    """An enveloped list; items are the JSON of objects of `cls`."""
    from pikube.api.kinds.meta import ListMeta

    message = [sized(b"\x0a", encode_message(metadata, ListMeta))]
    message += [sized(b"\x12", encode_message(msgspec.json.decode(item), cls)) for item in items]
    return enveloped(api_version, kind, b"".join(message))


def frame(type_: str, document: bytes) -> bytes:
    """An event of a watch: four bytes of length and a meta/v1 WatchEvent, whose object is a RawExtension."""
    event = sized(b"\x0a", type_.encode()) + sized(b"\x12", sized(b"\x0a", document))
    return len(event).to_bytes(FRAME_HEAD_BYTES, "big") + event


def sized(tag: bytes, data: bytes) -> bytes:
    """A field of bytes."""
    size = len(data)
    return tag + (ONE_BYTE[size] if size < 128 else varint(size)) + data


def varint(value: int) -> bytes:
    """A number; negative ones take ten bytes, as two's complement of 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


@cache
def _plan(cls: type[Struct]) -> tuple[dict[str, Writer], dict[str, tuple[tuple[int, ...], Writer]]]:
    """How to write each field by its JSON name: those of the message itself, and those of messages that JSON
    writes inline, with the path to them."""
    plain: dict[str, Writer] = {}
    inline: dict[str, tuple[tuple[int, ...], Writer]] = {}
    for field in fields_of(cls):
        path = field.facts.number
        if isinstance(path, tuple):
            inline[field.name] = path[:-1], _writer(field, path[-1])
        elif path:
            plain[field.name] = _writer(field, path)
    return plain, inline


def _writer(field: FieldInfo, number: int) -> Writer:
    payload, wire = _payload(field)
    tag, around = _tag(number, wire), _tag(number, LENGTH)
    if wire != LENGTH:

        def pack(value: Any) -> bytes:
            return tag + payload(value)

    else:

        def pack(value: Any) -> bytes:
            return sized(tag, payload(value))

    if field.container == "":
        return lambda parts, value: parts.append(pack(value))
    if field.container == "list":
        return lambda parts, values: parts.extend([pack(value) for value in values])
    if field.container == "map-of-lists":

        def content(values: Any) -> bytes:
            return sized(b"\x12", b"".join([sized(b"\x0a", payload(value)) for value in values]))

    elif wire != LENGTH:

        def content(values: Any) -> bytes:
            return _tag(2, wire) + payload(values)

    else:

        def content(values: Any) -> bytes:
            return sized(b"\x12", payload(values))

    def write_map(parts: Parts, entries: Any) -> None:
        for key in sorted(entries):
            parts.append(sized(around, sized(b"\x0a", key.encode()) + content(entries[key])))

    return write_map


def _payload(field: FieldInfo) -> tuple[Payload, int]:
    """What is written of one value, and its wire type."""
    if field.facts.either:
        return _EITHER[field.facts.either], LENGTH
    if field.type == "struct":
        cls = field.struct
        assert cls is not None
        return lambda value: encode_message(value, cls), LENGTH
    return _PAYLOADS.get(field.type, (str.encode, LENGTH))


def _double(value: float) -> bytes:
    return struct.pack("<d", value)


def _time(text: str) -> bytes:
    """Seconds and nanoseconds; no time at all is an empty message (apimachinery meta/v1/time_proto.go)."""
    if not text:
        return b""
    at = datetime.fromisoformat(text)
    seconds = b"\x08" + varint(int(at.timestamp() // 1))
    return seconds + b"\x10" + varint(at.microsecond * 1000)


def _quantity(value: Any) -> bytes:
    return sized(b"\x0a", str(value).encode())


def _int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + sized(b"\x1a", value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


def _raw(value: Any) -> bytes:
    return sized(b"\x0a", msgspec.json.encode(value))


_UNITS_NS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "µs": 10**3, "ns": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")


def _duration(text: str) -> bytes:
    nanos = sum(round(float(number) * _UNITS_NS[unit]) for number, unit in _PART.findall(text))
    return b"\x08" + varint(-nanos if text.startswith("-") else nanos)


_PAYLOADS: dict[str, tuple[Payload, int]] = {
    "boolean": (lambda value: b"\x01" if value else b"\x00", VARINT),
    "int32": (varint, VARINT),
    "int64": (varint, VARINT),
    "number": (_double, FIXED64),
    "byte": (base64.b64decode, LENGTH),
    "date-time": (_time, LENGTH),
    "micro-time": (_time, LENGTH),
    "quantity": (_quantity, LENGTH),
    "int-or-string": (_int_or_string, LENGTH),
    "raw": (_raw, LENGTH),
    "duration": (_duration, LENGTH),
}


def _schema(value: Any) -> bytes:
    from pikube.api.kinds.extensions import JSONSchemaProps

    return encode_message(value, JSONSchemaProps)


def _schema_or_list(value: Any) -> bytes:
    if isinstance(value, dict):
        return sized(b"\x0a", _schema(value))
    return b"".join([sized(b"\x12", _schema(item)) for item in value])


def _schema_or_bool(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"\x08\x01" + sized(b"\x12", _schema(value))
    return b"\x08\x01" if value else b"\x08\x00"


def _schema_or_strings(value: Any) -> bytes:
    if isinstance(value, dict):
        return sized(b"\x0a", _schema(value))
    return b"".join([sized(b"\x12", item.encode()) for item in value])


_EITHER: dict[str, Payload] = {
    "list": _schema_or_list,
    "bool": _schema_or_bool,
    "strings": _schema_or_strings,
}
