"""Which containers are started again: the rules of a container, its policy, the pod's."""

import msgspec
import pytest
from msgspec import structs

from pikube.agent.pods.decision import Fail, LookAgainAt, Memory, Observed, StartContainer, decide, is_over
from pikube.agent.pods.restarts import may_ever_restart, should_restart
from pikube.agent.pods.status import Report, pod_status
from pikube.agent.runtime.contract import Container, Sandbox
from pikube.api.kinds.core_pod import Pod, PodStatus

SANDBOX = Sandbox("s", "u", "p", "default", True, "i")
NOW = 1_700_000_000.0
ON_42 = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
NOT_ON_42 = [{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [42]}}]


def pod(policy, *containers, inits=()):
    spec = {"restartPolicy": policy, "containers": list(containers), "initContainers": list(inits)}
    return msgspec.convert({"metadata": {"name": "p", "uid": "u"}, "spec": spec}, Pod)


def one(name="a", policy=None, rules=()):
    return {"name": name, "restartPolicyRules": list(rules)} | ({"restartPolicy": policy} if policy else {})


def container(name, state="running", code=0, attempt=0):
    finished_at = NOW - 500 if state == "exited" else 0.0
    return Container(
        id=f"{name}{attempt}", pod_uid="u", name=name, attempt=attempt, spec_hash="", state=state, image="",
        image_id="", exit_code=code, started_at=NOW - 600, finished_at=finished_at,
    )  # fmt: skip


def seen(*containers):
    return Observed(SANDBOX, {each.name: (each,) for each in containers})


@pytest.mark.parametrize(
    ("policy", "own", "code", "restarts"),
    [
        ("Always", one(), 0, True),
        ("OnFailure", one(), 0, False),
        ("OnFailure", one(), 1, True),
        ("Never", one(), 1, False),
        ("Always", one(policy="Never"), 1, False),
        ("Always", one(policy="OnFailure"), 0, False),
        ("Never", one(policy="OnFailure"), 1, True),
        ("Never", one(policy="Always"), 0, True),
        ("Never", one(policy="Never", rules=ON_42), 42, True),
        ("Never", one(policy="Never", rules=ON_42), 1, False),
        ("Never", one(policy="Never", rules=NOT_ON_42), 42, False),
        ("Never", one(policy="Never", rules=NOT_ON_42), 1, True),
        ("Never", one(rules=ON_42), 42, False),  # rules count beside a policy only
        ("Always", one(policy="OnFailure", rules=NOT_ON_42), 0, True),
    ],
)
def test_rules_come_before_the_containers_policy_and_that_before_the_pods(policy, own, code, restarts):
    wanted = pod(policy, own)
    assert should_restart(wanted, wanted.spec.containers[0], code) == restarts
    ended = seen(container("a", "exited", code))
    assert is_over(wanted, ended) == (not restarts)
    started = [step for step in decide(wanted, ended, Memory(), NOW) if isinstance(step, StartContainer)]
    assert started == ([StartContainer("a", 1)] if restarts else [])
    phase = pod_status(wanted, ended, Memory(), Report(), NOW).phase
    assert phase == ("Running" if restarts else "Failed" if code else "Succeeded")


def test_a_container_that_ends_for_good_does_not_end_the_others():
    wanted = pod("Always", one("a", "Never"), one("b"))
    ended = seen(container("a", "exited", 1), container("b"))
    assert decide(wanted, ended, Memory(), NOW) == []
    status = pod_status(wanted, ended, Memory(crashes={"a": 5}), Report(), NOW)
    assert status.phase == "Running" and status.container_statuses[0].state.terminated.exit_code == 1


def test_an_init_container_that_must_not_be_tried_again_fails_its_pod():
    wanted = pod("Always", one(), inits=[one("i", "Never")])
    assert is_over(wanted, seen(container("i", "exited", 1)))
    assert pod_status(wanted, seen(container("i", "exited", 1)), Memory(), Report(), NOW).phase == "Failed"
    again = pod("Never", one(), inits=[one("i", "Never", ON_42)])
    assert decide(again, seen(container("i", "exited", 42)), Memory(), NOW) == [StartContainer("i", 1)]


@pytest.mark.parametrize(
    ("wanted", "ever"),
    [
        (pod("Never", one()), False),
        (pod("Never", one(), one("b", "OnFailure")), True),
        (pod("Never", one("a", "Never", ON_42)), True),
        (pod("Always", one("a", "Never")), False),
        (pod("OnFailure", one()), True),
    ],
)
def test_a_pod_whose_sandbox_is_lost_fails_if_nothing_of_it_may_run_twice(wanted, ever):
    assert may_ever_restart(wanted) == ever
    memory = Memory(attempts={"a": 0})
    found = decide(wanted, Observed(None, {}), memory, NOW)
    assert (found == [Fail("", "")]) == (not ever)


def test_restarts_by_a_rule_wait_like_all_others():
    wanted = pod("Never", one("a", "Never", ON_42))
    ended = seen(container("a", "exited", 42))
    memory = Memory(crashes={"a": 9})
    assert decide(wanted, ended, memory, NOW - 490) == [LookAgainAt(NOW - 200)]
    waits = pod_status(wanted, ended, memory, Report(), NOW - 490).container_statuses[0].state.waiting
    assert waits.reason == "CrashLoopBackOff"


def rebooted(policy, *ends, inits=()):
    """A pod of which the runtime knows nothing any more, with what its status says of its containers."""
    wanted = pod(policy, *(one(name) for name, _ in ends), inits=inits)
    statuses = [
        {"name": name, "containerID": f"podman://{name}", "restartCount": 2, "state": state}
        for name, state in ends
    ]
    return structs.replace(
        wanted, status=msgspec.convert({"phase": "Running", "containerStatuses": statuses}, PodStatus)
    )


def ended(code):
    return {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}


RUNS = {"running": {}}


def test_what_has_done_its_part_is_not_run_again_when_the_sandbox_is_lost():
    wanted = rebooted("OnFailure", ("a", ended(0)), ("b", RUNS), ("c", ended(1)))
    found = decide(wanted, Observed(SANDBOX, {}), Memory(), NOW)
    assert found == [StartContainer("b", 3), StartContainer("c", 3)]
    status = pod_status(wanted, Observed(SANDBOX, {}), Memory(), Report(), NOW)
    a, b, c = status.container_statuses
    assert (a.state.terminated.exit_code, a.restart_count) == (0, 2)
    assert b.state.waiting and c.state.waiting


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded")],
)
def test_a_pod_that_waited_for_its_sidecar_only_is_over_when_its_board_is_back(policy, code, phase):
    wanted = rebooted(policy, ("a", ended(code)), inits=[one("s", "Always")])
    assert decide(wanted, Observed(None, {}), Memory(), NOW) == []
    assert pod_status(wanted, Observed(None, {}), Memory(), Report(), NOW).phase == phase


def test_a_pod_that_always_restarts_runs_again_however_it_ended():
    wanted = rebooted("Always", ("a", ended(0)))
    assert decide(wanted, Observed(SANDBOX, {}), Memory(), NOW) == [StartContainer("a", 3)]
