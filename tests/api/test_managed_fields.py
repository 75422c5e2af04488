"""managedFields of plain writes: who owns what after creates, updates and patches."""

from __future__ import annotations

import copy

import msgspec
import pytest

from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_config import ConfigMap
from pikube.api.kinds.meta import ManagedFieldsEntry
from pikube.api.managed_fields import (
    ANCIENT,
    MAX_UPDATE_MANAGERS,
    UPDATE,
    Manager,
    Owned,
    capped,
    decode_managed,
    encode_managed,
    track_update,
)
from pikube.api.structure import custom_structure

AT = 1_700_000_000.0
TIME = "2023-11-14T22:13:20Z"


def config_map(**data):
    return msgspec.convert({"metadata": {"name": "c", "uid": "u"}, "data": data}, ConfigMap)


def deployment(manifest):
    return msgspec.convert(manifest, Deployment)


def fields_of(obj):
    return {entry.manager: entry.fields_v1 for entry in obj.metadata.managed_fields}


def changed(old, manager, now=AT, subresource="", **data):
    new = msgspec.convert(msgspec.to_builtins(old), ConfigMap)
    new.data = {**old.data, **data}
    new.data = {key: value for key, value in new.data.items() if value is not None}
    track_update(old, new, ConfigMap, manager, now, subresource)
    return new


def test_a_create_gives_the_creator_all_it_set_but_not_the_identity():
    new = config_map(a="1")
    new.metadata.labels = {"x": "y"}
    track_update(None, new, ConfigMap, "kubectl-create", AT)
    assert new.metadata.managed_fields == (
        ManagedFieldsEntry(
            manager="kubectl-create",
            operation="Update",
            api_version="v1",
            time=TIME,
            fields_type="FieldsV1",
            fields_v1={"f:data": {".": {}, "f:a": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}},
        ),
    )


def test_a_created_deployment_is_tracked_as_kubernetes_prints_it():
    new = deployment(
        {
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "web"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "containers": [{"name": "nginx", "image": "nginx", "ports": [{"containerPort": 80}]}],
                        "securityContext": {},
                    },
                },
            },
            "status": {"replicas": 3},
        }
    )
    track_update(None, new, Deployment, "kubectl-create", AT)
    assert fields_of(new)["kubectl-create"] == {
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:strategy": {"f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"nginx"}': {
                            ".": {},
                            "f:name": {},
                            "f:image": {},
                            "f:resources": {},
                            "f:ports": {
                                ".": {},
                                'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
                            },
                        }
                    },
                    "f:securityContext": {},
                },
            },
        }
    }


def test_an_update_takes_what_it_changes_from_the_one_who_had_it():
    first = config_map(a="1", b="2")
    track_update(None, first, ConfigMap, "one", AT)
    second = changed(first, "two", a="9")
    assert fields_of(second) == {"one": {"f:data": {".": {}, "f:b": {}}}, "two": {"f:data": {"f:a": {}}}}


def test_what_is_removed_is_owned_by_nobody():
    first = config_map(a="1", b="2")
    track_update(None, first, ConfigMap, "one", AT)
    second = changed(first, "two", a=None)
    assert fields_of(second) == {"one": {"f:data": {".": {}, "f:b": {}}}}


def test_a_write_that_changes_nothing_leaves_entries_and_times():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "one", AT)
    assert changed(first, "two", now=AT + 60, a="1").metadata.managed_fields == first.metadata.managed_fields


def test_a_manager_keeps_what_it_had_and_gets_a_new_time():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "one", AT)
    second = changed(first, "one", now=AT + 60, b="2")
    (entry,) = second.metadata.managed_fields
    assert entry.fields_v1 == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}
    assert entry.time == "2023-11-14T22:14:20Z"


def test_an_object_that_nobody_tracks_stays_so():
    assert changed(config_map(a="1"), "one", a="2").metadata.managed_fields == ()


def test_one_empty_entry_forgets_all_managers():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "one", AT)
    second = config_map(a="2")
    second.metadata.managed_fields = (ManagedFieldsEntry(),)
    track_update(first, second, ConfigMap, "two", AT)
    assert second.metadata.managed_fields == ()


def test_an_empty_list_in_a_decoded_object_forgets_all_managers():
    structure = custom_structure(None)
    first = {"apiVersion": "x/v1", "metadata": {"name": "f"}, "spec": {"a": 1}}
    track_update(None, first, structure, "one", AT)
    second = {**first, "spec": {"a": 2}, "metadata": {"name": "f", "managedFields": []}}
    track_update(first, second, structure, "two", AT)
    assert "managedFields" not in second["metadata"]


def test_a_client_that_leaves_the_list_out_does_not_lose_it():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "one", AT)
    second = config_map(a="1", b="2")
    track_update(first, second, ConfigMap, "two", AT)
    assert fields_of(second) == {"one": {"f:data": {".": {}, "f:a": {}}}, "two": {"f:data": {"f:b": {}}}}


def test_a_list_that_cannot_be_read_is_taken_from_the_stored_object():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "one", AT)
    second = config_map(a="1")
    second.metadata.managed_fields = (ManagedFieldsEntry(manager="x", operation="Grab", api_version="v1"),)
    track_update(first, second, ConfigMap, "two", AT)
    assert fields_of(second) == fields_of(first)


def test_a_client_may_rewrite_the_list_as_kubectl_does_when_it_migrates():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "kubectl-client-side-apply", AT)
    second = msgspec.convert(msgspec.to_builtins(first), ConfigMap)
    (entry,) = second.metadata.managed_fields
    second.metadata.managed_fields = (
        ManagedFieldsEntry(
            manager="kubectl",
            operation="Apply",
            api_version="v1",
            time=TIME,
            fields_type="FieldsV1",
            fields_v1=entry.fields_v1,
        ),
    )
    track_update(first, second, ConfigMap, "kubectl", AT)
    assert [(e.manager, e.operation) for e in second.metadata.managed_fields] == [("kubectl", "Apply")]


def test_a_subresource_cannot_rewrite_the_list_and_has_an_entry_of_its_own():
    first = config_map(a="1")
    track_update(None, first, ConfigMap, "one", AT)
    second = config_map(a="2")
    second.metadata.managed_fields = (ManagedFieldsEntry(),)
    track_update(first, second, ConfigMap, "one", AT, "status")
    entries = [(e.manager, e.subresource, e.fields_v1) for e in second.metadata.managed_fields]
    assert entries == [("one", "", {"f:data": {}}), ("one", "status", {"f:data": {"f:a": {}}})]


def test_status_belongs_to_nobody_through_the_main_door_and_spec_through_status():
    old = deployment({"metadata": {"name": "d", "uid": "u"}, "spec": {"replicas": 1}})
    track_update(None, old, Deployment, "one", AT)
    new = deployment(
        {"metadata": {"name": "d", "uid": "u"}, "spec": {"replicas": 2}, "status": {"replicas": 2}}
    )
    main, status = copy.deepcopy(new), copy.deepcopy(new)
    track_update(old, main, Deployment, "two", AT)
    assert fields_of(main)["two"] == {"f:spec": {"f:replicas": {}}}
    track_update(old, status, Deployment, "two", AT, "status")
    assert fields_of(status)["two"] == {"f:status": {"f:replicas": {}}}
    assert fields_of(status)["one"] == fields_of(old)["one"]


def test_more_than_ten_updaters_become_one_of_ancient_changes():
    managed = {
        Manager(f"m{i:02}", UPDATE, "v1"): Owned({f"f:{i:02}": {}}, "v1", f"2024-01-01T00:00:{i:02}Z")
        for i in range(13)
    }
    kept = capped(managed)
    assert len(kept) == MAX_UPDATE_MANAGERS
    ancient = kept[Manager(ANCIENT, UPDATE, "v1")]
    assert ancient == Owned({f"f:{i:02}": {} for i in range(4)}, "v1", "2024-01-01T00:00:03Z")
    assert capped(kept) == kept


def test_updaters_of_different_versions_are_not_mixed():
    managed = {
        Manager(f"m{i:02}", UPDATE, f"v{i % 2}"): Owned(
            {f"f:{i:02}": {}}, f"v{i % 2}", f"2024-01-01T00:00:{i:02}Z"
        )
        for i in range(11)
    }
    kept = capped(managed)
    assert len(kept) == MAX_UPDATE_MANAGERS
    assert kept[Manager(ANCIENT, UPDATE, "v0")].fields == {"f:00": {}, "f:02": {}}


def test_entries_are_ordered_by_operation_and_time():
    managed = {
        Manager("late", UPDATE, "v1"): Owned({"f:a": {}}, "v1", "2024-01-02T00:00:00Z"),
        Manager("early", UPDATE, "v1"): Owned({"f:b": {}}, "v1", "2024-01-01T00:00:00Z"),
        Manager("apply", "Apply", "", "status"): Owned({"f:c": {}}, "v2", "2024-01-03T00:00:00Z"),
    }
    entries = encode_managed(managed)
    assert [entry["manager"] for entry in entries] == ["apply", "early", "late"]
    assert entries[0]["subresource"] == "status"
    assert decode_managed(entries) == managed


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"operation": "Update"},
        {"operation": "Update", "apiVersion": "v1"},
        {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV2"},
        {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"bad": {}}},
    ],
)
def test_malformed_entries_are_refused(entry):
    with pytest.raises(ValueError):
        decode_managed([entry])
