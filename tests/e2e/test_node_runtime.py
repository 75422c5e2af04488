"""A Podman that hangs: the node says so while it lasts and when it is over, and no container ends for it."""

import os
import signal

from board import wait_until
from test_node_lifecycle import apply, box, container_of, pod, ready

HANGS_S = 45  # a call waits for 10 s until somebody asks, who waits for 10 more, every 5 s


def condition(board, type_):
    conditions = board.get("node", "board")["status"]["conditions"]
    return next((c for c in conditions if c["type"] == type_), {})


def restarts(board):
    events = board.get("events", "-A", "--field-selector=reason=ContainerRuntimeRestarted")["items"]
    return sum(event.get("count", 1) for event in events)


def test_a_podman_that_hangs_is_told_in_the_nodes_conditions_and_heals(board, namespace):
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 1}
    apply(board, namespace, pod("probed", box("c", livenessProbe=probe)))
    ready(board, namespace, "probed")
    before = restarts(board)
    service = int((board.directory / "data" / "agent" / "podman.pid").read_text().split()[0])
    os.kill(service, signal.SIGSTOP)  # ended by pikube, or by the board's end
    apply(board, namespace, pod("asking", box("c")))  # a service that nobody asks may be as it likes
    said = wait_until(
        lambda: (c := condition(board, "ContainerRuntimeUnhealthy")).get("status") == "True" and c,
        HANGS_S, "the condition",
    )  # fmt: skip
    assert (said["reason"], said["message"]) == ("PodmanUnhealthy", "podman's service does not answer")
    assert condition(board, "Ready")["status"] == "True", "pods run on"
    wait_until(
        lambda: condition(board, "ContainerRuntimeUnhealthy")["status"] == "False", 90, "another service"
    )
    wait_until(lambda: restarts(board) > before, what="the event")
    ready(board, namespace, "asking")
    ready(board, namespace, "probed")
    assert container_of(board, namespace, "probed")["restartCount"] == 0
