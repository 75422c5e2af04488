"""Other requests and limits for containers that run: what changes in place, what by a restart, what must wait."""

import msgspec
import pytest

from pikube.agent.pods.decision import Memory, Observed, ResizeContainer, StopContainer, decide
from pikube.agent.pods.resizing import resize_problem
from pikube.agent.runtime.contract import Container, Sandbox
from pikube.api.kinds.core_container import ResourceRequirements
from pikube.api.kinds.core_pod import Pod

SANDBOX = Sandbox("s", "u", "p", "default", True, "i")
RESTARTS = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]


def pod(limits, requests=None, *, uid="u", policy="Always", resize=(), phase="Running"):
    container = {
        "name": "c", "resources": {"limits": limits, "requests": requests or {}}, "resizePolicy": list(resize),
    }  # fmt: skip
    spec = {"containers": [container], "restartPolicy": policy, "terminationGracePeriodSeconds": 5}
    return msgspec.convert({"metadata": {"uid": uid}, "spec": spec, "status": {"phase": phase}}, Pod)


def running(state="running"):
    one = Container(
        id="c0", pod_uid="u", name="c", attempt=0, spec_hash="", state=state, image="", image_id="",
        started_at=1.0, finished_at=2.0 if state == "exited" else 0.0,
    )  # fmt: skip
    return Observed(SANDBOX, {"c": (one,)})


def has(**limits):
    return Memory(sizes={"c0": ResourceRequirements(limits=limits)})


RESIZE = [ResizeContainer("c", "c0")]
RESTART = [StopContainer("c", "c0", 5, "Container c resize requires restart")]


@pytest.mark.parametrize(
    ("wanted", "memory", "actions"),
    [
        (pod({"cpu": "1"}), has(cpu="1"), []),
        (pod({"cpu": "1"}), has(cpu="1000m"), []),
        (pod({"cpu": "1"}), has(cpu="2"), RESIZE),
        (pod({"cpu": "1"}, {"cpu": "500m"}), has(cpu="1"), RESIZE),
        (pod({"cpu": "1", "memory": "9Mi"}), has(cpu="1"), RESIZE),
        (pod({"memory": "9Mi"}, resize=RESTARTS), has(memory="8Mi"), RESTART),
        (pod({"cpu": "2", "memory": "8Mi"}, resize=RESTARTS), has(cpu="1", memory="8Mi"), RESIZE),
        (pod({"memory": "9Mi"}, resize=RESTARTS, policy="Never"), has(memory="8Mi"), RESIZE),
        (pod({"cpu": "1"}), Memory(sizes=has(cpu="2").sizes, may_resize=False), []),
        (pod({"cpu": "1"}), Memory(), []),  # nobody knows what it has
    ],
)
def test_a_running_container_gets_what_it_declares(wanted, memory, actions):
    assert decide(wanted, running(), memory, 1000.0) == actions


def test_one_that_has_ended_gets_it_when_it_starts_again():
    actions = decide(pod({"cpu": "1"}), running("exited"), has(cpu="2"), 1000.0)
    assert [type(action).__name__ for action in actions] == ["StartContainer"]


@pytest.mark.parametrize(
    ("requests", "others", "problem"),
    [
        ({"cpu": "2"}, [], None),
        ({"cpu": "3"}, [], ("Infeasible", "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000")),
        ({"memory": "2Mi"}, [],
         ("Infeasible", "Node didn't have enough capacity: memory, requested: 2097152, capacity: 1048576")),
        ({"cpu": "1500m"}, [pod({}, {"cpu": "600m"}, uid="o")],
         ("Deferred", "Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000")),
        ({"cpu": "1500m"}, [pod({}, {"cpu": "600m"}, uid="o", phase="Succeeded")], None),
        ({"cpu": "1500m"}, [pod({}, {"cpu": "1"})], None),  # itself, as it was
    ],
)  # fmt: skip
def test_what_the_board_has_no_room_for_waits_and_says_so(requests, others, problem):
    assert resize_problem(pod({}, requests), others, {"cpu": "2", "memory": "1Mi"}) == problem
