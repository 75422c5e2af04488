"""Pure: on which nodes a DaemonSet wants a pod, and what that pod looks like.

Enter: the DaemonSet and nodes. Leave: verdicts and pods. Called by daemon_set.py.
Source: kubernetes pkg/controller/daemon/daemon_controller.go:NodeShouldRunDaemonPod, util/daemonset_util.go.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from pikube.api.kinds.apps import DaemonSet
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Affinity, NodeAffinity, Pod, PodSpec, PodTemplateSpec
from pikube.api.kinds.core_references import (
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Toleration,
)
from pikube.api.placement import NO_EXECUTE, REPELLING, NodeWish, untolerated
from pikube.api.template_generation import template_generation
from pikube.leader.controllers.pods import pod_from_template, with_labels
from pikube.leader.controllers.revision_history import HASH_LABEL

ALWAYS_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
GENERATION_LABEL = "pod-template-generation"
ON_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


class Verdict(NamedTuple):
    """Whether a node should get a pod, and whether one that is there may stay."""

    should_run: bool
    may_stay: bool


def tolerations(spec: PodSpec) -> tuple[Toleration, ...]:
    """The template's own, and those that every daemon has."""
    extra = [*ALWAYS_TOLERATED, *([ON_HOST_NETWORK] if spec.host_network else [])]
    wanted = [Toleration(key=key, operator="Exists", effect=effect) for key, effect in extra]
    return (*spec.tolerations, *(t for t in wanted if t not in spec.tolerations))


def verdict(daemon_set: DaemonSet, node: Node) -> Verdict:
    """What the DaemonSet wants of a node."""
    spec = daemon_set.spec.template.spec
    if spec.node_name and spec.node_name != node.metadata.name:
        return Verdict(False, False)
    if not NodeWish(spec).matches(node):
        return Verdict(False, False)
    tolerated = tolerations(spec)
    if untolerated(node.spec.taints, tolerated, REPELLING) is None:
        return Verdict(True, True)
    return Verdict(False, untolerated(node.spec.taints, tolerated, (NO_EXECUTE,)) is None)


def daemon_pod(daemon_set: DaemonSet, template: PodTemplateSpec, node_name: str, hash_: str) -> Pod:
    """The pod for a node: the scheduler puts it there because it asks for nothing else."""
    spec = template.spec
    affinity = spec.affinity or Affinity()
    on_node = affinity.node_affinity or NodeAffinity()
    required = NodeSelector(node_selector_terms=(_by_name(node_name),))
    pinned = structs.replace(
        affinity,
        node_affinity=structs.replace(on_node, required_during_scheduling_ignored_during_execution=required),
    )
    spec = structs.replace(spec, affinity=pinned, tolerations=tolerations(spec))
    labels = {HASH_LABEL: hash_, GENERATION_LABEL: template_generation(daemon_set)}
    labelled = with_labels(structs.replace(template, spec=spec), labels)
    return pod_from_template(labelled, daemon_set)


def target_node(pod: Pod) -> str:
    """The node that the pod is on, or is meant for."""
    if pod.spec.node_name:
        return pod.spec.node_name
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    for term in required.node_selector_terms if required is not None else ():
        for requirement in term.match_fields:
            if requirement.key == "metadata.name" and len(requirement.values) == 1:
                return requirement.values[0]
    return ""


def _by_name(name: str) -> NodeSelectorTerm:
    requirement = NodeSelectorRequirement(key="metadata.name", operator="In", values=(name,))
    return NodeSelectorTerm(match_fields=(requirement,))
