"""Pure: gives each node its range of pod addresses out of the cluster's (kubernetes nodeipam range allocator)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from pikube.api.kinds.core_node import Node
from pikube.informer.actions import Action, PatchObject, RecordEvent
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself

NODE_PREFIX = 24  # 254 addresses a board: twice what --max-pods allows, so that none is reused at once


@dataclass(frozen=True, slots=True)
class Taken:
    """Ranges of other nodes."""

    ranges: frozenset[str]


def observe(lister: Lister, key: ObjectKey) -> tuple[Node, Taken] | None:
    node = lister.cache(Node).get(key)
    if node is None or node.spec.pod_cidr or node.metadata.deletion_timestamp:
        return None
    return node, Taken(frozenset(n.spec.pod_cidr for n in lister.cache(Node) if n.spec.pod_cidr))


def allocate(cluster_cidr: str) -> Callable[[Node, Taken, float], list[Action]]:
    """The reconcile function for a cluster's range."""
    network = ipaddress.ip_network(cluster_cidr)

    def reconcile(desired: Node, observed: Taken, now: float) -> list[Action]:
        prefix = max(NODE_PREFIX, network.prefixlen)
        for subnet in network.subnets(new_prefix=prefix):
            text = str(subnet)
            if text not in observed.ranges:
                patch = {"spec": {"podCIDR": text, "podCIDRs": [text]}}
                return [PatchObject(Node, key_of(desired), patch)]
        words = f"Node {desired.metadata.name} status is now: CIDRNotAvailable"
        return [RecordEvent(desired, "Normal", "CIDRNotAvailable", words)]

    return reconcile


def node_range_controller(cluster_cidr: str) -> Controller[Node, Taken]:
    """One worker: two nodes must not be given the same range."""
    return Controller(
        name="node-ipam-controller",
        watches=(Watch(Node, itself),),
        observe=observe,
        reconcile=allocate(cluster_cidr),
        workers=1,
    )
