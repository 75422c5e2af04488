"""Pure: a pod that was to be disrupted and is still there after two minutes is no longer said to be.

Enter: a pod with the condition DisruptionTarget. Leaves: the condition set to False, or a later look. Run by the
controller loop. Source: kubernetes pkg/controller/disruption/disruption.go:syncStalePodDisruption.
"""

from __future__ import annotations

from msgspec import structs

from pikube.api.kinds.core_pod import Pod, PodCondition
from pikube.api.times import render_time, seconds_since
from pikube.informer.actions import Action, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch
from pikube.leader.controllers.conditions import condition_of, with_condition
from pikube.leader.controllers.pods import ENDED

TARGET = "DisruptionTarget"
STALE_S = 120.0


def reconcile(desired: Pod, observed: None, now: float) -> list[Action]:
    """A clock set back waits two minutes at most."""
    condition = target_of(desired)
    if condition is None:
        return []
    passed_s = seconds_since(condition.last_transition_time, now)
    left_s = min(STALE_S, STALE_S - passed_s) if passed_s is not None else 0.0
    if left_s > 0:
        return [RequeueAfter(left_s)]
    over = PodCondition(
        type=TARGET,
        status="False",
        last_transition_time=render_time(now),
        observed_generation=desired.metadata.generation,
    )
    status = structs.replace(desired.status, conditions=with_condition(desired.status.conditions, over))
    return [Update(structs.replace(desired, status=status), "status")]


def target_of(pod: Pod) -> PodCondition | None:
    """The condition, while it says that the pod is about to go and the pod is not going."""
    if pod.metadata.deletion_timestamp or pod.status.phase in ENDED:
        return None
    condition = condition_of(pod.status.conditions, TARGET)
    return condition if condition is not None and condition.status == "True" else None


def observe(lister: Lister, key: ObjectKey) -> tuple[Pod, None] | None:
    pod = lister.cache(Pod).get(key)
    return None if pod is None else (pod, None)


def _if_targeted(lister: Lister, pod: Pod) -> list[ObjectKey]:
    return [key_of(pod)] if pod.status.conditions and target_of(pod) is not None else []


STALE_DISRUPTION: Controller[Pod, None] = Controller(
    name="stale-disruption-controller",
    watches=(Watch(Pod, _if_targeted),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
