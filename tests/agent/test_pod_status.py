"""What a pod's status says: phase, conditions, the states of containers."""

from dataclasses import replace

import msgspec
import pytest

from pikube.agent.pods.decision import Memory, Observed
from pikube.agent.pods.memory import WorkerMemory
from pikube.agent.pods.status import LOST_INIT, Report, pod_status
from pikube.agent.runtime.contract import Container, Sandbox
from pikube.api.kinds.core_pod import Pod
from pikube.api.times import render_time

NOW = 1_700_000_000.0
SANDBOX = Sandbox("s", "u", "p", "default", True, "i", "10.42.0.2")


def pod(*names, status=None, **spec):
    containers = [{"name": name, "image": f"image-of-{name}"} for name in names]
    document = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "generation": 3},
        "spec": {"containers": containers, "restartPolicy": "Always", **spec},
        "status": status or {},
    }
    return msgspec.convert(document, Pod)


def container(name, state="running", code=0, attempt=0, **more):
    return Container(
        id=f"{name}{attempt}", pod_uid="u", name=name, attempt=attempt, spec_hash="", state=state, image="",
        image_id="", exit_code=code, started_at=NOW - 60, finished_at=NOW - 50 if state == "exited" else 0, **more,
    )  # fmt: skip


def told(wanted, *containers, memory=None, **report):
    by_name = {}
    for one in containers:
        by_name.setdefault(one.name, []).append(one)
    said = Report(pod_ip=SANDBOX.address, host_ip="192.0.2.1", **report)
    return pod_status(wanted, Observed(SANDBOX, by_name), memory or Memory(), said, NOW)


SIDECAR = {"initContainers": [{"name": "s", "restartPolicy": "Always"}]}


def condition(status, type_):
    return next(c for c in status.conditions if c.type == type_)


@pytest.mark.parametrize(
    ("wanted", "containers", "report", "phase"),
    [
        (pod("a"), [], {}, "Pending"),
        (pod("a"), [container("a", "created")], {}, "Pending"),
        (pod("a"), [container("a")], {}, "Running"),
        # one that never ran keeps its pod pending, whatever the others do
        (pod("a", "b"), [container("a")], {}, "Pending"),
        (pod("a", "b"), [container("a")], {"waiting": {"b": ("ErrImagePull", "no")}}, "Pending"),
        (pod("a", "b"), [container("a"), container("b", "exited", 1)], {}, "Running"),
        (pod("a"), [container("a", "exited", 1)], {"waiting": {"a": ("RunContainerError", "no")}}, "Running"),
        (pod("a", restartPolicy="Never"), [container("a", "exited")], {}, "Succeeded"),
        (pod("a", restartPolicy="Never"), [container("a", "exited", 1)], {}, "Failed"),
        (pod("a", "b", restartPolicy="Never"), [container("a", "exited", 1), container("b")], {}, "Running"),
        (pod("a", restartPolicy="OnFailure"), [container("a", "exited")], {}, "Succeeded"),
        (pod("a", restartPolicy="OnFailure"), [container("a", "exited", 1)], {}, "Running"),
        (pod("a"), [container("a", "exited")], {"has_failed": True, "failure": ("Evicted", "why")}, "Failed"),
        # nothing of a pod that is over runs any more: a claim, a port, a Job's next pod may count on it
        (pod("a", status={"phase": "Running"}), [container("a")], {"has_failed": True}, "Running"),
        (pod("a", restartPolicy="Never", status={"phase": "Running"}, **SIDECAR),
         [container("s"), container("a", "exited")], {}, "Running"),
        (pod("a", restartPolicy="Never", **SIDECAR), [container("s", "exited", 137), container("a", "exited")], {},
         "Succeeded"),
        # one that is deleted has an end, too, which controllers read
        (pod("a"), [container("a", "exited", 137)], {"is_ending": True}, "Failed"),
        (pod("a", "b"), [container("a", "exited"), container("b", "exited")], {"is_ending": True}, "Succeeded"),
        (pod("a", "b"), [container("a", "exited"), container("b")], {"is_ending": True}, "Running"),
        (pod("a", "b"), [container("a", "exited")], {"is_ending": True}, "Pending"),
        (pod("a", **SIDECAR), [container("a", "exited"), container("s", "exited", 137)], {"is_ending": True},
         "Succeeded"),
        (pod("a", status={"phase": "Failed", "reason": "Evicted"}), [container("a")], {}, "Failed"),
        (pod("a", restartPolicy="Never", initContainers=[{"name": "i"}]), [container("i", "exited", 1)], {},
         "Failed"),
    ],
)  # fmt: skip
def test_the_phase_is_kubernetes(wanted, containers, report, phase):
    assert told(wanted, *containers, **report).phase == phase


def test_a_pod_that_ends_is_not_ready_before_it_has_ended():
    status = told(
        pod("a", status={"phase": "Running"}), container("a"), has_failed=True, failure=("Evicted", "why")
    )
    assert (status.phase, status.reason, status.message) == ("Running", "", "")
    assert (condition(status, "Ready").status, condition(status, "Ready").reason) == ("False", "PodFailed")
    assert condition(status, "PodReadyToStartContainers").status == "True"


def cannot_run(attempt=0):
    return replace(
        container("a", "exited", 127, attempt), started_at=0.0, finished_at=NOW, error="no such program"
    )


def test_what_never_began_behind_an_init_container_that_failed_is_not_lost():
    wanted = pod("a", initContainers=[{"name": "i"}, {"name": "j"}], restartPolicy="Never")
    ended = told(wanted, container("i", "exited", 1))
    wanted.status = ended
    again = told(wanted, container("i", "exited", 1))
    assert again.phase == "Failed"
    waits = [again.init_container_statuses[1], *again.container_statuses]
    assert [one.state.waiting.reason for one in waits] == ["PodInitializing"] * 2


def test_all_containers_wait_for_the_pod_where_there_are_init_containers():
    wanted = pod("a", initContainers=[{"name": "i"}], ephemeralContainers=[{"name": "v"}])
    for containers in ((), (container("i"),), (container("i", "exited"),)):
        status = told(wanted, *containers)
        waits = [s.state.waiting for s in (*status.init_container_statuses, *status.container_statuses)]
        assert {one.reason for one in waits if one is not None} == {"PodInitializing"}
        assert status.ephemeral_container_statuses[0].state.waiting.reason == "ContainerCreating"


def test_a_container_runs_once_its_hook_is_over():
    memory = Memory(hooking=frozenset("a"))
    status = told(pod("a"), container("a"), memory=memory)
    of_a = status.container_statuses[0]
    assert (status.phase, of_a.state.waiting.reason) == ("Pending", "ContainerCreating")
    assert not of_a.started and not of_a.container_id
    again = told(pod("a"), container("a", "exited", 3), container("a", attempt=1), memory=memory)
    of_a = again.container_statuses[0]
    assert (again.phase, of_a.state.terminated.exit_code, of_a.restart_count) == ("Running", 3, 0)
    ended = told(pod("a", restartPolicy="Never"), container("a", "exited", 137), memory=memory)
    assert ended.container_statuses[0].state.terminated.exit_code == 137


@pytest.mark.parametrize("is_disrupted", [True, False])
def test_a_pod_that_its_board_ends_is_the_target_of_a_disruption(is_disrupted):
    status = told(
        pod("a"),
        container("a", "exited", 137),
        has_failed=True,
        failure=("Evicted", "low on memory"),
        disruption="low on memory" if is_disrupted else "",
    )
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", "low on memory")
    found = [c for c in status.conditions if c.type == "DisruptionTarget"]
    words = [(c.status, c.reason, c.message) for c in found]
    assert words == ([("True", "TerminationByKubelet", "low on memory")] if is_disrupted else [])


def test_a_container_whose_program_cannot_be_run_has_ended():
    over = told(pod("a", restartPolicy="Never"), cannot_run())
    ended = over.container_statuses[0].state.terminated
    assert (over.phase, ended.reason, ended.exit_code, ended.message) == (
        "Failed",
        "ContainerCannotRun",
        127,
        "no such program",
    )
    again = told(pod("a"), cannot_run(0), cannot_run(1), memory=Memory(crashes={"a": 2})).container_statuses[
        0
    ]
    assert (again.state.waiting.reason, again.state.waiting.message) == (
        "RunContainerError",
        "no such program",
    )
    assert (again.last_state.terminated.reason, again.restart_count) == ("ContainerCannotRun", 1)


def test_a_container_that_cannot_run_waits_longer_each_time():
    memory = WorkerMemory(NOW)
    for attempt in range(4):
        memory.learn(Observed(SANDBOX, {"a": (cannot_run(attempt),)}))
    assert memory.crashes["a"] == 4


def test_a_container_that_the_runtime_lost_has_run_before():
    before = {"phase": "Running", "containerStatuses": [
        {"name": "a", "containerID": "podman://gone", "restartCount": 2, "state": {"running": {}}}]}  # fmt: skip
    status = told(pod("a", status=before))
    lost = status.container_statuses[0]
    assert status.phase == "Running" and lost.restart_count == 2
    assert lost.last_state.terminated.reason == "ContainerStatusUnknown"


GATE = {"readinessGates": [{"conditionType": "x/ok"}]}


@pytest.mark.parametrize(
    ("said", "is_ready", "words"),
    [
        (None, "False", 'corresponding condition of pod readiness gate "x/ok" does not exist.'),
        ("False", "False", 'the status of pod readiness gate "x/ok" is not "True", but False'),
        ("Unknown", "False", 'the status of pod readiness gate "x/ok" is not "True", but Unknown'),
        ("True", "True", ""),
    ],
)
def test_a_readiness_gate_is_somebody_elses_condition_and_stays(said, is_ready, words):
    conditions = (
        [{"type": "x/ok", "status": said, "lastTransitionTime": "2026-01-01T00:00:00Z"}] if said else []
    )
    status = told(pod("a", status={"conditions": conditions}, **GATE), container("a"), ready=frozenset("a"))
    ready = condition(status, "Ready")
    assert (ready.status, ready.message) == (is_ready, words)
    assert ready.reason == ("" if said == "True" else "ReadinessGatesNotReady")
    assert condition(status, "ContainersReady").status == "True"
    if said:
        assert condition(status, "x/ok").status == said


def test_conditions_name_who_is_not_ready_and_move_only_when_they_change():
    old = [{"type": "Ready", "status": "False", "lastTransitionTime": "2020-01-01T00:00:00Z"},
           {"type": "Initialized", "status": "False", "lastTransitionTime": "2020-01-01T00:00:00Z"}]  # fmt: skip
    wanted = pod("a", "b", status={"conditions": old}, initContainers=[{"name": "i"}])
    status = told(wanted, container("i", "exited"), container("a"), container("b"), ready=frozenset("a"))
    ready = condition(status, "Ready")
    assert (ready.status, ready.reason, ready.message) == (
        "False", "ContainersNotReady", "containers with unready status: [b]",
    )  # fmt: skip
    assert ready.last_transition_time == "2020-01-01T00:00:00Z" and ready.observed_generation == 3
    initialized = condition(status, "Initialized")
    assert (initialized.status, initialized.last_transition_time) == ("True", render_time(NOW))
    waits = condition(told(wanted, container("i")), "Initialized")
    assert (waits.reason, waits.message) == (
        "ContainersNotInitialized",
        "containers with incomplete status: [i]",
    )


@pytest.mark.parametrize(
    ("attempts", "memory", "state", "reason", "last"),
    [
        ([], Memory(), "waiting", "ContainerCreating", None),
        ([container("a", "exited", 0)], Memory(), "terminated", "Completed", None),
        ([container("a", "exited", 137, was_oom_killed=True)], Memory(), "terminated", "OOMKilled", None),
        ([container("a", "exited", 1)], Memory(crashes={"a": 4}), "terminated", "Error", None),
        ([container("a", "exited", 1)], Memory(crashes={"a": 5}), "waiting", "CrashLoopBackOff", "Error"),
        ([container("a", "exited", 1), container("a", attempt=1)], Memory(), "running", None, "Error"),
    ],
)  # fmt: skip
def test_the_state_of_a_container(attempts, memory, state, reason, last):
    status = told(pod("a"), *attempts, memory=memory).container_statuses[0]
    found = getattr(status.state, state)
    assert found is not None and getattr(found, "reason", None) == reason
    assert (status.last_state.terminated.reason if status.last_state.terminated else None) == last
    if reason == "CrashLoopBackOff":
        assert found.message == "back-off 1m20s restarting failed container=a pod=p_n(u)"


@pytest.mark.parametrize("known", [None, {"exitCode": 0, "reason": "Completed", "message": "bye"}])
def test_an_init_container_that_the_runtime_forgot_has_done_its_part(known):
    before = {"name": "i", "containerID": "podman://gone", "state": {"terminated": known}}
    status = {"initContainerStatuses": [before] if known else []}
    told_now = told(pod("a", status=status, initContainers=[{"name": "i"}]), container("a"))
    [init] = told_now.init_container_statuses
    assert (init.state.terminated.reason, init.state.terminated.exit_code) == ("Completed", 0)
    assert init.state.terminated.message == ("bye" if known else LOST_INIT)
    assert condition(told_now, "Initialized").status == "True"


@pytest.mark.parametrize("has_begun", [True, False])
def test_an_ended_pod_stays_initialized_when_nothing_of_it_is_left(has_begun):
    killed = {"terminated": {"exitCode": 137, "reason": "Error", "containerID": "podman://x"}}
    init = {"name": "i", "containerID": "", "state": killed, "ready": False, "restartCount": 0}
    main_state = killed if has_begun else {"waiting": {"reason": "PodInitializing"}}
    known = {"containerID": "podman://x"} if has_begun else {}
    main = {**init, "name": "a", "state": main_state, **known}
    wanted = pod(
        "a",
        status={
            "phase": "Failed", "reason": "Evicted",
            "initContainerStatuses": [init], "containerStatuses": [main],
        },
        initContainers=[{"name": "i", "image": "i", "restartPolicy": "Always"}],
    )  # fmt: skip
    assert condition(told(wanted), "Initialized").status == str(has_begun)
