"""The conditions of a node: which there are, and when they are said to have changed."""

from pikube.agent.node_object import node_conditions
from pikube.api.times import render_time


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
