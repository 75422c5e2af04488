"""`pikube status`: well is silent; what is wrong comes with a cure."""

import pytest
from msgspec import structs

from pikube.api.kinds.core_container import ContainerState, ContainerStateWaiting, ContainerStatus
from pikube.api.kinds.core_node import Node, NodeCondition, NodeStatus, NodeSystemInfo
from pikube.api.kinds.core_pod import Pod, PodStatus
from pikube.api.kinds.meta import ObjectMeta, OwnerReference
from pikube.api.times import render_time
from pikube.cli.status_report import DAY_S, Seen, compute_report, pod_problems

NOW = 1_800_000_000.0
VERSION = "v1.36.0+pikube0.1.0"


def node(name="b1", ready="True", version=VERSION, *conditions):
    first = NodeCondition(
        type="Ready", status=ready, message="kubelet stopped", last_transition_time=render_time(NOW - 300)
    )
    status = NodeStatus(conditions=(first, *conditions), node_info=NodeSystemInfo(kubelet_version=version))
    return Node(metadata=ObjectMeta(name=name, creation_timestamp=render_time(NOW - 3600)), status=status)


def pod(name, phase="Running", waiting="", age_s=3600, owner=""):
    state = ContainerState(waiting=ContainerStateWaiting(reason=waiting)) if waiting else ContainerState()
    owners = (OwnerReference(kind="ReplicaSet", name=owner, controller=True),) if owner else ()
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace="default",
            creation_timestamp=render_time(NOW - age_s),
            owner_references=owners,
        ),
        status=PodStatus(phase=phase, container_statuses=(ContainerStatus(name="c", state=state),)),
    )


WELL = Seen(
    url="https://192.0.2.1:6443",
    version=VERSION,
    nodes=(node("b1"), node("b2")),
    pods=(pod("web"), pod("done", "Succeeded"), pod("new", "Pending", "ContainerCreating", age_s=5)),
    leader_certificate_ends=NOW + 200 * DAY_S,
    credential_ends=NOW + 200 * DAY_S,
    certificate_ends={"b1": NOW + 100.9 * DAY_S},
    now=NOW,
)


def problems(**changes):
    return compute_report(structs.replace(WELL, **changes)).problems


def test_all_is_well():
    report = compute_report(WELL)
    assert report.problems == ()
    assert [line.name for line in report.nodes] == ["b1", "b2"]
    assert [line.certificate_days for line in report.nodes] == [100, None]
    assert report.leader.certificate_days == 200


@pytest.mark.parametrize(
    ("changes", "words", "cure"),
    [
        (
            {"nodes": (node("b1", "Unknown"),)},
            "node b1 is not ready since 5m: kubelet stopped",
            "delete node b1",
        ),
        (
            {"nodes": (Node(metadata=ObjectMeta(name="b9")),)},
            "node b9 is not ready: it has never",
            "delete node b9",
        ),
        (
            {
                "nodes": (
                    node(
                        "b1",
                        "True",
                        VERSION,
                        NodeCondition(type="DiskPressure", status="True", message="90 % full"),
                    ),
                )
            },
            "node b1 has DiskPressure: 90 % full",
            "describe node b1",
        ),
        ({"nodes": (node("b1", version="v1.35.0+x"),)}, "node b1 runs v1.35.0+x, the leader", "same pikube"),
        (
            {"certificate_ends": {"b2": NOW + 3 * DAY_S}},
            "certificate of node b2 ends in 3 days",
            "pikube certs",
        ),
        (
            {"leader_certificate_ends": NOW - DAY_S},
            "certificate of the leader ended 1 days ago",
            "pikube certs",
        ),
        ({"credential_ends": NOW + 5}, "certificate in your kubeconfig ends in 0 days", "kubeconfig --merge"),
        ({"failing": ["store"]}, "the leader says that store is not well", "journalctl -u pikube-leader"),
        ({"leader_time": NOW - 86400}, "the leader's clock is 24h behind this one", "timedatectl"),
        ({"pods": (pod("a", "Running", "CrashLoopBackOff"),)}, "pod a is CrashLoopBackOff", "describe pod a"),
        ({"pods": (pod("a", "Pending"),)}, "pod a is Pending", "describe pod a"),
        (
            {"pods": (pod("a", "Pending", "ContainerCreating"),)},
            "pod a is ContainerCreating",
            "describe pod a",
        ),
    ],
)
def test_what_is_wrong_comes_with_a_cure(changes, words, cure):
    [problem] = problems(**changes)
    assert words in problem.what and cure in problem.cure


def test_pods_of_one_owner_are_one_problem():
    found = list(
        pod_problems([pod(f"web-{i}", "Running", "ImagePullBackOff", owner="web") for i in range(9)], NOW)
    )
    assert [problem.what for problem in found] == ["9 pods of web are ImagePullBackOff in namespace default"]
