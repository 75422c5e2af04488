"""Declaration: what an OpenAPI v2 document is made of, with the numbers of its protobuf form.

By it documents are encoded (openapi_proto) and those of others read and merged (openapi_merge). Source:
google/gnostic-models openapiv2/OpenAPIv2.proto; what nobody uses who speaks to Kubernetes (security, contacts, XML,
headers of responses) is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Part(NamedTuple):
    """`shape` is text, bool, number, int, any, or the name of a message; `many` is `list`, or `map` for names with
    values, which stand in a message around them with the number `at`."""

    number: int
    shape: str
    many: str = ""
    at: int = 1


def _bounds(first: int, **more: Part) -> dict[str, Part]:
    """What a value may be, numbered in one order in every message that says it."""
    shapes = {
        "collectionFormat": "text", "default": "any", "maximum": "number", "exclusiveMaximum": "bool",
        "minimum": "number", "exclusiveMinimum": "bool", "maxLength": "int", "minLength": "int", "pattern": "text",
        "maxItems": "int", "minItems": "int", "uniqueItems": "bool", "enum": "any", "multipleOf": "number",
    }  # fmt: skip
    named = {"items": Part(first, "Primitive")}
    for number, (name, shape) in enumerate(shapes.items(), first + 1):
        named[name] = Part(number, shape, "list" if name == "enum" else "")
    return {**named, **more}


def _parameter(type_at: int) -> dict[str, Part]:
    head = {
        "required": Part(1, "bool"), "in": Part(2, "text"), "description": Part(3, "text"), "name": Part(4, "text"),
    }  # fmt: skip
    blank = {"allowEmptyValue": Part(5, "bool")} if type_at == 6 else {}
    types = {"type": Part(type_at, "text"), "format": Part(type_at + 1, "text")}
    return {**head, **blank, **types, **_bounds(type_at + 2), X: Part(type_at + 17, "any")}


X = "x-"
"""In a message: the number of what begins so, an extension of the vendor's."""
REF = "$ref"
MESSAGES: Mapping[str, Mapping[str, Part]] = MappingProxyType({
    "Document": {
        "swagger": Part(1, "text"), "info": Part(2, "Info"), "paths": Part(8, "PathItem", "map", 2),
        "definitions": Part(9, "Schema", "map"), "parameters": Part(10, "Parameter", "map"),
    },
    "Info": {"title": Part(1, "text"), "version": Part(2, "text"), "description": Part(3, "text")},
    "PathItem": {
        "get": Part(2, "Operation"), "put": Part(3, "Operation"), "post": Part(4, "Operation"),
        "delete": Part(5, "Operation"), "options": Part(6, "Operation"), "head": Part(7, "Operation"),
        "patch": Part(8, "Operation"), "parameters": Part(9, "ParametersItem", "list"), X: Part(10, "any"),
    },
    "Operation": {
        "tags": Part(1, "text", "list"), "summary": Part(2, "text"), "description": Part(3, "text"),
        "operationId": Part(5, "text"), "produces": Part(6, "text", "list"), "consumes": Part(7, "text", "list"),
        "parameters": Part(8, "ParametersItem", "list"), "responses": Part(9, "ResponseValue", "map"),
        "schemes": Part(10, "text", "list"), "deprecated": Part(11, "bool"), X: Part(13, "any"),
    },
    "BodyParameter": {
        "description": Part(1, "text"), "name": Part(2, "text"), "in": Part(3, "text"), "required": Part(4, "bool"),
        "schema": Part(5, "Schema"), X: Part(6, "any"),
    },
    "header": _parameter(5), "formData": _parameter(6), "query": _parameter(6), "path": _parameter(5),
    "Primitive": {"type": Part(1, "text"), "format": Part(2, "text"), **_bounds(3), X: Part(18, "any")},
    "Response": {"description": Part(1, "text"), "schema": Part(2, "SchemaItem"), X: Part(5, "any")},
    "Reference": {REF: Part(1, "text"), "description": Part(2, "text")},
    "ExternalDocs": {"description": Part(1, "text"), "url": Part(2, "text"), X: Part(3, "any")},
    "Schema": {
        REF: Part(1, "text"), "format": Part(2, "text"), "title": Part(3, "text"), "description": Part(4, "text"),
        "default": Part(5, "any"), "multipleOf": Part(6, "number"), "maximum": Part(7, "number"),
        "exclusiveMaximum": Part(8, "bool"), "minimum": Part(9, "number"), "exclusiveMinimum": Part(10, "bool"),
        "maxLength": Part(11, "int"), "minLength": Part(12, "int"), "pattern": Part(13, "text"),
        "maxItems": Part(14, "int"), "minItems": Part(15, "int"), "uniqueItems": Part(16, "bool"),
        "maxProperties": Part(17, "int"), "minProperties": Part(18, "int"), "required": Part(19, "text", "list"),
        "enum": Part(20, "any", "list"), "additionalProperties": Part(21, "SchemaOrBool"),
        "type": Part(22, "TypeItem"), "items": Part(23, "ItemsItem"), "allOf": Part(24, "Schema", "list"),
        "properties": Part(25, "Schema", "map"), "discriminator": Part(26, "text"), "readOnly": Part(27, "bool"),
        "externalDocs": Part(29, "ExternalDocs"), "example": Part(30, "any"), X: Part(31, "any"),
    },
})  # fmt: skip


def chosen(shape: str, value: object) -> tuple[str, tuple[int, ...]]:
    """Of a shape that is one of several, which one a value is, and the numbers of the messages around it. ('', ())
    for a value that is none of them."""
    match shape, value:
        case (("ParametersItem" | "ResponseValue"), {"$ref": str()}):
            return "Reference", (2,)
        case "ParametersItem", dict():
            inner, around = chosen("Parameter", value)
            return inner, (1, *around) if inner else ()
        case "Parameter", {"in": "body"}:
            return "BodyParameter", (1,)
        case "Parameter", {"in": ("header" | "formData" | "query" | "path") as place}:
            return place, (2, {"header": 1, "formData": 2, "query": 3, "path": 4}[place])
        case "ResponseValue", dict():
            return "Response", (1,)
        case (("SchemaItem" | "SchemaOrBool" | "ItemsItem"), dict()):
            return "Schema", (1,)
        case "SchemaOrBool", bool():
            return "bool", (2,)
        case "TypeItem", str():
            return "text", (1,)
    return "", ()


ONE_OF = frozenset((
    "ParametersItem", "Parameter", "ResponseValue", "SchemaItem", "SchemaOrBool", "ItemsItem", "TypeItem",
))  # fmt: skip
"""Shapes of which `chosen` says what a value is."""
