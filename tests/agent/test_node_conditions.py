"""The conditions of a node: which there are, and when they are said to have changed."""

from pikube.agent.facts import BoardFacts
from pikube.agent.node_object import has_other_resources, node_conditions, node_status
from pikube.agent.runtime.contract import RuntimeInfo
from pikube.api.kinds.core_node import NodeStatus
from pikube.api.times import render_time
from pikube.config import merge


def of(conditions):
    return {c.type: (c.status, c.reason, c.last_transition_time) for c in conditions}


def test_a_healthy_board_has_the_usual_four():
    found = of(node_conditions(frozenset(), (), 100.0, ""))
    assert set(found) == {"MemoryPressure", "DiskPressure", "PIDPressure", "Ready"}
    assert found["Ready"][:2] == ("True", "KubeletReady")


def test_a_runtime_in_trouble_is_told_and_the_board_stays_ready():
    before = node_conditions(frozenset(), (), 100.0, "")
    ill = node_conditions(frozenset(), before, 200.0, "", trouble="podman's service does not answer")
    found = of(ill)
    assert found["ContainerRuntimeUnhealthy"] == ("True", "PodmanUnhealthy", render_time(200.0))
    assert found["Ready"] == ("True", "KubeletReady", render_time(100.0))
    still = of(node_conditions(frozenset(), ill, 210.0, "", trouble="still"))
    assert still["ContainerRuntimeUnhealthy"][2] == render_time(200.0)
    healed = of(node_conditions(frozenset(), ill, 300.0, ""))
    assert healed["ContainerRuntimeUnhealthy"] == ("False", "ContainerRuntimeIsHealthy", render_time(300.0))


def test_conditions_of_others_stay():
    (foreign, *_) = node_conditions(frozenset(), (), 100.0, "")
    foreign.type = "KernelDeadlock"
    assert "KernelDeadlock" in of(node_conditions(frozenset(), (foreign,), 200.0, ""))


def test_resources_of_others_stay_and_are_allocatable():
    """What somebody writes into the capacity, of a device that no plugin serves, can be asked for."""
    facts = BoardFacts(
        memory_bytes=1 << 30, available_bytes=1 << 30, cpus=4, disk_bytes=1 << 30, disk_free_bytes=1 << 30, kernel="",
        architecture="arm64", model="", machine_id="", boot_id="", pid_limit=1, swap_bytes=0,
    )  # fmt: skip
    runtime = RuntimeInfo("5", "", "", "", "v2", "overlay")

    def status(old):
        return node_status(facts, runtime, merge({}, {}, {}, host="b"), "192.0.2.1", old, 100.0)

    alone = status(NodeStatus())
    assert set(alone.capacity) == {"cpu", "memory", "pods", "ephemeral-storage"} == set(alone.allocatable)
    assert not has_other_resources(alone)
    told = NodeStatus(capacity={**alone.capacity, "example.com/foo": "3"}, allocatable=alone.allocatable)
    assert has_other_resources(told)
    followed = status(told)
    assert followed.capacity["example.com/foo"] == followed.allocatable["example.com/foo"] == "3"
    assert not has_other_resources(followed)
    more = NodeStatus(
        capacity={**followed.capacity, "example.com/foo": "4"}, allocatable=followed.allocatable
    )
    assert has_other_resources(more) and status(more).allocatable["example.com/foo"] == "4"
    taken = NodeStatus(capacity=alone.capacity, allocatable=followed.allocatable)
    assert has_other_resources(taken) and status(taken) == alone
