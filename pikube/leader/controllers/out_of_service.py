"""Pure: pods that wait to end on a board of which an administrator says that it is switched off for good.

Enter: a Node with the taint node.kubernetes.io/out-of-service, and its pods. Leave: deletions without grace, so that
a StatefulSet may make its members elsewhere. Run by the controller loop. Source: kubernetes
pkg/controller/podgc/gc_controller.go:gcTerminating.
"""

from __future__ import annotations

from dataclasses import dataclass

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.informer.actions import Action, Delete
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch, itself
from pikube.leader.controllers.node_lifecycle import PODS_ON_NODE, pods_on_node, ready_status

TAINT = "node.kubernetes.io/out-of-service"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The pods of the node that are being deleted."""

    pods: tuple[Pod, ...]


def reconcile(desired: Node, observed: Waiting, now: float) -> list[Action]:
    """Only where the board does not answer: a Ready one ends its pods itself."""
    if ready_status(desired) == "True" or not is_out_of_service(desired):
        return []
    return [
        Delete(Pod, key_of(pod), pod.metadata.uid, grace_period_s=0)
        for pod in sorted(observed.pods, key=key_of)
    ]


def is_out_of_service(node: Node) -> bool:
    """Whether it has the taint, with whatever value and effect."""
    return any(taint.key == TAINT for taint in node.spec.taints)


def observe(lister: Lister, key: ObjectKey) -> tuple[Node, Waiting] | None:
    node = lister.cache(Node).get(key)
    if node is None or not is_out_of_service(node):
        return None
    pods = lister.cache(Pod).indexed(PODS_ON_NODE, key.name)
    return node, Waiting(tuple(pod for pod in pods if pod.metadata.deletion_timestamp))


def _node_of(lister: Lister, pod: Pod) -> list[ObjectKey]:
    """Watch keys of a pod that is being deleted: its node."""
    return (
        [ObjectKey("", pod.spec.node_name)] if pod.metadata.deletion_timestamp and pod.spec.node_name else []
    )


OUT_OF_SERVICE: Controller[Node, Waiting] = Controller(
    name="out-of-service-collector",
    watches=(Watch(Node, itself), Watch(Pod, _node_of)),
    indexes=(Index(Pod, PODS_ON_NODE, pods_on_node),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
