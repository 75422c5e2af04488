"""Pure: Jobs run pods until enough of them have succeeded, or too many failed.

Enter: the Job and its pods. Leave: pods to make and delete, finalizers to take away, the status. Run by the
controller loop. Source: kubernetes pkg/controller/job/job_controller.go.

No end of a pod is counted twice or lost, wherever the leader is cut: a finalizer keeps each pod until
    its uid is written to status.uncountedTerminatedPods  →  its finalizer is taken away  →  the uid becomes a count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from pikube.api.errors import ApiError
from pikube.api.kinds.batch import Job, JobCondition, JobStatus, UncountedTerminatedPods
from pikube.api.kinds.core_pod import Pod
from pikube.api.selector import LabelSelector, from_label_selector
from pikube.api.times import render_time, seconds_since
from pikube.informer.actions import Action, Create, Delete, PatchObject, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch, itself
from pikube.leader.controllers.conditions import condition_of, is_true, with_condition
from pikube.leader.controllers.indexes import parse_indexes, render_indexes
from pikube.leader.controllers.job_pods import (
    TRACKING,
    Tally,
    delay_s,
    index_failures,
    index_of,
    is_tracked,
    new_pod,
    restarts,
    tally,
)
from pikube.leader.controllers.ownership import candidates, claim, controller_of, orphans_index, wakes_owner
from pikube.leader.controllers.pods import is_ready, victims

BURST = 500  # kubernetes job_controller.go:MaxPodCreateDeletePerSync
MANAGER = "kubernetes.io/job-controller"
COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
SUCCESS_MET, FAILURE_MET = "SuccessCriteriaMet", "FailureTarget"
BY_JOB = "job"


@dataclass(frozen=True, slots=True)
class Pods:
    """What the Job controls or may adopt; of a Job that is gone, the pods that still wait to be counted."""

    pods: tuple[Pod, ...]


@dataclass(slots=True)
class Round:
    """One round's working values; `done` and `lost` are the indexes of an Indexed Job."""

    job: Job
    pods: list[Pod]
    tally: Tally
    status: JobStatus
    now: float
    done: set[int]
    lost: set[int]
    events: list[Action]

    @property
    def is_indexed(self) -> bool:
        return self.job.spec.completion_mode == "Indexed"

    @property
    def wanted(self) -> int | None:
        return self.job.spec.completions

    @property
    def parallelism(self) -> int:
        value = self.job.spec.parallelism
        return 1 if value is None else value

    def say(self, type_: str, reason: str, message: str, status: str = "True") -> None:
        condition = JobCondition(
            type=type_,
            status=status,
            last_probe_time=render_time(self.now),
            last_transition_time=render_time(self.now),
            reason=reason,
            message=message,
        )
        self.status.conditions = with_condition(self.status.conditions, condition)


def selector_of(job: Job) -> LabelSelector:
    return from_label_selector(job.spec.selector)


def is_finished(job: Job) -> bool:
    """Whether it is Complete or Failed."""
    return is_true(job.status.conditions, COMPLETE) or is_true(job.status.conditions, FAILED)


def reconcile(desired: Job | ObjectKey, observed: Pods, now: float) -> list[Action]:
    """Count, decide whether the Job is over, and start or stop pods."""
    if isinstance(desired, ObjectKey):
        return [_untracked(pod) for pod in sorted(observed.pods, key=key_of)]
    mine, claims = claim(desired, observed.pods, selector_of(desired))
    if is_finished(desired):
        return [*claims, *(_untracked(pod) for pod in mine if is_tracked(pod))]
    completions = desired.spec.completions or 0
    counted = tally(desired, mine)
    it = Round(
        job=desired,
        pods=mine,
        tally=counted,
        status=structs.replace(desired.status),
        now=now,
        done=parse_indexes(desired.status.completed_indexes, completions),
        lost=parse_indexes(desired.status.failed_indexes or "", completions),
        events=[],
    )
    released = _count(it)
    _suspend_or_start(it)
    _judge(it)
    changes = [] if desired.metadata.deletion_timestamp else _manage(it)
    _finish(it)
    actions = list(claims)
    if it.status != desired.status:
        actions.append(Update(structs.replace(desired, status=it.status), "status"))
    return [*actions, *it.events, *released, *changes, *_deadline(it)]


def _count(it: Round) -> list[Action]:
    """Take over ends into the status; the finalizers to take away once that is written."""
    before = it.status.uncounted_terminated_pods or UncountedTerminatedPods()
    tracked = {pod.metadata.uid for pod in it.pods if is_tracked(pod)}
    ended_well = {pod.metadata.uid for pod in it.tally.succeeded}
    ended_badly = {pod.metadata.uid for pod in it.tally.failed}
    if it.is_indexed:
        completions = it.wanted or 0
        ends = {index_of(pod) for pod in it.tally.succeeded}
        it.done |= {index for index in ends if index is not None and index < completions}
        it.status.completed_indexes = render_indexes(it.done)
        it.status.succeeded = len(it.done)
        succeeded: set[str] = set()
    else:
        it.status.succeeded += sum(uid not in tracked for uid in before.succeeded)
        succeeded = (set(before.succeeded) & tracked) | ended_well
    it.status.failed += sum(uid not in tracked for uid in before.failed)
    failed = (set(before.failed) & tracked) | ended_badly
    it.status.uncounted_terminated_pods = UncountedTerminatedPods(
        succeeded=tuple(sorted(succeeded)), failed=tuple(sorted(failed))
    )
    it.status.active = len(it.tally.active)
    it.status.ready = sum(map(is_ready, it.tally.active))
    it.status.terminating = len(it.tally.terminating)
    over = (*it.tally.succeeded, *it.tally.failed, *it.tally.ignored)
    return [_untracked(pod) for pod in sorted(over, key=key_of) if is_tracked(pod)]


def _untracked(pod: Pod) -> PatchObject:
    meta = pod.metadata
    kept = [name for name in meta.finalizers if name != TRACKING]
    patch = {
        "metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version, "finalizers": kept or None}
    }
    return PatchObject(Pod, key_of(pod), patch)


def _totals(it: Round) -> tuple[int, int]:
    """Successes and failures, those included that are written but not yet counted."""
    waiting = it.status.uncounted_terminated_pods or UncountedTerminatedPods()
    return it.status.succeeded + len(waiting.succeeded), it.status.failed + len(waiting.failed)


def _suspend_or_start(it: Round) -> None:
    suspended = is_true(it.status.conditions, SUSPENDED)
    if it.job.spec.suspend:
        if not suspended:
            it.say(SUSPENDED, "JobSuspended", "Job suspended")
            it.events.append(RecordEvent(it.job, "Normal", SUSPENDED, "Job suspended"))
        return
    if suspended:
        it.say(SUSPENDED, "JobResumed", "Job resumed", "False")
        it.events.append(RecordEvent(it.job, "Normal", "Resumed", "Job resumed"))
    if suspended or not it.status.start_time:
        it.status.start_time = render_time(it.now)


def _judge(it: Round) -> None:
    """Set the condition that says how the Job will end, once that is certain."""
    if is_true(it.status.conditions, FAILURE_MET) or is_true(it.status.conditions, SUCCESS_MET):
        return None
    spec = it.job.spec
    succeeded, failed = _totals(it)
    limit = 6 if spec.backoff_limit is None else spec.backoff_limit
    if it.tally.fail_job:
        return it.say(FAILURE_MET, "PodFailurePolicy", it.tally.fail_job)
    restarted = spec.template.spec.restart_policy == "OnFailure" and restarts(it.tally.active) > 0
    too_many_restarts = restarted and (restarts(it.tally.active) >= max(1, limit))
    if failed > limit or too_many_restarts:
        words = "Job has reached the specified backoff limit"
        return it.say(FAILURE_MET, "BackoffLimitExceeded", words)
    elapsed_s = seconds_since(it.status.start_time, it.now)
    if (
        spec.active_deadline_seconds is not None
        and not spec.suspend  # its time stands still
        and elapsed_s is not None
        and elapsed_s >= spec.active_deadline_seconds
    ):
        words = "Job was active longer than specified deadline"
        return it.say(FAILURE_MET, "DeadlineExceeded", words)
    if it.is_indexed and spec.backoff_limit_per_index is not None:
        _judge_indexes(it)
    _judge_success(it, succeeded)
    return None


def _judge_indexes(it: Round) -> None:
    spec = it.job.spec
    assert spec.backoff_limit_per_index is not None
    counts = index_failures(it.pods, it.job, it.tally.ignored)
    it.lost |= {i for i, count in counts.items() if count > spec.backoff_limit_per_index}
    it.lost |= it.tally.failed_for_good
    it.lost -= it.done
    it.status.failed_indexes = render_indexes(it.lost)
    if spec.max_failed_indexes is not None and len(it.lost) > spec.max_failed_indexes:
        words = "Job has exceeded the specified maximal number of failed indexes"
        it.say(FAILURE_MET, "MaxFailedIndexesExceeded", words)
    elif it.lost and len(it.lost | it.done) >= (it.wanted or 0):
        it.say(FAILURE_MET, "FailedIndexes", "Job has failed indexes")


def _judge_success(it: Round, succeeded: int) -> None:
    if is_true(it.status.conditions, FAILURE_MET):
        return None
    for number, rule in enumerate(it.job.spec.success_policy.rules if it.job.spec.success_policy else ()):
        if not it.is_indexed:
            break
        named = (
            parse_indexes(rule.succeeded_indexes, it.wanted or 0)
            if rule.succeeded_indexes is not None
            else set(range(it.wanted or 0))
        )
        needed = len(named) if rule.succeeded_count is None else rule.succeeded_count
        if len(it.done & named) >= needed:
            return it.say(SUCCESS_MET, "SuccessPolicy", f"Matched rules at index {number}")
    if it.job.spec.suspend:
        return None
    is_over = succeeded > 0 and not it.tally.active if it.wanted is None else succeeded >= it.wanted
    if is_over:
        it.say(SUCCESS_MET, "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def _manage(it: Round) -> list[Action]:
    """Start and stop pods."""
    active = it.tally.active
    is_over = is_true(it.status.conditions, FAILURE_MET) or is_true(it.status.conditions, SUCCESS_MET)
    if is_over or it.job.spec.suspend:
        return _stop(it, active, is_failure=is_true(it.status.conditions, FAILURE_MET))
    if it.is_indexed:
        return _manage_indexes(it)
    succeeded, _ = _totals(it)
    if it.wanted is None:
        wanted = len(active) if succeeded else it.parallelism
    else:
        wanted = max(0, min(it.parallelism, it.wanted - succeeded))
    if len(active) > wanted:
        return _stop(it, victims(active, len(active) - wanted), is_failure=False)
    missing = wanted - len(active) - _still_going(it)
    return _start(it, [None] * missing, {})


def _manage_indexes(it: Round) -> list[Action]:
    keep: dict[int, Pod] = {}
    extra: list[Pod] = []
    for pod in sorted(
        it.tally.active, key=lambda p: (not is_ready(p), p.metadata.creation_timestamp, key_of(p))
    ):
        index = index_of(pod)
        if index is None or index in it.done or index >= (it.wanted or 0) or index in keep:
            extra.append(pod)
        else:
            keep[index] = pod
    if len(keep) > it.parallelism:
        for index in sorted(keep)[it.parallelism :]:
            extra.append(keep.pop(index))
    if extra:
        return _stop(it, extra, is_failure=False)
    going = {index_of(pod) for pod in it.tally.terminating} if _still_going(it) else set()
    open_ = [i for i in range(it.wanted or 0) if i not in it.done and i not in it.lost and i not in keep]
    open_ = [index for index in open_ if index not in going]
    room = it.parallelism - len(keep) - _still_going(it)
    counts = index_failures(it.pods, it.job, it.tally.ignored)
    return _start(it, list(open_[: max(0, room)]), counts)


def _still_going(it: Round) -> int:
    """Pods that end but have not: where only failed pods are replaced, their place is taken."""
    return len(it.tally.terminating) if it.job.spec.pod_replacement_policy == "Failed" else 0


def _start(it: Round, indexes: Sequence[int | None], failures: dict[int, int]) -> list[Action]:
    if not indexes:
        return []
    if it.job.spec.backoff_limit_per_index is None:
        wait_s = delay_s(it.job, it.pods, it.now)
        if wait_s > 0:
            return [RequeueAfter(wait_s)]
        ready, waits = list(indexes), list[float]()
    else:
        ready, waits = _ready_indexes(it, indexes)
    said = RecordEvent(it.job, "Normal", "SuccessfulCreate", "Created pod: {name}")
    actions: list[Action] = [
        Create(new_pod(it.job, index, failures.get(index, 0) if index is not None else 0), said)
        for index in ready[:BURST]
    ]
    return actions + ([RequeueAfter(min(waits))] if waits else [])


def _ready_indexes(it: Round, indexes: Sequence[int | None]) -> tuple[list[int | None], list[float]]:
    """Where each index has its own back-off: those to start now, and the waits of the others."""
    ready: list[int | None] = []
    waits: list[float] = []
    for index in indexes:
        wait_s = delay_s(it.job, [p for p in it.pods if index_of(p) == index], it.now)
        if wait_s > 0:
            waits.append(wait_s)
        else:
            ready.append(index)
    return ready, waits


def _stop(it: Round, pods: Sequence[Pod], *, is_failure: bool) -> list[Action]:
    """Delete pods. Those that the Job can do without are no failures: their finalizer goes first."""
    said = RecordEvent(it.job, "Normal", "SuccessfulDelete", "Deleted pod: {name}")
    actions: list[Action] = []
    if not is_failure:
        actions += [_untracked(pod) for pod in sorted(pods, key=key_of) if is_tracked(pod)]
    ordered = sorted(pods, key=key_of)[:BURST]
    return actions + [Delete(Pod, key_of(pod), pod.metadata.uid, said=said) for pod in ordered]


def _finish(it: Round) -> None:
    """Complete or Failed, once no pod runs and every end is counted."""
    waiting = it.status.uncounted_terminated_pods or UncountedTerminatedPods()
    if it.tally.active or it.tally.terminating or waiting.succeeded or waiting.failed:
        return
    for met, final in ((FAILURE_MET, FAILED), (SUCCESS_MET, COMPLETE)):
        condition = condition_of(it.status.conditions, met)
        if condition is None or condition.status != "True":
            continue
        it.say(final, condition.reason, condition.message)
        if final == COMPLETE:
            it.status.completion_time = render_time(it.now)
            it.events.append(RecordEvent(it.job, "Normal", "Completed", "Job completed"))
        else:
            it.events.append(RecordEvent(it.job, "Warning", condition.reason, condition.message))
        return


def _deadline(it: Round) -> list[Action]:
    limit_s = it.job.spec.active_deadline_seconds
    elapsed_s = seconds_since(it.status.start_time, it.now)
    if limit_s is None or elapsed_s is None or it.job.spec.suspend:
        return []
    if is_true(it.status.conditions, FAILURE_MET):
        return []
    return [RequeueAfter(max(0.0, min(float(limit_s), limit_s - elapsed_s)))]


def on_failure(
    desired: Job | ObjectKey, observed: Pods, action: Action, error: ApiError, now: float
) -> list[Action]:
    """A pod that was refused is told in an event."""
    if isinstance(desired, ObjectKey) or not isinstance(action, Create):
        return []
    return [RecordEvent(desired, "Warning", "FailedCreate", f"Error creating: {error.message}")]


def observe(lister: Lister, key: ObjectKey) -> tuple[Job | ObjectKey, Pods] | None:
    """The Job and its pods; of a Job that is gone, the pods that it left."""
    job = lister.cache(Job).get(key)
    if job is not None and job.spec.managed_by in (None, "", MANAGER):
        return job, Pods(candidates(lister, Pod, job, selector_of(job)))
    left = tuple(
        pod
        for pod in lister.cache(Pod).indexed(BY_JOB, str(key))
        if is_tracked(pod) and (job is None or job.metadata.uid != _job_uid(pod))
    )
    return (key, Pods(left)) if left else None


def job_of(pod: Pod) -> list[str]:
    """Index: `namespace/name` of the Job that controls the pod."""
    ref = controller_of(pod)
    return [f"{pod.metadata.namespace}/{ref.name}"] if ref is not None and ref.kind == "Job" else []


def _job_uid(pod: Pod) -> str:
    ref = controller_of(pod)
    return ref.uid if ref is not None else ""


JOBS: Controller[Job | ObjectKey, Pods] = Controller(
    name="job-controller",
    watches=(Watch(Job, itself), Watch(Pod, wakes_owner(Job, "Job", selector_of))),
    indexes=(orphans_index(Pod), Index(Pod, BY_JOB, job_of)),
    observe=observe,
    reconcile=reconcile,
    on_failure=on_failure,
)
