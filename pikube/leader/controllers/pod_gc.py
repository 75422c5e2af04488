"""Pure: pods that nobody will end otherwise: those of vanished nodes, and the oldest of too many that ended.

Enter: pods by node or by end. Leave: deletions. Run by the controller loop.
Source: kubernetes pkg/controller/podgc/gc_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.informer.actions import Action, Delete, Identity, RequeueAfter
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch
from pikube.leader.controllers.node_lifecycle import PODS_ON_NODE, pods_on_node
from pikube.leader.controllers.pods import ENDED
from pikube.leader.controllers.sightings import Sightings

QUARANTINE_S = 40.0  # a node that is made anew soon keeps its pods (gc_controller.go:quarantineTime)
ENDED_LIMIT = 1000
"""Ended pods kept for their logs and status. kube-controller-manager keeps 12,500; at 10 kB each that would be
more than a small board has to spare."""
ENDED_INDEX = "ended"
ALL_ENDED = ObjectKey("", "ended")


@dataclass(frozen=True, slots=True)
class Stranded:
    """Pods of a node that has been away for `absent_s`."""

    pods: tuple[Pod, ...]
    absent_s: float


def reconcile_stranded(desired: ObjectKey, observed: Stranded, now: float) -> list[Action]:
    """Once the quarantine is over, delete without grace: no agent is there to grant any."""
    if observed.absent_s < QUARANTINE_S:
        return [RequeueAfter(QUARANTINE_S - observed.absent_s)]
    return [
        Delete(Pod, key_of(pod), pod.metadata.uid, grace_period_s=0, unless=(_node_of(pod),))
        for pod in sorted(observed.pods, key=key_of)
    ]


def _node_of(pod: Pod) -> Identity:
    return Identity(Node, ObjectKey("", pod.spec.node_name), "")


class _Observing:
    """Sees nodes go, and reads the caches."""

    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings

    def node_keys(self, lister: Lister, node: Node) -> list[ObjectKey]:
        return self._absent(lister, node.metadata.name)

    def pod_keys(self, lister: Lister, pod: Pod) -> list[ObjectKey]:
        return self._absent(lister, pod.spec.node_name) if pod.spec.node_name else []

    def _absent(self, lister: Lister, name: str) -> list[ObjectKey]:
        if lister.cache(Node).get(ObjectKey("", name)) is not None:
            self._sightings.forget(name)
            return []
        self._sightings.see(name, True)
        return [ObjectKey("", name)]

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[ObjectKey, Stranded] | None:
        pods = lister.cache(Pod).indexed(PODS_ON_NODE, key.name)
        if lister.cache(Node).get(key) is not None or not pods:
            self._sightings.forget(key.name)
            return None
        return key, Stranded(tuple(pods), self._sightings.age_s(key.name) or 0.0)


def pod_gc_controller(clock: Callable[[], float]) -> Controller[ObjectKey, Stranded]:
    """Pods of vanished nodes; `clock` is monotonic."""
    observing = _Observing(Sightings(clock))
    return Controller(
        name="pod-garbage-collector",
        watches=(Watch(Node, observing.node_keys), Watch(Pod, observing.pod_keys)),
        indexes=(Index(Pod, PODS_ON_NODE, pods_on_node),),
        observe=observing.observe,
        reconcile=reconcile_stranded,
        workers=1,
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """Every pod that has ended."""

    pods: tuple[Pod, ...]


def reconcile_ended(desired: ObjectKey, observed: Ended, now: float) -> list[Action]:
    """Delete the oldest beyond the limit."""
    excess = len(observed.pods) - ENDED_LIMIT
    if excess <= 0:
        return []
    oldest = sorted(observed.pods, key=lambda pod: (pod.metadata.creation_timestamp, key_of(pod)))
    return [Delete(Pod, key_of(pod), pod.metadata.uid, grace_period_s=0) for pod in oldest[:excess]]


def ended_index(pod: Pod) -> list[str]:
    """Index: all pods that ended and are not going already."""
    return ["yes"] if pod.status.phase in ENDED and not pod.metadata.deletion_timestamp else []


def _ended_keys(lister: Lister, pod: Pod) -> list[ObjectKey]:
    return [ALL_ENDED] if pod.status.phase in ENDED else []


def _observe_ended(lister: Lister, key: ObjectKey) -> tuple[ObjectKey, Ended] | None:
    return key, Ended(tuple(lister.cache(Pod).indexed(ENDED_INDEX, "yes")))


ENDED_PODS: Controller[ObjectKey, Ended] = Controller(
    name="ended-pod-collector",
    watches=(Watch(Pod, _ended_keys),),
    indexes=(Index(Pod, ENDED_INDEX, ended_index),),
    observe=_observe_ended,
    reconcile=reconcile_ended,
    workers=1,
)
