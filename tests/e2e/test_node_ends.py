"""How pods end: who waits for whom, what they share of their grace, what those who look on are told."""

from datetime import datetime

from board import wait_until
from test_node_lifecycle import apply, box, container_of, events_of, over, pod, ready, status_of

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


def test_a_container_has_two_seconds_to_end_however_little_is_granted(board, namespace):
    path = board.directory / f"ends-{namespace}"
    shared = {"volumes": [{"name": "v", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}]}
    last = "busybox usleep 1300000; echo done > /v/done; exit 0"
    script = f"trap '{last}' TERM; while true; do busybox usleep 50000; done"
    mount = [{"name": "v", "mountPath": "/v"}]
    apply(board, namespace, pod("slow", box("c", script, volumeMounts=mount), **shared))
    ready(board, namespace, "slow")
    board.kubectl("-n", namespace, "delete", "pod", "slow", "--now")
    assert (path / "done").read_text() == "done\n"


def test_a_pod_that_goes_is_probed_for_its_readiness_only(board, namespace):
    script = "trap 'rm /tmp/well; sleep 3; exit 0' TERM; echo > /tmp/well; while true; do sleep 1; done"
    look = {"exec": {"command": ["test", "-f", "/tmp/well"]}, "periodSeconds": 1, "failureThreshold": 1}
    probes = {"livenessProbe": {**look, "initialDelaySeconds": 1}, "readinessProbe": look}
    apply(board, namespace, pod("going", box("c", script, **probes), terminationGracePeriodSeconds=30))
    ready(board, namespace, "going")
    board.kubectl("-n", namespace, "delete", "pod", "going")
    told = [message for reason, message in events_of(board, namespace, "going") if reason == "Unhealthy"]
    assert not [message for message in told if message.startswith("Liveness")]


def test_hooks_of_sidecars_begin_with_the_end_of_their_pod_and_their_signals_come_last(board, namespace):
    path = board.directory / f"order-{namespace}"
    shared = {"volumes": [{"name": "v", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}]}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> /v/order"]}}}

    def ending(words):
        return f"trap '{words}; exit 0' TERM; while true; do busybox usleep 50000; done"

    side = sidecar("s", ending("echo sidecar >> /v/order"))
    main = box("c", ending("busybox usleep 2000000; echo main >> /v/order"), **mount)
    spec = {"initContainers": [{**side, "lifecycle": hook, **mount}], **shared}
    apply(board, namespace, pod("ordered", main, terminationGracePeriodSeconds=20, **spec))
    ready(board, namespace, "ordered")
    board.kubectl("-n", namespace, "delete", "pod", "ordered")
    assert (path / "order").read_text().split() == ["hook", "main", "sidecar"]
