"""Pure: wishes about other pods: affinity, anti-affinity and topology spread.

Enter: a pod and the cluster. Leaves: `Neighbours`, computed once a pod, asked for each node: a reason why not,
and a score. Called by decide.py. Source: kubernetes scheduler plugins interpodaffinity, podtopologyspread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pikube.api.kinds.core_pod import Pod, PodAffinityTerm, TopologySpreadConstraint
from pikube.api.placement import REPELLING, NodeWish, untolerated
from pikube.api.selector import EQUALS, NOT_EQUALS, NOTHING, LabelSelector, Requirement, from_label_selector
from pikube.leader.scheduler.node_state import Cluster, NodeState, PodFacts

NOT_NEAR = "node(s) didn't match pod affinity rules"
TOO_NEAR = "node(s) didn't match pod anti-affinity rules"
UNWELCOME = "node(s) didn't satisfy existing pods anti-affinity rules"
UNEVEN = "node(s) didn't match pod topology spread constraints"
UNEVEN_NO_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"
HELPLESS = frozenset((NOT_NEAR, UNEVEN_NO_LABEL))
"""Reasons that no preemption can cure."""


class Term(NamedTuple):
    """An affinity term, compiled: which pods it means, and what 'together' is."""

    topology_key: str
    namespaces: frozenset[str] | None  # None: those of namespace_selector
    namespace_selector: LabelSelector | None
    selector: LabelSelector

    def means(self, pod: Pod, namespace_labels: Mapping[str, Mapping[str, str]]) -> bool:
        meta = pod.metadata
        if not self.selector.matches(meta.labels):
            return False
        if self.namespaces is not None and meta.namespace in self.namespaces:
            return True
        labels = {"kubernetes.io/metadata.name": meta.namespace, **namespace_labels.get(meta.namespace, {})}
        return self.namespace_selector is not None and self.namespace_selector.matches(labels)


def compile_term(term: PodAffinityTerm, pod: Pod) -> Term:
    """A term of a pod; without namespaces it means the pod's own."""
    names = frozenset(term.namespaces)
    chosen = None if term.namespace_selector is None else from_label_selector(term.namespace_selector)
    if not names and chosen is None:
        names = frozenset((pod.metadata.namespace,))
    selector = from_label_selector(term.label_selector)
    extra = _pinned(pod, term.match_label_keys, EQUALS) + _pinned(pod, term.mismatch_label_keys, NOT_EQUALS)
    return Term(term.topology_key, names or None, chosen, _narrowed(selector, extra))


class Spread(NamedTuple):
    """A spread constraint with the pods that each domain has."""

    constraint: TopologySpreadConstraint
    counts: dict[str, int]
    matches_self: bool

    def skew(self, value: str) -> int:
        """How uneven it would be with the pod in this domain."""
        domains = self.counts.values()
        least = min(domains, default=0)
        if self.constraint.min_domains is not None and len(self.counts) < self.constraint.min_domains:
            least = 0
        return self.counts.get(value, 0) + self.matches_self - least


class Neighbours:
    """What the pods already placed mean for one pod."""

    __slots__ = ("_affine", "_avoided", "_near", "_scores", "_spreads", "_too_near", "is_indifferent")

    def __init__(self, facts: PodFacts, cluster: Cluster, wish: NodeWish) -> None:
        pod = facts.pod
        affinity = pod.spec.affinity
        near = affinity.pod_affinity if affinity is not None else None
        far = affinity.pod_anti_affinity if affinity is not None else None
        required_near = near.required_during_scheduling_ignored_during_execution if near else ()
        required_far = far.required_during_scheduling_ignored_during_execution if far else ()
        self._near = [_Met(compile_term(term, pod), cluster) for term in required_near]
        self._affine = _allows_first(pod, self._near, cluster)
        self._too_near = [_Met(compile_term(term, pod), cluster) for term in required_far]
        self._avoided = _avoiding(pod, cluster)
        self._scores: Counter[tuple[str, str]] = Counter()
        for preferred, sign in ((near, 1), (far, -1)):
            terms = preferred.preferred_during_scheduling_ignored_during_execution if preferred else ()
            for weighted in terms:
                met = _Met(compile_term(weighted.pod_affinity_term, pod), cluster)
                for value, count in met.domains.items():
                    self._scores[(met.term.topology_key, value)] += sign * weighted.weight * count
        self._score_by_others(pod, cluster)
        self._spreads = [
            _spread(constraint, facts, cluster, wish) for constraint in pod.spec.topology_spread_constraints
        ]
        self.is_indifferent = not (
            self._near or self._too_near or self._avoided or self._scores or self._spreads
        )

    def reason_against(self, state: NodeState) -> str:
        """Why the pod may not be here; '' if it may."""
        labels = state.node.metadata.labels
        for spread in self._spreads:
            if spread.constraint.when_unsatisfiable != "DoNotSchedule":
                continue
            value = labels.get(spread.constraint.topology_key)
            if value is None:
                return UNEVEN_NO_LABEL
            if spread.skew(value) > spread.constraint.max_skew:
                return UNEVEN
        if any(labels.get(key) == value for key, value in self._avoided):
            return UNWELCOME
        if any(labels.get(met.term.topology_key) in met.domains for met in self._too_near):
            return TOO_NEAR
        for met in self._near:
            value = labels.get(met.term.topology_key)
            if value is None or (value not in met.domains and not self._affine):
                return NOT_NEAR
        return ""

    def affinity_score(self, state: NodeState) -> int:
        """Preferred affinity and anti-affinity; more is better."""
        labels = state.node.metadata.labels
        return sum(score for (key, value), score in self._scores.items() if labels.get(key) == value)

    def spread_penalty(self, state: NodeState) -> int:
        """Unevenness by the constraints that are mere wishes; less is better."""
        labels = state.node.metadata.labels
        total = 0
        for spread in self._spreads:
            if spread.constraint.when_unsatisfiable == "ScheduleAnyway":
                value = labels.get(spread.constraint.topology_key)
                total += spread.skew(value) if value is not None else len(spread.counts) + 1
        return total

    def _score_by_others(self, pod: Pod, cluster: Cluster) -> None:
        """The wishes of pods already placed count for the new one as well."""
        for facts, node_name in cluster.affine.values():
            state = cluster.nodes.get(node_name)
            affinity = facts.pod.spec.affinity
            if state is None or affinity is None:
                continue
            for preferred, sign in ((affinity.pod_affinity, 1), (affinity.pod_anti_affinity, -1)):
                terms = preferred.preferred_during_scheduling_ignored_during_execution if preferred else ()
                for weighted in terms:
                    term = compile_term(weighted.pod_affinity_term, facts.pod)
                    value = state.node.metadata.labels.get(term.topology_key)
                    if value is not None and term.means(pod, cluster.namespace_labels):
                        self._scores[(term.topology_key, value)] += sign * weighted.weight


class _Met:
    """A term and how many of the pods it means each domain has."""

    __slots__ = ("domains", "term")

    def __init__(self, term: Term, cluster: Cluster) -> None:
        self.term = term
        self.domains: Counter[str] = Counter()
        for state in cluster.nodes.values():
            value = state.node.metadata.labels.get(term.topology_key)
            if value is not None:
                found = sum(term.means(f.pod, cluster.namespace_labels) for f in state.pods.values())
                if found:
                    self.domains[value] += found


def _allows_first(pod: Pod, near: list[_Met], cluster: Cluster) -> bool:
    """The first pod of a group that wants to be near itself may go anywhere (satisfyPodAffinity)."""
    return (
        bool(near)
        and not any(met.domains for met in near)
        and all(met.term.means(pod, cluster.namespace_labels) for met in near)
    )


def _avoiding(pod: Pod, cluster: Cluster) -> set[tuple[str, str]]:
    """Domains in which a pod is placed that does not want this one near."""
    found: set[tuple[str, str]] = set()
    for facts, node_name in cluster.affine.values():
        affinity = facts.pod.spec.affinity
        state = cluster.nodes.get(node_name)
        if affinity is None or affinity.pod_anti_affinity is None or state is None:
            continue
        for raw in affinity.pod_anti_affinity.required_during_scheduling_ignored_during_execution:
            term = compile_term(raw, facts.pod)
            value = state.node.metadata.labels.get(term.topology_key)
            if value is not None and term.means(pod, cluster.namespace_labels):
                found.add((term.topology_key, value))
    return found


def _spread(
    constraint: TopologySpreadConstraint, facts: PodFacts, cluster: Cluster, wish: NodeWish
) -> Spread:
    pod = facts.pod
    selector = _narrowed(
        from_label_selector(constraint.label_selector), _pinned(pod, constraint.match_label_keys, EQUALS)
    )
    counts: dict[str, int] = {}
    for state in cluster.nodes.values():
        value = state.node.metadata.labels.get(constraint.topology_key)
        if value is None or not _is_eligible(constraint, pod, state, wish):
            continue
        counts[value] = counts.get(value, 0) + sum(
            other.pod.metadata.namespace == pod.metadata.namespace
            and not other.pod.metadata.deletion_timestamp
            and selector.matches(other.pod.metadata.labels)
            for other in state.pods.values()
        )
    return Spread(constraint, counts, selector.matches(pod.metadata.labels))


def _is_eligible(constraint: TopologySpreadConstraint, pod: Pod, state: NodeState, wish: NodeWish) -> bool:
    if constraint.node_affinity_policy != "Ignore" and not wish.matches(state.node):
        return False
    if constraint.node_taints_policy == "Honor":
        return untolerated(state.node.spec.taints, pod.spec.tolerations, REPELLING) is None
    return True


def _pinned(pod: Pod, keys: Iterable[str], operator: str) -> list[Requirement]:
    """Requirements that take the pod's own value of some labels (matchLabelKeys)."""
    labels = pod.metadata.labels
    return [Requirement(key, operator, (labels[key],)) for key in keys if key in labels]


def _narrowed(selector: LabelSelector, extra: list[Requirement]) -> LabelSelector:
    if not extra or selector == NOTHING:
        return selector
    return LabelSelector((*selector.requirements, *extra))
