"""Pure: a new node gets no pods before its conditions say that it is ready.

An admission plugin; the controller of nodes takes the taint away. Source: kubernetes
plugin/pkg/admission/nodetaint/admission.go (TaintNodesByCondition).
"""

from __future__ import annotations

from pikube.api.kinds.core_node import Node, Taint
from pikube.leader.controllers.node_lifecycle import NOT_READY
from pikube.leader.request.admission import Attributes


class NewNodes:
    """Implements admission.Plugin."""

    def admit(self, attributes: Attributes) -> None:
        """Adds the taint, so that the scheduler cannot be faster than the controller."""
        node = attributes.obj
        if attributes.operation != "CREATE" or not isinstance(node, Node):
            return
        if not any((t.key, t.effect) == (NOT_READY, "NoSchedule") for t in node.spec.taints):
            node.spec.taints = (*node.spec.taints, Taint(key=NOT_READY, effect="NoSchedule"))

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""
