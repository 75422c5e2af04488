"""Shell: how fast pods start and end on a board, and what many of them cost while nothing happens.

Enter: a board with a running leader. Leave: rows for the table of `python -m benchmarks`. The peer is `podman run -d`
of the same image on Podman's own network, by turns with our own starts, so that both see the same machine.
`python -m benchmarks.pods` prints these rows alone; `--no-starts --pods 10 50 110` looks at more of them.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from board import Board

from benchmarks.api import Row, cpu_s

PODS = "/api/v1/namespaces/default/pods"
ONE_BY_ONE, AT_ONCE = 20, 30
PEERS_AT_ONCE = 2  # as many as pikube starts
LIMIT_S = 300
QUIET_S = 60


def manifest(name, probe=False):
    container = {"name": "c", "image": "localhost/box:1", "imagePullPolicy": "IfNotPresent"}
    container["command"] = ["sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"]
    if probe:
        container["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 10}
        container["command"] = ["httpd", "-f", "-p", "8080", "-h", "/tmp"]
    spec = {"terminationGracePeriodSeconds": 2, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def percentiles(times):
    """`p50 / p99` in milliseconds."""
    worst = statistics.quantiles(times, n=100)[-1] if len(times) > 1 else times[0]
    return statistics.median(times) * 1000, worst * 1000


def in_namespace(board, *argv):
    """This module's own measuring part, inside the board's network namespace."""
    done = board.run(
        sys.executable, "-m", "benchmarks.pods", "--inside", str(board.kubeconfig), *argv, timeout_s=900
    )
    return json.loads(done.stdout.splitlines()[-1])


def run_peer(board, number):
    """The same image by hand, on Podman's own network."""
    board.podman("run", "-d", "--name", f"peer{number}", "localhost/box:1", "sleep", "1000")


def start_rows(board):
    """apply → Running and Ready, one by one against podman, and many at once."""
    peers, running, ready, gone = [], [], [], []
    for number in range(ONE_BY_ONE):
        began = time.perf_counter()
        run_peer(board, number)
        peers.append(time.perf_counter() - began)
        board.podman("rm", "-f", "-t", "0", f"peer{number}")
        one = in_namespace(board, "one", f"p{number}")
        running.append(one["running"])
        ready.append(one["ready"])
        gone.append(one["gone"])
    (peer, _), (run50, run99) = percentiles(peers), percentiles(running)
    (ready50, ready99), (gone50, gone99) = percentiles(ready), percentiles(gone)
    many = in_namespace(board, "many", str(AT_ONCE))["running"]
    began = time.perf_counter()
    with ThreadPoolExecutor(PEERS_AT_ONCE) as pool:
        list(pool.map(partial(run_peer, board), range(AT_ONCE)))
    peers_at_once = time.perf_counter() - began
    board.podman("rm", "-f", "-t", "0", *(f"peer{number}" for number in range(AT_ONCE)))
    return [
        Row("apply → Running, p50 / p99", f"{run50:7.0f} / {run99:.0f} ms", "≤ 400 ms"),
        Row("apply → Ready, p50 / p99", f"{ready50:7.0f} / {ready99:.0f} ms", ""),
        Row("… against podman run -d", f"{run50 / peer:7.2f} × ({peer:.0f} ms)", "≤ 1.3 ×"),
        Row("delete → gone, p50 / p99", f"{gone50:7.0f} / {gone99:.0f} ms", "≤ 700 ms"),
        Row(f"{AT_ONCE} pods at once, all Running", f"{many:7.2f} s", "≤ 4.5 s"),
        Row(
            f"… against {AT_ONCE} podman run -d, {PEERS_AT_ONCE} at once",
            f"{many / peers_at_once:7.2f} × ({peers_at_once:.2f} s)",
            "≤ 1.3 ×",
        ),
    ]


def cost_rows(board, counts):
    """What pods with a probe every ten seconds cost the leader with its agent, and what is written."""
    rows = []
    for count in counts:
        in_namespace(board, "with-probes", str(count))
        until_podman_sleeps(board)
        pids = [pid for pid, words in board.processes().items() if b"\0-m\0pikube\0" in words]
        before, written = sum(map(cpu_s, pids)), sum(map(written_bytes, pids))
        threading.Event().wait(QUIET_S)
        used, wrote = sum(map(cpu_s, pids)) - before, sum(map(written_bytes, pids)) - written
        resident = resident_mb(board.process.pid)
        a_minute = 60 / QUIET_S
        what = f"{count} pods with probes"
        rows += [
            Row(f"{what}: resident, leader with agent", f"{resident:7.1f} MB", "≤ 110 MB with 10"),
            Row(f"{what}: CPU", f"{used * a_minute:7.2f} s a minute", "≤ 0.6 s with 30"),
            Row(f"{what}: written", f"{wrote * a_minute * 60 / 1024:7.0f} KiB an hour", "0"),
        ]
    in_namespace(board, "none")
    return rows


def until_podman_sleeps(board):
    """Podman's service is a child of ours: when it ends, the kernel adds what it wrote while it started pods to what
    we have written (kernel/exit.c:wait_task_zombie)."""
    pause, began = threading.Event(), time.perf_counter()
    while any(b"system\0service" in command for command in board.processes().values()):
        assert time.perf_counter() - began < LIMIT_S, "podman's service does not sleep"
        pause.wait(1.0)


def resident_mb(pid):
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def written_bytes(pid):
    io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(io["write_bytes"])


# -- inside the board's namespace ---------------------------------------------------------------


class Phases:
    """What a watch says of the pods: asking again and again would take the core from what is measured."""

    def __init__(self, client):
        self.pods = {}
        self._moved = threading.Condition()
        threading.Thread(target=self._follow, args=(client,), daemon=True).start()

    def _follow(self, client):
        for line in client.stream(f"{PODS}?watch=true"):
            event = json.loads(line)
            name, status = event["object"]["metadata"]["name"], event["object"]["status"]
            with self._moved:
                self.pods[name] = status
                if event["type"] == "DELETED":
                    del self.pods[name]
                self._moved.notify_all()

    def until(self, condition):
        with self._moved:
            assert self._moved.wait_for(condition, LIMIT_S), "pods did not come up"

    def running(self, name):
        return self.pods.get(name, {}).get("phase") == "Running"

    def ready(self, name):
        conditions = self.pods.get(name, {}).get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def count_running(self):
        return sum(map(self.running, self.pods))


def inside(kubeconfig, verb, argument=""):
    from benchmarks.api import Client

    client, seen = Client(kubeconfig), Phases(Client(kubeconfig))

    def clear():
        for pod in json.loads(client.ask("GET", PODS))["items"]:
            client.ask("DELETE", f"{PODS}/{pod['metadata']['name']}")
        seen.until(lambda: not seen.pods)

    if verb == "one":
        began = time.perf_counter()
        client.ask("POST", PODS, manifest(argument))
        seen.until(lambda: seen.running(argument))
        running = time.perf_counter() - began
        seen.until(lambda: seen.ready(argument))
        ready = time.perf_counter() - began
        began = time.perf_counter()
        client.ask("DELETE", f"{PODS}/{argument}")
        seen.until(lambda: argument not in seen.pods)
        return {"running": running, "ready": ready, "gone": time.perf_counter() - began}
    if verb == "many":
        began = time.perf_counter()
        for number in range(int(argument)):
            client.ask("POST", PODS, manifest(f"m{number}"))
        seen.until(lambda: seen.count_running() == int(argument))
        running = time.perf_counter() - began
        clear()
        return {"running": running}
    if verb == "with-probes":
        there = len(json.loads(client.ask("GET", PODS))["items"])
        for number in range(there, int(argument)):
            client.ask("POST", PODS, manifest(f"q{number}", probe=True))
        seen.until(lambda: seen.count_running() == int(argument))
    if verb == "none":
        clear()
    return {}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--pods", type=int, nargs="*", default=[10])
    parser.add_argument("--no-starts", action="store_true", help="only what pods cost")
    asked = parser.parse_args()
    if asked.inside:
        print(json.dumps(inside(*asked.inside)))
        return
    board = Board(Path(tempfile.mkdtemp(prefix="pikube-bench-")))
    try:
        board.open()
        board.start()
        rows = [] if asked.no_starts else start_rows(board)
        rows += cost_rows(board, asked.pods)
    finally:
        board.close()
    for row in rows:
        print(f"{row.what:<50}  {row.value:<40}  target {row.target}")


if __name__ == "__main__":
    main()
