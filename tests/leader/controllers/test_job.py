from __future__ import annotations

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import node
from searches import examples

from pikube.api.errors import Forbidden
from pikube.api.kinds.batch import (
    Job,
    JobSpec,
    PodFailurePolicy,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
    SuccessPolicy,
    SuccessPolicyRule,
)
from pikube.api.kinds.core_container import (
    Container,
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
)
from pikube.api.kinds.core_pod import Pod, PodCondition, PodSpec, PodTemplateSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import render_time
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.garbage import garbage_controller
from pikube.leader.controllers.indexes import parse_indexes, render_indexes
from pikube.leader.controllers.job import JOBS, observe, reconcile
from pikube.leader.controllers.job_pods import INDEX

KEY = ObjectKey("default", "work")


def new_job(restart="Never", **spec):
    template = PodTemplateSpec(
        spec=PodSpec(containers=(Container(name="main", image="busybox"),), restart_policy=restart)
    )
    return Job(metadata=ObjectMeta(name="work", namespace="default"), spec=JobSpec(template=template, **spec))


def world(job=None, *, cuts=(), more=()):
    it = World([JOBS, *more], cuts=cuts)
    it.api.create_nowait(node("board1"))
    it.api.create_nowait(job or new_job())
    it.settle()
    return it


def current(it):
    return it.api.get_nowait(Job, "work", "default")


def conditions(it):
    return {c.type: c.reason for c in current(it).status.conditions if c.status == "True"}


def end(it, pod, code=0, condition=None):
    """The pod's container exits."""
    ended = ContainerStateTerminated(exit_code=code, finished_at=render_time(it.now))
    status = structs.replace(
        pod.status,
        phase="Failed" if code else "Succeeded",
        container_statuses=(ContainerStatus(name="main", state=ContainerState(terminated=ended)),),
        conditions=(*pod.status.conditions, *([condition] if condition else [])),
    )
    fresh = structs.replace(pod, status=status, metadata=structs.replace(pod.metadata, resource_version=""))
    it.api.update_nowait(fresh, "status")


def end_all(it, code=0):
    for pod in it.pods():
        end(it, pod, code)
    it.settle()


def index_of(pod):
    return int(pod.metadata.annotations[INDEX])


def test_a_one_shot_job_runs_one_pod_to_its_end():
    it = world()
    [pod] = it.pods()
    assert pod.metadata.labels["batch.kubernetes.io/job-name"] == "work"
    assert pod.metadata.finalizers == ("batch.kubernetes.io/job-tracking",)
    status = current(it).status
    assert (status.active, status.ready, bool(status.start_time)) == (1, 1, True)
    end_all(it)
    status = current(it).status
    assert (status.active, status.succeeded, status.failed) == (0, 1, 0)
    assert conditions(it) == {
        "SuccessCriteriaMet": "CompletionsReached",
        "Complete": "CompletionsReached",
    }
    assert status.completion_time
    assert ("Completed", "Job completed") in it.events
    [pod] = it.api.all_of(Pod)  # it stays, so that its log can be read
    assert pod.metadata.finalizers == ()
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_ten_completions_five_at_once():
    it = world(new_job(completions=10, parallelism=5))
    assert len(it.pods()) == 5
    end(it, it.pods()[0])
    it.settle()
    assert len(it.pods()) == 5
    for _ in range(5):
        end_all(it)
    assert current(it).status.succeeded == 10
    assert len(it.api.all_of(Pod)) == 10
    assert "Complete" in conditions(it)


def test_a_work_queue_starts_no_more_pods_once_one_has_succeeded():
    it = world(new_job(parallelism=3))
    it.api.patch_nowait(Job, "work", "default", {"spec": {"completions": None}})
    job = new_job(parallelism=3)
    job.metadata.name = "queue"
    it.api.create_nowait(job)
    it.settle()
    queue = [p for p in it.pods() if p.metadata.labels["job-name"] == "queue"]
    assert len(queue) == 3
    end(it, queue[0])
    it.settle()
    assert len([p for p in it.pods() if p.metadata.labels["job-name"] == "queue"]) == 2
    for pod in queue[1:]:
        end(it, pod)
    it.settle()
    status = it.api.get_nowait(Job, "queue", "default").status
    assert status.succeeded == 3
    assert status.conditions[-1].type == "Complete"


def test_failures_are_retried_ever_more_slowly_until_the_limit():
    it = world(new_job(backoff_limit=2))
    waits = []
    for _ in range(2):
        end_all(it, code=1)
        start = it.now
        while not it.pods():
            it.advance(1)
        waits.append(it.now - start)
    assert waits == [10, 20]
    assert current(it).status.failed == 2
    end_all(it, code=1)
    assert conditions(it) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    assert ("BackoffLimitExceeded", "Job has reached the specified backoff limit") in it.events
    assert current(it).status.failed == 3
    it.advance(3600)
    assert it.pods() == []


def test_a_deleted_pod_counts_as_failed_and_is_replaced():
    it = world()
    it.api.delete_nowait(Pod, it.pods()[0].metadata.name, "default")
    it.settle()
    it.advance(11)
    assert len(it.pods()) == 1
    assert current(it).status.failed == 1


def test_the_active_deadline_ends_everything():
    it = world(new_job(active_deadline_seconds=30, parallelism=2, completions=4))
    it.advance(29)
    assert len(it.pods()) == 2
    it.advance(2)
    assert it.pods() == []
    assert conditions(it)["Failed"] == "DeadlineExceeded"


def test_a_suspended_job_has_no_pods_and_starts_when_it_is_resumed():
    it = world(new_job(suspend=True))
    assert it.pods() == []
    assert conditions(it) == {"Suspended": "JobSuspended"}
    assert current(it).status.start_time == ""
    it.api.patch_nowait(Job, "work", "default", {"spec": {"suspend": False}})
    it.settle()
    assert len(it.pods()) == 1
    assert conditions(it) == {}
    it.api.patch_nowait(Job, "work", "default", {"spec": {"suspend": True}})
    it.settle()
    assert it.pods() == []
    assert current(it).status.failed == 0


def test_the_deadline_stands_still_while_a_job_is_suspended():
    it = world(new_job(active_deadline_seconds=30))
    it.advance(20)
    it.api.patch_nowait(Job, "work", "default", {"spec": {"suspend": True}})
    it.settle()
    it.advance(1000)
    assert conditions(it) == {"Suspended": "JobSuspended"}
    it.api.patch_nowait(Job, "work", "default", {"spec": {"suspend": False}})
    it.settle()
    it.advance(29)
    assert len(it.pods()) == 1
    it.advance(2)
    assert conditions(it)["Failed"] == "DeadlineExceeded"


def test_fewer_at_once_takes_pods_away_without_counting_them_as_failed():
    it = world(new_job(parallelism=4, completions=8))
    it.api.patch_nowait(Job, "work", "default", {"spec": {"parallelism": 1}})
    it.settle()
    assert len(it.pods()) == 1
    assert current(it).status.failed == 0


def indexed(**spec):
    return new_job(completion_mode="Indexed", **spec)


def test_each_index_runs_once_with_its_name_label_and_environment():
    it = world(indexed(completions=3, parallelism=2))
    assert [index_of(p) for p in it.pods()] == [0, 1]
    pod = it.pods()[0]
    assert pod.metadata.generate_name == "work-0-"
    assert pod.spec.hostname == "work-0"
    assert pod.metadata.labels[INDEX] == "0"
    [variable] = pod.spec.containers[0].env
    assert variable.name == "JOB_COMPLETION_INDEX"
    assert variable.value_from.field_ref.field_path == f"metadata.labels['{INDEX}']"
    end_all(it)
    assert current(it).status.completed_indexes == "0,1"
    end_all(it)
    status = current(it).status
    assert (status.completed_indexes, status.succeeded) == ("0-2", 3)
    assert "Complete" in conditions(it)


def test_an_index_that_fails_is_run_again():
    it = world(indexed(completions=2, parallelism=2))
    end(it, it.pods()[0], code=1)
    it.settle()
    it.advance(11)
    assert sorted(map(index_of, it.pods())) == [0, 1]
    end_all(it)
    assert (current(it).status.succeeded, current(it).status.failed) == (2, 1)


def test_each_index_may_fail_so_often_and_the_others_go_on():
    it = world(indexed(completions=2, parallelism=2, backoff_limit_per_index=1))
    for _ in range(2):
        it.advance(30)
        for pod in it.pods():
            if index_of(pod) == 0:
                end(it, pod, code=1)
        it.settle()
    assert current(it).status.failed_indexes == "0"
    assert [index_of(p) for p in it.pods()] == [1]
    end_all(it)
    assert conditions(it)["Failed"] == "FailedIndexes"
    assert current(it).status.completed_indexes == "1"


def test_too_many_failed_indexes_end_the_job():
    it = world(indexed(completions=4, parallelism=4, backoff_limit_per_index=0, max_failed_indexes=1))
    for pod in it.pods()[:2]:
        end(it, pod, code=1)
    it.settle()
    assert conditions(it)["Failed"] == "MaxFailedIndexesExceeded"
    assert it.pods() == []


def policy(*rules):
    return PodFailurePolicy(rules=rules)


def on_exit(action, *values, operator="In"):
    wanted = PodFailurePolicyOnExitCodesRequirement(operator=operator, values=values)
    return PodFailurePolicyRule(action=action, on_exit_codes=wanted)


def test_an_exit_code_may_end_the_job_at_once():
    it = world(new_job(pod_failure_policy=policy(on_exit("FailJob", 42)), backoff_limit=6))
    [pod] = it.pods()
    end(it, pod, code=42)
    it.settle()
    assert conditions(it)["Failed"] == "PodFailurePolicy"
    words = (
        f"Container main for pod default/{pod.metadata.name} failed with exit code 42 "
        "matching FailJob rule at index 0"
    )
    assert ("PodFailurePolicy", words) in it.events


def test_a_disruption_may_be_ignored():
    pattern = PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget")
    rule = PodFailurePolicyRule(action="Ignore", on_pod_conditions=(pattern,))
    it = world(new_job(pod_failure_policy=policy(rule), backoff_limit=0))
    end(it, it.pods()[0], code=1, condition=PodCondition(type="DisruptionTarget", status="True"))
    it.settle()
    it.advance(11)
    assert len(it.pods()) == 1
    assert current(it).status.failed == 0


def test_an_exit_code_may_give_up_its_index_only():
    it = world(
        indexed(
            completions=2,
            parallelism=2,
            backoff_limit_per_index=5,
            pod_failure_policy=policy(on_exit("FailIndex", 3)),
        )
    )
    end(it, it.pods()[0], code=3)
    it.settle()
    it.advance(60)
    assert current(it).status.failed_indexes == "0"
    assert [index_of(p) for p in it.pods()] == [1]


def test_a_success_policy_ends_the_job_early():
    rule = SuccessPolicyRule(succeeded_indexes="0-1", succeeded_count=1)
    it = world(indexed(completions=4, parallelism=4, success_policy=SuccessPolicy(rules=(rule,))))
    end(it, it.pods()[1])
    it.settle()
    assert conditions(it)["Complete"] == "SuccessPolicy"
    assert it.pods() == []
    assert current(it).status.failed == 0


def test_pods_of_a_deleted_job_are_let_go():
    it = world(more=[garbage_controller((Job, Pod))])
    it.api.delete_nowait(Job, "work", "default", propagation="Background")
    it.settle()
    assert it.api.all_of(Job) == it.api.all_of(Pod) == []


def test_pods_that_are_refused_come_later():
    it = World([JOBS])
    it.api.create_nowait(node("board1"))
    it.api.refuse = lambda verb, obj: Forbidden("exceeded quota") if isinstance(obj, Pod) else None
    it.api.create_nowait(new_job())
    it.settle()
    assert ("FailedCreate", "Error creating: exceeded quota") in it.events
    it.api.refuse = lambda verb, obj: None
    it.advance(5)
    assert len(it.pods()) == 1


def test_restarts_within_pods_count_where_pods_restart_themselves():
    it = world(new_job(restart="OnFailure", backoff_limit=2))
    [pod] = it.pods()
    status = structs.replace(pod.status, container_statuses=(ContainerStatus(name="main", restart_count=2),))
    it.api.update_nowait(structs.replace(pod, status=status), "status")
    it.settle()
    assert conditions(it)["Failed"] == "BackoffLimitExceeded"


@pytest.mark.parametrize(
    ("indexes", "text"),
    [([], ""), ([3], "3"), ([0, 1], "0,1"), ([0, 1, 2, 5, 7, 8, 9], "0-2,5,7-9")],
)
def test_indexes_are_written_as_short_as_can_be(indexes, text):
    assert render_indexes(indexes) == text


@given(st.sets(st.integers(0, 40)))
def test_indexes_come_back_from_their_text(indexes):
    assert parse_indexes(render_indexes(indexes), 41) == indexes


@examples(60)
@given(
    cuts=st.lists(st.integers(0, 4), max_size=25),
    ends=st.lists(st.integers(0, 1), max_size=12),
    mode=st.sampled_from(["NonIndexed", "Indexed"]),
    parallelism=st.integers(1, 3),
)
def test_no_end_is_counted_twice_or_lost_over_any_interruption(cuts, ends, mode, parallelism):
    it = world(
        new_job(completion_mode=mode, completions=4, parallelism=parallelism, backoff_limit=20), cuts=cuts
    )
    failed = 0
    for code in [*ends, *([0] * 20)]:
        running = it.pods()
        if not running:
            break
        end(it, running[0], code)
        failed += code
        it.settle()
        seen = observe(it, KEY)
        check_laws(reconcile, *seen, it.now)
        it.advance(601)
    status = current(it).status
    assert (status.succeeded, status.failed) == (4, failed)
    assert status.uncounted_terminated_pods.succeeded == status.uncounted_terminated_pods.failed == ()
    assert "Complete" in conditions(it)
    assert all(not pod.metadata.finalizers for pod in it.api.all_of(Pod))
