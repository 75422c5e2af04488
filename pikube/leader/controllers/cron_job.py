"""Pure: CronJobs make a Job at each time that their line says.

Enter: the CronJob, its Jobs, the time. Leave: a Job to make, old ones to delete, the status. Run by the controller
loop. Source: kubernetes pkg/controller/cronjob/cronjob_controllerv2.go.

A Job's name says its scheduled minute, so that making it twice makes it once. Of the times missed while the
leader was away or its clock was wrong only the last is made up for, and the event says that others were missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from msgspec import structs

from pikube.api.cron import CronError, Schedule, latest_until, load_zone, next_after, parse_cron
from pikube.api.errors import AlreadyExists, ApiError
from pikube.api.kinds.batch import CronJob, CronJobStatus, Job
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import parse_time, render_time
from pikube.informer.actions import Action, Create, Delete, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself, owner_of_kind
from pikube.leader.controllers.conditions import is_true
from pikube.leader.controllers.job import COMPLETE, FAILED, is_finished
from pikube.leader.controllers.ownership import owner_reference

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANY_MISSED = (
    100  # more is more likely a wrong clock than a leader that was away (utils.go:mostRecentScheduleTime)
)
SET_BACK_S = 3600.0
"""A last start so far in the future means that the clock was set back; waiting for it could take years, so that
times count from now on. Smaller steps, as NTP makes them, are waited out and no time fires twice."""
NEVER = "time difference between two schedules is less than 1 second"
"""What upstream says of a line like `59 23 31 2 *`, of which no time comes (utils.go:mostRecentScheduleTime)."""
EARLY_S = 0.1  # wake a little late rather than early, or the minute would be missed by a hair


@dataclass(frozen=True, slots=True)
class Jobs:
    """The Jobs that the CronJob controls."""

    jobs: tuple[Job, ...]


def reconcile(desired: CronJob, observed: Jobs, now: float) -> list[Action]:
    """Tidy up, tell what runs, start what is due, come again when the next one is."""
    jobs = sorted(observed.jobs, key=key_of)
    status, said = _status(desired, jobs)
    actions = _clean_up(desired, jobs)
    if desired.metadata.deletion_timestamp or desired.spec.suspend:
        return actions + said + _write(desired, status)
    try:
        zone = load_zone(desired.spec.time_zone)
    except CronError as error:
        words = f'invalid timeZone: "{desired.spec.time_zone}": {error}'
        return [*actions, *_write(desired, status), RecordEvent(desired, "Warning", "UnknownTimeZone", words)]
    try:
        schedule = parse_cron(desired.spec.schedule)
    except CronError as error:
        words = f'unparseable schedule: "{desired.spec.schedule}" : {error}'
        event = RecordEvent(desired, "Warning", "UnparseableSchedule", words)
        return [*actions, *_write(desired, status), event]
    started, status = _start(desired, jobs, status, schedule, zone, now)
    upcoming = next_after(schedule, now, zone)
    if upcoming is None:
        words = f"invalid schedule: {desired.spec.schedule} : {NEVER}"
        then: Action = RecordEvent(desired, "Warning", "InvalidSchedule", words)
    else:
        then = RequeueAfter(max(0.0, upcoming - now) + EARLY_S)
    return [*actions, *said, *started, *_write(desired, status), then]


def _start(
    cron_job: CronJob,
    jobs: Sequence[Job],
    status: CronJobStatus,
    schedule: Schedule,
    zone: tzinfo,
    now: float,
) -> tuple[list[Action], CronJobStatus]:
    """The Job of the last time that is due, if it is not there."""
    since = _since(cron_job, now)
    if since - now > SET_BACK_S:
        return [], structs.replace(status, last_schedule_time=render_time(now))
    due = latest_until(schedule, since, now, zone)
    if due is None:
        return [], status
    done = structs.replace(status, last_schedule_time=render_time(due))
    said: list[Action] = []
    if _missed(schedule, since, now, zone) > MANY_MISSED:
        words = (
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        )
        said.append(RecordEvent(cron_job, "Warning", "TooManyMissedTimes", words))
    name = job_name(cron_job, due)
    if any(job.metadata.name == name for job in jobs) or render_time(due) == status.last_schedule_time:
        return said, done
    limit_s = cron_job.spec.starting_deadline_seconds
    if limit_s is not None and due + limit_s < now:
        words = f"Missed scheduled time to start a job: {render_time(due)}"
        return [*said, RecordEvent(cron_job, "Warning", "MissSchedule", words)], done
    running = [job for job in jobs if not is_finished(job) and not job.metadata.deletion_timestamp]
    if running and cron_job.spec.concurrency_policy == "Forbid":
        words = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return [*said, RecordEvent(cron_job, "Normal", "JobAlreadyActive", words)], done
    if cron_job.spec.concurrency_policy == "Replace":
        said += [_delete(cron_job, job) for job in running]
    created = RecordEvent(cron_job, "Normal", "SuccessfulCreate", "Created job {name}")
    return [*said, Create(make_job(cron_job, due), created)], done


def _since(cron_job: CronJob, now: float) -> float:
    """From when on times count: the last start or the creation, and not further back than the deadline."""
    text = cron_job.status.last_schedule_time or cron_job.metadata.creation_timestamp
    since = parse_time(text) if text else now
    limit_s = cron_job.spec.starting_deadline_seconds
    return since if limit_s is None else max(since, now - limit_s)


def _missed(schedule: Schedule, since: float, now: float, zone: tzinfo) -> int:
    count, at = 0, next_after(schedule, since, zone)
    while at is not None and at <= now and count <= MANY_MISSED:
        count += 1
        at = next_after(schedule, at, zone)
    return count


def job_name(cron_job: CronJob, scheduled: float) -> str:
    """The Job of one scheduled time: its minute, as upstream names it."""
    return f"{cron_job.metadata.name}-{int(scheduled) // 60}"


def make_job(cron_job: CronJob, scheduled: float) -> Job:
    """The Job from the template."""
    template = cron_job.spec.job_template
    meta = template.metadata
    return Job(
        metadata=ObjectMeta(
            name=job_name(cron_job, scheduled),
            namespace=cron_job.metadata.namespace,
            labels=meta.labels,
            annotations={**meta.annotations, SCHEDULED_AT: render_time(scheduled)},
            owner_references=(owner_reference(cron_job),),
        ),
        spec=template.spec,
    )


def _status(cron_job: CronJob, jobs: Sequence[Job]) -> tuple[CronJobStatus, list[Action]]:
    """What runs, when one last succeeded, and the events of those that ended."""
    known = {ref.uid for ref in cron_job.status.active}
    said: list[Action] = []
    for job in jobs:
        if job.metadata.uid in known and is_finished(job):
            how = COMPLETE if is_true(job.status.conditions, COMPLETE) else FAILED
            words = f"Saw completed job: {job.metadata.name}, condition: {how}"
            said.append(RecordEvent(cron_job, "Normal", "SawCompletedJob", words))
    active = tuple(
        ObjectReference(
            kind="Job",
            namespace=job.metadata.namespace,
            name=job.metadata.name,
            uid=job.metadata.uid,
            api_version=job.api_version,
        )
        for job in jobs
        if not is_finished(job)
    )
    ended = [job.status.completion_time for job in jobs if is_true(job.status.conditions, COMPLETE)]
    latest = max([*ended, cron_job.status.last_successful_time], default="")
    return structs.replace(cron_job.status, active=active, last_successful_time=latest), said


def _clean_up(cron_job: CronJob, jobs: Sequence[Job]) -> list[Action]:
    """Delete the oldest ended Jobs beyond the limits of history."""
    spec = cron_job.spec
    actions: list[Action] = []
    for type_, limit, usual in (
        (COMPLETE, spec.successful_jobs_history_limit, 3),
        (FAILED, spec.failed_jobs_history_limit, 1),
    ):
        ended = [job for job in jobs if is_true(job.status.conditions, type_)]
        ended.sort(key=lambda job: (job.status.start_time, job.metadata.creation_timestamp, key_of(job)))
        excess = len(ended) - (usual if limit is None else limit)
        gone = [job for job in ended[: max(0, excess)] if not job.metadata.deletion_timestamp]
        actions += [_delete(cron_job, job) for job in gone]
    return actions


def _delete(cron_job: CronJob, job: Job) -> Delete:
    said = RecordEvent(cron_job, "Normal", "SuccessfulDelete", "Deleted job {name}")
    return Delete(Job, key_of(job), job.metadata.uid, propagation="Background", said=said)


def _write(cron_job: CronJob, status: CronJobStatus) -> list[Action]:
    if status == cron_job.status:
        return []
    return [Update(structs.replace(cron_job, status=status), "status")]


def on_failure(desired: CronJob, observed: Jobs, action: Action, error: ApiError, now: float) -> list[Action]:
    """A Job that was refused is told; one of the same name that is another's is not waited for."""
    if not isinstance(action, Create):
        return []
    actions: list[Action] = [
        RecordEvent(desired, "Warning", "FailedCreate", f"Error creating job: {error.message}")
    ]
    if isinstance(error, AlreadyExists):
        at = action.obj.metadata.annotations[SCHEDULED_AT]
        status = structs.replace(desired.status, last_schedule_time=at)
        actions.append(Update(structs.replace(desired, status=status), "status"))
    return actions


def observe(lister: Lister, key: ObjectKey) -> tuple[CronJob, Jobs] | None:
    cron_job = lister.cache(CronJob).get(key)
    if cron_job is None:
        return None
    return cron_job, Jobs(tuple(lister.cache(Job).owned_by(cron_job.metadata.uid)))


CRON_JOBS: Controller[CronJob, Jobs] = Controller(
    name="cronjob-controller",
    watches=(Watch(CronJob, itself), Watch(Job, owner_of_kind("CronJob"))),
    observe=observe,
    reconcile=reconcile,
    on_failure=on_failure,
)
