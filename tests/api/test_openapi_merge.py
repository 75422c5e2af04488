"""The OpenAPI documents of extensions as a part of ours, whatever is in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_strategies import values

from pikube.api.openapi import document_v2
from pikube.api.openapi_merge import merged, part_of
from pikube.api.openapi_proto import encode_document
from pikube.api.openapi_shapes import MESSAGES
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

BASE = {"swagger": "2.0", "info": {"title": "ours", "version": "1"}, "paths": {}, "definitions": {}}
PATH = "/apis/g/v1/things"
GVK = "x-kubernetes-group-version-kind"


def doc(paths, definitions, **more):
    return {**BASE, "paths": paths, "definitions": definitions, **more}


def to(name):
    return {"$ref": f"#/definitions/{name}"}


def get(name, **more):
    return {"get": {"responses": {"200": {"description": "OK", "schema": to(name)}}, **more}}


def part(paths, definitions, **more):
    return part_of(doc(paths, definitions, **more), "g", "v1")


def test_a_part_has_the_paths_of_its_group_and_what_they_need():
    found = part(
        {PATH: get("A"), "/apis/g/v1": get("B"), "/apis/g/v10/things": get("B"), "/api/v1/pods": get("B")},
        {
            "A": {"properties": {"c": {"items": to("C")}, "$ref": {"type": "string"}}},
            "B": {},
            "C": {"allOf": [to("A")]},
        },
    )
    assert list(found["paths"]) == [PATH] and list(found["definitions"]) == ["A", "C"]
    assert found["definitions"]["A"]["properties"]["$ref"] == {"type": "string"}


def test_parameters_that_are_shared_come_along():
    named = {
        "name": {"name": "name", "in": "path", "required": True, "type": "string"},
        "other": {"in": "query"},
    }
    body = {"in": "body", "name": "body", "schema": to("A")}
    item = {**get("A"), "parameters": [{"$ref": "#/parameters/name"}, body]}
    found = part({PATH: item}, {"A": {}}, parameters=named)
    assert list(found["parameters"]) == ["name"]
    taken = {"name": {"name": "name", "in": "query", "type": "string"}}
    whole = merged({**BASE, "parameters": taken}, [found])
    assert whole["paths"][PATH]["parameters"] == [{"$ref": "#/parameters/name_v2"}, body]
    assert whole["parameters"] == {**taken, "name_v2": named["name"]}


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        ({}, "A"),
        ({"A": {"type": "string"}}, "A"),
        ({"A": {"type": "string", GVK: [{"kind": "X"}]}}, "A"),
        ({"A": {"type": "object"}}, "A_v2"),
        ({"A": {"type": "object"}, "A_v2": {"type": "string"}}, "A_v2"),
        ({"A": {"type": "object"}, "A_v2": {"type": "integer"}}, "A_v3"),
    ],
)
def test_a_definition_that_says_something_else_gets_a_name_of_its_own(ours, name):
    theirs = {"type": "string", GVK: [{"kind": "Y"}]}
    whole = merged(doc({}, ours), [part({PATH: get("A")}, {"A": theirs})])
    assert whole["paths"][PATH] == get(name)
    kinds = ours.get(name, {}).get(GVK, [])
    assert whole["definitions"] == {**ours, name: {"type": "string", GVK: [*kinds, {"kind": "Y"}]}}


def test_a_name_that_the_extension_has_itself_is_not_taken():
    theirs = {"A": {"properties": {"b": to("A_v2")}}, "A_v2": {"type": "string"}}
    whole = merged(doc({}, {"A": {}}), [part({PATH: get("A")}, theirs)])
    assert whole["definitions"] == {"A": {}, "A_v2": {"type": "string"}, "A_v3": theirs["A"]}
    assert whole["paths"][PATH] == get("A_v3")


def test_a_path_that_is_there_stays_and_brings_nothing():
    ours = doc({PATH: get("Mine")}, {"Mine": {}})
    assert merged(ours, [part({PATH: get("A")}, {"A": {}})]) == ours


def test_two_that_agree_share():
    parts = [part_of(doc({f"/apis/{g}/v1/x": get("A")}, {"A": {"type": "object"}}), g, "v1") for g in "gh"]
    whole = merged(doc({}, {"A": {}}), parts)
    assert list(whole["definitions"]) == ["A", "A_v2"] and len(whole["paths"]) == 2


def deep(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize("levels", [50, 95, 400])
def test_what_is_deep_beyond_reason_is_cut(levels):
    found = part({PATH: get("A")}, {"A": deep(levels), "x-deep": {}})
    whole = merged(BASE, [found])
    assert encode_document(whole)
    assert (whole["definitions"]["A"] == deep(levels)) is (levels < 100)


@pytest.mark.parametrize("broken", [None, [], {}, {"swagger": "3.0"}, {"swagger": {"2.0": 1}}, "2.0"])
def test_what_is_no_document_is_refused(broken):
    with pytest.raises(ValueError, match=r"no OpenAPI document of version 2\.0"):
        part_of(broken, "g", "v1")


NAMES = st.sampled_from([*sorted({n for message in MESSAGES.values() for n in message}), "A", "x-y", PATH])
NOISE = st.recursive(
    values | st.none() | st.sampled_from(["#/definitions/A", "#/parameters/A", "query", "body", 1 << 70, 1e300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["get", "parameters", "x-y"]), NOISE), NOISE, NOISE, NOISE)
def test_no_document_breaks_ours(item, definitions, parameters, a):
    more = {"A": a, **(definitions if isinstance(definitions, dict) else {})}
    theirs = doc({PATH: item}, more, parameters=parameters)
    found = part_of(json.loads(json.dumps(theirs)), "g", "v1")
    ours = doc({"/api/v1/pods": get("A")}, {"A": {"type": "string"}})
    whole = merged(ours, [found, found])
    assert encode_document(whole)
    assert whole["paths"]["/api/v1/pods"] == get("A")
    assert {k: v for k, v in whole["definitions"]["A"].items() if k != GVK} == {"type": "string"}
    assert whole == merged(ours, [found])


# -- the protobuf form, read by hand


def fields(data):
    """(number, value) of a message: bytes, numbers, or the eight bytes of a double."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = 8 if key & 7 == 1 else varint()
            yield key >> 3, data[at : at + size]
            at += size


def inside(data, *numbers):
    """The first value by these numbers, one in the other."""
    for number in numbers:
        data = dict(reversed(list(fields(data))))[number]
    return data


def test_the_protobuf_form_has_the_numbers_of_gnostic():
    operation = {
        "operationId": "op", "tags": ["t"],
        "parameters": [
            {"in": "query", "name": "q", "type": "string", "uniqueItems": True},
            {"in": "path", "name": "p", "required": True, "type": "string"},
            {"in": "body", "name": "b", "schema": to("A")}, {"$ref": "#/parameters/name"},
        ],
        "responses": {"200": {"description": "OK", "schema": to("A")}},
    }  # fmt: skip
    schema = {
        "type": "object",
        "minimum": 0.5,
        "maxLength": 7,
        "additionalProperties": False,
        "required": ["r"],
        GVK: [1],
    }
    data = encode_document(doc({PATH: {"patch": operation}}, {"A": schema}))
    found = inside(data, 8, 2, 2, 8)
    assert inside(found, 5) == b"op" and inside(found, 1) == b"t"
    query, path, body, ref = (value for number, value in fields(found) if number == 8)
    assert (
        inside(query, 1, 2, 3, 4) == b"q"
        and inside(query, 1, 2, 3, 6) == b"string"
        and inside(query, 1, 2, 3, 20) == 1
    )
    assert (
        inside(path, 1, 2, 4, 4) == b"p"
        and inside(path, 1, 2, 4, 1) == 1
        and inside(path, 1, 2, 4, 5) == b"string"
    )
    assert inside(body, 1, 1, 5, 1) == b"#/definitions/A" and inside(ref, 2, 1) == b"#/parameters/name"
    assert inside(found, 9, 1, 1) == b"200" and inside(found, 9, 1, 2, 1, 2, 1, 1) == b"#/definitions/A"
    a = inside(data, 9, 1, 2)
    assert inside(a, 22, 1) == b"object" and inside(a, 9) == b"\0\0\0\0\0\0\xe0?" and inside(a, 11) == 7
    assert inside(a, 21, 2) == 0 and inside(a, 19) == b"r"
    assert inside(a, 31, 1) == GVK.encode() and inside(a, 31, 2, 2) == b"[1]\n"


def test_our_own_document_has_the_declared_shapes_only():
    ours = document_v2(Scheme(SERVED))
    groups = {tuple(path.split("/")[2:4]) for path in ours["paths"] if path.startswith("/apis/")}
    for group, version in groups:
        mine = part_of(ours, group, version)
        assert mine["paths"] == {
            p: i for p, i in ours["paths"].items() if p.startswith(f"/apis/{group}/{version}/")
        }
        assert all(ours["definitions"][name] == schema for name, schema in mine["definitions"].items())
