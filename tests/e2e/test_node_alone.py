"""A board without its leader: pods start after a reboot, crashes are handled, and states merge when it is back. And a
board whose card is full."""

import contextlib
import subprocess
from pathlib import Path

from board import wait_until

ALONE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: alone}
data: {a: kept}
---
apiVersion: v1
kind: Secret
metadata: {name: alone}
stringData: {b: hidden}
---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec:
  nodeName: b2
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: localhost/box:1
      command: ["sleep", "1000"]
      env: [{name: A, valueFrom: {configMapKeyRef: {name: alone, key: a}}}]
      livenessProbe: {exec: {command: ["test", "!", "-e", "/tmp/sick"]}, periodSeconds: 1, failureThreshold: 1}
      volumeMounts: [{name: s, mountPath: /s}]
  volumes: [{name: s, secret: {secretName: alone}}]
---
apiVersion: v1
kind: Pod
metadata: {name: once}
spec:
  nodeName: b2
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: localhost/box:1, command: ["sleep", "1000"]}]
"""
STATIC = """\
apiVersion: v1
kind: Pod
metadata: {name: static}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: localhost/box:1, command: ["sleep", "1000"]}]
"""


def running(board, name):
    """The id of the pod's running container, by the board's own Podman; '' without one."""
    found = board.podman("ps", "-q", "--no-trunc", "--filter", f"name=k8s_c_{name}_").stdout.split()
    return found[0] if found else ""


def lose_power(board):
    """Everything on the board ends at once; what is on its card stays."""
    board.kill()
    board.podman("kill", "--all", check=False)
    for line in Path("/proc/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(str(board.directory / "data" / "pods")):
            subprocess.run(["umount", "-l", place], check=False)


def test_a_rebooted_board_starts_its_pods_alone_and_merges_when_its_leader_is_back(cluster):
    leader, board = cluster.leader, cluster.boards[1]
    leader.kubectl("apply", "-f", "-", text_in=ALONE)
    manifests = board.directory / "data" / "agent" / "pod-manifests"
    (manifests / "static.yaml").write_text(STATIC)
    for name in ("alone", "once"):
        leader.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    wait_until(
        lambda: leader.kubectl("get", "pod", "static-b2", check=False).returncode == 0, what="a mirror"
    )
    leader.kubectl("wait", "--for=condition=Ready", "pod/static-b2", "--timeout=60s")
    uid = leader.get("pod", "alone")["metadata"]["uid"]
    kept = board.directory / "data" / "agent"
    assert list(kept.glob("kept/pods_*.json")) and list(kept.glob("tokens/*.json"))
    for path in (*kept.glob("kept/*"), *kept.glob("tokens/*")):
        assert path.stat().st_mode & 0o077 == 0, path

    leader.stop()
    lose_power(board)
    board.spawn("agent")
    wait_until(lambda: running(board, "alone") and running(board, "static-b2"), 90, "pods without a leader")
    seen = board.podman("exec", running(board, "alone"), "sh", "-c", "echo $A; cat /s/b").stdout
    assert seen.split() == ["kept", "hidden"]
    assert not running(board, "once"), "what ran once must not run again"
    before = running(board, "alone")
    board.podman("exec", before, "sh", "-c", "mkdir -p /tmp; echo > /tmp/sick")
    wait_until(
        lambda: running(board, "alone") not in ("", before), 60, "a probe that acts without the leader"
    )
    healthy = running(board, "alone")

    leader.spawn("leader", "--write-kubeconfig", str(leader.kubeconfig))
    leader.wait_api()
    cluster.wait_ready("b2")
    once = ("get", "pod", "once", "-o", "jsonpath={.status.phase}")
    wait_until(lambda: leader.kubectl(*once) == "Failed", what="the pod that must not run again has failed")

    def merged():
        pod = leader.get("pod", "alone")
        status = pod["status"]["containerStatuses"][0]
        return pod["metadata"]["uid"] == uid and status["ready"] and status

    status = wait_until(merged, 60, "a merged status")
    assert status["containerID"] == f"podman://{healthy}" and status["restartCount"] >= 2
    (manifests / "static.yaml").unlink()
    wait_until(lambda: leader.kubectl("get", "pod", "static-b2", check=False).returncode, what="no mirror")
    leader.kubectl("delete", "pod/alone", "pod/once", "configmap/alone", "secret/alone")


FULL = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: localhost/box:1
      command: ["sleep", "1000"]
      volumeMounts: [{{name: m, mountPath: /m}}]
  volumes: [{{name: m, configMap: {{name: large}}}}]
"""


def test_a_full_card_is_said_holds_up_no_running_pod_and_cures_itself(cluster):
    leader, board = cluster.leader, cluster.add_board()
    data, ballast = board.directory / "data", board.directory / "data" / "ballast"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(data)], check=True)
    try:
        board.join(cluster.token(), cluster.url, "--eviction-hard", "memory.available<1Mi")
        cluster.wait_ready(board.node)
        leader.kubectl("create", "configmap", "large", f"--from-literal=a={'x' * 20000}")
        leader.kubectl("apply", "-f", "-", text_in=FULL.format(name="before", node=board.node))
        leader.kubectl("wait", "--for=condition=Ready", "pod/before", "--timeout=60s")
        before = running(board, "before")
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        leader.kubectl("apply", "-f", "-", text_in=FULL.format(name="during", node=board.node))

        def is_said():
            fields = "--field-selector=involvedObject.name=during,reason=FailedMount"
            events = leader.get("events", fields)["items"]
            return any("No space left on device" in event["message"] for event in events)

        wait_until(is_said, 60, "an event that names the full card")
        assert cluster.is_ready(board.node) and running(board, "before") == before
        ballast.unlink()
        leader.kubectl("wait", "--for=condition=Ready", "pod/during", "--timeout=60s")
    finally:
        leader.kubectl("delete", "pod/before", "pod/during", "configmap/large", "--ignore-not-found")
        if board.process.poll() is None:
            board.stop()
        cluster.remove_board(board)
        leader.kubectl("delete", "node", board.node, "--ignore-not-found")
