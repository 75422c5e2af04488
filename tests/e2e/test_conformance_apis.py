"""Kinds of which Kubernetes' conformance asks only that their API works, from creation to the collection's end."""

import json

import pytest
from api_life import life

POD = {"containers": [{"name": "c", "image": "localhost/box:1"}]}
CONDITION = {
    "type": "Seen", "status": "True", "reason": "Because", "message": "of a test",
    "lastTransitionTime": "2026-01-02T03:04:05Z",
}  # fmt: skip
SEEN = {"conditions": [{"type": "Seen", "status": "True"}]}
SUBSET = {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
NAMESPACED = {
    "leases": ("coordination.k8s.io/v1", "Lease", {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 30}}, ()),
    "podtemplates": ("v1", "PodTemplate", {"template": {"spec": POD}}, ()),
    "configmaps": ("v1", "ConfigMap", {"data": {"a": "b"}}, ()),
    "secrets": ("v1", "Secret", {"stringData": {"a": "b"}}, ()),
    "endpoints": ("v1", "Endpoints", {"subsets": [SUBSET]}, ()),
    "services": (
        "v1", "Service", {"spec": {"ports": [{"port": 80}]}},
        ({"conditions": [CONDITION]}, {"loadBalancer": {}}),
    ),
    "endpointslices": (
        "discovery.k8s.io/v1", "EndpointSlice",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 80}]}, (),
    ),
    "ingresses": (
        "networking.k8s.io/v1", "Ingress", {"spec": {"defaultBackend": BACKEND}},
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.3"}]}},),
    ),
    "networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"podSelector": {}}}, ()),
    "csistoragecapacities": ("storage.k8s.io/v1", "CSIStorageCapacity", {"storageClassName": "none"}, ()),
    "persistentvolumeclaims": (
        "v1", "PersistentVolumeClaim",
        {"spec": {"storageClassName": "nobody", "accessModes": ["ReadWriteOnce"],
                  "resources": {"requests": {"storage": "1Mi"}}}},
        (SEEN,),
    ),
    "pods": ("v1", "Pod", {"spec": {**POD, "schedulerName": "nobody"}}, (SEEN,)),
}  # fmt: skip
CLUSTER = {
    "nodes": ("v1", "Node", {"spec": {"unschedulable": True}}, ()),
    "flowschemas": (
        "flowcontrol.apiserver.k8s.io/v1", "FlowSchema",
        {"spec": {
            "matchingPrecedence": 10000, "priorityLevelConfiguration": {"name": "global-default"},
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [{"subjects": [{"kind": "User", "user": {"name": "nobody"}}],
                       "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}],
        }},
        (),
    ),
    "prioritylevelconfigurations": (
        "flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration",
        {"spec": {"type": "Limited", "limited": {
            "nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}},
        (SEEN,),
    ),
    "runtimeclasses": ("node.k8s.io/v1", "RuntimeClass", {"handler": "life"}, ()),
    "ingressclasses": ("networking.k8s.io/v1", "IngressClass", {"spec": {"controller": "example.com/c"}}, ()),
    "csidrivers": ("storage.k8s.io/v1", "CSIDriver", {"spec": {"attachRequired": False}}, ()),
    "csinodes": ("storage.k8s.io/v1", "CSINode", {"spec": {"drivers": []}}, ()),
    "storageclasses": ("storage.k8s.io/v1", "StorageClass", {"provisioner": "example.com/p"}, ()),
    "persistentvolumes": (
        "v1", "PersistentVolume",
        {"spec": {"capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "nobody",
                  "hostPath": {"path": "/tmp"}, "persistentVolumeReclaimPolicy": "Retain"}},
        ({"message": "of a test", "reason": "Because"},),
    ),
    "volumeattachments": (
        "storage.k8s.io/v1", "VolumeAttachment",
        {"spec": {"attacher": "example.com", "nodeName": "nobody", "source": {"persistentVolumeName": "none"}}},
        ({"attached": True}, {"attached": False}),
    ),
}  # fmt: skip


def root(api_version):
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


@pytest.mark.parametrize("resource", NAMESPACED)
def test_the_api_of_a_kind_of_a_namespace(board, namespace, resource):
    version, kind, rest, statuses = NAMESPACED[resource]
    meta = {"name": f"life-{namespace}", "namespace": namespace}
    document = {"apiVersion": version, "kind": kind, "metadata": meta, **rest}
    life(board, f"{root(version)}/namespaces/{namespace}/{resource}", document, statuses=statuses)


@pytest.mark.parametrize("resource", CLUSTER)
def test_the_api_of_a_kind_of_the_cluster(board, namespace, resource):
    version, kind, rest, statuses = CLUSTER[resource]
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": f"life-{namespace}"}, **rest}
    life(board, f"{root(version)}/{resource}", document, statuses=statuses)


@pytest.mark.parametrize(("resource", "kind"), [("configmaps", "ConfigMap"), ("secrets", "Secret")])
def test_what_is_immutable_keeps_its_data_and_an_empty_key_is_none(board, namespace, resource, kind):
    def change(patch, check=True):
        return board.kubectl(
            "-n", namespace, "patch", kind, "x", "--type=merge", "-p", json.dumps(patch), check=check
        )

    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "data": {"a": "YQ=="}}
    board.kubectl("-n", namespace, "create", "-f", "-", text_in=json.dumps(document))
    change({"data": {"a": "Yg=="}})
    change({"immutable": True})
    for patch in ({"data": {"a": "Yw=="}}, {"immutable": False}, {"immutable": None}):
        refused = change(patch, check=False)
        assert "field is immutable when `immutable` is set" in refused.stderr, refused.stderr
    change({"metadata": {"labels": {"still": "changes"}}})
    board.kubectl("-n", namespace, "delete", kind, "x")
    empty = {**document, "data": {"": "YQ=="}}
    refused = board.kubectl("-n", namespace, "create", "-f", "-", text_in=json.dumps(empty), check=False)
    assert 'data[]: Invalid value: ""' in refused.stderr, refused.stderr
