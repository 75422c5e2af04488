"""On a board that has joined, containers, their monitors, Podman's service and pikube itself are killed at random,
the service is stopped and the cable to the leader pulled; then every pod is as specified and nothing is left over.
`PIKUBE_CHAOS_ROUNDS=200 pytest tests/e2e/test_node_chaos.py` does it for longer; the seed is printed."""

import json
import os
import random
import signal
import threading
from contextlib import suppress
from pathlib import Path

from board import wait_until

ROUNDS = int(os.environ.get("PIKUBE_CHAOS_ROUNDS", "10"))
SEED = int(os.environ.get("PIKUBE_CHAOS_SEED", "7")) or random.randrange(10**6)  # 0: another one each time
PODS = 4
LIMIT_S = 150 if ROUNDS <= 10 else 400  # one that was killed often waits for up to five minutes
DEPLOYMENT = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: chaos}}
stringData: {{a: secret}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: chaos}}
spec:
  replicas: {PODS}
  selector: {{matchLabels: {{app: chaos}}}}
  template:
    metadata: {{labels: {{app: chaos}}}}
    spec:
      nodeSelector: {{kubernetes.io/hostname: b2}}
      terminationGracePeriodSeconds: 0
      initContainers:
        - {{name: side, image: "localhost/box:1", restartPolicy: Always, command: ["sleep", "1000"]}}
      containers:
        - name: c
          image: localhost/box:1
          command: ["sh", "-c", "exec httpd -f -p 8080 -h /s"]
          readinessProbe: {{httpGet: {{path: /a, port: 8080}}, periodSeconds: 1}}
          volumeMounts: [{{name: s, mountPath: /s}}, {{name: m, mountPath: /m}}]
      volumes: [{{name: s, secret: {{secretName: chaos}}}}, {{name: m, emptyDir: {{medium: Memory}}}}]
"""


def ours(board, namespace, *argv):
    """Lines of podman's listing that belong to the namespace."""
    lines = board.podman(*argv).stdout.splitlines()
    return [line for line in lines if f"_{namespace}_" in line]


def monitor_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Chaos:
    """What can happen to a board."""

    def __init__(self, board, leader, namespace, rng):
        self.board, self.leader, self.namespace, self.rng = board, leader, namespace, rng

    def kill_a_container(self):
        listed = ours(self.board, self.namespace, "ps", "--format", "{{.ID}} {{.Names}}")
        if listed:
            self.board.podman("kill", self.rng.choice(listed).split()[0], check=False)

    def remove_a_container(self):
        listed = ours(self.board, self.namespace, "ps", "-a", "--format", "{{.ID}} {{.Names}}")
        mains = [line for line in listed if " k8s_c_" in line]
        if mains:
            self.board.podman("rm", "-f", "-t", "0", self.rng.choice(mains).split()[0], check=False)

    def kill_a_container_with_its_monitor(self):
        """As when memory ran out: nobody tells Podman, and what the container held (a namespace) stays."""
        listed = ours(self.board, self.namespace, "ps", "--format", "{{.Pid}} {{.Names}}")
        if listed:
            pid = int(self.rng.choice(listed).split()[0])
            with suppress(FileNotFoundError, ProcessLookupError):
                os.kill(monitor_of(pid), signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)

    def signal_the_podman_service(self, number):
        for pid, command in self.board.processes().items():
            if b"system\x00service" in command:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill_the_podman_service(self):
        self.signal_the_podman_service(signal.SIGKILL)

    def stop_the_podman_service(self):
        """And want something of it: what nobody asks may stand still for long."""
        self.signal_the_podman_service(signal.SIGSTOP)
        self.delete_a_pod()

    def kill_pikube(self):
        self.board.kill()
        self.board.spawn("agent")

    def pull_the_cable(self):
        """For a moment, or for long enough to be called lost."""
        self.board.cut()
        pause(self.rng.choice([0.5, 2, 9]))
        self.board.heal()

    def delete_a_pod(self):
        names = self.leader.kubectl("-n", self.namespace, "get", "pods", "-o", "name").split()
        if names:
            self.leader.kubectl("-n", self.namespace, "delete", "--wait=false", self.rng.choice(names))


def pause(seconds):
    threading.Event().wait(seconds)


def is_whole(board, leader, namespace):
    pods = leader.get("pods", "-n", namespace, "-l", "app=chaos")["items"]
    good = [
        pod
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    ]
    running = ours(board, namespace, "ps", "--format", "{{.Names}}")
    names = sorted(name.split("_")[1] for name in running if not name.endswith("_infra"))
    is_all_there = names == ["c"] * PODS + ["side"] * PODS
    return good if len(good) == PODS == len(pods) and is_all_there else None


def control_groups():
    """The ids of containers and pods that have control groups on this machine."""
    containers = {
        path.name.partition("-")[2].removesuffix(".scope")
        for path in Path("/sys/fs/cgroup").glob("**/libpod-*")
    }
    return containers | {path.name for path in Path("/sys/fs/cgroup").glob("*/libpod_parent/*")}


def plugged_in(board):
    """How many interfaces are in the bridge of the board's pods, which goes with the last of them."""
    done = board.run("ip", "-j", "link", "show", "master", "pikube0", check=False)
    return len([link for link in json.loads(done.stdout or "[]") if link])


def test_after_chaos_every_pod_is_as_specified_and_nothing_is_left_over(cluster):
    print(f"seed {SEED}")
    rng, namespace = random.Random(SEED), "chaos"
    leader, board = cluster.leader, cluster.boards[1]
    leader.kubectl("create", "namespace", namespace)
    leader.kubectl("-n", namespace, "apply", "-f", "-", text_in=DEPLOYMENT)
    wait_until(lambda: is_whole(board, leader, namespace), 60, "a whole deployment")
    chaos = Chaos(board, leader, namespace, rng)
    fixed = {3: chaos.kill_pikube, 5: chaos.pull_the_cable, 7: chaos.stop_the_podman_service}
    harms = [
        chaos.kill_a_container, chaos.remove_a_container, chaos.kill_the_podman_service, chaos.delete_a_pod,
        chaos.kill_a_container_with_its_monitor,
    ]  # fmt: skip
    met, groups = set(), control_groups()
    for number in range(ROUNDS):
        harm = fixed.get(number % 10) or rng.choice(harms)
        assert board.process.poll() is None, board.log.read_text()[-8000:]
        print(number, harm.__name__)
        harm()
        met |= {
            line.split()[0]
            for line in (
                *ours(board, namespace, "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}"),
                *ours(board, namespace, "pod", "ps", "--no-trunc", "--format", "{{.Id}} {{.Name}}"),
            )
        }
        pause(rng.uniform(0, 0.7))
    try:
        pods = wait_until(
            lambda: is_whole(board, leader, namespace), LIMIT_S, f"a whole deployment after seed {SEED}"
        )
    except AssertionError:
        print(leader.kubectl("-n", namespace, "describe", "pods", check=False).stdout)
        print(board.podman("ps", "-a", check=False).stdout, board.log.read_text()[-8000:])
        raise

    wait_until(
        lambda: len(ours(board, namespace, "pod", "ps", "--format", "{{.Name}}")) == PODS,
        what="no pod too many",
    )
    for pod in pods:
        address = pod["status"]["podIP"]
        assert board.curl(f"http://{address}:8080/a").stdout == "secret"
    cluster.wait_ready("b2")
    everything = json.loads(leader.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    known = {pod["metadata"]["uid"] for pod in everything}
    directories = {path.name for path in Path(board.directory, "data", "pods").iterdir()}
    assert directories <= known, "directories of pods that are gone"

    def is_said():
        events = leader.get("events", "-A", "--field-selector=reason=ContainerRuntimeRestarted")["items"]
        return any("its service was ended" in event["message"] for event in events)

    wait_until(is_said, what="an event that tells of the stuck service")

    leader.kubectl("-n", namespace, "delete", "deployment", "chaos", "--cascade=foreground", "--timeout=90s")

    def nothing_is_left():
        mounts = Path("/proc/mounts").read_text()
        uids = [pod["metadata"]["uid"] for pod in pods]
        left = [uid for uid in uids if uid in mounts or Path(board.directory, "data", "pods", uid).exists()]
        return not left and not ours(board, namespace, "ps", "-a", "--format", "{{.Names}}")

    wait_until(nothing_is_left, 60, "nothing of the namespace on the board")
    sandboxes = board.podman("ps", "--format", "{{.Names}}").stdout.split()
    networked = len([name for name in sandboxes if name.endswith("_infra")])
    assert plugged_in(board) <= networked, "interfaces of pods that are gone"
    wait_until(
        lambda: not (control_groups() - groups) & met,
        what="no control group of a container or a pod that is gone",
    )
    leader.kubectl("delete", "namespace", namespace, "--wait=false")
