"""Containers, Podman's service and pikube itself are killed at random; then every pod is as specified and nothing is
left over. `PIKUBE_CHAOS_ROUNDS=200 pytest tests/e2e/test_node_chaos.py` does it for longer; the seed is printed."""

import json
import os
import random
import signal
import threading
from pathlib import Path

from board import wait_until

ROUNDS = int(os.environ.get("PIKUBE_CHAOS_ROUNDS", "8"))
SEED = int(os.environ.get("PIKUBE_CHAOS_SEED", "7")) or random.randrange(10**6)  # 0: another one each time
PODS = 4
LIMIT_S = 150 if ROUNDS <= 8 else 400  # one that was killed often waits for up to five minutes
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


class Chaos:
    """What can happen to a board."""

    def __init__(self, board, namespace, rng):
        self.board, self.namespace, self.rng = board, namespace, rng

    def kill_a_container(self):
        listed = ours(self.board, self.namespace, "ps", "--format", "{{.ID}} {{.Names}}")
        if listed:
            self.board.podman("kill", self.rng.choice(listed).split()[0], check=False)

    def remove_a_container(self):
        listed = ours(self.board, self.namespace, "ps", "-a", "--format", "{{.ID}} {{.Names}}")
        mains = [line for line in listed if " k8s_c_" in line]
        if mains:
            self.board.podman("rm", "-f", "-t", "0", self.rng.choice(mains).split()[0], check=False)

    def kill_the_podman_service(self):
        for pid, command in self.board.processes().items():
            if b"system\x00service" in command:
                os.kill(pid, signal.SIGKILL)

    def kill_pikube(self):
        self.board.kill()
        self.board.start()

    def delete_a_pod(self):
        names = self.board.kubectl("-n", self.namespace, "get", "pods", "-o", "name").split()
        if names:
            self.board.kubectl("-n", self.namespace, "delete", "--wait=false", self.rng.choice(names))


def is_whole(board, namespace):
    pods = board.get("pods", "-n", namespace, "-l", "app=chaos")["items"]
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


def test_after_chaos_every_pod_is_as_specified_and_nothing_is_left_over(board, namespace):
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=DEPLOYMENT)
    wait_until(lambda: is_whole(board, namespace), 60, "a whole deployment")
    chaos = Chaos(board, namespace, rng)
    harms = [
        chaos.kill_a_container, chaos.remove_a_container, chaos.kill_the_podman_service, chaos.delete_a_pod,
    ]  # fmt: skip
    for number in range(ROUNDS):
        harm = chaos.kill_pikube if number % 6 == 3 else rng.choice(harms)
        assert board.process.poll() is None, board.log.read_text()[-8000:]
        harm()
        threading.Event().wait(rng.uniform(0, 0.7))
    try:
        pods = wait_until(
            lambda: is_whole(board, namespace), LIMIT_S, f"a whole deployment after seed {SEED}"
        )
    except AssertionError:
        print(board.kubectl("-n", namespace, "describe", "pods", check=False).stdout)
        print(board.podman("ps", "-a", check=False).stdout, board.log.read_text()[-8000:])
        raise

    wait_until(
        lambda: len(ours(board, namespace, "pod", "ps", "--format", "{{.Name}}")) == PODS,
        what="no pod too many",
    )
    for pod in pods:
        address = pod["status"]["podIP"]
        assert board.curl(f"http://{address}:8080/a").stdout == "secret"
    everything = json.loads(board.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    known = {pod["metadata"]["uid"] for pod in everything}
    directories = {path.name for path in Path(board.directory, "data", "pods").iterdir()}
    assert directories <= known, "directories of pods that are gone"

    board.kubectl("-n", namespace, "delete", "deployment", "chaos", "--cascade=foreground", "--timeout=90s")

    def nothing_is_left():
        mounts = Path("/proc/mounts").read_text()
        uids = [pod["metadata"]["uid"] for pod in pods]
        left = [uid for uid in uids if uid in mounts or Path(board.directory, "data", "pods", uid).exists()]
        return not left and not ours(board, namespace, "ps", "-a", "--format", "{{.Names}}")

    wait_until(nothing_is_left, 60, "nothing of the namespace on the board")
