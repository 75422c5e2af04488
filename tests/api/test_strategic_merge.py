"""Strategic merge patch: lists that merge by key, directives, order, and what is refused."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.errors import ApiError, BadRequest
from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.policy import PodDisruptionBudget
from pikube.api.strategic_merge import strategic_merge


def pod(*containers, **spec):
    return {"spec": {"containers": list(containers), **spec}}


A = {"name": "a", "image": "a:1"}
B = {"name": "b", "image": "b:1"}
C = {"name": "c", "image": "c:1"}


def names_of(result):
    return [container["name"] for container in result["spec"]["containers"]]


def test_plain_members_are_set_and_null_deletes():
    before = {"metadata": {"labels": {"a": "1", "b": "2"}, "name": "x"}}
    patch = {"metadata": {"labels": {"a": None, "c": "3"}, "name": "y"}, "spec": None}
    assert strategic_merge(before, patch, Pod) == {"metadata": {"labels": {"b": "2", "c": "3"}, "name": "y"}}


def test_containers_merge_by_name():
    result = strategic_merge(pod(A, B), pod({"name": "b", "image": "b:2"}), Pod)
    assert result == pod(A, {"name": "b", "image": "b:2"})


def test_new_containers_stand_before_those_only_the_server_has():
    assert names_of(strategic_merge(pod(A, B), pod(C), Pod)) == ["c", "a", "b"]


def test_lists_in_merged_items_merge_too():
    before = pod({"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]})
    patch = pod({"name": "a", "env": [{"name": "Y", "value": "3"}]})
    assert strategic_merge(before, patch, Pod) == pod(
        {"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "3"}]}
    )


def test_atomic_lists_are_replaced():
    before = pod({"name": "a", "args": ["1", "2"]}, tolerations=[{"key": "x"}])
    patch = pod({"name": "a", "args": ["3"]}, tolerations=[{"key": "y"}])
    assert strategic_merge(before, patch, Pod) == patch


def test_service_ports_merge_by_port_and_pod_ports_by_container_port():
    before = {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]}}
    patch = {"spec": {"ports": [{"port": 443, "name": "tls"}]}}
    assert strategic_merge(before, patch, Service)["spec"]["ports"] == [
        {"port": 80, "name": "http"},
        {"port": 443, "name": "tls"},
    ]


def test_one_item_can_be_deleted_by_its_key():
    assert names_of(strategic_merge(pod(A, B, C), pod({"name": "b", "$patch": "delete"}), Pod)) == ["a", "c"]


def test_a_list_can_be_replaced_whole():
    assert strategic_merge(pod(A, B), pod(C, {"$patch": "replace"}), Pod) == pod(C)


def test_an_object_can_be_replaced_or_emptied():
    before = {"spec": {"nodeSelector": {"a": "1"}, "hostname": "h"}}
    replaced = strategic_merge(before, {"spec": {"nodeSelector": {"b": "2", "$patch": "replace"}}}, Pod)
    assert replaced == {"spec": {"nodeSelector": {"b": "2"}, "hostname": "h"}}
    emptied = strategic_merge(before, {"spec": {"nodeSelector": {"$patch": "delete"}}}, Pod)
    assert emptied == {"spec": {"nodeSelector": {}, "hostname": "h"}}


def test_scalars_of_a_merging_list_are_united_and_can_be_taken_out():
    before = {"metadata": {"finalizers": ["a/1", "a/2"]}}
    added = strategic_merge(before, {"metadata": {"finalizers": ["a/3", "a/1"]}}, Pod)
    assert added["metadata"]["finalizers"] == ["a/3", "a/1", "a/2"]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/1"]}}
    assert strategic_merge(before, patch, Pod)["metadata"]["finalizers"] == ["a/2"]


def test_the_element_order_directive_arranges_a_list():
    order = [{"name": name} for name in "cab"]
    patch = {"spec": {"$setElementOrder/containers": order, "containers": [C]}}
    assert names_of(strategic_merge(pod(A, B), patch, Pod)) == ["c", "a", "b"]
    reorder = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert names_of(strategic_merge(pod(A, B), reorder, Pod)) == ["b", "a"]


def test_items_only_the_server_has_keep_their_places_between_ordered_ones():
    sidecar = {"name": "sidecar"}
    order = [{"name": "b"}, {"name": "a"}]
    patch = {"spec": {"$setElementOrder/containers": order}}
    assert names_of(strategic_merge(pod(A, sidecar, B), patch, Pod)) == ["sidecar", "b", "a"]


def test_retain_keys_clears_what_it_does_not_name():
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_merge(before, patch, Deployment) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_the_selector_of_a_disruption_budget_is_replaced():
    before = {"spec": {"selector": {"matchLabels": {"a": "1"}}, "minAvailable": 1}}
    patch = {"spec": {"selector": {"matchLabels": {"b": "2"}}}}
    result = strategic_merge(before, patch, PodDisruptionBudget)
    assert result == {"spec": {"selector": {"matchLabels": {"b": "2"}}, "minAvailable": 1}}


def test_new_parts_come_without_nulls_and_directives():
    patch = pod({"name": "a", "image": None, "env": [{"name": "X"}, {"name": "Y", "$patch": "delete"}]})
    assert strategic_merge({}, patch, Pod) == pod({"name": "a", "env": [{"name": "X"}]})


@pytest.mark.parametrize(
    ("before", "patch", "words"),
    [
        (pod(A), {"spec": {"$patch": "bogus"}}, "unknown patch type: bogus in map: map[$patch:bogus]"),
        (pod(A), pod({"image": "x"}), "map: map[image:x] does not contain declared merge key: name"),
        (pod(A), pod({"name": "a", "$patch": "merge"}), "merging lists cannot yet be specified in the patch"),
        (pod(A), pod("a"), "list element types are not identical"),
        (pod(A), {"spec": {"$retainKeys": "x"}}, "invalid patch format of retainKeys"),
        (pod(A), {"spec": {"$retainKeys": [], "hostname": "h"}}, "invalid patch format of retainKeys"),
        (pod(A), {"spec": {"$setElementOrder": []}}, "invalid patch format of setElementOrder list"),
        (
            pod(A),
            {"spec": {"$setElementOrder/containers": {}}},
            "expected a []interface {}, but received a map",
        ),
        (
            pod(A),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [A]}},
            "The order in patch list:",
        ),
        (
            {"metadata": {"finalizers": ["a"]}},
            {"metadata": {"$deleteFromPrimitiveList": ["a"]}},
            "invalid patch format of primitive list",
        ),
        (pod(A), [], "invalid JSON document"),
    ],
)
def test_patches_that_make_no_sense_are_refused_in_kubernetes_words(before, patch, words):
    with pytest.raises(BadRequest) as caught:
        strategic_merge(before, patch, Pod)
    assert words in caught.value.message


def test_custom_resources_have_no_strategic_merge():
    with pytest.raises(BadRequest, match="strategic merge patch format is not supported"):
        strategic_merge({}, {}, None)


item_names = st.sampled_from("abcd")
env = st.fixed_dictionaries({"name": item_names}, optional={"value": st.sampled_from("12")})
containers = st.fixed_dictionaries(
    {"name": item_names},
    optional={
        "image": st.sampled_from(["x", "y"]),
        "env": st.lists(env, max_size=3, unique_by=lambda e: e["name"]),
    },
)
pods = st.builds(
    lambda items, labels: {"metadata": {"labels": labels}, "spec": {"containers": items}},
    st.lists(containers, max_size=4, unique_by=lambda c: c["name"]),
    st.dictionaries(item_names, item_names, max_size=3),
)


@given(pods, pods)
def test_patching_twice_is_patching_once_and_changes_no_input(document, patch):
    before = copy.deepcopy((document, patch))
    once = strategic_merge(document, patch, Pod)
    assert strategic_merge(once, patch, Pod) == once
    assert (document, patch) == before


@given(pods, pods)
def test_no_container_is_lost_or_doubled_by_a_patch_without_directives(document, patch):
    result = names_of(strategic_merge(document, patch, Pod))
    wanted = set(names_of(document)) | set(names_of(patch))
    assert sorted(result) == sorted(wanted)
    assert [name for name in result if name in names_of(patch)] == names_of(patch)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["a", "delete", "replace"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "containers", "name", "finalizers", "env", "$patch", "$retainKeys",
                 "$setElementOrder/containers", "$setElementOrder/finalizers", "$deleteFromPrimitiveList/finalizers"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["metadata", "spec"]), anything), anything)
def test_any_patch_applies_or_is_refused(document, patch):
    try:
        strategic_merge(document, patch, Pod)
    except ApiError as error:
        assert 400 <= error.code < 500
