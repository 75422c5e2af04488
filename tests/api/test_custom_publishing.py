"""What OpenAPI says of custom kinds: v2 as far as kubectl can read it, v3 as it is defined."""

import pytest

from pikube.api.codec import from_builtins
from pikube.api.custom.kinds import custom_kind
from pikube.api.custom.publishing import custom_schema
from pikube.api.kinds.extensions import CustomResourceDefinition

KEPT = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
EVERY = {"apiVersion", "kind", "metadata"}


def published(schema, *, is_v3=False):
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": "example.com", "scope": "Namespaced", "versions": [version],
        "names": {"plural": "doors", "singular": "door", "kind": "Door", "listKind": "DoorList"},
    }  # fmt: skip
    crd = from_builtins({"metadata": {"name": "doors.example.com"}, "spec": spec}, CustomResourceDefinition)
    [info] = custom_kind(crd).infos
    return custom_schema(info.cls, "#/definitions/", is_v3=is_v3)


def of_spec(inner, **options):
    return published({"type": "object", "properties": {"spec": inner}}, **options)["properties"]["spec"]


@pytest.mark.parametrize(
    ("schema", "seen"),
    [
        ({"type": "string", "nullable": True}, {}),
        ({"type": "object", KEPT: True, "properties": {"a": {"type": "string"}}}, {KEPT: True}),
        ({"type": "array", KEPT: True, "items": {"type": "string"}}, {KEPT: True}),
        ({"type": "string", "default": "a", "pattern": "a"}, {"type": "string", "default": "a", "pattern": "a"}),
        ({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
         {"x-kubernetes-int-or-string": True}),
        ({"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "string", "nullable": True}, "b": {"type": "string"}}},
         {"type": "object", "required": ["b"], "properties": {"a": {}, "b": {"type": "string"}}}),
    ],
)  # fmt: skip
def test_what_v2_does_not_know_is_left_out(schema, seen):
    assert of_spec(schema) == seen


def test_a_kind_that_keeps_unknown_fields_has_no_properties_in_v2():
    """Not even those that every object has: kubectl would refuse all others."""
    schema = {"type": "object", KEPT: True, "properties": {"spec": {"type": "object"}}}
    assert set(published(schema)) == {"type", "x-kubernetes-group-version-kind"}
    assert set(published(schema, is_v3=True)["properties"]) == {*EVERY, "spec"}


def test_an_object_within_has_what_every_object_has():
    schema = {"type": "object", EMBEDDED: True, "properties": {"spec": {"type": "object"}}}
    for is_v3 in (False, True):
        inner = of_spec(schema, is_v3=is_v3)
        assert set(inner["properties"]) == {*EVERY, "spec"} and inner["required"] == ["kind", "apiVersion"]
    assert "properties" not in of_spec({**schema, KEPT: True})
