"""What happens in a cluster, told so that every controller of the leader has something to do in some story.

Enter: a World with all controllers. Leaves: a world changed as users, boards and time would change it. A new
controller that acts in no story makes test_every_controller.py fail: tell one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from fakes.world import World
from msgspec import structs
from objects import node, pod, template

from pikube.api.kinds.batch import Job
from pikube.api.kinds.certificates import CertificateSigningRequest
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_container import ContainerState, ContainerStateTerminated, ContainerStatus
from pikube.api.kinds.core_node import Node, NodeAddress
from pikube.api.kinds.core_pod import Pod, PodCondition
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.times import render_micro_time, render_time
from pikube.certs.join_token import JoinToken
from pikube.leader.controllers.conditions import with_condition
from pikube.leader.controllers.local_path import local_path_class
from pikube.leader.join_tokens import token_secret

BEAT_S = 5
BUSY_TEMPLATE = msgspec.to_builtins(template())
LABELS = {"app": "web"}


def make(it: World, document: dict[str, Any], **more: Any) -> Any:
    """Create an object from a manifest."""
    document = {**document, **more}
    group, _, version = document["apiVersion"].rpartition("/")
    info = it.api.scheme.by_kind(group, version, document["kind"])
    assert info is not None, document
    meta = document["metadata"]
    if info.names.namespaced:
        meta = {"namespace": "default", **meta}
    return it.api.create_nowait(msgspec.convert({**document, "metadata": meta}, info.cls))


def manifest(api_version: str, kind: str, name: str, spec: Any = None, **more: Any) -> dict[str, Any]:
    meta = {"name": name, **more.pop("metadata", {})}
    body = {} if spec is None else {"spec": spec}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body, **more}


def boards(it: World, *names: str) -> None:
    for name in ("default", "kube-system"):
        it.api.create_nowait(msgspec.convert({"metadata": {"name": name}}, Namespace))
    for name in names:
        board = node(name)
        board.status.addresses = (NodeAddress(type="InternalIP", address=f"192.0.2.{ord(name)}"),)
        it.api.create_nowait(board)
        it.api.create_nowait(
            msgspec.convert({"metadata": {"name": name, "namespace": "kube-node-lease"}}, Lease)
        )


def live(it: World, seconds: int, *, silent: Iterable[str] = ()) -> None:
    """Time passes, and boards beat."""
    it.settle()
    for _ in range(0, seconds, BEAT_S):
        for lease in it.api.all_of(Lease, "kube-node-lease"):
            if lease.metadata.name not in silent:
                now = {"spec": {"renewTime": render_micro_time(it.now)}}
                it.api.patch_nowait(Lease, lease.metadata.name, "kube-node-lease", now)
        it.advance(BEAT_S)


def end(it: World, ended: Pod, code: int = 0) -> None:
    """A pod's container exits."""
    state = ContainerState(
        terminated=ContainerStateTerminated(exit_code=code, finished_at=render_time(it.now))
    )
    status = structs.replace(
        ended.status,
        phase="Failed" if code else "Succeeded",
        container_statuses=(ContainerStatus(name=ended.spec.containers[0].name, state=state),),
    )
    bare = structs.replace(ended.metadata, resource_version="")
    it.api.update_nowait(structs.replace(ended, status=status, metadata=bare), "status")


def set_image(it: World, cls: type[Any], name: str, image: str) -> None:
    containers = [{**BUSY_TEMPLATE["spec"]["containers"][0], "image": image}]
    it.api.patch_nowait(cls, name, "default", {"spec": {"template": {"spec": {"containers": containers}}}})


def by_kind(it: World, api_version: str, kind: str) -> type[Any]:
    group, _, version = api_version.rpartition("/")
    info = it.api.scheme.by_kind(group, version, kind)
    assert info is not None
    return info.cls  # type: ignore[no-any-return]


def workloads(it: World) -> None:
    """Sets of every kind come, are scaled, get another image, and go with what they own."""
    boards(it, "a", "b", "c")
    web = {"selector": {"matchLabels": LABELS}, "template": BUSY_TEMPLATE, "replicas": 3}
    make(it, manifest("apps/v1", "Deployment", "web", web))
    kinds = {kind: by_kind(it, "apps/v1", kind) for kind in ("Deployment", "DaemonSet", "StatefulSet")}

    def labelled(app: str) -> dict[str, Any]:
        labels = {"app": app}
        inner = {"metadata": {"labels": labels}, "spec": BUSY_TEMPLATE["spec"]}
        return {"selector": {"matchLabels": labels}, "template": inner}

    make(it, manifest("apps/v1", "DaemonSet", "logs", labelled("logs")))
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    retention = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    kept = {"volumeClaimTemplates": [claim], "replicas": 2, "persistentVolumeClaimRetentionPolicy": retention}
    make(it, manifest("apps/v1", "StatefulSet", "db", {**labelled("db"), **kept}))
    old = labelled("old")
    make(
        it, manifest("v1", "ReplicationController", "old", {**old, "selector": {"app": "old"}, "replicas": 2})
    )
    live(it, 10)
    for kind, name in (("Deployment", "web"), ("DaemonSet", "logs"), ("StatefulSet", "db")):
        set_image(it, kinds[kind], name, "web:2")
    live(it, 10)
    for cls, name in ((kinds["Deployment"], "web"), (kinds["StatefulSet"], "db")):
        it.api.patch_nowait(cls, name, "default", {"spec": {"replicas": 1}})
    live(it, 5)
    it.api.create_nowait(node("d"))
    live(it, 5)
    it.api.delete_nowait(kinds["Deployment"], "web", "default", propagation="Foreground")
    it.api.delete_nowait(kinds["StatefulSet"], "db", "default", propagation="Background")
    it.api.delete_nowait(kinds["DaemonSet"], "logs", "default", propagation="Orphan")
    live(it, 10)


def work(it: World) -> None:
    """Jobs end well and badly, a CronJob makes them, and what is finished is tidied up."""
    boards(it, "a")
    inner = {"spec": {**BUSY_TEMPLATE["spec"], "restartPolicy": "Never"}}
    make(it, manifest("batch/v1", "Job", "good", {
        "template": inner, "completions": 3, "parallelism": 2, "completionMode": "Indexed",
        "ttlSecondsAfterFinished": 30, "backoffLimit": 6,
    }))  # fmt: skip
    make(it, manifest("batch/v1", "Job", "bad", {"template": inner, "backoffLimit": 0}))
    make(it, manifest("batch/v1", "CronJob", "tick", {
        "schedule": "* * * * *", "jobTemplate": {"spec": {"template": inner}}, "successfulJobsHistoryLimit": 1,
    }))  # fmt: skip
    for _ in range(5):
        live(it, 30)
        for one in it.pods():
            end(it, one, 1 if one.metadata.name.startswith("bad") else 0)
    live(it, 60)
    assert it.api.all_of(Job), "the failed one has no time to live"


def storage(it: World) -> None:
    """Claims find volumes or get some made, grow, and both go."""
    boards(it, "a")
    classes = local_path_class("/var/lib/local")
    it.api.create_nowait(structs.replace(classes, allow_volume_expansion=True))
    wish = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    make(it, manifest("v1", "PersistentVolume", "disk", {
        "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"},
        "persistentVolumeReclaimPolicy": "Retain",
    }, metadata={"finalizers": ["kubernetes.io/pv-protection"]}))  # fmt: skip
    held = {"finalizers": ["kubernetes.io/pvc-protection"]}
    make(it, manifest("v1", "PersistentVolumeClaim", "mine", {**wish, "storageClassName": ""}, metadata=held))
    made = {**held, "annotations": {"volume.kubernetes.io/selected-node": "a"}}
    local = {**wish, "storageClassName": "local-path"}
    make(it, manifest("v1", "PersistentVolumeClaim", "local", local, metadata=made))
    scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": wish}}}
    used = {"name": "data", "persistentVolumeClaim": {"claimName": "local"}}
    containers = BUSY_TEMPLATE["spec"]["containers"]
    make(it, manifest("v1", "Pod", "user", {"containers": containers, "volumes": [scratch, used]}))
    live(it, 10)
    more = {"spec": {"resources": {"requests": {"storage": "3Gi"}}}}
    it.api.patch_nowait(PersistentVolumeClaim, "local", "default", more)
    live(it, 5)
    for name in ("mine", "local"):
        it.api.delete_nowait(PersistentVolumeClaim, name, "default")
    live(it, 5)
    it.api.delete_nowait(Pod, "user", "default")
    live(it, 10)


def traffic(it: World) -> None:
    """Services, endpoints made by hand, budgets and an autoscaler around one Deployment."""
    boards(it, "a", "b")
    web = {"selector": {"matchLabels": LABELS}, "template": BUSY_TEMPLATE, "replicas": 2}
    make(it, manifest("apps/v1", "Deployment", "web", web))
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}]
    make(it, manifest("v1", "Service", "web", {"selector": LABELS, "ports": ports, "clusterIP": "10.43.0.9"}))
    make(it, manifest("v1", "Service", "door", {"selector": LABELS, "ports": ports, "type": "LoadBalancer"}))
    make(it, manifest("v1", "Service", "far", {"ports": ports, "clusterIP": "10.43.0.8"}))
    subsets = [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"name": "http", "port": 8080}]}]
    make(it, manifest("v1", "Endpoints", "far", subsets=subsets))
    budget = {"selector": {"matchLabels": LABELS}, "maxUnavailable": 1}
    make(it, manifest("policy/v1", "PodDisruptionBudget", "web", budget))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    bounds = {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 5}
    make(it, manifest("autoscaling/v2", "HorizontalPodAutoscaler", "web", bounds))
    hard = {"pods": "10", "count/deployments.apps": "2"}
    make(it, manifest("v1", "ResourceQuota", "all", {"hard": hard}))
    live(it, 20)
    first = it.pods()[0]
    said = PodCondition(type="DisruptionTarget", status="True", last_transition_time=render_time(it.now))
    conditions = with_condition(first.status.conditions, said)
    it.api.update_nowait(
        structs.replace(first, status=structs.replace(first.status, conditions=conditions)), "status"
    )
    live(it, 130)
    for kind, name in (("Service", "door"), ("Endpoints", "far")):
        it.api.delete_nowait(by_kind(it, "v1", kind), name, "default")
    live(it, 5)


def lost_boards(it: World) -> None:
    """A board falls silent, one is switched off for good, one is deleted, one is under pressure."""
    boards(it, "a", "b", "c", "d", "e")
    web = {"selector": {"matchLabels": LABELS}, "template": BUSY_TEMPLATE, "replicas": 12}
    make(it, manifest("apps/v1", "Deployment", "web", web))
    live(it, 10)
    it.dead.add("b")
    live(it, 30, silent=["b"])
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    taints = [*msgspec.to_builtins(it.api.get_nowait(Node, "b").spec.taints), taint]
    it.api.patch_nowait(Node, "b", "", {"spec": {"taints": taints}})
    live(it, 10, silent=["b"])
    it.dead.add("c")
    it.api.delete_nowait(Node, "c")
    it.api.delete_nowait(Lease, "c", "kube-node-lease")
    it.api.patch_nowait(Node, "d", "", {"spec": {"unschedulable": True}})
    live(it, 150, silent=["b"])


def crowd(it: World) -> None:
    """More pods have ended than are kept."""
    boards(it, "a")
    for number in range(1003):
        it.api.create_nowait(pod(f"ended-{number:04}", phase="Succeeded", node="a"))
    it.settle()


def offices(it: World) -> None:
    """Accounts, roles, certificates, tokens, policies, custom kinds, and a namespace that goes with all it holds."""
    boards(it, "a")
    it.api.create_nowait(token_secret(JoinToken("abcdef", "0" * 16), expires_at=it.now - 2 * 86400))
    it.api.create_nowait(
        msgspec.convert({"metadata": {"name": "team"}, "spec": {"finalizers": ["kubernetes"]}}, Namespace)
    )
    it.settle()
    named = {"annotations": {"kubernetes.io/service-account.name": "default"}}
    make(it, manifest("v1", "Secret", "token", metadata=named, type="kubernetes.io/service-account-token"))
    make(it, manifest("v1", "ConfigMap", "held", metadata={"namespace": "team"}, data={"a": "b"}))
    chosen = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "all"}}]}}
    make(it, manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "all", **chosen))
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    part = manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "part", metadata={"labels": {"to": "all"}})
    make(it, part, rules=rules)
    asked = {
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
        "request": "bm8=",
    }
    make(it, manifest("certificates.k8s.io/v1", "CertificateSigningRequest", "jane", asked))
    about = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["*"]}
    rule = {
        "validations": [{"expression": "object.replicas > 1"}],
        "matchConstraints": {"resourceRules": [about]},
    }
    make(it, manifest("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "house", rule))
    make(
        it,
        manifest(
            "flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "calm", {"type": "Limited"}
        ),
    )
    for name, level in (("robots", "calm"), ("lost", "nowhere")):
        flow = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": 500}
        make(it, manifest("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", name, flow))
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    versions = [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    ]
    definition = {"group": "example.org", "names": names, "scope": "Namespaced", "versions": versions}
    finalizers = {"finalizers": ["customresourcecleanup.apiextensions.k8s.io"]}
    make(it, manifest(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.org", definition, metadata=finalizers
    ))  # fmt: skip
    live(it, 5)
    approved = {"type": "Approved", "status": "True", "lastUpdateTime": render_time(it.now)}
    it.api.patch_nowait(
        CertificateSigningRequest, "jane", "", {"status": {"conditions": [approved]}}, "approval"
    )
    it.api.delete_nowait(CustomResourceDefinition, "widgets.example.org")
    it.api.delete_nowait(by_kind(it, "flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration"), "calm")
    it.api.delete_nowait(Namespace, "team")
    it.api.delete_nowait(by_kind(it, "v1", "ServiceAccount"), "default", "default")
    live(it, 5)


STORIES: dict[str, Callable[[World], None]] = {
    story.__name__: story for story in (workloads, work, storage, traffic, lost_boards, offices, crowd)
}


def bystanders(it: World) -> None:
    """Objects that look like those of the stories and belong to others: nobody may touch them."""
    robot = {"apiVersion": "example.org/v1", "kind": "Robot", "name": "r", "uid": "r", "controller": True}
    for app in ("web", "logs", "db", "old"):
        theirs = {"labels": {"app": app}, "ownerReferences": [robot]}
        on_a = {**BUSY_TEMPLATE["spec"], "nodeSelector": {"kubernetes.io/hostname": "a"}}
        make(it, manifest("v1", "Pod", f"their-{app}", on_a, metadata=theirs))
        chosen = {"selector": {"matchLabels": {"app": app}}, "replicas": 1}
        labelled = {"metadata": {"labels": {"app": app}}, "spec": BUSY_TEMPLATE["spec"]}
        selected = {**chosen, "template": labelled}
        make(it, manifest("apps/v1", "ControllerRevision", f"their-{app}", metadata=theirs, revision=1))
        make(
            it,
            manifest("apps/v1", "ReplicaSet", f"their-{app}", {**selected, "replicas": 0}, metadata=theirs),
        )
    make(it, manifest("batch/v1", "Job", "tick-0", {
        "template": {"spec": {**BUSY_TEMPLATE["spec"], "restartPolicy": "Never"}}, "suspend": True,
    }, metadata={"ownerReferences": [robot]}))  # fmt: skip
    labels = {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "robot"}
    make(
        it,
        manifest(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "web-robot",
            metadata={"labels": labels},
            addressType="IPv4",
        ),
    )
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": "disk",
    }
    make(it, manifest("v1", "PersistentVolumeClaim", "theirs", {**claim, "storageClassName": "robots"}))
    make(it, manifest("v1", "Secret", "plain", data={"a": "Yg=="}))
    make(it, manifest("v1", "ConfigMap", "plain", metadata={"ownerReferences": [robot]}, data={"a": "b"}))
    make(it, manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "theirs", rules=[]))
    asked = {"signerName": "example.org/robots", "usages": ["client auth"], "request": "bm8="}
    make(it, manifest("certificates.k8s.io/v1", "CertificateSigningRequest", "robot", asked))
    it.api.create_nowait(token_secret(JoinToken("robots", "0" * 16), expires_at=None))
    make(it, manifest("coordination.k8s.io/v1", "Lease", "robot", {"holderIdentity": "r"}))
