"""The checker finds what is wrong: a cluster at rest passes, and each kind of damage to it is named."""

import copy

import pytest
from checker import check


def meta(name, owner=None, labels=None, **more):
    found = {
        "name": name,
        "namespace": "n",
        "uid": f"uid-{name}",
        "generation": 1,
        "labels": labels or {},
        **more,
    }
    if owner is not None:
        found["ownerReferences"] = [
            {
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    return found


def pod(name, owner, address, labels, node="b1"):
    return {
        "kind": "Pod",
        "metadata": meta(name, owner, labels),
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}],
        },
    }  # fmt: skip


def healthy():
    """One of everything, at rest."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": []}}
    selector = {"matchLabels": labels}
    counters = {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    deployment = {
        "kind": "Deployment",
        "metadata": meta("web"),
        "spec": {"replicas": 2, "selector": selector, "template": template},
        "status": {**counters, "updatedReplicas": 2},
    }
    hashed = {"metadata": {"labels": {**labels, "pod-template-hash": "x"}}, "spec": template["spec"]}
    replica_set = {
        "kind": "ReplicaSet",
        "metadata": meta("web-x", deployment),
        "spec": {"replicas": 2, "selector": selector, "template": hashed},
        "status": counters,
    }
    stateful = {
        "kind": "StatefulSet",
        "metadata": meta("db"),
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}},
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "updateRevision": "r"},
    }
    daemon = {
        "kind": "DaemonSet",
        "metadata": meta("all"),
        "spec": {"selector": {"matchLabels": {"app": "all"}}},
        "status": {
            "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberReady": 1, "updatedNumberScheduled": 1,
        },
    }  # fmt: skip
    job = {
        "kind": "Job",
        "metadata": meta("once"),
        "spec": {"completions": 1, "template": {"metadata": {}}},
        "status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]},
    }
    done = {
        "kind": "Pod", "metadata": meta("once-1", job), "spec": {"nodeName": "b1"}, "status": {"phase": "Succeeded"},
    }  # fmt: skip
    pods = [
        pod("web-1", replica_set, "10.0.0.1", labels),
        pod("web-2", replica_set, "10.0.0.2", labels),
        pod("db-0", stateful, "10.0.0.3", {"app": "db", "controller-revision-hash": "r"}),
        pod("all-1", daemon, "10.0.0.4", {"app": "all"}),
        done,
    ]
    ready = {"ready": True}
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": meta("web-s", labels={"kubernetes.io/service-name": "web"}),
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": ready},
            {"addresses": ["10.0.0.2"], "conditions": ready},
        ],
    }
    addresses = [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]
    return {
        "Namespace": [{"kind": "Namespace", "metadata": {"name": "n", "uid": "uid-n"}}],
        "Node": [
            {
                "kind": "Node", "metadata": {"name": "b1", "uid": "uid-b1"}, "spec": {},
                "status": {"allocatable": {"pods": "5"}},
            }
        ],
        "Deployment": [deployment],
        "ReplicaSet": [replica_set],
        "StatefulSet": [stateful],
        "DaemonSet": [daemon],
        "Job": [job],
        "Pod": pods,
        "Service": [{"kind": "Service", "metadata": meta("web"), "spec": {"selector": labels}}],
        "Endpoints": [{"kind": "Endpoints", "metadata": meta("web"), "subsets": [{"addresses": addresses}]}],
        "EndpointSlice": [slice_],
        "ResourceQuota": [
            {
                "kind": "ResourceQuota", "metadata": meta("q"), "spec": {"hard": {"pods": "9"}},
                "status": {"used": {"pods": "4"}},
            }
        ],
        "PodDisruptionBudget": [
            {
                "kind": "PodDisruptionBudget",
                "metadata": meta("pdb"),
                "spec": {"selector": selector, "minAvailable": 1},
                "status": {"currentHealthy": 2, "expectedPods": 2, "desiredHealthy": 1, "disruptionsAllowed": 1},
            }
        ],
    }  # fmt: skip


def unique(objects):
    """Names may be shared between kinds; uids may not."""
    for kind, items in objects.items():
        for item in items:
            if kind in ("Service", "Endpoints"):
                item["metadata"]["uid"] = f"uid-{kind}-{item['metadata']['name']}"
    return objects


def test_a_cluster_at_rest_passes():
    assert check(unique(healthy())) == []


def drop(kind, index=0):
    return lambda o: o[kind].pop(index)


def put(kind, index, *path, value):
    def change(objects):
        place = objects[kind][index]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def copy_of_pod(objects):
    twin = copy.deepcopy(objects["Pod"][2])
    twin["metadata"] |= {"name": "db-1", "uid": "other"}
    twin["status"]["podIP"] = "10.0.0.9"
    objects["Pod"].append(twin)


@pytest.mark.parametrize(
    ("damage", "rule", "words"),
    [
        (drop("Pod"), "replica_sets", "has 1 pods instead of 2"),
        (drop("ReplicaSet"), "owners", "which is gone"),
        (drop("ReplicaSet"), "deployments", "has 0 ReplicaSets of its template"),
        (drop("Node"), "placement", "which is not there"),
        (drop("Namespace"), "identities", "in a namespace that is gone"),
        (copy_of_pod, "stateful_sets", "instead of ['db-0']"),
        (put("Pod", 1, "status", "podIP", value="10.0.0.1"), "placement", "2 pods have the address 10.0.0.1"),
        (put("Pod", 1, "metadata", "uid", value="uid-web-1"), "identities", "is there 2 times"),
        (put("Pod", 0, "metadata", "labels", value={}), "owners", "does not match the selector"),
        (put("Pod", 0, "metadata", "deletionTimestamp", value="now"), "settled", "still being deleted"),
        (put("Pod", 0, "status", "conditions", value=[]), "settled", "and not ready"),
        (put("Pod", 0, "status", "conditions", value=[]), "endpoints", "instead of ['10.0.0.2']"),
        (put("Deployment", 0, "metadata", "generation", value=2), "settled", "last seen at generation 1"),
        (put("Deployment", 0, "status", "readyReplicas", value=1), "deployments", "says readyReplicas 1"),
        (put("ReplicaSet", 0, "spec", "replicas", value=3), "deployments", "wants 3 replicas of 2"),
        (put("StatefulSet", 0, "status", "updateRevision", value="s"), "stateful_sets", "not of revision s"),
        (put("DaemonSet", 0, "status", "numberReady", value=0), "daemon_sets", "says numberReady 0"),
        (put("Node", 0, "spec", "taints", value=[{"effect": "NoSchedule"}]), "daemon_sets", "runs on ['b1']"),
        (put("Job", 0, "status", "succeeded", value=2), "jobs", "counts 2 successes of 1"),
        (put("Job", 0, "status", "conditions", value=[]), "jobs", "is not Complete"),
        (
            put("Pod", 4, "metadata", "finalizers", value=["batch.kubernetes.io/job-tracking"]),
            "jobs",
            "still held",
        ),
        (drop("EndpointSlice"), "endpoints", "leads to [] instead of"),
        (drop("Endpoints"), "endpoints", "the Endpoints of Service n/web tell []"),
        (
            put("ResourceQuota", 0, "status", "used", value={"pods": "5"}),
            "quotas",
            "says that 5 pods are used",
        ),
        (
            put("PodDisruptionBudget", 0, "status", "disruptionsAllowed", value=2),
            "budgets",
            "says disruptionsAllowed 2",
        ),
        (put("Node", 0, "status", "allocatable", value={"pods": "3"}), "placement", "holds 4 pods"),
    ],
)
def test_each_damage_is_named(damage, rule, words):
    objects = unique(healthy())
    damage(objects)
    found = [line for line in check(objects) if line.startswith(rule)]
    assert any(words in line for line in found), check(objects)
