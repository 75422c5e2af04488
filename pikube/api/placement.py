"""Pure: whether a pod may be on a node at all: taints and tolerations, node selector and node affinity.

Enter: parts of pods and nodes. Leave: booleans. Called by the scheduler, the DaemonSet controller, taint
eviction and volume binding. Source: kubernetes component-helpers scheduling/corev1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pikube.api.errors import BadRequest
from pikube.api.kinds.core_node import Node, Taint
from pikube.api.kinds.core_pod import PodSpec
from pikube.api.kinds.core_references import NodeSelector, NodeSelectorTerm, Toleration
from pikube.api.selector import LabelSelector, from_node_requirements
from pikube.api.tolerations import tolerates

NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE = "NoSchedule", "NoExecute", "PreferNoSchedule"
REPELLING = (NO_SCHEDULE, NO_EXECUTE)


def untolerated(
    taints: Iterable[Taint], tolerations: Sequence[Toleration], effects: Collection[str]
) -> Taint | None:
    """The first taint of these effects that no toleration covers."""
    for taint in taints:
        if taint.effect in effects and not any(tolerates(t, taint) for t in tolerations):
            return taint
    return None


class NodeTerms:
    """A NodeSelector, compiled: some term must match; a term without requirements matches nothing."""

    __slots__ = ("_terms",)

    def __init__(self, selector: NodeSelector | None) -> None:
        terms = selector.node_selector_terms if selector is not None else ()
        self._terms = None if selector is None else [term for term in map(_compile, terms) if term]

    def matches(self, node: Node) -> bool:
        """Whether the node is one of those meant; without a selector every node is."""
        if self._terms is None:
            return True
        fields = {"metadata.name": node.metadata.name}
        return any(
            labels.matches(node.metadata.labels) and names.matches(fields) for labels, names in self._terms
        )


def matches_term(term: NodeSelectorTerm, node: Node) -> bool:
    """Whether one term of a preference matches."""
    compiled = _compile(term)
    if compiled is None:
        return False
    labels, names = compiled
    return labels.matches(node.metadata.labels) and names.matches({"metadata.name": node.metadata.name})


def _compile(term: NodeSelectorTerm) -> tuple[LabelSelector, LabelSelector] | None:
    if not term.match_expressions and not term.match_fields:
        return None
    try:
        return from_node_requirements(term.match_expressions), from_node_requirements(term.match_fields)
    except BadRequest:
        return None


class NodeWish:
    """nodeSelector and required node affinity of a pod, compiled once."""

    __slots__ = ("_labels", "_terms")

    def __init__(self, spec: PodSpec) -> None:
        affinity = spec.affinity.node_affinity if spec.affinity is not None else None
        self._labels: Mapping[str, str] = spec.node_selector
        required = (
            affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
        )
        self._terms = NodeTerms(required) if required is not None else None

    @property
    def is_any(self) -> bool:
        """True if every node will do."""
        return not self._labels and self._terms is None

    def matches(self, node: Node) -> bool:
        labels = node.metadata.labels
        for key, value in self._labels.items():
            if labels.get(key) != value:
                return False
        return self._terms is None or self._terms.matches(node)
