"""Shell: whether a pod may begin on this board, asked once.

Enter: the pod, what the board knows. Leaves: the pods that must make room; Misfit. Called by the pod's worker. The
rules are `fit`. Pods and Nodes come by two watches, of which one may be ahead: what a Node says against a pod is
believed once the API has said it, too (kubernetes pkg/kubelet/lifecycle/predicate.go:generalFilter).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pikube.agent.pods.fit import Admitted, Misfit, admit
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod

OF_NODES = ("NodeAffinity", "TaintToleration")


async def admission(
    pod: Pod, node: Node, newest: Callable[[], Awaitable[Node]], others: Callable[[], list[Pod]]
) -> Admitted | Misfit:
    """`newest` asks the API, or gives what is known if it does not answer."""
    found = admit(pod, node, others())
    if isinstance(found, Misfit) and found.reason in OF_NODES:
        found = admit(pod, await newest(), others())
    return found
