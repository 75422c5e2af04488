"""What the containers of one pod are to one another: who waits for whom, and what the whole says."""

import json
import time

from board import wait_until
from test_node_lifecycle import BOX, apply, box, container_of, events_of, pod, ready, sh, status_of


def condition(board, namespace, name, type_):
    conditions = status_of(board, namespace, name).get("conditions", [])
    return next((c for c in conditions if c["type"] == type_), {})


def test_a_hook_after_a_start_holds_back_the_next_container(board, namespace):
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "sleep 1; echo > /shared/proxy-is-up"]}}}
    apply(
        board,
        namespace,
        pod(
            "meshed",
            box("proxy", lifecycle=hook, **mount),
            box("app", "ls /shared; exec sleep 1000", **mount),
            volumes=[{"name": "shared", "emptyDir": {}}],
        ),
    )
    ready(board, namespace, "meshed")
    assert board.kubectl("-n", namespace, "logs", "meshed", "-c", "app") == "proxy-is-up\n"


def test_a_container_without_its_image_holds_up_no_other_and_comes_when_it_can(board, namespace):
    late = {**box("late"), "image": "localhost/late:1", "imagePullPolicy": "Never"}
    apply(board, namespace, pod("half", box("c"), late))

    def is_half():
        waits = container_of(board, namespace, "half", "late")["state"].get("waiting", {})
        runs = container_of(board, namespace, "half")["state"].get("running")
        return runs and waits.get("reason") == "ErrImageNeverPull"

    wait_until(is_half, what="one runs, one has no image")
    assert status_of(board, namespace, "half")["phase"] == "Pending"
    assert "1/2" in board.kubectl("-n", namespace, "get", "pod", "half")
    board.podman("tag", BOX, "localhost/late:1")
    try:
        ready(board, namespace, "half")
        assert container_of(board, namespace, "half")["restartCount"] == 0
    finally:
        board.kubectl("-n", namespace, "delete", "pod", "half")
        board.podman("untag", BOX, "localhost/late:1")


def test_a_readiness_gate_is_opened_by_somebody_else(board, namespace):
    apply(board, namespace, pod("gated", box("c"), readinessGates=[{"conditionType": "example.com/ok"}]))
    wait_until(
        lambda: condition(board, namespace, "gated", "ContainersReady").get("status") == "True",
        what="its containers are ready",
    )
    closed = condition(board, namespace, "gated", "Ready")
    assert (closed["status"], closed["reason"]) == ("False", "ReadinessGatesNotReady")
    assert (
        closed["message"] == 'corresponding condition of pod readiness gate "example.com/ok" does not exist.'
    )

    def say(status):
        patch = {"status": {"conditions": [{"type": "example.com/ok", "status": status}]}}
        board.kubectl(
            "-n", namespace, "patch", "pod", "gated", "--subresource=status", "-p", json.dumps(patch)
        )

    say("True")
    ready(board, namespace, "gated")
    say("False")
    wait_until(
        lambda: (
            'is not "True", but False' in condition(board, namespace, "gated", "Ready").get("message", "")
        ),
        what="a gate that closes again",
    )


def test_sidecars_end_last_within_the_grace_of_the_whole_pod(board, namespace):
    deaf = "trap '' TERM; while true; do sleep 1; done"
    tells = "trap 'echo first > /shared/end; exit 0' TERM; while true; do sleep 0.1; done"
    path = board.directory / f"shared-{namespace}"
    shared = {"name": "shared", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    late = "trap 'cat /shared/end > /shared/seen; exit 0' TERM; while true; do sleep 0.1; done"
    apply(
        board,
        namespace,
        pod("deaf", box("c", deaf), initContainers=[box("s", deaf, restartPolicy="Always")],
            terminationGracePeriodSeconds=6),
        pod("ordered", box("c", tells, **mount), initContainers=[box("s", late, restartPolicy="Always", **mount)],
            terminationGracePeriodSeconds=20, volumes=[shared]),
    )  # fmt: skip
    ready(board, namespace, "deaf", "ordered")
    began_at = time.monotonic()
    board.kubectl("-n", namespace, "delete", "pod", "ordered", "deaf")
    assert time.monotonic() - began_at < 11, "6 s for all of them, and 2 for a sidecar whose time was used up"
    assert (path / "seen").read_text() == "first\n"


def test_a_path_in_a_volume_by_a_variable_is_made_or_the_variable_named(board, namespace):
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}

    def mount(expression):
        return {"volumeMounts": [{"name": "v", "mountPath": "/v", "subPathExpr": expression}]}

    env = [{"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    apply(
        board,
        namespace,
        pod("named", box("c", env=env, **mount("of-$(WHO)/x")), **volume),
        pod("nameless", box("c", **mount("$(NOBODY)")), **volume),
    )
    ready(board, namespace, "named")
    sh(board, namespace, "named", "echo kept > /v/file")
    uid = board.get("pod", "named", "-n", namespace)["metadata"]["uid"]
    of_pod = board.directory / "data" / "pods" / uid
    assert (of_pod / "volumes" / "v" / "of-named" / "x" / "file").read_text() == "kept\n"

    def refused():
        waits = container_of(board, namespace, "nameless")["state"].get("waiting", {})
        return waits.get("reason") == "CreateContainerConfigError" and waits["message"]

    words = wait_until(refused, what="a variable that nobody set")
    assert words == 'failed to expand subPath expression "$(NOBODY)": missing value for "NOBODY"'
    assert any(words in message for _, message in events_of(board, namespace, "nameless"))
    board.kubectl("-n", namespace, "delete", "pod", "named")
    assert not of_pod.exists()


def test_a_running_container_gets_other_resources(board, namespace):
    resources = {"requests": {"cpu": "50m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "32Mi"}}
    by_restart = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    apply(board, namespace, pod("sized", box("c", resources=resources, resizePolicy=by_restart)))
    ready(board, namespace, "sized")
    assert container_of(board, namespace, "sized")["resources"] == resources

    def resize(**more):
        patch = {"spec": {"containers": [{"name": "c", "resources": more}]}}
        return board.kubectl(
            "-n",
            namespace,
            "patch",
            "pod",
            "sized",
            "--subresource=resize",
            "-p",
            json.dumps(patch),
            check=False,
        )

    def has(cpu, memory, restarts):
        found = container_of(board, namespace, "sized")
        limits = found.get("resources", {}).get("limits")
        return (limits, found["restartCount"]) == ({"cpu": cpu, "memory": memory}, restarts)

    assert resize(limits={"cpu": "200m"}).returncode == 0
    wait_until(lambda: has("200m", "32Mi", 0), what="more CPU in place")
    quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max"
    assert sh(board, namespace, "sized", quota).split()[0] == "20000"
    assert resize(limits={"memory": "48Mi"}).returncode == 0
    wait_until(lambda: has("200m", "48Mi", 1), what="more memory by a restart")
    assert ("Killing", "Container c resize requires restart") in events_of(board, namespace, "sized")

    assert resize(requests={"cpu": "900"}, limits={"cpu": "900"}).returncode == 0
    pending = wait_until(
        lambda: condition(board, namespace, "sized", "PodResizePending"), what="what the board cannot give"
    )
    assert pending["reason"] == "Infeasible" and "Node didn't have enough capacity: cpu" in pending["message"]
    refused = resize(limits={"cpu": None, "memory": None})
    assert "resource limits cannot be removed" in refused.stderr
    assert resize(requests={"cpu": "50m"}, limits={"cpu": "100m"}).returncode == 0
    wait_until(lambda: has("100m", "48Mi", 1), what="less CPU")
    assert not condition(board, namespace, "sized", "PodResizePending")
