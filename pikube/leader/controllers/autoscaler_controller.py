"""Pure: the controller of HorizontalPodAutoscalers: what it reads, what it remembers, when it looks.

Enter: the caches, the boards' metrics, a monotonic clock. Leaves: the Controller value for the loop. Metrics are
asked for in `prepare`, which the loop awaits before it observes: where there is no autoscaler, nobody asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from pikube.api.errors import ApiError
from pikube.api.kinds.apps import Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.autoscaling_v2 import HorizontalPodAutoscaler
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import LabelSelector as LabelSelectorSpec
from pikube.api.selector import from_label_selector
from pikube.informer.actions import Action, PatchObject, RequeueAfter
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.autoscaler import SYNC_S, Observed, Scale, decide, failed_rescale
from pikube.leader.controllers.autoscaler_behavior import History
from pikube.leader.metrics.summary import BoardUse

TARGETS: dict[tuple[str, str], type[Any]] = {
    ("apps", "Deployment"): Deployment,
    ("apps", "ReplicaSet"): ReplicaSet,
    ("apps", "StatefulSet"): StatefulSet,
    ("", "ReplicationController"): ReplicationController,
}


class Boards(Protocol):
    """What boards use: asked for first, then read."""

    def of(self, nodes: Iterable[str]) -> Awaitable[Mapping[str, BoardUse]]: ...

    def known(self, node: str) -> BoardUse | None: ...


def scale_of(lister: Lister, autoscaler: HorizontalPodAutoscaler) -> tuple[Scale | None, str]:
    """The target's scale, or why there is none."""
    ref = autoscaler.spec.scale_target_ref
    group = ref.api_version.rpartition("/")[0]
    cls = TARGETS.get((group, ref.kind))
    if cls is None:
        where = f'in group "{group}"' if group else 'in version "v1"'
        return None, f'no matches for kind "{ref.kind}" {where}'
    key = ObjectKey(autoscaler.metadata.namespace, ref.name)
    target = lister.cache(cls).get(key)
    if target is None:
        plural = f"{cls.names.plural}.{cls.names.group}" if cls.names.group else cls.names.plural
        return None, f'{plural} "{ref.name}" not found'
    selector = target.spec.selector
    if isinstance(selector, dict):
        selector = LabelSelectorSpec(match_labels=selector)
    replicas = 1 if target.spec.replicas is None else target.spec.replicas
    return Scale(cls, key, replicas, from_label_selector(selector)), ""


class _Observing:
    """Reads the caches, and remembers for each autoscaler."""

    def __init__(self, boards: Boards, monotonic: Callable[[], float]) -> None:
        self._boards = boards
        self._monotonic = monotonic
        self._histories: dict[ObjectKey, History] = {}
        self._before: dict[ObjectKey, History] = {}
        self._last: dict[ObjectKey, tuple[Any, float]] = {}

    def _pods(self, lister: Lister, scale: Scale) -> list[Pod]:
        if scale.selector.empty:
            return []
        pods = lister.cache(Pod).in_namespace(scale.key.namespace)
        return [pod for pod in pods if scale.selector.matches(pod.metadata.labels)]

    def _waits_s(self, autoscaler: HorizontalPodAutoscaler) -> float:
        """Our own status writes wake us: seconds until the next look is due, unless the spec is another one."""
        spec, at = self._last.get(key_of(autoscaler), (None, float("-inf")))
        return SYNC_S - (self._monotonic() - at) if spec == autoscaler.spec else 0.0

    async def prepare(self, lister: Lister, key: ObjectKey) -> None:
        """Ask the boards that hold the target's pods."""
        autoscaler = lister.cache(HorizontalPodAutoscaler).get(key)
        if autoscaler is None or self._waits_s(autoscaler) > 0:
            return
        scale, _ = scale_of(lister, autoscaler)
        if scale is not None:
            await self._boards.of({pod.spec.node_name for pod in self._pods(lister, scale)} - {""})

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[HorizontalPodAutoscaler, Observed] | None:
        autoscaler = lister.cache(HorizontalPodAutoscaler).get(key)
        if autoscaler is None or autoscaler.metadata.deletion_timestamp:
            for memory in (self._histories, self._before, self._last):
                memory.pop(key, None)
            return None
        scale, problem = scale_of(lister, autoscaler)
        pods = self._pods(lister, scale) if scale is not None else []
        uses = {}
        for pod in pods:
            board = self._boards.known(pod.spec.node_name) if pod.spec.node_name else None
            containers = board.pods.get(pod.metadata.uid) if board is not None else None
            if containers and pod.status.phase == "Running":
                uses[pod.metadata.name] = containers
        observed = Observed(
            scale, problem, tuple(pods), uses, self._rivals(lister, autoscaler, scale, pods),
            self._histories.get(key, History()), self._monotonic(),
        )  # fmt: skip
        return autoscaler, observed

    def _rivals(
        self, lister: Lister, autoscaler: HorizontalPodAutoscaler, scale: Scale | None, pods: list[Pod]
    ) -> tuple[str, ...]:
        """All autoscalers, this one too, whose targets select one of these pods; none if it is alone."""
        if scale is None or not pods:
            return ()
        names = []
        for other in lister.cache(HorizontalPodAutoscaler).in_namespace(autoscaler.metadata.namespace):
            theirs, _ = scale_of(lister, other)
            if theirs is None or theirs.selector.empty:
                continue
            if any(theirs.selector.matches(pod.metadata.labels) for pod in pods):
                names.append(str(key_of(other)))
        return tuple(names) if len(names) > 1 else ()

    def reconcile(self, desired: HorizontalPodAutoscaler, observed: Observed, now: float) -> list[Action]:
        """`decide`, and remember."""
        waits_s = self._waits_s(desired)
        if waits_s > 0:
            return [RequeueAfter(waits_s)]
        key = key_of(desired)
        decision = decide(desired, observed, now)
        self._before[key] = observed.history
        self._histories[key] = decision.history
        self._last[key] = desired.spec, observed.at
        return decision.actions

    def on_failure(
        self,
        desired: HorizontalPodAutoscaler,
        observed: Observed,
        action: Action,
        error: ApiError,
        now: float,
    ) -> list[Action]:
        """The target was not scaled: say so, and forget that it was."""
        if not isinstance(action, PatchObject):
            return []
        key = key_of(desired)
        done = self._histories.get(key, History())
        before = self._before.get(key, History())
        self._histories[key] = replace(done, ups=before.ups, downs=before.downs)
        self._last.pop(key, None)
        return failed_rescale(desired, observed, action, error, now)


def autoscaler_controller(
    boards: Boards, monotonic: Callable[[], float]
) -> Controller[HorizontalPodAutoscaler, Observed]:
    """`monotonic` is Trio's clock. The caches of targets and pods are read, and wake nobody: an autoscaler looks
    every SYNC_S, as upstream's."""
    observing = _Observing(boards, monotonic)

    def nobody(lister: Lister, obj: Any) -> list[ObjectKey]:
        return []

    return Controller(
        name="horizontal-pod-autoscaler",
        watches=(
            Watch(HorizontalPodAutoscaler, itself),
            *(Watch(cls, nobody) for cls in TARGETS.values()),
            Watch(Pod, nobody),
        ),
        observe=observing.observe,
        reconcile=observing.reconcile,
        on_failure=observing.on_failure,
        prepare=observing.prepare,
        workers=1,
    )
