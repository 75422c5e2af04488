"""Pure: the OpenAPI v2 document in the protobuf form that kubectl before 1.30 insists on.

Enter: the document as builtins. Leaves: an openapi.v2.Document. Field numbers: google/gnostic-models
openapiv2/OpenAPIv2.proto; only what pikube.api.openapi writes is here.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml


def encode_document(document: dict[str, Any]) -> bytes:
    """The whole Document."""
    info = document["info"]
    out = _text(1, document["swagger"])
    out += _message(2, _text(1, info["title"]) + _text(2, info["version"]))
    paths = b"".join(
        _message(2, _text(1, path) + _message(2, _path_item(item)))
        for path, item in document["paths"].items()
    )
    definitions = b"".join(
        _message(1, _text(1, name) + _message(2, _schema(schema)))
        for name, schema in document["definitions"].items()
    )
    return out + _message(8, paths) + _message(9, definitions)


_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}


def _path_item(item: dict[str, Any]) -> bytes:
    return b"".join(_message(_METHODS[method], _operation(op)) for method, op in item.items())


def _operation(operation: dict[str, Any]) -> bytes:
    out = _text(5, operation["operationId"])
    for parameter in operation.get("parameters", ()):
        query = _text(2, parameter["in"]) + _text(4, parameter["name"]) + _text(6, parameter["type"])
        out += _message(8, _message(1, _message(2, _message(3, query))))
    responses = b"".join(
        _message(1, _text(1, code) + _message(2, _message(1, _text(1, response["description"]))))
        for code, response in operation["responses"].items()
    )
    return out + _message(9, responses) + _extensions(13, operation)


def _schema(schema: dict[str, Any]) -> bytes:
    out = _text(1, schema.get("$ref", ""))
    out += _text(2, schema.get("format", "")) + _text(4, schema.get("description", ""))
    if "default" in schema:
        out += _message(5, _any(schema["default"]))
    for name in schema.get("required", ()):
        out += _text(19, name)
    for word in schema.get("enum", ()):
        out += _message(20, _any(word))
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        out += _message(21, _message(1, _schema(extra)))
    elif extra is not None:
        out += _message(21, _varint(2 << 3) + _varint(bool(extra)))
    if "type" in schema:
        out += _message(22, _text(1, schema["type"]))
    if "items" in schema:
        out += _message(23, _message(1, _schema(schema["items"])))
    if "properties" in schema:
        properties = b"".join(
            _message(1, _text(1, name) + _message(2, _schema(inner)))
            for name, inner in schema["properties"].items()
        )
        out += _message(25, properties)
    return out + _extensions(31, schema)


def _extensions(number: int, node: dict[str, Any]) -> bytes:
    return b"".join(
        _message(number, _text(1, name) + _message(2, _any(value)))
        for name, value in node.items()
        if name.startswith("x-")
    )


def _any(value: Any) -> bytes:
    """An Any whose yaml field holds the value."""
    if isinstance(value, str):
        return _text(2, yaml.safe_dump(value).removesuffix("...\n"))
    return _text(2, msgspec.json.encode(value).decode() + "\n")


def _text(number: int, text: str) -> bytes:
    data = text.encode()
    return _message(number, data) if data else b""


def _message(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
