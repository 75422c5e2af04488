from __future__ import annotations

from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import node
from searches import examples
from test_job import end

from pikube.api.kinds.batch import (
    CronJob,
    CronJobSpec,
    Job,
    JobCondition,
    JobSpec,
    JobStatus,
    JobTemplateSpec,
)
from pikube.api.kinds.core_container import Container
from pikube.api.kinds.core_pod import Pod, PodSpec, PodTemplateSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import parse_time, render_time
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.cron_job import CRON_JOBS, SCHEDULED_AT, observe, reconcile
from pikube.leader.controllers.garbage import garbage_controller
from pikube.leader.controllers.job import JOBS
from pikube.leader.controllers.ttl_after_finished import TTL_AFTER_FINISHED

KEY = ObjectKey("default", "tick")


def cron_job(schedule="* * * * *", **spec):
    template = PodTemplateSpec(
        spec=PodSpec(containers=(Container(name="main", image="busybox"),), restart_policy="Never")
    )
    job = JobTemplateSpec(
        metadata=ObjectMeta(labels={"from": "cron"}),
        spec=JobSpec(template=template, ttl_seconds_after_finished=spec.pop("ttl", None)),
    )
    return CronJob(
        metadata=ObjectMeta(name="tick", namespace="default"),
        spec=CronJobSpec(schedule=schedule, job_template=job, **spec),
    )


class Boards(World):
    """Every pod succeeds as soon as it runs, unless it is held up."""

    holds = False

    def set_running(self, pod, *, is_ready=True):
        super().set_running(pod, is_ready=is_ready)
        if not self.holds:
            fresh = self.api.get_nowait(type(pod), pod.metadata.name, pod.metadata.namespace)
            end(self, fresh)


def world(job, *, cuts=(), holds=False):
    it = Boards([CRON_JOBS, JOBS, TTL_AFTER_FINISHED, garbage_controller((CronJob, Job, Pod))], cuts=cuts)
    it.holds = holds
    it.api.create_nowait(node("board1"))
    it.api.create_nowait(job)
    it.settle()
    return it


def current(it):
    return it.api.get_nowait(CronJob, "tick", "default")


def jobs(it):
    return [job.metadata.annotations[SCHEDULED_AT] for job in it.api.all_of(Job)]


def reasons(it):
    return [reason for reason, _ in it.events]


def test_a_job_is_made_each_minute_and_history_is_kept_short():
    it = world(cron_job())
    assert jobs(it) == []
    it.advance(60)
    [job] = it.api.all_of(Job)
    scheduled = parse_time(job.metadata.annotations[SCHEDULED_AT])
    assert scheduled % 60 == 0
    assert job.metadata.name == f"tick-{int(scheduled) // 60}"
    assert job.metadata.labels["from"] == "cron"
    assert job.metadata.owner_references[0].kind == "CronJob"
    assert current(it).status.last_schedule_time == render_time(scheduled)
    it.advance(300)
    assert len(jobs(it)) == 3
    assert current(it).status.active == ()
    assert current(it).status.last_successful_time
    assert "SawCompletedJob" in reasons(it)


def test_what_runs_is_listed():
    it = world(cron_job(), holds=True)
    it.advance(60)
    [ref] = current(it).status.active
    assert ref.name == it.api.all_of(Job)[0].metadata.name


def test_forbid_waits_replace_replaces_and_allow_runs_both():
    for policy, count in (("Forbid", 1), ("Replace", 1), ("Allow", 2)):
        it = world(cron_job(concurrency_policy=policy), holds=True)
        it.advance(60)
        first = jobs(it)
        it.advance(60)
        assert len(jobs(it)) == count
        assert (jobs(it)[0] == first[0]) is (policy != "Replace")
        assert ("JobAlreadyActive" in reasons(it)) is (policy == "Forbid")


def test_a_suspended_one_makes_nothing():
    it = world(cron_job(suspend=True))
    it.advance(300)
    assert jobs(it) == []


def test_of_the_times_missed_only_the_last_is_made_up_for():
    it = world(cron_job("*/5 * * * *"))
    it.now += 3600
    it.restart()
    it.settle()
    assert len(jobs(it)) == 1
    assert "TooManyMissedTimes" not in reasons(it)


def test_a_clock_that_jumps_years_ahead_makes_one_job_and_says_what_happened():
    it = world(cron_job())
    it.now += 3 * 365 * 86400
    it.restart()
    it.settle()
    assert len(jobs(it)) == 1
    assert "TooManyMissedTimes" in reasons(it)
    it.advance(60)
    assert len(jobs(it)) == 2


def test_a_clock_that_is_set_back_goes_on_with_the_next_minute():
    it = world(cron_job())
    it.advance(120)
    it.now -= 365 * 86400
    it.restart()
    it.settle()
    before = len(jobs(it))
    it.advance(61)
    assert len(jobs(it)) == before + 1


def test_a_start_that_is_too_late_is_missed():
    it = world(cron_job("0 * * * *", starting_deadline_seconds=10))
    it.now = (int(it.now) // 3600 + 1) * 3600 + 30
    it.restart()
    it.settle()
    assert jobs(it) == []


def test_bad_lines_and_zones_are_told_and_do_not_spin():
    for job, reason in (
        (cron_job("61 * * * *"), "UnparseableSchedule"),
        (cron_job("59 23 31 2 *"), "InvalidSchedule"),
        (cron_job(time_zone="Nowhere/Land"), "UnknownTimeZone"),
    ):
        it = world(job)
        assert reasons(it) == [reason]
        it.advance(3600)
        assert reasons(it) == [reason]


def test_times_are_those_of_the_zone():
    it = world(cron_job("0 9 * * *", time_zone="Asia/Tokyo"))
    it.advance(86400)
    [scheduled] = jobs(it)
    assert scheduled.endswith("T00:00:00Z")


def test_an_ended_job_goes_after_its_time_to_live():
    it = world(cron_job("0 * * * *", ttl=100))
    it.now = (int(it.now) // 3600 + 1) * 3600
    it.restart()
    it.settle()
    assert len(jobs(it)) == 1
    it.advance(99)
    assert len(jobs(it)) == 1
    it.advance(2)
    assert jobs(it) == []


@examples(15)
@given(st.lists(st.integers(0, 3), max_size=8))
def test_each_minute_makes_exactly_one_job_over_any_interruption(cuts):
    it = world(cron_job(successful_jobs_history_limit=100), cuts=cuts)
    for _ in range(3):
        it.advance(60)
        seen = observe(it, KEY)
        check_laws(reconcile, *seen, it.now)
    assert len(jobs(it)) == len(set(jobs(it))) == 3


def test_a_year_of_nights_makes_a_job_each_night_at_the_zones_own_three_oclock():
    """Two of them begin and end summer time: 03:00 is there each day, an hour of UTC earlier in summer."""
    it = World([CRON_JOBS], has_boards=False)
    it.now = parse_time("2026-01-01T00:00:00Z")
    it.api.create_nowait(cron_job("0 3 * * *", time_zone="Europe/Berlin", successful_jobs_history_limit=1))
    it.settle()
    made = set()
    for _ in range(365):
        it.advance(24 * 3600.0)
        made.update(jobs(it))
        for job in it.api.all_of(Job):
            done = JobCondition(type="Complete", status="True", last_transition_time=render_time(it.now))
            it.api.update_nowait(structs.replace(job, status=JobStatus(conditions=(done,))), "status")
        it.settle()
    assert len(made) == 365
    assert {at[11:16] for at in made} == {"02:00", "01:00"}
    assert {"2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z"} <= made
    assert {"2026-10-24T01:00:00Z", "2026-10-25T02:00:00Z"} <= made
    assert len(it.api.all_of(Job)) == 1 and current(it).status.active == ()
