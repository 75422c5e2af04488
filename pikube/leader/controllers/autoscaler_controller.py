"""Pure: the controller of HorizontalPodAutoscalers: what it reads, what it remembers, when it looks.

Enter: the caches, the boards' metrics, a monotonic clock. Leaves: the Controller value for the loop. Metrics are
asked for in `prepare`, which the loop awaits before it observes: where there is no autoscaler, nobody asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pikube.api.errors import ApiError, BadRequest
from pikube.api.kinds.apps import Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.autoscaling_v2 import HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import LabelSelector as LabelSelectorSpec
from pikube.api.selector import from_label_selector, parse_label_selector
from pikube.informer.actions import Action, PatchObject, Remember, RequeueAfter
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.autoscaler import SYNC_S, Observed, Scale, decide, failed_rescale
from pikube.leader.controllers.autoscaler_behavior import History
from pikube.leader.controllers.custom_scale import CustomScale, FindScale, NoScale
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


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one autoscaler. `spec` and `at`: of the last look that was carried out, None before the first."""

    history: History
    spec: HorizontalPodAutoscalerSpec | None = None
    at: float = 0.0


class Scales:
    """The scales of targets."""

    def __init__(self, find_scale: FindScale) -> None:
        self._find_scale = find_scale

    def of(self, lister: Lister, autoscaler: HorizontalPodAutoscaler) -> tuple[Scale | None, str]:
        """The target's scale, or why there is none."""
        ref = autoscaler.spec.scale_target_ref
        group = ref.api_version.rpartition("/")[0]
        key = ObjectKey(autoscaler.metadata.namespace, ref.name)
        cls = TARGETS.get((group, ref.kind))
        if cls is None:
            return self._custom(group, ref.kind, key)
        target = lister.cache(cls).get(key)
        if target is None:
            plural = f"{cls.names.plural}.{cls.names.group}" if cls.names.group else cls.names.plural
            return None, f'{plural} "{ref.name}" not found'
        selector = target.spec.selector
        if isinstance(selector, dict):
            selector = LabelSelectorSpec(match_labels=selector)
        replicas = 1 if target.spec.replicas is None else target.spec.replicas
        return Scale(cls, key, replicas, from_label_selector(selector)), ""

    def _custom(self, group: str, kind: str, key: ObjectKey) -> tuple[Scale | None, str]:
        found = self._find_scale(group, kind, key)
        if isinstance(found, CustomScale):
            try:
                selector = parse_label_selector(found.selector)
            except BadRequest as error:
                return None, error.message
            return Scale(found.cls, key, found.replicas, selector, found.path), ""
        match found.why:
            case NoScale.NO_KIND:
                where = f'in group "{group}"' if group else 'in version "v1"'
                return None, f'no matches for kind "{kind}" {where}'
            case NoScale.NO_SUBRESOURCE:
                return None, "the server could not find the requested resource"
        return None, f'{found.resource} "{key.name}" not found'


class _Observing:
    """Reads the caches, and what is remembered of each autoscaler."""

    def __init__(self, boards: Boards, monotonic: Callable[[], float], find_scale: FindScale) -> None:
        self._boards = boards
        self._monotonic = monotonic
        self._scales = Scales(find_scale)
        self._book: dict[ObjectKey, Memory] = {}

    def _pods(self, lister: Lister, scale: Scale) -> list[Pod]:
        if scale.selector.empty:
            return []
        pods = lister.cache(Pod).in_namespace(scale.key.namespace)
        return [pod for pod in pods if scale.selector.matches(pod.metadata.labels)]

    def _waits_s(self, autoscaler: HorizontalPodAutoscaler) -> float:
        """Our own status writes wake us: seconds until the next look is due, unless the spec is another one."""
        known = self._book.get(key_of(autoscaler))
        if known is None or known.spec != autoscaler.spec:
            return 0.0
        return SYNC_S - (self._monotonic() - known.at)

    async def prepare(self, lister: Lister, key: ObjectKey) -> None:
        """Ask the boards that hold the target's pods."""
        autoscaler = lister.cache(HorizontalPodAutoscaler).get(key)
        if autoscaler is None or self._waits_s(autoscaler) > 0:
            return
        scale, _ = self._scales.of(lister, autoscaler)
        if scale is not None:
            await self._boards.of({pod.spec.node_name for pod in self._pods(lister, scale)} - {""})

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[HorizontalPodAutoscaler, Observed] | None:
        autoscaler = lister.cache(HorizontalPodAutoscaler).get(key)
        if autoscaler is None or autoscaler.metadata.deletion_timestamp:
            self._book.pop(key, None)
            return None
        waits_s = self._waits_s(autoscaler)
        scale, problem = self._scales.of(lister, autoscaler)
        pods = self._pods(lister, scale) if scale is not None else []
        uses = {}
        for pod in pods:
            board = self._boards.known(pod.spec.node_name) if pod.spec.node_name else None
            containers = board.pods.get(pod.metadata.uid) if board is not None else None
            if containers and pod.status.phase == "Running":
                uses[pod.metadata.name] = containers
        observed = Observed(
            scale, problem, tuple(pods), uses, self._rivals(lister, autoscaler, scale, pods),
            self._book.get(key, Memory(History())).history, self._monotonic(), waits_s,
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
            theirs, _ = self._scales.of(lister, other)
            if theirs is None or theirs.selector.empty:
                continue
            if any(theirs.selector.matches(pod.metadata.labels) for pod in pods):
                names.append(str(key_of(other)))
        return tuple(names) if len(names) > 1 else ()

    def reconcile(self, desired: HorizontalPodAutoscaler, observed: Observed, now: float) -> list[Action]:
        """`decide`, and remember: at first that it looked, at last, when all is done, that it scaled."""
        if observed.waits_s > 0:
            return [RequeueAfter(observed.waits_s)]
        decision = decide(desired, observed, now)
        old, new = observed.history, decision.history
        looked = Memory(replace(new, ups=old.ups, downs=old.downs))
        done = Memory(new, desired.spec, observed.at)
        return [Remember(self._book, looked), *decision.actions, Remember(self._book, done)]


def on_failure(
    desired: HorizontalPodAutoscaler, observed: Observed, action: Action, error: ApiError, now: float
) -> list[Action]:
    """The target was not scaled: say so."""
    return failed_rescale(desired, observed, action, error, now) if isinstance(action, PatchObject) else []


def autoscaler_controller(
    boards: Boards, monotonic: Callable[[], float], find_scale: FindScale
) -> Controller[HorizontalPodAutoscaler, Observed]:
    """`monotonic` is Trio's clock. The caches of targets and pods are read, and wake nobody: an autoscaler looks
    every SYNC_S, as upstream's."""
    observing = _Observing(boards, monotonic, find_scale)

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
        on_failure=on_failure,
        prepare=observing.prepare,
        workers=1,
    )
