import json

import pytest

from pikube.api.openapi import document_v2, document_v3, reachable
from pikube.api.schema import NO_FACTS, fields_of
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

SCHEME = Scheme(SERVED)
CLASSES = reachable([info.cls for info in SCHEME])


def test_every_field_has_words():
    silent = [
        f"{cls.__name__}.{field.name}"
        for cls in CLASSES
        for field in fields_of(cls)
        if not field.facts.words and field.facts is not NO_FACTS
    ]
    assert silent == []


def test_every_struct_has_words():
    assert [cls.__name__ for cls in CLASSES if not cls.__doc__] == []


def test_words_are_sentences():
    odd = [
        f"{cls.__name__}.{field.name}: {field.facts.words}"
        for cls in CLASSES
        for field in fields_of(cls)
        if field.facts.words and not field.facts.words.endswith(".")
    ]
    assert odd == []


def test_the_core_document_stays_lean():
    """kubectl 1.31 to 1.33 parse it again for each object that they apply."""
    assert len(json.dumps(document_v3(SCHEME, "", "v1"), separators=(",", ":"))) <= 400_000


@pytest.mark.parametrize("group", sorted({(i.names.group, i.names.version) for i in SCHEME}))
def test_references_lead_somewhere(group):
    document = document_v3(SCHEME, *group)
    schemas = document["components"]["schemas"]
    assert all(ref in schemas for ref in _references(document, "#/components/schemas/"))


def test_references_of_version_2_lead_somewhere():
    document = document_v2(SCHEME)
    assert all(ref in document["definitions"] for ref in _references(document, "#/definitions/"))


def test_a_kind_is_described_with_its_merge_keys_and_bounds():
    schemas = document_v3(SCHEME, "", "v1")["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]
    assert spec["description"] == "What a pod is to be."
    assert spec["required"] == ["containers"]
    containers = spec["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    pod = schemas["io.k8s.api.core.v1.Pod"]
    assert pod["x-kubernetes-group-version-kind"] == [{"group": "", "kind": "Pod", "version": "v1"}]
    assert pod["properties"]["kind"]["description"]


def _references(node, prefix):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):  # a schema of schemas has a property called $ref
                yield value.removeprefix(prefix)
            else:
                yield from _references(value, prefix)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item, prefix)


@pytest.mark.parametrize(
    "schemas",
    [document_v3(SCHEME, "policy", "v1")["components"]["schemas"], document_v2(SCHEME)["definitions"]],
    ids=["v3", "v2"],
)
def test_the_selector_of_a_budget_is_replaced_by_a_patch(schemas):
    spec = schemas["io.k8s.api.policy.v1.PodDisruptionBudgetSpec"]
    assert spec["properties"]["selector"]["x-kubernetes-patch-strategy"] == "replace"
