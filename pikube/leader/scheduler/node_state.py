"""Pure: what the scheduler knows of each node: the Node, its pods, and their sums, kept up by each change.

Enter: nodes and pods as they come and go. Leaves: `Cluster`, which decisions read. Called by the scheduler's
task; a decision reads it and never changes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.pod_requests import (
    CPU,
    MEMORY,
    PODS,
    Amounts,
    amounts,
    host_ports,
    pod_requests,
    scoring_requests,
)
from pikube.informer.cache import ObjectKey, key_of
from pikube.leader.controllers.ownership import controller_of
from pikube.leader.scheduler.images import KnownImages


class PodFacts:
    """A pod with what is computed of it once."""

    __slots__ = ("has_affinity", "key", "owner_uid", "pod", "ports", "priority", "requests", "scoring")

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.key = key_of(pod)
        self.requests = pod_requests(pod.spec)
        self.scoring = scoring_requests(pod, self.requests)
        self.ports = host_ports(pod.spec)
        self.priority = pod.spec.priority or 0
        ref = controller_of(pod)
        self.owner_uid = ref.uid if ref is not None else ""
        affinity = pod.spec.affinity
        self.has_affinity = affinity is not None and bool(affinity.pod_affinity or affinity.pod_anti_affinity)


class NodeState:
    """One node and the pods that are on it or that were just decided for it."""

    __slots__ = ("allocatable", "images", "node", "owners", "pods", "ports", "requested", "scoring")

    def __init__(self, node: Node) -> None:
        self.pods: dict[ObjectKey, PodFacts] = {}
        self.requested: Amounts = {}
        self.scoring: Amounts = {CPU: 0, MEMORY: 0}
        self.ports: dict[tuple[str, int], list[str]] = {}
        self.owners: Counter[str] = Counter()  # pods by the uid of their controller
        self.take(node)

    def take(self, node: Node) -> None:
        """The node changed; its pods stay."""
        self.node = node
        self.allocatable = amounts(node.status.allocatable)
        self.allocatable.setdefault(PODS, 0)  # who does not say how many takes none, as upstream
        self.images = {name: image.size_bytes for image in node.status.images for name in image.names}

    @property
    def name(self) -> str:
        return self.node.metadata.name

    def add(self, facts: PodFacts) -> None:
        self.pods[facts.key] = facts
        self._sum(facts, 1)
        for protocol, address, number in facts.ports:
            self.ports.setdefault((protocol, number), []).append(address)

    def remove(self, key: ObjectKey) -> None:
        facts = self.pods.pop(key, None)
        if facts is None:
            return
        self._sum(facts, -1)
        for protocol, address, number in facts.ports:
            addresses = self.ports[(protocol, number)]
            addresses.remove(address)
            if not addresses:
                del self.ports[(protocol, number)]

    def without(self, keys: Iterable[ObjectKey]) -> NodeState:
        """A copy in which some pods are gone: what preemption tries."""
        gone = frozenset(keys)
        copy = NodeState(self.node)
        for key, facts in self.pods.items():
            if key not in gone:
                copy.add(facts)
        return copy

    def _sum(self, facts: PodFacts, sign: int) -> None:
        for name, amount in facts.requests.items():
            self.requested[name] = self.requested.get(name, 0) + sign * amount
        for name, amount in facts.scoring.items():
            self.scoring[name] += sign * amount
        if facts.owner_uid:
            self.owners[facts.owner_uid] += sign
            if not self.owners[facts.owner_uid]:
                del self.owners[facts.owner_uid]


class Cluster:
    """Every node. `affine` are the pods that have affinity terms of their own: usually none."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeState] = {}
        self.affine: dict[ObjectKey, tuple[PodFacts, str]] = {}
        self.namespace_labels: dict[str, dict[str, str]] = {}
        self.images = KnownImages()
        self._places: dict[ObjectKey, str] = {}
        self._homeless: dict[str, dict[ObjectKey, PodFacts]] = {}  # pods whose node is not known (yet)

    def __iter__(self) -> Iterator[NodeState]:
        """In order of name."""
        return iter([self.nodes[name] for name in sorted(self.nodes)])

    def put_node(self, node: Node) -> None:
        name = node.metadata.name
        self.images.take(node)
        state = self.nodes.get(name)
        if state is not None:
            state.take(node)
            return
        state = self.nodes[name] = NodeState(node)
        for facts in self._homeless.pop(name, {}).values():
            state.add(facts)

    def drop_node(self, name: str) -> None:
        self.images.drop(name)
        state = self.nodes.pop(name, None)
        if state is not None and state.pods:
            self._homeless[name] = dict(state.pods)

    def put_pod(self, facts: PodFacts, node_name: str) -> None:
        """The pod is on a node, or is decided to be."""
        self.drop_pod(facts.key)
        self._places[facts.key] = node_name
        state = self.nodes.get(node_name)
        if state is not None:
            state.add(facts)
        else:
            self._homeless.setdefault(node_name, {})[facts.key] = facts
        if facts.has_affinity:
            self.affine[facts.key] = facts, node_name

    def drop_pod(self, key: ObjectKey) -> None:
        name = self._places.pop(key, None)
        if name is None:
            return
        self.affine.pop(key, None)
        state = self.nodes.get(name)
        if state is not None:
            state.remove(key)
        elif name in self._homeless:
            self._homeless[name].pop(key, None)
            if not self._homeless[name]:
                del self._homeless[name]

    def place_of(self, key: ObjectKey) -> str:
        """The node's name; '' for none."""
        return self._places.get(key, "")
