"""Pure: the pods that wait for a node, and whose turn it is.

Enter: pods, attempts, times of Trio's clock. Leaves: what is due, the most important first. Called by the
scheduler's task. Source: kubernetes pkg/scheduler/backend/queue (podInitialBackoff 1 s, podMaxBackoff 10 s).
"""

from __future__ import annotations

from dataclasses import dataclass

from pikube.api.kinds.core_pod import Pod
from pikube.informer.cache import ObjectKey, key_of

FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 10.0


@dataclass(slots=True)
class Waiting:
    """`is_active`: something changed since it was last tried; `not_before`: when it may be tried again."""

    pod: Pod
    is_active: bool = True
    attempts: int = 0
    not_before: float = 0.0


class PodQueue:
    """Pods by key. Trying an unschedulable pod again takes an event that might help, and its back-off."""

    def __init__(self) -> None:
        self._pods: dict[ObjectKey, Waiting] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def put(self, pod: Pod) -> None:
        """A pod that is new, or that changed; another pod of the same name begins anew."""
        key = key_of(pod)
        known = self._pods.get(key)
        if known is None or known.pod.metadata.uid != pod.metadata.uid:
            self._pods[key] = Waiting(pod)
            return
        is_other = _wishes(known.pod) != _wishes(pod)
        known.pod = pod
        if is_other:
            known.is_active = True
            known.not_before = 0.0

    def drop(self, key: ObjectKey) -> None:
        self._pods.pop(key, None)

    def get(self, key: ObjectKey) -> Pod | None:
        waiting = self._pods.get(key)
        return waiting.pod if waiting is not None else None

    def due(self, now: float, limit: int) -> list[Pod]:
        """The pods to try now: highest priority first, then the oldest."""
        ready = [w.pod for w in self._pods.values() if w.is_active and w.not_before <= now]
        ready.sort(key=lambda p: (-(p.spec.priority or 0), p.metadata.creation_timestamp, key_of(p)))
        return ready[:limit]

    def next_due(self) -> float:
        """When the next pod may be tried; infinity for none."""
        return min((w.not_before for w in self._pods.values() if w.is_active), default=float("inf"))

    def failed(self, key: ObjectKey, now: float) -> None:
        """No node for it: it rests until something changes, and at least its back-off."""
        waiting = self._pods.get(key)
        if waiting is None:
            return
        waiting.is_active = False
        waiting.not_before = now + min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(waiting.attempts, 10))
        waiting.attempts += 1

    def rest(self, key: ObjectKey) -> None:
        """It waits for something other than a node: its next change makes it active at once."""
        waiting = self._pods.get(key)
        if waiting is not None:
            waiting.is_active = False

    def something_changed(self) -> None:
        """Nodes, pods or volumes moved: every pod has hope again."""
        for waiting in self._pods.values():
            waiting.is_active = True


def _wishes(pod: Pod) -> object:
    return pod.spec, pod.metadata.labels
