"""Shell: how the leader grows: a hundred boards without containers and up to 3,000 pods.

Starts a leader of its own in a directory that goes away, no root needed: `python -m benchmarks.scale [boards]
[pods …]`. Prints for each number of pods how long it took until all ran, the API's latency meanwhile, the leader's
processor time and memory. CPU figures hold on a busy machine, times do not.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.api import Client, Row, cpu_s

ROOT = Path(__file__).parent.parent
STAGES = (300, 1000, 2000, 3000)
SETS = 10  # Deployments, each with a Service
BASE = "/api/v1/namespaces/scale"
APPS = "/apis/apps/v1/namespaces/scale/deployments"
BACKGROUND_S = 6
MERGE = "application/merge-patch+json"


def deployment(name, replicas):
    labels = {"app": name}
    container = {"name": "c", "image": "fake:1", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(name):
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}}


def resident_mb(pid):
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A leader without an agent, and boards."""

    def __init__(self, directory, boards):
        self.kubeconfig = directory / "kubeconfig"
        self._log = (directory / "leader.log").open("w")
        command = [
            sys.executable, "-m", "pikube", "leader", "--no-agent", "--no-discovery", "--data-dir",
            str(directory / "data"), "--write-kubeconfig", str(self.kubeconfig), "--bind-address", "127.0.0.1",
            "--node-ip", "127.0.0.1", "--https-listen-port", str(free_port()), "--node-name", "leader",
            "--log-level", "warning",
        ]  # fmt: skip
        self.leader = subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=ROOT)
        self.pid = self.leader.pid
        self.client = self._connect()
        self.nodes = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fake_nodes", str(self.kubeconfig), str(boards)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self.nodes.stdout.readline().strip() == b"ready"
        self.client = self._connect()  # the first connection has been idle for as long as the boards took

    def _connect(self):
        for _ in range(600):
            try:
                client = Client(self.kubeconfig)
                client.ask("GET", "/readyz")
            except (OSError, AssertionError):
                assert self.leader.poll() is None, "the leader ended"
                threading.Event().wait(0.1)
            else:
                return client
        raise AssertionError("the leader does not answer")

    def close(self):
        self.nodes.stdin.close()
        self.nodes.wait(30)
        self.leader.send_signal(signal.SIGTERM)
        self.leader.wait(30)
        self._log.close()

    def wait(self, condition, timeout_s=600.0):
        """Seconds until it is true."""
        began = time.perf_counter()
        while not condition():
            assert time.perf_counter() - began < timeout_s, "it takes too long"
            threading.Event().wait(0.5)  # the question itself is work for the leader
        return time.perf_counter() - began

    def ready(self):
        items = json.loads(self.client.ask("GET", APPS))["items"]
        return sum(item["status"].get("readyReplicas", 0) for item in items)

    def unscheduled(self):
        query = "limit=1&fieldSelector=spec.nodeName%3D"
        return len(json.loads(self.client.ask("GET", f"{BASE}/pods?{query}"))["items"])


class Probe:
    """What a user feels meanwhile: small requests, one after the other, from a process of its own."""

    def __init__(self, cluster):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scale", "probe", str(cluster.kubeconfig)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip

    def finish(self):
        """Milliseconds, sorted."""
        out, _ = self._process.communicate(b"")
        return json.loads(out)


def probe(kubeconfig):
    client = Client(kubeconfig)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    times, number = [], 0
    while not over.is_set():
        number += 1
        began = time.perf_counter()
        match number % 4:
            case 0:
                client.ask("PATCH", f"{BASE}/configmaps/probe", {"data": {"n": str(number)}}, MERGE)
            case 1:
                client.ask("GET", f"{BASE}/pods?limit=100")
            case 2:
                client.ask("GET", f"{BASE}/configmaps/probe")
            case 3:
                client.ask("GET", APPS)
        times.append((time.perf_counter() - began) * 1000)
        over.wait(0.02)
    print(json.dumps(sorted(times)))


def centile(times, share):
    return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0


def stage(cluster, count, before):
    """`before` → `count` pods, spread over the Deployments. Heartbeats and the probe's requests are taken off."""
    probe = Probe(cluster)
    background = cpu_rate(cluster, BACKGROUND_S)
    cpu = cpu_s(cluster.pid)
    began = time.perf_counter()
    for number in range(SETS):
        patch = {"spec": {"replicas": count // SETS}}
        cluster.client.ask("PATCH", f"{APPS}/set-{number}", patch, MERGE)
    cluster.wait(lambda: cluster.unscheduled() == 0 and len_of(cluster) >= count)
    bound_s = time.perf_counter() - began
    cluster.wait(lambda: cluster.ready() == count)
    took_s = time.perf_counter() - began
    new = count - before
    used_s = cpu_s(cluster.pid) - cpu - background * took_s
    times = probe.finish()
    value = (
        f"{took_s:6.1f} s  bound {new / bound_s:5.0f}/s  {used_s / new * 1000:5.1f} ms CPU a pod  "
        f"API p50 {statistics.median(times):4.0f} p99 {centile(times, 0.99):5.0f} ms  "
        f"{resident_mb(cluster.pid):5.0f} MB"
    )
    return Row(f"{before} → {count} pods Running", value, "p99 < 1000 ms, < 400 MB, ms a pod not growing")


def len_of(cluster):
    page = json.loads(cluster.client.ask("GET", f"{BASE}/pods?limit=1"))
    return page["metadata"].get("remainingItemCount", 0) + len(page["items"])


def rollout(cluster, replicas):
    """A new template for one Deployment of so many."""
    cluster.client.ask("POST", APPS, deployment("rolled", replicas))

    def is_done():
        status = json.loads(cluster.client.ask("GET", f"{APPS}/rolled"))["status"]
        return all(status.get(f) == replicas for f in ("replicas", "updatedReplicas", "availableReplicas"))

    cluster.wait(is_done)
    cpu = cpu_s(cluster.pid)
    patch = {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}}
    cluster.client.ask("PATCH", f"{APPS}/rolled", patch, MERGE)
    generation = json.loads(cluster.client.ask("GET", f"{APPS}/rolled"))["metadata"]["generation"]

    def is_seen_and_done():
        status = json.loads(cluster.client.ask("GET", f"{APPS}/rolled"))["status"]
        return status.get("observedGeneration") == generation and is_done()

    took_s = cluster.wait(is_seen_and_done)
    used_s = cpu_s(cluster.pid) - cpu
    return Row(f"rollout of {replicas} replicas", f"{took_s:6.1f} s  {used_s:5.1f} s CPU", "")


def idle(cluster, seconds=20):
    return Row("idle with all of them", f"{cpu_rate(cluster, seconds) * 60:6.2f} s CPU a minute", "")


def cpu_rate(cluster, seconds):
    """Processor seconds a second, while nothing happens."""
    cpu, began = cpu_s(cluster.pid), time.perf_counter()
    threading.Event().wait(seconds)
    return (cpu_s(cluster.pid) - cpu) / (time.perf_counter() - began)


def growth(memory, stages):
    """What a thousand more pods cost in memory."""
    if len(stages) < 2:
        return []
    a_thousand = (memory[-1] - memory[0]) / (stages[-1] - stages[0]) * 1000
    return [Row("memory of 1,000 pods more", f"{a_thousand:6.1f} MB", "")]


def rows(boards=100, stages=STAGES):
    """All figures."""
    directory = Path(tempfile.mkdtemp(prefix="pikube-scale-"))
    cluster = None
    found = []
    try:
        began = time.perf_counter()
        cluster = Cluster(directory, boards)
        value = (
            f"{time.perf_counter() - began:6.1f} s  {cpu_s(cluster.pid):5.1f} s CPU  "
            f"{resident_mb(cluster.pid):5.0f} MB"
        )
        found.append(Row(f"{boards} boards registered", value, ""))
        client = cluster.client
        client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "scale"}})
        client.ask("POST", f"{BASE}/configmaps", {"metadata": {"name": "probe"}})
        for number in range(SETS):
            client.ask("POST", f"{BASE}/services", service(f"set-{number}"))
            client.ask("POST", APPS, deployment(f"set-{number}", 0))
        before, memory = 0, []
        for count in stages:
            found.append(stage(cluster, count, before))
            print(f"{found[-1].what:<28} {found[-1].value}", flush=True)
            before = count
            memory.append(resident_mb(cluster.pid))
        found += growth(memory, stages)
        found.append(rollout(cluster, min(100, stages[-1])))
        found.append(idle(cluster))
    finally:
        if cluster is not None:
            cluster.close()
            print((directory / "leader.log").read_text()[-3000:], file=sys.stderr)
        shutil.rmtree(directory, ignore_errors=True)
    return found


def main():
    if sys.argv[1:2] == ["probe"]:
        probe(sys.argv[2])
        return
    boards = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    stages = tuple(map(int, sys.argv[2:])) or STAGES
    for row in rows(boards, stages):
        print(f"{row.what:<28} {row.value:<90}  {row.target}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
