"""Objects walked by their structure: naming, comparing, merging, taking out; kinds and custom resources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.field_sets import difference, intersection, paths, shown
from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_config import ServiceAccount
from pikube.api.kinds.core_pod import Pod
from pikube.api.structure import ANYTHING, custom_structure, structure_of
from pikube.api.structured_diff import compare
from pikube.api.structured_fields import StructureError, field_set_of, with_named_members
from pikube.api.structured_merge import merge, without

POD = structure_of(Pod)
DEPLOYMENT = structure_of(Deployment)
CRD = custom_structure(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "rules": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name", "zone"],
                        "items": {
                            "type": "object",
                            "properties": {
                                "name": {"type": "string"},
                                "zone": {"type": "string", "default": "eu"},
                                "weight": {"type": "integer"},
                            },
                        },
                    },
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "words": {"type": "array", "items": {"type": "string"}},
                    "point": {
                        "type": "object",
                        "x-kubernetes-map-type": "atomic",
                        "properties": {"x": {"type": "integer"}},
                    },
                    "limits": {
                        "type": "object",
                        "additionalProperties": {"x-kubernetes-int-or-string": True},
                    },
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "template": {"type": "object", "x-kubernetes-embedded-resource": True},
                },
            }
        },
    }
)


def named(document, type_):
    return sorted(map(shown, paths(field_set_of(document, type_))))


def test_an_object_names_its_leaves_items_and_map_keys():
    document = {
        "metadata": {"labels": {"app": "web"}, "finalizers": ["a/b"]},
        "spec": {
            "containers": [{"name": "c", "args": ["x"], "ports": [{"containerPort": 80}], "resources": {}}],
            "tolerations": [{"key": "k"}],
        },
    }
    assert named(document, POD) == [
        '.metadata.finalizers[="a/b"]',
        ".metadata.labels.app",
        '.spec.containers[name="c"]',
        '.spec.containers[name="c"].args',
        '.spec.containers[name="c"].name',
        '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
        '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].containerPort',
        '.spec.containers[name="c"].resources',
        ".spec.tolerations",
    ]


def test_a_key_left_out_counts_as_its_default_or_as_the_zero_that_go_writes():
    document = {"spec": {"containers": [{"image": "x", "ports": [{"protocol": "UDP"}]}]}}
    assert '.spec.containers[name=""].ports[containerPort=0,protocol="UDP"]' in named(document, POD)


def test_an_item_without_any_key_is_refused():
    with pytest.raises(
        StructureError, match=r"element 0: associative list with keys has an element that omits all"
    ):
        field_set_of({"secrets": [{}]}, structure_of(ServiceAccount))


def test_references_in_lists_are_one_leaf_each():
    document = {"spec": {"imagePullSecrets": [{"name": "s"}]}}
    assert named(document, POD) == ['.spec.imagePullSecrets[name="s"]']


def test_custom_resources_are_walked_by_their_openapi_schema():
    document = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {
            "rules": [{"name": "r", "weight": 1}],
            "tags": ["t"],
            "words": ["w"],
            "point": {"x": 1},
            "limits": {"cpu": 1},
            "free": {"deep": {"leaf": [1]}},
            "template": {"kind": "Pod", "metadata": {"name": "x"}},
        },
    }
    assert named(document, CRD) == [
        ".metadata.labels.a",
        ".spec.free.deep",
        ".spec.free.deep.leaf",
        ".spec.limits.cpu",
        ".spec.point",
        '.spec.rules[name="r",zone="eu"]',
        '.spec.rules[name="r",zone="eu"].name',
        '.spec.rules[name="r",zone="eu"].weight',
        '.spec.tags[="t"]',
        ".spec.template.kind",
        ".spec.template.metadata.name",
        ".spec.words",
    ]


def test_without_a_schema_objects_merge_and_lists_do_not():
    free = custom_structure(None)
    assert named({"spec": {"a": {"b": [1, 2]}}}, free) == [".spec", ".spec.a", ".spec.a.b"]
    assert merge({"spec": {"a": {"b": [1], "c": 1}}}, {"spec": {"a": {"b": [2]}}}, free) == {
        "spec": {"a": {"b": [2], "c": 1}}
    }


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"spec": {"nope": 1}}, ".spec.nope: field not declared in schema"),
        ({"spec": {"containers": {}}}, ".spec.containers: expected list, got map"),
        ({"spec": {"containers": "x"}}, ".spec.containers: expected list, got"),
        ({"spec": []}, ".spec: expected map, got"),
        ({"spec": {"hostname": 5}}, ".spec.hostname: expected string, got"),
        ({"spec": {"hostNetwork": "yes"}}, ".spec.hostNetwork: expected boolean, got"),
        ({"spec": {"priority": "5"}}, ".spec.priority: expected numeric (int or float), got string"),
        (
            {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}},
            '.spec.containers: duplicate entries for key [name="a"]',
        ),
        ({"spec": {"containers": ["x"]}}, "may not have non-map elements"),
        ({"spec": {"containers": [None]}}, "may not have a null element"),
        (
            {"metadata": {"finalizers": [{}]}},
            "associative list without keys has an element that's a map type",
        ),
        ({"metadata": {"finalizers": [None]}}, "has an element that's an explicit null"),
        ({"metadata": {"finalizers": [[]]}}, "associative list with lists as elements"),
    ],
)
def test_an_object_that_does_not_fit_its_structure_says_where(document, words):
    with pytest.raises(StructureError) as caught:
        field_set_of(document, POD)
    assert words in str(caught.value)


def test_all_misfits_are_told_at_once():
    with pytest.raises(StructureError, match=r"errors:\n  .a: field not .*\n  .b: field not"):
        field_set_of({"a": 1, "b": 2}, POD)


def test_a_comparison_tells_removed_modified_and_added_apart():
    old = {
        "spec": {"hostname": "h", "priority": 1, "containers": [{"name": "a", "image": "1"}, {"name": "b"}]}
    }
    new = {
        "spec": {
            "hostname": "i",
            "subdomain": "s",
            "containers": [{"name": "a", "image": "1"}, {"name": "c"}],
        }
    }
    change = compare(old, new, POD)
    assert sorted(map(shown, paths(change.modified))) == [".spec.hostname"]
    assert sorted(map(shown, paths(change.added))) == [
        '.spec.containers[name="c"]',
        '.spec.containers[name="c"].name',
        ".spec.subdomain",
    ]
    assert sorted(map(shown, paths(change.removed))) == [
        '.spec.containers[name="b"]',
        '.spec.containers[name="b"].name',
        ".spec.priority",
    ]


def test_items_that_stand_twice_in_stored_lists_count_as_one():
    twice = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "a", "image": "2"}]}}
    once = {"spec": {"containers": [{"name": "a", "image": "1"}]}}
    assert shown(next(paths(compare(once, twice, POD).added))) == '.spec.containers[name="a"]'
    assert shown(next(paths(compare(twice, once, POD).removed))) == '.spec.containers[name="a"]'
    other = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "a", "image": "3"}]}}
    assert shown(next(paths(compare(twice, other, POD).modified))) == '.spec.containers[name="a"]'


@pytest.mark.parametrize(
    ("live", "applied", "result"),
    [
        ("abc", "", "abc"),
        ("", "ab", "ab"),
        ("abc", "cb", "acb"),
        ("abc", "xb", "axbc"),
        ("abc", "cxa", "bcxa"),
        ("ab", "xy", "abxy"),
    ],
)
def test_merged_lists_follow_the_applied_order_around_what_only_lives(live, applied, result):
    merged = merge({"metadata": {"finalizers": [*live]}}, {"metadata": {"finalizers": [*applied]}}, POD)
    assert "".join(merged["metadata"]["finalizers"]) == result


def test_fields_and_items_can_be_taken_out_leaving_what_held_them():
    document = {
        "spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}], "nodeSelector": {"x": "y"}}
    }
    doomed = {"f:spec": {"f:containers": {'k:{"name":"a"}': {"f:image": {}}, 'k:{"name":"b"}': {}}}}
    assert without(document, doomed, POD) == {
        "spec": {"containers": [{"name": "a"}], "nodeSelector": {"x": "y"}}
    }
    emptied = without({"spec": {"hostname": "h"}}, {"f:spec": {"f:hostname": {}}}, POD)
    assert emptied == {"spec": {}}


def test_declared_members_on_the_way_are_named_on_demand_and_map_keys_are_not():
    fields = {"f:metadata": {"f:labels": {"f:a": {}}}}
    assert with_named_members(fields, POD) == {"f:metadata": {".": {}, "f:labels": {".": {}, "f:a": {}}}}
    assert with_named_members({"f:x": {"f:y": {}}}, ANYTHING) == {"f:x": {"f:y": {}}}


names = st.sampled_from("abc")
env = st.fixed_dictionaries({"name": names}, optional={"value": names})
container = st.fixed_dictionaries(
    {"name": names},
    optional={
        "image": names,
        "args": st.lists(names, max_size=2),
        "env": st.lists(env, max_size=3, unique_by=lambda item: item["name"]),
    },
)
spec = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 2),
        "template": st.fixed_dictionaries(
            {},
            optional={
                "metadata": st.fixed_dictionaries({"labels": st.dictionaries(names, names, max_size=2)}),
                "spec": st.fixed_dictionaries(
                    {"containers": st.lists(container, max_size=3, unique_by=lambda item: item["name"])}
                ),
            },
        ),
    },
)
deployments = st.fixed_dictionaries({}, optional={"spec": spec})


@given(deployments, deployments)
def test_removed_modified_and_added_have_no_common_member(old, new):
    change = compare(old, new, DEPLOYMENT)
    assert not intersection(change.removed, change.added)
    assert not intersection(change.removed, change.modified)
    assert not intersection(change.modified, change.added)
    back = compare(new, old, DEPLOYMENT)
    assert change.removed == back.added
    assert change.modified == back.modified


@given(deployments)
def test_an_object_compared_with_itself_has_not_changed(document):
    change = compare(document, document, DEPLOYMENT)
    assert change.removed == change.modified == change.added == {}


@given(deployments, deployments)
def test_merging_removes_nothing_and_a_second_time_changes_nothing(live, applied):
    merged = merge(live, applied, DEPLOYMENT)
    assert compare(live, merged, DEPLOYMENT).removed == {}
    assert merge(merged, applied, DEPLOYMENT) == merged
    assert merge(live, live, DEPLOYMENT) == live


@given(deployments, deployments)
def test_what_merging_changes_is_what_the_applied_object_names(live, applied):
    change = compare(live, merge(live, applied, DEPLOYMENT), DEPLOYMENT)
    named_by_applied = with_named_members(field_set_of(applied, DEPLOYMENT), DEPLOYMENT)
    assert difference(with_named_members(change.modified, DEPLOYMENT), named_by_applied) == {}


@given(deployments)
def test_taking_out_all_that_was_added_leaves_nothing(document):
    assert without(document, compare({}, document, DEPLOYMENT).added, DEPLOYMENT) == {}
