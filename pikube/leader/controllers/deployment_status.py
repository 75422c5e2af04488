"""Pure: what a Deployment's status says: counters, and the conditions Available, Progressing, ReplicaFailure.

Enter: the Deployment, its ReplicaSets and the time. Leaves: the new status. Called by deployment.py.
Source: kubernetes pkg/controller/deployment/{progress.go,sync.go} and util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from pikube.api.kinds.apps import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from pikube.api.times import parse_time, render_time
from pikube.leader.controllers.conditions import condition_of, without_condition
from pikube.leader.controllers.deployment_scaling import max_unavailable, replicas_of

PROGRESSING, AVAILABLE, REPLICA_FAILURE = "Progressing", "Available", "ReplicaFailure"
TIMED_OUT, NEW_AVAILABLE, UPDATED = "ProgressDeadlineExceeded", "NewReplicaSetAvailable", "ReplicaSetUpdated"
NEW_CREATED, NEW_FOUND = "NewReplicaSetCreated", "FoundNewReplicaSet"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
NO_DEADLINE_S = 2**31 - 1  # kubernetes HasProgressDeadline: the largest int32 means none


def deadline_s(deployment: Deployment) -> int | None:
    """progressDeadlineSeconds, if there is one."""
    seconds = deployment.spec.progress_deadline_seconds
    return None if seconds is None or seconds == NO_DEADLINE_S else seconds


def say(
    status: DeploymentStatus, type_: str, value: str, reason: str, message: str, now: float
) -> DeploymentStatus:
    """The status with a condition; one with the same status and reason stays as it is."""
    old = condition_of(status.conditions, type_)
    if old is not None and (old.status, old.reason) == (value, reason):
        return status
    return _renew(status, type_, value, reason, message, now)


def pause_condition(deployment: Deployment, now: float) -> DeploymentStatus:
    """The status with Progressing telling that a rollout was paused or resumed (checkPausedConditions), so that
    the time of a pause counts towards no deadline."""
    status = deployment.status
    if deadline_s(deployment) is None:
        return status
    old = condition_of(status.conditions, PROGRESSING)
    if old is not None and old.reason == TIMED_OUT:
        return status
    is_paused = old is not None and old.reason == PAUSED
    if deployment.spec.paused and not is_paused:
        return say(status, PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    if is_paused and not deployment.spec.paused:
        return say(status, PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)
    return status


def counted(
    deployment: Deployment,
    status: DeploymentStatus,
    every: Sequence[ReplicaSet],
    new: ReplicaSet | None,
    now: float,
) -> DeploymentStatus:
    """The counters, and Available (calculateStatus)."""
    total = sum(map(replicas_of, every))
    available = sum(rs.status.available_replicas for rs in every)
    status = structs.replace(
        status,
        observed_generation=deployment.metadata.generation,
        replicas=sum(rs.status.replicas for rs in every),
        updated_replicas=new.status.replicas if new is not None else 0,
        ready_replicas=sum(rs.status.ready_replicas for rs in every),
        available_replicas=available,
        unavailable_replicas=max(0, total - available),
        terminating_replicas=sum(rs.status.terminating_replicas or 0 for rs in every),
    )
    if available >= replicas_of(deployment) - max_unavailable(deployment):
        words = "Deployment has minimum availability."
        return say(status, AVAILABLE, "True", "MinimumReplicasAvailable", words, now)
    words = "Deployment does not have minimum availability."
    return say(status, AVAILABLE, "False", "MinimumReplicasUnavailable", words, now)


def progressed(
    deployment: Deployment,
    status: DeploymentStatus,
    every: Sequence[ReplicaSet],
    new: ReplicaSet | None,
    now: float,
) -> DeploymentStatus:
    """The counted status with Progressing and ReplicaFailure (syncRolloutStatus)."""
    status = _with_replica_failure(status, every, new)
    if deadline_s(deployment) is None:
        return structs.replace(status, conditions=without_condition(status.conditions, PROGRESSING))
    old = condition_of(status.conditions, PROGRESSING)
    is_over = status.replicas == status.updated_replicas and old is not None and old.reason == NEW_AVAILABLE
    if is_over:
        return status
    subject = (
        f'ReplicaSet "{new.metadata.name}"' if new is not None else f'Deployment "{deployment.metadata.name}"'
    )
    if is_complete(deployment, status):
        words = f"{subject} has successfully progressed."
        return say(status, PROGRESSING, "True", NEW_AVAILABLE, words, now)
    if _moved(deployment.status, status):
        return _renew(status, PROGRESSING, "True", UPDATED, f"{subject} is progressing.", now)
    if _has_timed_out(deployment, old, now):
        words = f"{subject} has timed out progressing."
        return say(status, PROGRESSING, "False", TIMED_OUT, words, now)
    return status


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    """Every pod is of the new template and available."""
    wanted = replicas_of(deployment)
    return (
        status.updated_replicas == status.replicas == status.available_replicas == wanted
        and status.observed_generation >= deployment.metadata.generation
    )


def deadline_in(deployment: Deployment, status: DeploymentStatus, now: float) -> float | None:
    """Seconds until the rollout must be called stuck; None when nothing is awaited."""
    limit_s = deadline_s(deployment)
    old = condition_of(status.conditions, PROGRESSING)
    if limit_s is None or old is None or deployment.spec.paused:
        return None
    if is_complete(deployment, status) or old.reason in (TIMED_OUT, NEW_AVAILABLE):
        return None
    waited_s = max(0.0, now - _time(old.last_update_time, now))
    return max(0.0, limit_s - waited_s) + 1.0  # times in objects are whole seconds


def _renew(
    status: DeploymentStatus, type_: str, value: str, reason: str, message: str, now: float
) -> DeploymentStatus:
    old = condition_of(status.conditions, type_)
    text = render_time(now)
    new = DeploymentCondition(
        type=type_,
        status=value,
        last_update_time=text,
        last_transition_time=old.last_transition_time if old and old.status == value else text,
        reason=reason,
        message=message,
    )
    return structs.replace(status, conditions=(*without_condition(status.conditions, type_), new))


def _moved(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    return (
        new.updated_replicas > old.updated_replicas
        or new.replicas - new.updated_replicas < old.replicas - old.updated_replicas
        or new.ready_replicas > old.ready_replicas
        or new.available_replicas > old.available_replicas
    )


def _has_timed_out(deployment: Deployment, old: DeploymentCondition | None, now: float) -> bool:
    limit_s = deadline_s(deployment)
    if old is None or limit_s is None or old.reason == NEW_AVAILABLE:
        return False
    return old.reason == TIMED_OUT or now - _time(old.last_update_time, now) > limit_s


def _with_replica_failure(
    status: DeploymentStatus, every: Sequence[ReplicaSet], new: ReplicaSet | None
) -> DeploymentStatus:
    ordered = [new, *every] if new is not None else list(every)
    failures = [c for rs in ordered for c in rs.status.conditions if c.type == REPLICA_FAILURE]
    kept = without_condition(status.conditions, REPLICA_FAILURE)
    if not failures:
        return structs.replace(status, conditions=kept)
    first = failures[0]
    failure = DeploymentCondition(
        type=REPLICA_FAILURE,
        status=first.status,
        last_update_time=first.last_transition_time,
        last_transition_time=first.last_transition_time,
        reason=first.reason,
        message=first.message,
    )
    old = condition_of(status.conditions, REPLICA_FAILURE)
    return status if old == failure else structs.replace(status, conditions=(*kept, failure))


def _time(text: str, default: float) -> float:
    return parse_time(text) if text else default
