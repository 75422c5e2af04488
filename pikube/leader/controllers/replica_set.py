"""Pure: ReplicaSets and ReplicationControllers keep as many pods as they say.

Enter: the set and the pods that it controls or may adopt. Leave: pods to make, delete, adopt and release,
and the status. Run by the controller loop. Source: kubernetes pkg/controller/replicaset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec import structs

from pikube.api.errors import ApiError
from pikube.api.kinds.apps import ReplicaSet, ReplicaSetCondition
from pikube.api.kinds.core_config import ReplicationController, ReplicationControllerCondition
from pikube.api.kinds.core_pod import Pod, PodTemplateSpec
from pikube.api.selector import LabelSelector, from_label_selector, from_map
from pikube.api.times import render_time, seconds_since
from pikube.informer.actions import Action, Create, Delete, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.conditions import condition_of, without_condition
from pikube.leader.controllers.ownership import candidates, claim, controller_of, orphans_index, wakes_owner
from pikube.leader.controllers.pods import (
    ENDED,
    available_in,
    is_active,
    is_ready,
    is_terminating,
    pod_from_template,
    victims,
)

BURST = 500  # kubernetes replicaset.go:BurstReplicas
REFUSED_S = 60.0  # the longest wait for another try when boards refuse what they are given
AnySet: TypeAlias = ReplicaSet | ReplicationController


@dataclass(frozen=True, slots=True)
class Pods:
    """`pods`: what the set controls or may adopt. `related`: the active pods of all sets of the same owner, whose
    number on a node tells which pods are doubled up there."""

    pods: tuple[Pod, ...]
    related: tuple[Pod, ...] = ()


def selector_of(owner: AnySet) -> LabelSelector:
    """Its selector; a map for a ReplicationController."""
    if isinstance(owner, ReplicationController):
        return from_map(owner.spec.selector)
    return from_label_selector(owner.spec.selector)


def reconcile(desired: AnySet, observed: Pods, now: float) -> list[Action]:
    """Adopt, release, create and delete; once the number is right, tell it in the status."""
    template = desired.spec.template
    mine, actions = claim(desired, [p for p in observed.pods if _counts(p)], selector_of(desired))
    active = [pod for pod in mine if is_active(pod)]
    if not desired.metadata.deletion_timestamp and template is not None:
        pace_s = _pace_s(desired, observed.pods, now)
        missing = _replicas(desired) - len(active)
        if missing > 0 and pace_s > 0:
            actions.append(RequeueAfter(pace_s))
        else:
            scaling = _scale(desired, template, active, observed.related)
            if scaling:  # its own writes bring this key back: the status would be stale at once
                return actions + scaling
    status, recheck_s = _status(desired, template, mine, active, now)
    if status != desired.status:
        actions.append(Update(structs.replace(desired, status=status), "status"))
    if recheck_s is not None:
        actions.append(RequeueAfter(recheck_s))
    return actions


def _pace_s(desired: AnySet, pods: Sequence[Pod], now: float) -> float:
    """Seconds until pods may be made. Boards that refuse the set's newest pods (they failed and never ran) are tried
    again after 1 s, then ever more seldom, until one runs. Upstream tries as fast as its clients may ask: here a
    board answers at once, and each try stays until it is collected."""
    mine = [pod for pod in pods if (ref := controller_of(pod)) and ref.uid == desired.metadata.uid]
    ran = max((pod.metadata.creation_timestamp for pod in mine if pod.status.phase == "Running"), default="")
    refused = [
        pod.metadata.creation_timestamp
        for pod in mine
        if pod.status.phase == "Failed"
        and not pod.status.container_statuses
        and pod.metadata.creation_timestamp > ran
    ]
    if not refused:
        return 0.0
    wait_s = min(REFUSED_S, 2.0 ** min(len(refused) - 1, 10))
    since_s = seconds_since(max(refused), now)
    return 0.0 if since_s is None else min(wait_s, max(0.0, wait_s - since_s))


def _counts(pod: Pod) -> bool:
    """Pods that ended are neither adopted nor released nor counted."""
    return pod.status.phase not in ENDED


def _replicas(desired: AnySet) -> int:
    return 1 if desired.spec.replicas is None else desired.spec.replicas


def _scale(
    desired: AnySet, template: PodTemplateSpec, active: Sequence[Pod], related: Sequence[Pod]
) -> list[Action]:
    missing = _replicas(desired) - len(active)
    if missing > 0:
        said = RecordEvent(desired, "Normal", "SuccessfulCreate", "Created pod: {name}")
        pod = pod_from_template(template, desired)
        return [Create(pod, said) for _ in range(min(missing, BURST))]
    if not missing:
        return []
    gone = victims(active, min(-missing, BURST), crowded=related or active)
    said = RecordEvent(desired, "Normal", "SuccessfulDelete", "Deleted pod: {name}")
    return [Delete(Pod, key_of(pod), pod.metadata.uid, said=said) for pod in gone]


def _status(
    desired: AnySet,
    template: PodTemplateSpec | None,
    mine: Sequence[Pod],
    active: Sequence[Pod],
    now: float,
) -> tuple[Any, float | None]:
    """The status as it ought to be, and in how many seconds another pod becomes available."""
    labels = template.metadata.labels.items() if template is not None else {}.items()
    waits = [available_in(pod, desired.spec.min_ready_seconds, now) for pod in active]
    soon = [wait for wait in waits if wait]
    status = structs.replace(
        desired.status,
        replicas=len(active),
        fully_labeled_replicas=sum(labels <= pod.metadata.labels.items() for pod in active),
        ready_replicas=sum(is_ready(pod) for pod in active),
        available_replicas=sum(wait == 0 for wait in waits),
        observed_generation=desired.metadata.generation,
        conditions=without_condition(tuple(desired.status.conditions), "ReplicaFailure"),
    )
    if isinstance(desired, ReplicaSet):
        status = structs.replace(status, terminating_replicas=sum(is_terminating(pod) for pod in mine))
    return status, min(soon) if soon else None


def on_failure(desired: AnySet, observed: Pods, action: Action, error: ApiError, now: float) -> list[Action]:
    """A pod that could not be made or deleted: an event, and the condition ReplicaFailure with the numbers as
    they are. The first refusal stays the condition's: each names another pod, and a status that changed with
    each would bring this key back at once, for ever (replica_set_utils.go:calculateStatus)."""
    if isinstance(action, Create):
        reason, words = "FailedCreate", f"Error creating: {error.message}"
    elif isinstance(action, Delete):
        reason, words = "FailedDelete", f"Error deleting: {error.message}"
    else:
        return []
    mine, _ = claim(desired, [p for p in observed.pods if _counts(p)], selector_of(desired))
    active = [pod for pod in mine if is_active(pod)]
    status, _ = _status(desired, desired.spec.template, mine, active, now)
    conditions: Any = tuple(desired.status.conditions)
    if condition_of(conditions, "ReplicaFailure") is None:
        make = ReplicaSetCondition if isinstance(desired, ReplicaSet) else ReplicationControllerCondition
        condition = make(
            type="ReplicaFailure", status="True", last_transition_time=render_time(now),
            reason=reason, message=error.message,
        )  # fmt: skip
        conditions = (*conditions, condition)
    status = structs.replace(status, conditions=conditions)
    actions: list[Action] = [RecordEvent(desired, "Warning", reason, words)]
    if status != desired.status:
        actions.append(Update(structs.replace(desired, status=status), "status"))
    return actions


def observe_replica_set(lister: Lister, key: ObjectKey) -> tuple[AnySet, Pods] | None:
    """The ReplicaSet, its pods, and those of its Deployment's other ReplicaSets."""
    replica_set = lister.cache(ReplicaSet).get(key)
    if replica_set is None:
        return None
    pods = candidates(lister, Pod, replica_set, selector_of(replica_set))
    owner = controller_of(replica_set)
    siblings = lister.cache(ReplicaSet).owned_by(owner.uid) if owner else ()
    related = [
        pod
        for sibling in siblings
        for pod in lister.cache(Pod).owned_by(sibling.metadata.uid)
        if is_active(pod)
    ]
    return replica_set, Pods(pods, tuple(related))


def observe_replication_controller(lister: Lister, key: ObjectKey) -> tuple[AnySet, Pods] | None:
    """The ReplicationController and its pods."""
    owner = lister.cache(ReplicationController).get(key)
    return None if owner is None else (owner, Pods(candidates(lister, Pod, owner, selector_of(owner))))


REPLICA_SETS: Controller[AnySet, Pods] = Controller(
    name="replicaset-controller",
    watches=(
        Watch(ReplicaSet, itself),
        Watch(Pod, wakes_owner(ReplicaSet, "ReplicaSet", selector_of)),
    ),
    indexes=(orphans_index(Pod),),
    observe=observe_replica_set,
    reconcile=reconcile,
    on_failure=on_failure,
)
CONTROLLER = REPLICA_SETS

REPLICATION_CONTROLLERS: Controller[AnySet, Pods] = Controller(
    name="replication-controller",
    watches=(
        Watch(ReplicationController, itself),
        Watch(Pod, wakes_owner(ReplicationController, "ReplicationController", selector_of)),
    ),
    indexes=(orphans_index(Pod),),
    observe=observe_replication_controller,
    reconcile=reconcile,
    on_failure=on_failure,
)
