"""Pure: pods leave nodes whose NoExecute taints they do not tolerate, or no longer.

Enter: the Node, how long each taint has been there by our own clock, its pods. Leave: deletions now or later.
Run by the controller loop. Source: kubernetes pkg/controller/tainteviction/taint_eviction.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.core_node import Node, Taint
from pikube.api.kinds.core_pod import Pod, PodCondition
from pikube.api.placement import NO_EXECUTE
from pikube.api.times import render_time
from pikube.api.tolerations import tolerates
from pikube.informer.actions import Action, Delete, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch
from pikube.leader.controllers.conditions import with_condition
from pikube.leader.controllers.node_lifecycle import PODS_ON_NODE, pods_on_node
from pikube.leader.controllers.pods import is_active
from pikube.leader.controllers.sightings import Sightings


@dataclass(frozen=True, slots=True)
class Tainted:
    """NoExecute taints with their age in seconds, and the pods on the node."""

    taints: tuple[tuple[Taint, float], ...]
    pods: tuple[Pod, ...]


def stays_s(pod: Pod, tainted: Tainted) -> float:
    """For how many more seconds the pod tolerates the taints: 0 if it must go, infinity if it may stay."""
    left = float("inf")
    for taint, age_s in tainted.taints:
        tolerated = [t for t in pod.spec.tolerations if tolerates(t, taint)]
        if not tolerated:
            return 0.0
        limits = [t.toleration_seconds for t in tolerated if t.toleration_seconds is not None]
        if limits:
            left = min(left, max(0.0, min(limits) - age_s))
    return left


def reconcile(desired: Node, observed: Tainted, now: float) -> list[Action]:
    """Delete who must go; come again when the next one's time is over."""
    actions: list[Action] = []
    waits: list[float] = []
    for pod in sorted(observed.pods, key=key_of):
        if not is_active(pod):
            continue
        left_s = stays_s(pod, observed)
        if left_s <= 0:
            actions += _evict(pod, now)
        elif left_s != float("inf"):
            waits.append(left_s)
    if waits:
        actions.append(RequeueAfter(min(waits)))
    return actions


def _evict(pod: Pod, now: float) -> list[Action]:
    condition = PodCondition(
        type="DisruptionTarget",
        status="True",
        last_transition_time=render_time(now),
        reason="DeletionByTaintManager",
        message="Taint manager: deleting due to NoExecute taint",
        observed_generation=pod.metadata.generation,
    )
    conditions = with_condition(pod.status.conditions, condition)
    said = RecordEvent(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key_of(pod)}")
    gone = Delete(Pod, key_of(pod), pod.metadata.uid, said=said)
    if conditions == pod.status.conditions:
        return [gone]
    status = structs.replace(pod.status, conditions=conditions)
    return [Update(structs.replace(pod, status=status), "status"), gone]


def no_execute(node: Node) -> list[Taint]:
    """The taints that drive pods away."""
    return [taint for taint in node.spec.taints if taint.effect == NO_EXECUTE]


class _Observing:
    """Sees taints as they come, and reads the caches."""

    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings

    def node_keys(self, lister: Lister, node: Node) -> list[ObjectKey]:
        current = lister.cache(Node).get(key_of(node))
        present = {_name(node, taint): taint for taint in no_execute(current)} if current else {}
        for taint in no_execute(node):
            if _name(node, taint) not in present:
                self._sightings.forget(_name(node, taint))
        for name, taint in present.items():
            self._sightings.see(name, taint.time_added)
        return [key_of(node)] if present else []

    def pod_keys(self, lister: Lister, pod: Pod) -> list[ObjectKey]:
        key = ObjectKey("", pod.spec.node_name)
        node = lister.cache(Node).get(key) if pod.spec.node_name else None
        return [key] if node is not None and no_execute(node) else []

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[Node, Tainted] | None:
        node = lister.cache(Node).get(key)
        taints = no_execute(node) if node is not None else []
        if node is None or not taints:
            return None
        aged = tuple((taint, self._sightings.age_s(_name(node, taint)) or 0.0) for taint in taints)
        return node, Tainted(aged, tuple(lister.cache(Pod).indexed(PODS_ON_NODE, key.name)))


def _name(node: Node, taint: Taint) -> str:
    return f"{node.metadata.name} {taint.key}={taint.value}"


def taint_eviction_controller(clock: Callable[[], float]) -> Controller[Node, Tainted]:
    """`clock` is monotonic."""
    observing = _Observing(Sightings(clock))
    return Controller(
        name="taint-eviction-controller",
        watches=(Watch(Node, observing.node_keys), Watch(Pod, observing.pod_keys)),
        indexes=(Index(Pod, PODS_ON_NODE, pods_on_node),),
        observe=observing.observe,
        reconcile=reconcile,
    )
