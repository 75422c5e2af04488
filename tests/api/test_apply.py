"""Server-side apply: ownership, conflicts, pruning, kubectl's migration; and upstream as the judge."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.apply import LAST_APPLIED, apply
from pikube.api.errors import ApiError, BadRequest, Conflict
from pikube.api.field_sets import intersection, union
from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_config import ConfigMap
from pikube.api.managed_fields import track_update
from pikube.api.merge_patch import merge_patch
from pikube.api.structure import custom_structure, structure_of

AT = 1_700_000_000.0
SEQUENCES = Path(__file__).parent / "upstream" / "apply_sequences.jsonl"


def config_map(data, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}, "data": data}


def applied(live, config, manager="one", *, force=False, now=AT, subresource=""):
    return apply(live, config, ConfigMap, manager, force=force, now=now, subresource=subresource)


def owners(obj):
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


def test_the_first_apply_creates_and_owns_what_it_names():
    obj = applied(None, config_map({"a": "1"}))
    assert obj["data"] == {"a": "1"}
    assert obj["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "2023-11-14T22:13:20Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}},
        }
    ]


def test_applying_the_same_again_changes_nothing_not_even_the_time():
    obj = applied(None, config_map({"a": "1"}))
    assert applied(obj, config_map({"a": "1"}), now=AT + 60) == obj


def test_a_field_no_longer_applied_is_removed():
    obj = applied(None, config_map({"a": "1", "b": "2"}))
    assert applied(obj, config_map({"a": "1"}))["data"] == {"a": "1"}


def test_a_field_someone_else_owns_too_stays_and_stays_theirs():
    obj = applied(None, config_map({"a": "1", "b": "2"}))
    obj = applied(obj, config_map({"b": "2"}), "two")
    obj = applied(obj, config_map({"a": "1"}))
    assert obj["data"] == {"a": "1", "b": "2"}
    assert owners(obj) == {"one": {"f:data": {"f:a": {}}}, "two": {"f:data": {"f:b": {}}}}


def test_equal_values_are_owned_together_without_conflict():
    obj = applied(applied(None, config_map({"a": "1"})), config_map({"a": "1"}), "two")
    assert owners(obj) == {"one": {"f:data": {"f:a": {}}}, "two": {"f:data": {"f:a": {}}}}


def test_another_value_for_a_field_someone_owns_is_a_conflict():
    obj = applied(None, config_map({"a": "1"}))
    with pytest.raises(Conflict) as caught:
        applied(obj, config_map({"a": "2"}), "two")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert caught.value.to_status()["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    ]


def test_many_conflicts_are_listed_by_manager():
    obj = applied(None, config_map({"a": "1", "b": "1"}))
    changed = merge_patch(obj, {"data": {"c": "1"}})
    track_update(obj, changed, ConfigMap, "kubectl-edit", AT)
    with pytest.raises(Conflict) as caught:
        applied(changed, config_map({"a": "2", "b": "2", "c": "2"}), "two")
    assert caught.value.message == (
        'Apply failed with 3 conflicts: conflicts with "kubectl-edit" using v1:\n- .data.c\n'
        'conflicts with "one":\n- .data.a\n- .data.b'
    )


def test_force_takes_the_field_over():
    obj = applied(None, config_map({"a": "1", "b": "1"}))
    obj = applied(obj, config_map({"a": "2"}), "two", force=True)
    assert obj["data"] == {"a": "2", "b": "1"}
    assert owners(obj) == {"one": {"f:data": {"f:b": {}}}, "two": {"f:data": {"f:a": {}}}}


def test_what_stood_there_before_anyone_applied_belongs_to_before_first_apply():
    live = {**config_map({"a": "1"}, uid="u")}
    with pytest.raises(Conflict, match=r'conflict with "before-first-apply" using v1: \.data\.a'):
        applied(live, config_map({"a": "2"}))
    obj = applied(live, config_map({"b": "2"}))
    assert set(owners(obj)) == {"before-first-apply", "one"}


def test_an_empty_configuration_gives_everything_back():
    obj = applied(None, config_map({"a": "1"}))
    obj = applied(obj, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    assert "managedFields" not in obj["metadata"]
    assert not obj.get("data")


def test_defaults_in_an_applied_item_survive_the_next_apply_though_nobody_owns_them():
    def config(image):
        container = {"name": "a", "image": image}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": [container]}}},
        }

    obj = apply(None, config("1"), Deployment, "one", now=AT)
    obj = copy.deepcopy(obj)
    obj["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    again = apply(obj, config("2"), Deployment, "one", now=AT)
    assert again["spec"]["template"]["spec"]["containers"] == [
        {"name": "a", "image": "2", "imagePullPolicy": "Always"}
    ]


def test_an_item_no_longer_applied_goes_with_its_defaults():
    def config(*names):
        containers = [{"name": name, "image": "x"} for name in names]
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": containers}}},
        }

    obj = copy.deepcopy(apply(None, config("a", "b"), Deployment, "one", now=AT))
    obj["spec"]["template"]["spec"]["containers"][1]["imagePullPolicy"] = "Always"
    obj = apply(obj, config("a"), Deployment, "one", now=AT)
    assert [c["name"] for c in obj["spec"]["template"]["spec"]["containers"]] == ["a"]


def test_replicas_given_up_for_an_autoscaler_keep_their_value():
    def config(**spec):
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}

    obj = apply(None, config(replicas=2, paused=True), Deployment, "one", now=AT)
    scaled = merge_patch(obj, {"spec": {"replicas": 5}})
    track_update(obj, scaled, Deployment, "kube-controller-manager", AT, "scale")
    obj = apply(scaled, config(paused=True), Deployment, "one", now=AT)
    assert obj["spec"]["replicas"] == 5


def test_status_and_spec_are_owned_through_their_own_doors():
    def config(**parts):
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, **parts}

    obj = apply(None, config(spec={"replicas": 1}, status={"replicas": 9}), Deployment, "one", now=AT)
    assert owners(obj) == {"one": {"f:spec": {"f:replicas": {}}}}
    assert not obj.get("status")
    both = config(spec={"replicas": 7}, status={"replicas": 2})
    obj = apply(obj, both, Deployment, "two", now=AT, subresource="status")
    assert obj["spec"] == apply(None, config(spec={"replicas": 1}), Deployment, "one", now=AT)["spec"]
    entry = next(e for e in obj["metadata"]["managedFields"] if e["manager"] == "two")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


def test_custom_resources_apply_by_their_schema_and_without_one():
    widget = {"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"tags": ["a"]}}
    as_set = custom_structure(
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {
                        "tags": {
                            "type": "array",
                            "x-kubernetes-list-type": "set",
                            "items": {"type": "string"},
                        }
                    },
                }
            },
        }
    )
    other = {**widget, "spec": {"tags": ["b"]}}
    obj = apply(None, widget, as_set, "one", now=AT)
    assert apply(obj, other, as_set, "two", now=AT)["spec"]["tags"] == ["a", "b"]
    free = custom_structure(None)
    obj = apply(None, widget, free, "one", now=AT)
    with pytest.raises(Conflict, match=r"\.spec\.tags"):
        apply(obj, other, free, "two", now=AT)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (config_map({"a": "1"}, managedFields=[]), "metadata.managedFields must be nil"),
        (
            {**config_map({}), "bogus": 1},
            "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .bogus: field",
        ),
        (
            {**config_map({}), "metadata": "x"},
            "failed to create typed patch object (v1): .metadata: expected map",
        ),
        (
            config_map({"a": {"c": [True, None], "b": "x"}}),
            ".data.a: expected string, got &value.valueUnstructured{Value:map[string]interface {}"
            '{"b":"x", "c":[]interface {}{true, interface {}(nil)}}}',
        ),
        (config_map({"a": True}), ".data.a: expected string, got &value.valueUnstructured{Value:true}"),
        (config_map({"a": 1.5}), ".data.a: expected string, got &value.valueUnstructured{Value:1.5}"),
    ],
)
def test_configurations_that_make_no_sense_are_refused_as_upstream_refuses_them(config, words):
    with pytest.raises(ApiError) as caught:
        applied(None, config)
    assert words in caught.value.message
    is_typed = words == "metadata.managedFields must be nil"
    assert (caught.value.code, "reason" in caught.value.to_status()) == (
        (400, True) if is_typed else (500, False)
    )


class TestKubectlMigration:
    """Objects that kubectl applied on the client's side come over without conflicts."""

    def live(self, data, last):
        annotations = {LAST_APPLIED: json.dumps(config_map(last))}
        obj = config_map(data, uid="u", annotations=annotations)
        track_update(None, obj, ConfigMap, "kubectl-client-side-apply", AT)
        return obj

    def test_kubectl_takes_over_what_its_client_side_apply_had_set(self):
        obj = applied(self.live({"a": "1"}, {"a": "1"}), config_map({"a": "2"}), "kubectl")
        assert obj["data"] == {"a": "2"}
        assert json.loads(obj["metadata"]["annotations"][LAST_APPLIED]) == config_map({"a": "2"})

    def test_what_changed_since_is_still_a_conflict(self):
        live = self.live({"a": "3", "b": "1"}, {"a": "1", "b": "1"})
        with pytest.raises(Conflict) as caught:
            applied(live, config_map({"a": "2", "b": "2"}), "kubectl")
        assert [cause.field for cause in caught.value.causes] == [".data.a"]

    def test_other_managers_get_no_such_favour(self):
        with pytest.raises(Conflict):
            applied(self.live({"a": "1"}, {"a": "1"}), config_map({"a": "2"}), "flux")

    def test_an_unreadable_annotation_is_no_licence(self):
        live = self.live({"a": "1"}, {"a": "1"})
        live["metadata"]["annotations"][LAST_APPLIED] = "{"
        with pytest.raises(Conflict):
            applied(live, config_map({"a": "2"}), "kubectl")

    def test_an_annotation_that_grows_too_large_is_dropped(self):
        big = "x" * 300_000
        obj = applied(self.live({"a": "1"}, {"a": "1"}), config_map({"a": big}), "kubectl")
        assert LAST_APPLIED not in obj["metadata"]["annotations"]


def sequences():
    return [json.loads(line) for line in SEQUENCES.read_text().splitlines()]


def comparable(obj):
    """An object without times, its managers in one order, nulls left out."""
    meta = dict(obj.get("metadata") or {})
    entries = [{k: v for k, v in entry.items() if k != "time"} for entry in meta.pop("managedFields", [])]
    return without_nulls({**obj, "metadata": meta}), sorted(
        entries, key=lambda e: json.dumps(e, sort_keys=True)
    )


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("steps", sequences())
def test_random_applies_and_updates_end_as_with_kubernetes_own_field_manager(steps):
    """The answers are those of k8s.io/apimachinery v0.36.2 `managedfields.FieldManager` to the same steps."""
    structure, live = structure_of(Deployment), None
    for step in steps:
        try:
            if step["op"] == "apply":
                force = step.get("force", False)
                new = apply(live, step["obj"], structure, step["manager"], force=force, now=AT, reset=())
            else:
                base = {"apiVersion": "apps/v1", "kind": "Deployment"} if live is None else live
                new = merge_patch(base, step["patch"])
                track_update(live, new, structure, step["manager"], AT, reset=())
        except (Conflict, BadRequest) as error:
            assert error.message == step["error"]
            continue
        live = new
        assert comparable(live) == comparable(step["live"])


keys = st.sampled_from("abc")
configs = st.dictionaries(keys, keys, max_size=3).map(config_map)
managers = st.sampled_from(["one", "two", "kubectl"])
histories = st.lists(st.tuples(managers, configs), max_size=4)


def after(history):
    live = None
    for manager, config in history:
        live = applied(live, config, manager, force=True)
    return live


@given(histories, managers, configs)
def test_applying_twice_is_applying_once_and_changes_no_input(history, manager, config):
    live = after(history)
    before = copy.deepcopy((live, config))
    once = applied(live, config, manager, force=True)
    assert applied(once, config, manager, force=True, now=AT + 60) == once
    assert (live, config) == before


@given(histories, managers, configs)
def test_without_force_nobody_loses_a_field(history, manager, config):
    live = after(history)
    try:
        new = applied(live, config, manager)
    except Conflict as conflict:
        assert conflict.causes
        assert applied(live, config, manager, force=True)["data"].items() >= config["data"].items()
        return
    for other, fields in owners(live or {"metadata": {}}).items():
        if other != manager:
            assert owners(new)[other] == fields


@given(histories, managers, configs)
def test_a_forced_apply_leaves_others_only_what_they_had_and_agree_on(history, manager, config):
    live = after(history)
    new = applied(live, config, manager, force=True)
    mine = owners(new).get(manager, {})
    assert set(mine.get("f:data", {})) == {"f:" + key for key in config["data"]}
    for other, fields in owners(new).items():
        if other == manager:
            continue
        before = owners(live)[other]
        assert union(before, fields) == before
        for step in intersection(fields, mine).get("f:data", {}):
            assert live["data"][step[2:]] == config["data"][step[2:]]


@given(histories)
def test_every_value_has_an_owner_when_everything_was_applied(history):
    live = after(history)
    if live is None:
        return
    owned = set()
    for fields in owners(live).values():
        owned |= {step[2:] for step in fields.get("f:data", {})}
    assert set(live.get("data") or {}) <= owned
