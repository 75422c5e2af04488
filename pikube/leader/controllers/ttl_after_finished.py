"""Pure: Jobs with ttlSecondsAfterFinished go that long after their end.

Enter: the Job and the time. Leaves: its deletion, now or later. Run by the controller loop.
Source: kubernetes pkg/controller/ttlafterfinished.
"""

from __future__ import annotations

from pikube.api.kinds.batch import Job
from pikube.api.times import seconds_since
from pikube.informer.actions import Action, Delete, RequeueAfter
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.job import COMPLETE, FAILED, is_finished


def reconcile(desired: Job, observed: None, now: float) -> list[Action]:
    """Delete it when its time is over. An end that lies in the future, by a clock set back, counts as just now."""
    ttl_s = desired.spec.ttl_seconds_after_finished
    if ttl_s is None or not is_finished(desired) or desired.metadata.deletion_timestamp:
        return []
    age_s = seconds_since(_ended(desired), now)
    left_s = min(float(ttl_s), ttl_s - age_s) if age_s is not None else float(ttl_s)
    if left_s > 0:
        return [RequeueAfter(left_s)]
    return [Delete(Job, key_of(desired), desired.metadata.uid, propagation="Foreground")]


def _ended(job: Job) -> str:
    for condition in job.status.conditions:
        if condition.type in (COMPLETE, FAILED) and condition.status == "True":
            return condition.last_transition_time
    return ""


def observe(lister: Lister, key: ObjectKey) -> tuple[Job, None] | None:
    job = lister.cache(Job).get(key)
    return None if job is None or job.spec.ttl_seconds_after_finished is None else (job, None)


TTL_AFTER_FINISHED: Controller[Job, None] = Controller(
    name="ttl-after-finished-controller",
    watches=(Watch(Job, itself),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
