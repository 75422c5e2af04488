"""Pure: on which node a pod goes, or why on none, in Kubernetes' words.

Enter: the pod, the cluster, what its volumes need. Leaves: `Bind` or `Unschedulable`. Called by the
scheduler's task. Source: kubernetes pkg/scheduler/framework (plugins in their default order and weights).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pikube.api.placement import (
    PREFER_NO_SCHEDULE,
    REPELLING,
    NodeWish,
    matches_term,
    untolerated,
)
from pikube.api.pod_requests import CPU, MEMORY, PODS, ports_conflict
from pikube.leader.scheduler.images import are_for, possible_names
from pikube.leader.scheduler.neighbours import HELPLESS, Neighbours
from pikube.leader.scheduler.node_state import Cluster, NodeState, PodFacts
from pikube.leader.scheduler.volumes import IN_USE, NO_VOLUMES, VolumeNeeds, uses_any

UNSCHEDULABLE_KEY = "node.kubernetes.io/unschedulable"
ARCH = "kubernetes.io/arch"
WRONG_ARCH = "node(s) had another architecture than the Pod's images"
MIB = 1024 * 1024
LARGEST_IMAGE = 1000 * MIB  # kubernetes imagelocality maxContainerThreshold


@dataclass(frozen=True, slots=True)
class Bind:
    """The pod goes on this node."""

    node: str


class Rejection(NamedTuple):
    """Why not on one node; `is_helpless` if no preemption could change it."""

    reasons: tuple[str, ...]
    is_helpless: bool = False


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node will do: the message for the event, and the rejection of each node by name."""

    message: str
    rejections: Mapping[str, Rejection]


class PodWish:
    """Everything a pod wants of a node, computed once."""

    __slots__ = ("_lone_at", "archs", "facts", "image_names", "neighbours", "node_wish", "volumes")

    def __init__(self, facts: PodFacts, cluster: Cluster, volumes: VolumeNeeds) -> None:
        self.facts = facts
        self.volumes = volumes
        self.node_wish = NodeWish(facts.pod.spec)
        self.neighbours = Neighbours(facts, cluster, self.node_wish)
        spec = facts.pod.spec
        self.image_names = [name for c in spec.containers for name in possible_names(c.image)]
        every = (*spec.containers, *spec.init_containers)
        self.archs = [archs for container in every for archs in cluster.images.archs(container)]
        self._lone_at = {
            name for name, state in cluster.nodes.items() if volumes.lone and self._is_claim_used(state)
        }

    def is_claim_used(self, state: NodeState) -> bool:
        """Whether a pod, here or on another node, has a claim that one pod may use at a time."""
        return bool(self._lone_at - {state.name}) or self._is_claim_used(state)

    def _is_claim_used(self, state: NodeState) -> bool:
        namespace, lone = self.facts.pod.metadata.namespace, self.volumes.lone
        return any(uses_any(other.pod, namespace, lone) for other in state.pods.values())


def schedule(facts: PodFacts, cluster: Cluster, volumes: VolumeNeeds = NO_VOLUMES) -> Bind | Unschedulable:
    """The best node for a pod. The same question has the same answer: the last tie is broken by name."""
    if volumes.problem:
        return Unschedulable(words_for({}, len(cluster.nodes), volumes.problem), {})
    if not cluster.nodes:
        return Unschedulable("no nodes available to schedule pods", {})
    wish = PodWish(facts, cluster, volumes)
    rejections: dict[str, Rejection] = {}
    feasible: list[NodeState] = []
    for name, state in cluster.nodes.items():
        rejection = reject(wish, state)
        if rejection is None:
            feasible.append(state)
        else:
            rejections[name] = rejection
    if not feasible:
        return Unschedulable(words_for(rejections, len(cluster.nodes)), rejections)
    if len(feasible) == 1:
        return Bind(feasible[0].name)
    return Bind(_best(wish, feasible))


def reject(wish: PodWish, state: NodeState) -> Rejection | None:
    """Why the pod may not go on the node; None if it may."""
    node, spec = state.node, wish.facts.pod.spec
    if node.spec.unschedulable and not _tolerates_cordon(wish.facts):
        return Rejection(("node(s) were unschedulable",), True)
    if spec.node_name and spec.node_name != state.name:
        return Rejection(("node(s) didn't match the requested node name",), True)
    if node.spec.taints:
        taint = untolerated(node.spec.taints, spec.tolerations, REPELLING)
        if taint is not None:
            words = f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
            return Rejection((words,), True)
    if not wish.node_wish.is_any and not wish.node_wish.matches(node):
        return Rejection(("node(s) didn't match Pod's node affinity/selector",), True)
    if wish.archs and not are_for(wish.archs, node.metadata.labels.get(ARCH, "")):
        return Rejection((WRONG_ARCH,), True)
    if wish.facts.ports and ports_conflict(wish.facts.ports, state.ports):
        return Rejection(("node(s) didn't have free ports for the requested pod ports",))
    return _too_full(wish, state) or _ill_placed(wish, state)


def words_for(rejections: Mapping[str, Rejection], total: int, problem: str = "") -> str:
    """`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
    if problem:
        return f"0/{total} nodes are available: {problem}."
    counts = Counter(reason for rejection in rejections.values() for reason in rejection.reasons)
    parts = sorted(f"{count} {reason}" for reason, count in counts.items())
    return f"0/{total} nodes are available: {', '.join(parts)}."


def _tolerates_cordon(facts: PodFacts) -> bool:
    return any(
        t.key in ("", UNSCHEDULABLE_KEY) and t.operator == "Exists" and t.effect in ("", "NoSchedule")
        for t in facts.pod.spec.tolerations
    )


def _too_full(wish: PodWish, state: NodeState) -> Rejection | None:
    allocatable, requested = state.allocatable, state.requested
    reasons: list[str] = []
    is_helpless = False
    if len(state.pods) + 1 > allocatable[PODS]:
        reasons.append("Too many pods")
    for name, amount in wish.facts.requests.items():
        if not amount:
            continue
        capacity = allocatable.get(name, 0)
        if amount > capacity - requested.get(name, 0):
            reasons.append(f"Insufficient {name}")
            is_helpless = is_helpless or amount > capacity
    return Rejection(tuple(reasons), is_helpless) if reasons else None


def _ill_placed(wish: PodWish, state: NodeState) -> Rejection | None:
    if wish.volumes.lone and wish.is_claim_used(state):
        return Rejection((IN_USE,))
    if wish.volumes is not NO_VOLUMES:
        reason = wish.volumes.reason_against(state.node)
        if reason:
            return Rejection((reason,), True)
    if not wish.neighbours.is_indifferent:
        reason = wish.neighbours.reason_against(state)
        if reason:
            return Rejection((reason,), reason in HELPLESS)
    return None


def _best(wish: PodWish, feasible: list[NodeState]) -> str:
    scores = dict.fromkeys((state.name for state in feasible), 0.0)
    _add(scores, 1, {s.name: _free_share(wish, s) for s in feasible})
    _add(scores, 1, {s.name: _balance(wish, s) for s in feasible})
    _add(scores, 1, {s.name: _images(wish, s) for s in feasible})
    if any(state.node.spec.taints for state in feasible):
        _add(scores, 3, _reversed({s.name: _repelled(wish, s) for s in feasible}))
    _add(scores, 2, _reversed({s.name: _kin(wish, s) for s in feasible}))
    _add(scores, 2, _normal({s.name: _preferred(wish, s) for s in feasible}))
    if not wish.neighbours.is_indifferent:
        _add(scores, 2, _normal({s.name: wish.neighbours.affinity_score(s) for s in feasible}))
        _add(scores, 2, _reversed({s.name: wish.neighbours.spread_penalty(s) for s in feasible}))
    return min(scores, key=lambda name: (-round(scores[name], 6), name))


def _add(scores: dict[str, float], weight: int, more: Mapping[str, float]) -> None:
    for name, score in more.items():
        scores[name] += weight * score


def _normal(raw: Mapping[str, float]) -> dict[str, float]:
    """Scaled to 0 … 100, the largest is 100."""
    low, high = min(raw.values()), max(raw.values())
    if high == low:
        return dict.fromkeys(raw, 0.0)
    return {name: 100.0 * (value - low) / (high - low) for name, value in raw.items()}


def _reversed(raw: Mapping[str, float]) -> dict[str, float]:
    """Scaled to 0 … 100, the smallest is 100."""
    return _normal({name: -value for name, value in raw.items()})


def _free_share(wish: PodWish, state: NodeState) -> float:
    """LeastAllocated: the share of CPU and memory that stays free."""
    return 50.0 * sum(1.0 - _used(wish, state, name) for name in (CPU, MEMORY))


def _balance(wish: PodWish, state: NodeState) -> float:
    """BalancedAllocation: CPU and memory used alike."""
    return 100.0 * (1.0 - abs(_used(wish, state, CPU) - _used(wish, state, MEMORY)) / 2.0)


def _used(wish: PodWish, state: NodeState, name: str) -> float:
    capacity = state.allocatable.get(name, 0)
    if not capacity:
        return 1.0
    return min(1.0, (state.scoring[name] + wish.facts.scoring[name]) / capacity)


def _images(wish: PodWish, state: NodeState) -> float:
    """ImageLocality: bytes of the pod's images that need no pull."""
    if not state.images:
        return 0.0
    present = sum(state.images.get(name, 0) for name in wish.image_names)
    return 100.0 * min(present, LARGEST_IMAGE) / LARGEST_IMAGE


def _repelled(wish: PodWish, state: NodeState) -> float:
    tolerations = wish.facts.pod.spec.tolerations
    taints = [t for t in state.node.spec.taints if t.effect == PREFER_NO_SCHEDULE]
    return float(sum(untolerated((t,), tolerations, (PREFER_NO_SCHEDULE,)) is not None for t in taints))


def _kin(wish: PodWish, state: NodeState) -> float:
    """Pods of the same owner on the node: replicas spread over boards (upstream: system default spreading)."""
    return float(state.owners[wish.facts.owner_uid]) if wish.facts.owner_uid else 0.0


def _preferred(wish: PodWish, state: NodeState) -> float:
    affinity = wish.facts.pod.spec.affinity
    if affinity is None or affinity.node_affinity is None:
        return 0.0
    terms = affinity.node_affinity.preferred_during_scheduling_ignored_during_execution
    return float(sum(t.weight for t in terms if matches_term(t.preference, state.node)))
