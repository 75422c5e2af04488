"""Pure: nodes that fall silent: conditions Unknown, their pods not ready, taints by condition.

Enter: the Node, how long it has been silent by our own clock, the other nodes' health, its pods. Leave: status,
taints, pods marked not ready (which drops them from Services). Run by the controller loop; eviction itself
is taint_eviction.py. Source: kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_node import Node, NodeCondition, Taint
from pikube.api.kinds.core_pod import Pod
from pikube.api.times import render_time
from pikube.informer.actions import Action, PatchObject, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch
from pikube.leader.controllers.conditions import condition_of, with_condition
from pikube.leader.controllers.pods import is_active, is_ready, ready_condition
from pikube.leader.controllers.sightings import Sightings

LEASES = "kube-node-lease"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
BY_CONDITION = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
OURS = frozenset((NOT_READY, UNREACHABLE, UNSCHEDULABLE, *BY_CONDITION.values()))
POSTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
STARTUP_GRACE_S = 60.0
"""kube-controller-manager --node-startup-grace-period. After a power cut of the house the leader is up before the
agents of slower boards, and of its own; what they run must not be ended for that."""
CUT_OFF_SHARE = 0.55  # kube-controller-manager --unhealthy-zone-threshold
PODS_ON_NODE = "node"


@dataclass(frozen=True, slots=True)
class Health:
    """`silent_s`: since its last heartbeat as we saw it, or since we began to look when there was none (`is_heard`).
    `is_cut_off`: so many boards fell silent together that the fault is likely the leader's network, and moving
    everything would only do harm."""

    silent_s: float
    is_cut_off: bool
    pods: tuple[Pod, ...] = ()
    is_heard: bool = True


def pods_on_node(pod: Pod) -> list[str]:
    """Index: the node's name."""
    return [pod.spec.node_name] if pod.spec.node_name else []


def ready_status(node: Node) -> str:
    """Status of the condition Ready; '' if it was never said."""
    condition = condition_of(node.status.conditions, "Ready")
    return condition.status if condition is not None else ""


def reconcile_within(grace_s: float) -> Callable[[Node, Health, float], list[Action]]:
    """The reconcile function for a grace period."""

    def reconcile(desired: Node, observed: Health, now: float) -> list[Action]:
        if desired.metadata.deletion_timestamp:
            return []
        patience_s = grace_s if observed.is_heard else max(grace_s, STARTUP_GRACE_S)
        if observed.silent_s >= patience_s and ready_status(desired) != "Unknown":
            return _lost(desired, now)
        actions = _taints(desired, observed, now)
        if ready_status(desired) == "Unknown":
            actions += _pods_not_ready(observed, now)
        if observed.silent_s < patience_s:  # whoever was not heard may be by then, and have less time
            actions.append(RequeueAfter(min(grace_s, patience_s - observed.silent_s)))
        return actions

    return reconcile


def _lost(node: Node, now: float) -> list[Action]:
    """Every condition that the board posts becomes Unknown; its write brings the key back for the rest."""
    conditions = node.status.conditions
    for type_ in POSTED:
        known = condition_of(conditions, type_)
        reason, words = "NodeStatusUnknown", "Kubelet stopped posting node status."
        if known is None:
            reason, words = "NodeStatusNeverUpdated", "Kubelet never posted node status."
        new = NodeCondition(
            type=type_,
            status="Unknown",
            last_heartbeat_time=known.last_heartbeat_time if known is not None else "",
            last_transition_time=render_time(now),
            reason=reason,
            message=words,
        )
        conditions = with_condition(conditions, new)
    status = structs.replace(node.status, conditions=conditions)
    words = f"Node {node.metadata.name} status is now: NodeNotReady"
    said = RecordEvent(node, "Normal", "NodeNotReady", words)
    return [Update(structs.replace(node, status=status), "status", said)]


def _taints(node: Node, health: Health, now: float) -> list[Action]:
    wanted = wanted_taints(node, health.is_cut_off)
    have = {(t.key, t.effect) for t in node.spec.taints if _is_ours(t)}
    if have == wanted:
        return []
    kept = [t for t in node.spec.taints if not _is_ours(t) or (t.key, t.effect) in wanted]
    documents = [_document(t) for t in kept]
    added = sorted(wanted - have)
    documents += [{"key": k, "effect": e, "timeAdded": render_time(now)} for k, e in added]
    meta = {"resourceVersion": node.metadata.resource_version}
    return [PatchObject(Node, key_of(node), {"metadata": meta, "spec": {"taints": documents}})]


def wanted_taints(node: Node, is_cut_off: bool) -> set[tuple[str, str]]:
    """(key, effect) of the taints that the node's conditions and spec.unschedulable call for."""
    wanted: set[tuple[str, str]] = set()
    ready = ready_status(node)
    if ready != "True":
        key = UNREACHABLE if ready == "Unknown" else NOT_READY
        wanted.add((key, "NoSchedule"))
        if ready and not is_cut_off:
            wanted.add((key, "NoExecute"))
    for condition in node.status.conditions:
        if condition.type in BY_CONDITION and condition.status == "True":
            wanted.add((BY_CONDITION[condition.type], "NoSchedule"))
    if node.spec.unschedulable:
        wanted.add((UNSCHEDULABLE, "NoSchedule"))
    return wanted


def _is_ours(taint: Taint) -> bool:
    if taint.effect == "NoExecute":
        return taint.key in (NOT_READY, UNREACHABLE)
    return taint.effect == "NoSchedule" and taint.key in OURS


def _document(taint: Taint) -> dict[str, str]:
    pairs = (
        ("key", taint.key),
        ("value", taint.value),
        ("effect", taint.effect),
        ("timeAdded", taint.time_added),
    )
    return {name: value for name, value in pairs if value}


def _pods_not_ready(health: Health, now: float) -> list[Action]:
    actions: list[Action] = []
    for pod in sorted(health.pods, key=key_of):
        ready = ready_condition(pod)
        if ready is None or not is_ready(pod) or not is_active(pod):
            continue
        new = structs.replace(ready, status="False", last_transition_time=render_time(now))
        conditions = with_condition(pod.status.conditions, new)
        said = RecordEvent(pod, "Warning", "NodeNotReady", "Node is not ready")
        status = structs.replace(pod.status, conditions=conditions)
        actions.append(Update(structs.replace(pod, status=status), "status", said))
    return actions


class _Observing:
    """Sees heartbeats as they pass by, and reads the caches."""

    def __init__(self, sightings: Sightings, local_node: str) -> None:
        self._sightings = sightings
        self._local_node = local_node

    def lease_keys(self, lister: Lister, lease: Lease) -> list[ObjectKey]:
        """A renewed lease is noted and wakes nobody: silence is found by the timer."""
        if lease.metadata.namespace == LEASES:
            name = f"lease/{lease.metadata.name}"
            if lister.cache(Lease).get(key_of(lease)) is None:
                self._sightings.forget(name)
            else:
                self._sightings.see(name, lease.metadata.resource_version)
        return []

    def node_keys(self, lister: Lister, node: Node) -> list[ObjectKey]:
        """The node, and with the health of one the lost ones: whether they are cut off depends on all."""
        name = node.metadata.name
        if lister.cache(Node).get(ObjectKey("", name)) is None:
            self._sightings.forget(f"lease/{name}")
            self._sightings.forget(f"node/{name}")
        else:
            ready = condition_of(node.status.conditions, "Ready")
            token = ready.last_heartbeat_time if ready is not None else ""
            self._sightings.see(f"node/{name}", (node.metadata.uid, token))
        lost = [key_of(other) for other in lister.cache(Node) if ready_status(other) == "Unknown"]
        return [key_of(node), *lost]

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[Node, Health] | None:
        node = lister.cache(Node).get(key)
        if node is None:
            return None
        renewed_s, posted_s = (
            self._sightings.age_s(f"lease/{key.name}"),
            self._sightings.age_s(f"node/{key.name}"),
        )
        silent_s = min((age for age in (renewed_s, posted_s) if age is not None), default=0.0)
        # leases live in memory only: who has one has spoken to this leader since it began
        is_heard = renewed_s is not None or self._sightings.has_changed(f"node/{key.name}")
        pods = lister.cache(Pod).indexed(PODS_ON_NODE, key.name)
        others = {n.metadata.name: ready_status(n) for n in lister.cache(Node)}
        return node, Health(silent_s, is_cut_off(others, self._local_node), tuple(pods), is_heard)


def is_cut_off(ready_by_node: dict[str, str], local_node: str) -> bool:
    """Whether the boards that are out of reach are so many that the leader itself is likely cut off: all of
    several, or more than half of many (kubernetes ComputeZoneState). The leader's own board does not count."""
    remote = [status for name, status in ready_by_node.items() if name != local_node]
    lost = remote.count("Unknown")
    if lost < 2:
        return False
    return lost == len(remote) or (lost > 2 and lost / len(remote) >= CUT_OFF_SHARE)


def node_lifecycle_controller(
    clock: Callable[[], float], *, grace_s: float, local_node: str = ""
) -> Controller[Node, Health]:
    """`clock` is monotonic; a board that is silent for `grace_s` is lost; `local_node` is the
    board that the leader itself runs on."""
    observing = _Observing(Sightings(clock), local_node)
    return Controller(
        name="node-controller",
        watches=(Watch(Lease, observing.lease_keys), Watch(Node, observing.node_keys)),
        indexes=(Index(Pod, PODS_ON_NODE, pods_on_node),),
        observe=observing.observe,
        reconcile=reconcile_within(grace_s),
    )
