"""Pure: whether a pod fits its board beside those that are there, and whom a critical one displaces.

Enter: the pod, the Node as the API has it, the pods that hold room here. Leave: what does not fit, in kubelet's
words; the pods that must go. Called by the pod's worker before its first start: a pod may have been put here past the
scheduler, or by one that knew less. Sources: kubernetes pkg/kubelet/lifecycle/predicate.go,
pkg/kubelet/preemption/preemption.go, pkg/scheduler/framework/plugins/noderesources/fit.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pikube.agent.pods.node_admission import SOURCE, is_critical
from pikube.api.defaulting.pods import qos_class
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.placement import NO_EXECUTE, NodeWish, untolerated
from pikube.api.pod_requests import (
    CPU,
    MEMORY,
    PODS,
    Amounts,
    amounts,
    host_ports,
    pod_requests,
    ports_conflict,
)

STORAGE = "ephemeral-storage"
OWN = (CPU, MEMORY, STORAGE)  # in the order in which upstream looks at them; all others come after
OS_LABEL = "kubernetes.io/os"
PREEMPTING, PREEMPTED = "Preempting", "Preempted in order to admit critical pod"
LEAST_LEAVE_S = 10.0
DISRUPTED = "Pod was preempted by Kubelet to accommodate a critical pod."


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a pod does not fit, as its status says it. `resource`: what is short, and how much `missing`; else ''."""

    reason: str
    message: str
    resource: str = ""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Admitted:
    """It may start once `victims` are gone."""

    victims: tuple[Pod, ...] = ()


def admit(pod: Pod, node: Node, others: Sequence[Pod]) -> Admitted | Misfit:
    """What becomes of a pod that is new here. `others` hold room; what the pod holds itself does not count. One that
    had begun before (its status has a start time) is not asked again what a Node's labels and taints say."""
    others = [other for other in others if other.metadata.uid != pod.metadata.uid]
    wrong = _unsupported(pod, node)
    if wrong is not None:
        return wrong
    found = misfits(pod, node, others)
    short = [misfit for misfit in found if misfit.resource]
    if is_critical(pod):
        found = [misfit for misfit in found if not misfit.resource]
    if found:
        return found[0]
    victims = _victims(pod, others, {misfit.resource: misfit.missing for misfit in short})
    if victims is None:
        wanted = "".join(f"(res: {misfit.resource}, q: {misfit.missing}), " for misfit in short)
        return Misfit(
            "UnexpectedAdmissionError",
            "Unexpected error while attempting to recover from admission failure: preemption: error finding a set of "
            f"pods to preempt: no set of running pods found to reclaim resources: [{wanted}]",
        )
    return Admitted(victims)


def misfits(pod: Pod, node: Node, others: Sequence[Pod]) -> list[Misfit]:
    """Everything that is in the way, the first reason first."""
    found = _shortages(pod, node, others)
    has_begun = bool(pod.status.start_time)
    if not has_begun and not NodeWish(pod.spec).matches(node):
        found.append(_predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector"))
    taken: dict[tuple[str, int], list[str]] = {}
    for other in others:
        for protocol, address, number in host_ports(other.spec):
            taken.setdefault((protocol, number), []).append(address)
    if ports_conflict(host_ports(pod.spec), taken):
        found.append(_predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports"))
    taints = () if has_begun or SOURCE in pod.metadata.annotations else node.spec.taints
    if untolerated(taints, pod.spec.tolerations, (NO_EXECUTE,)) is not None:
        found.append(_predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate"))
    return found


def _predicate(name: str, words: str) -> Misfit:
    return Misfit(name, f"Predicate {name} failed: {words}")


def _unsupported(pod: Pod, node: Node) -> Misfit | None:
    """What no room helps with."""
    if pod.metadata.labels.get(OS_LABEL, "linux") != "linux":
        words = f"Failed to admit pod as the `{OS_LABEL}` label doesn't match node label"
        return Misfit("PodOSSelectorNodeLabelDoesNotMatch", words)
    if pod.spec.os is not None and pod.spec.os.name != "linux":
        return Misfit("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    security, features = pod.spec.security_context, node.status.features
    is_strict = security is not None and security.supplemental_groups_policy == "Strict"
    if is_strict and not (features is not None and features.supplemental_groups_policy):
        words = "SupplementalGroupsPolicy=Strict is not supported in this node"
        return Misfit("SupplementalGroupsPolicyNotSupported", words)
    return None


def _shortages(pod: Pod, node: Node, others: Sequence[Pod]) -> list[Misfit]:
    room, wanted = amounts(node.status.allocatable), pod_requests(pod.spec)
    used: Amounts = {}
    for other in others:
        for name, amount in pod_requests(other.spec).items():
            used[name] = used.get(name, 0) + amount
    found = []
    if PODS in room and len(others) + 1 > room[PODS]:
        found.append(_short(PODS, 1, len(others), room[PODS]))
    for name in (*OWN, *sorted(set(wanted) - set(OWN))):
        amount, capacity = wanted.get(name, 0), room.get(name)
        if capacity is None and (name in OWN or _is_extended(name)):
            continue  # a Node that tells nothing of it yet; what no node has is somebody else's to count
        if amount and amount > (capacity or 0) - used.get(name, 0):
            found.append(_short(name, amount, used.get(name, 0), capacity or 0))
    return found


def _short(name: str, wanted: int, used: int, capacity: int) -> Misfit:
    words = (
        f"Node didn't have enough resource: {name}, requested: {wanted}, used: {used}, capacity: {capacity}"
    )
    return Misfit(f"OutOf{name}", words, name, wanted - (capacity - used))


def _is_extended(name: str) -> bool:
    """v1helper.IsExtendedResourceName: of somebody's own domain."""
    domain, slash, _ = name.partition("/")
    return bool(slash) and not (domain == "kubernetes.io" or domain.endswith(".kubernetes.io"))


def leave_s(pod: Pod) -> float:
    """How long a critical pod waits for one that makes room (kubelet pod_workers.go:killPodNow): one that does not
    end holds up no more than that."""
    return max(LEAST_LEAVE_S, 1.5 * (pod.spec.termination_grace_period_seconds or 0))


def _victims(pod: Pod, others: Iterable[Pod], wanted: Mapping[str, int]) -> tuple[Pod, ...] | None:
    """The pods that must go so that `wanted` is there, as few and as unimportant as can be; None if all that may
    go have less. Guaranteed pods go only for what the others cannot give, and so on."""
    by_class: dict[str, list[Pod]] = {"Guaranteed": [], "Burstable": [], "BestEffort": []}
    for other in others:
        if _may_displace(pod, other):
            by_class[qos_class(other.spec)].append(other)
    chosen: list[Pod] = []
    for name, pods in by_class.items():
        later = list(by_class)[list(by_class).index(name) + 1 :]
        rest = _less(wanted, [*chosen, *(other for cls in later for other in by_class[cls])])
        nearest = _nearest(pods, rest)
        if nearest is None:
            return None
        chosen = [*nearest, *chosen]
    return tuple(chosen)


def _may_displace(pod: Pod, other: Pod) -> bool:
    if is_critical(pod) and not is_critical(other):
        return True
    mine, theirs = pod.spec.priority, other.spec.priority
    return mine is not None and theirs is not None and mine > theirs


def _nearest(pods: Sequence[Pod], wanted: Mapping[str, int]) -> list[Pod] | None:
    """One after the other the pod that comes nearest to what is still wanted, the smaller of two that are as near."""
    left, chosen = list(pods), []
    while wanted:
        if not left:
            return None
        best = min(
            left, key=lambda other: (_distance(other, wanted), _request(other, MEMORY), _request(other, CPU))
        )
        left.remove(best)
        chosen.append(best)
        wanted = _less(wanted, [best])
    return chosen


def _distance(pod: Pod, wanted: Mapping[str, int]) -> float:
    return sum((max(0, amount - _request(pod, name)) / amount) ** 2 for name, amount in wanted.items())


def _less(wanted: Mapping[str, int], pods: Iterable[Pod]) -> dict[str, int]:
    gone = list(pods)
    left = {name: amount - sum(_request(pod, name) for pod in gone) for name, amount in wanted.items()}
    return {name: amount for name, amount in left.items() if amount > 0}


def _request(pod: Pod, name: str) -> int:
    return 1 if name == PODS else pod_requests(pod.spec).get(name, 0)
