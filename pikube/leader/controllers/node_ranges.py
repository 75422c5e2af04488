"""Pure: gives each node its range of pod addresses out of the cluster's.

Enter: all nodes. Leave: a podCIDR for each that has none. Run by the controller loop, under one key for the whole
cluster: only so does one decision see the ranges that the last one gave. Source: kubernetes nodeipam
range_allocator.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from pikube.api.kinds.core_node import Node
from pikube.informer.actions import Action, PatchObject, RecordEvent
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch

NODE_PREFIX = 24  # 254 addresses a board: twice what --max-pods allows, so that none is reused at once
ALL_NODES = ObjectKey("", "nodes")


@dataclass(frozen=True, slots=True)
class Nodes:
    """Every node, in any order."""

    nodes: tuple[Node, ...]


def observe(lister: Lister, key: ObjectKey) -> tuple[ObjectKey, Nodes] | None:
    nodes = tuple(lister.cache(Node))
    return (key, Nodes(nodes)) if any(not node.spec.pod_cidr for node in nodes) else None


def allocate(cluster_cidr: str) -> Callable[[ObjectKey, Nodes, float], list[Action]]:
    """The reconcile function for a cluster's range."""
    network = ipaddress.ip_network(cluster_cidr)
    prefix = max(NODE_PREFIX, network.prefixlen)

    def reconcile(desired: ObjectKey, observed: Nodes, now: float) -> list[Action]:
        taken = {node.spec.pod_cidr for node in observed.nodes}
        free = (text for subnet in network.subnets(new_prefix=prefix) if (text := str(subnet)) not in taken)
        actions: list[Action] = []
        for node in sorted(observed.nodes, key=_age):
            if node.spec.pod_cidr or node.metadata.deletion_timestamp:
                continue
            text = next(free, "")
            if text:
                patch = {"spec": {"podCIDR": text, "podCIDRs": [text]}}
                actions.append(PatchObject(Node, key_of(node), patch))
            else:
                words = f"Node {node.metadata.name} status is now: CIDRNotAvailable"
                actions.append(RecordEvent(node, "Normal", "CIDRNotAvailable", words))
        return actions

    return reconcile


def _age(node: Node) -> tuple[str, str]:
    return node.metadata.creation_timestamp, node.metadata.name


def all_nodes(lister: Lister, node: Node) -> list[ObjectKey]:
    """Watch keys: a node without a range concerns the whole, and so does one that goes and frees its own."""
    current = lister.cache(Node).get(key_of(node))
    return [ALL_NODES] if current is None or not current.spec.pod_cidr else []


def node_range_controller(cluster_cidr: str) -> Controller[ObjectKey, Nodes]:
    """One key, one worker."""
    return Controller(
        name="node-ipam-controller",
        watches=(Watch(Node, all_nodes),),
        observe=observe,
        reconcile=allocate(cluster_cidr),
        workers=1,
    )
