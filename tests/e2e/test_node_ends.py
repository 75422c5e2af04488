"""How pods end: who waits for whom, what they share of their grace, what those who look on are told."""

from datetime import datetime

from board import wait_until
from test_node_lifecycle import apply, box, container_of, over, pod, ready, status_of

DEAF = "trap '' TERM; while true; do sleep 1; done"  # ends by SIGKILL only
MOMENT_S = 2.0


def sidecar(name, script=DEAF):
    return box(name, script, restartPolicy="Always")


def finished_at(board, namespace, name, container):
    text = container_of(board, namespace, name, container)["state"]["terminated"]["finishedAt"]
    return datetime.fromisoformat(text).timestamp()


def test_a_pod_is_over_when_its_sidecars_are_which_share_one_grace(board, namespace):
    once = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5}
    sidecars = [sidecar(name) for name in "xyz"]
    apply(board, namespace, pod("job", box("c", "sleep 1"), initContainers=sidecars, **once))
    wait_until(
        lambda: container_of(board, namespace, "job")["state"].get("terminated"), what="the work is done"
    )
    assert status_of(board, namespace, "job")["phase"] == "Running"
    status = wait_until(lambda: over(board, namespace, "job"), 60, "the sidecars are ended")
    assert status["phase"] == "Succeeded"
    x, y, z = (finished_at(board, namespace, "job", name) for name in "xyz")
    assert z <= y <= x, "the last first"
    assert z - finished_at(board, namespace, "job", "c") >= 4
    assert x - z <= 2 * (2 + MOMENT_S), "no more than the least that each has"


def test_containers_of_a_pod_that_fails_end_together(board, namespace):
    deaf = [box(name, DEAF) for name in ("c", "d", "e")]
    apply(board, namespace, pod("late", *deaf, activeDeadlineSeconds=3, terminationGracePeriodSeconds=4))
    ready(board, namespace, "late")
    status = wait_until(lambda: over(board, namespace, "late"), 60, "the deadline")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    ends = [finished_at(board, namespace, "late", name) for name in ("c", "d", "e")]
    assert max(ends) - min(ends) <= MOMENT_S


def test_who_watches_a_pod_that_is_deleted_sees_how_it_ended(board, namespace):
    apply(
        board,
        namespace,
        pod("killed", box("c", DEAF)),
        pod("polite", box("c", "trap 'exit 0' TERM; sleep 1000 & wait"), terminationGracePeriodSeconds=20),
    )
    ready(board, namespace, "killed", "polite")
    columns = (
        "custom-columns=N:.metadata.name,P:.status.phase,R:.status.conditions[?(@.type=='Ready')].reason"
    )
    watch = ("get", "pods", "--watch", "--request-timeout=60s", "--no-headers", "-o", columns)
    with board.spawn_kubectl("-n", namespace, *watch) as watching:
        try:
            for _ in range(2):
                watching.stdout.readline()
            board.kubectl("-n", namespace, "delete", "pod", "killed", "polite")
            wanted = {("killed", "Failed", "PodFailed"), ("polite", "Succeeded", "PodCompleted")}
            seen, line = set(), "the first"
            while line and not wanted <= seen:
                line = watching.stdout.readline()
                seen.add(tuple(line.split()))
            assert wanted <= seen
        finally:
            watching.terminate()
