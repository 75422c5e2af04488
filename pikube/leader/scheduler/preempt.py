"""Pure: which pods of lower priority have to go so that one of higher priority fits.

Enter: the pod, the cluster, the rejections of a failed decision, the disruption budgets. Leaves: a node and its
victims, or the words for why none. Called by the scheduler's task.
Source: kubernetes scheduler framework/preemption and plugins/defaultpreemption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pikube.api.kinds.policy import PodDisruptionBudget
from pikube.api.pod_requests import CPU, MEMORY
from pikube.api.selector import from_label_selector
from pikube.leader.scheduler.decide import PodWish, Rejection, reject
from pikube.leader.scheduler.node_state import Cluster, NodeState, PodFacts
from pikube.leader.scheduler.volumes import VolumeNeeds

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER = "not eligible due to preemptionPolicy=Never."


@dataclass(frozen=True, slots=True)
class Preemption:
    """`victims` leave `node`, highest priority first, and the pod is nominated for it."""

    node: str
    victims: tuple[PodFacts, ...]


def preempt(
    facts: PodFacts,
    cluster: Cluster,
    volumes: VolumeNeeds,
    rejections: Mapping[str, Rejection],
    budgets: Sequence[PodDisruptionBudget] = (),
) -> Preemption | str:
    """The node where making room hurts least; else the sentence that ends the FailedScheduling message."""
    if facts.pod.spec.preemption_policy == "Never":
        return NEVER
    wish = PodWish(facts, cluster, volumes)
    found: list[tuple[tuple[object, ...], Preemption]] = []
    words: Counter[str] = Counter()
    for name in sorted(rejections):
        state = cluster.nodes[name]
        victims = None if rejections[name].is_helpless else _victims(wish, cluster, state, budgets)
        if victims is None:
            words[NOT_HELPFUL if rejections[name].is_helpless else NO_VICTIMS] += 1
            continue
        found.append((_cost(victims, budgets, name), Preemption(name, tuple(victims))))
    if found:
        return min(found, key=lambda pair: pair[0])[1]
    parts = sorted(f"{count} {reason}" for reason, count in words.items())
    return f"0/{len(rejections)} nodes are available: {', '.join(parts)}."


def _victims(
    wish: PodWish, cluster: Cluster, state: NodeState, budgets: Sequence[PodDisruptionBudget]
) -> list[PodFacts] | None:
    """The fewest lower pods to take away: all go in thought, then as many as fit come back, those first that a
    budget protects and that matter most; of equal ones the small, so that few have to go."""
    lower = [other for other in state.pods.values() if other.priority < wish.facts.priority]
    if not lower:
        return None
    bare = state.without(other.key for other in lower)
    if not _fits(wish, cluster, bare):
        return None
    protected = _protected(lower, budgets)
    order = sorted(lower, key=lambda o: (o.key not in protected, -o.priority, _size(o), _started(o), o.key))
    victims: list[PodFacts] = []
    for other in order:
        bare.add(other)
        if not _fits(wish, cluster, bare):
            bare.remove(other.key)
            victims.append(other)
    return sorted(victims, key=lambda o: (-o.priority, _started(o), o.key)) or None


def _fits(wish: PodWish, cluster: Cluster, state: NodeState) -> bool:
    """Whether the pod may go on the node as it would be; neighbours on it are counted anew if they matter."""
    if wish.neighbours.is_indifferent:
        return reject(wish, state) is None
    tried = Cluster()
    tried.namespace_labels = cluster.namespace_labels
    tried.nodes = {**cluster.nodes, state.name: state}
    tried.affine = {
        key: pair for key, pair in cluster.affine.items() if pair[1] != state.name or key in state.pods
    }
    return reject(PodWish(wish.facts, tried, wish.volumes), state) is None


def _protected(
    pods: Sequence[PodFacts], budgets: Sequence[PodDisruptionBudget]
) -> frozenset[tuple[str, str]]:
    """Pods that a budget does not let go now."""
    found: set[tuple[str, str]] = set()
    for budget in budgets:
        selector = from_label_selector(budget.spec.selector)
        left = budget.status.disruptions_allowed
        for facts in sorted(pods, key=lambda o: (-o.priority, o.key)):
            meta = facts.pod.metadata
            is_meant = meta.namespace == budget.metadata.namespace and selector.matches(meta.labels)
            if is_meant and meta.name not in budget.status.disrupted_pods:
                left -= 1
                if left < 0:
                    found.add(facts.key)
    return frozenset(found)


def _cost(
    victims: Sequence[PodFacts], budgets: Sequence[PodDisruptionBudget], name: str
) -> tuple[object, ...]:
    """Fewest broken budgets, lowest highest priority, least sum of priorities, fewest pods, latest start, name
    (pickOneNodeForPreemption)."""
    broken = len(_protected(victims, budgets))
    highest = max(other.priority for other in victims)
    total = sum(other.priority + 2**31 for other in victims)
    return broken, highest, total, len(victims), _Latest(_started(victims[0])), name


def _size(facts: PodFacts) -> tuple[int, int]:
    return facts.requests.get(CPU, 0), facts.requests.get(MEMORY, 0)


def _started(facts: PodFacts) -> str:
    return facts.pod.status.start_time or facts.pod.metadata.creation_timestamp


class _Latest(str):
    """Times in falling order."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
