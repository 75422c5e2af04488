"""Pure: labels of nodes that have other names today.

Enter: what names them. Leave: warnings. Called by pods, storage and served. Source: kubernetes pkg/api/node/util.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from pikube.api.kinds.core_references import NodeSelectorTerm
from pikube.api.kinds.meta import LabelSelector
from pikube.api.kinds.node import RuntimeClass

OLD_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def term_warnings(terms: Sequence[NodeSelectorTerm], path: str, inner: str = "") -> list[str]:
    """`path` is the list's; `inner` leads from its item to the term."""
    return [
        f"{path}[{i}]{inner}.matchExpressions[{j}].key: {expression.key} is {OLD_LABELS[expression.key]}"
        for i, term in enumerate(terms)
        for j, expression in enumerate(term.match_expressions)
        if expression.key in OLD_LABELS
    ]


def selector_warnings(selector: LabelSelector | None, path: str) -> list[str]:
    """Of a selector of nodes."""
    if selector is None:
        return []
    return [
        f"{path}.matchExpressions[{i}].key: {expression.key} is {OLD_LABELS[expression.key]}"
        for i, expression in enumerate(selector.match_expressions)
        if expression.key in OLD_LABELS
    ] + [f"{path}.matchLabels.{key}: {OLD_LABELS[key]}" for key in selector.match_labels if key in OLD_LABELS]


def runtime_class_warnings(new: RuntimeClass, old: RuntimeClass | None) -> list[str]:
    selector = new.scheduling.node_selector if new.scheduling is not None else {}
    return [f"scheduling.nodeSelector: {OLD_LABELS[key]}" for key in selector if key in OLD_LABELS]
