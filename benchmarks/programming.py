"""Shell: network programming latency on three boards: an EndpointSlice is written, and every board connects until it
reaches the new endpoint. The last one counts.

Called by `make bench`, or `python -m benchmarks.programming [turns]`. Needs root; everything it makes is removed.
Source of the measure: kubernetes community sig-scalability/slos/network_programming_latency.md.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from cluster import Cluster

from benchmarks.api import Client, Row

TURNS = 200
NAME = "latency"
SERVICES, SLICES = (
    "/api/v1/namespaces/default/services",
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
)
ENDS, PORT = (
    ("198.51.100.91", "198.51.100.92"),
    15081,
)  # RFC 5737; each board has both, so that it hears itself
LIMIT_S = 10
LOOK_S = 0.0005
PAUSE_S = 0.003  # three boards that do nothing but connect would measure themselves


def write(kubeconfig):
    """On the leader's board: for each line, the endpoint of that number; says when the write was answered."""
    client = Client(kubeconfig)
    spec = {"ports": [{"port": 80, "targetPort": PORT}]}
    service = client.ask("POST", SERVICES, {"kind": "Service", "metadata": {"name": NAME}, "spec": spec})
    body = {
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
        "metadata": {"name": NAME, "labels": {"kubernetes.io/service-name": NAME}},
        "ports": [{"name": "", "port": PORT, "protocol": "TCP"}], "endpoints": [{"addresses": [ENDS[0]]}],
    }  # fmt: skip
    client.ask("POST", SLICES, body)
    print(json.loads(service)["spec"]["clusterIP"], flush=True)
    for line in sys.stdin:
        body["endpoints"] = [{"addresses": [ENDS[int(line)]]}]
        began = time.perf_counter()
        client.ask("PUT", f"{SLICES}/{NAME}", body)
        print(began, time.perf_counter(), flush=True)


def observe(address):
    """On each board: for each line, connects until the endpoint of that number is reached; says when it was."""
    for end in ENDS:
        subprocess.run(["ip", "address", "add", f"{end}/32", "dev", "lo"], check=True)
    listeners = [socket.create_server((end, PORT), backlog=64) for end in ENDS]
    for listener in listeners:
        listener.settimeout(0)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        while not _reaches(address, listeners, int(line)):
            assert time.perf_counter() - began < LIMIT_S
            time.sleep(PAUSE_S)
        print(time.perf_counter(), flush=True)


def _reaches(address, listeners, wanted):
    with socket.socket() as sock:
        sock.settimeout(1)
        if sock.connect_ex((address, 80)):
            time.sleep(LOOK_S)
            return False
        for _ in range(40):
            for number, listener in enumerate(listeners):
                try:
                    listener.accept()[0].close()
                except BlockingIOError:
                    continue
                return number == wanted
            time.sleep(LOOK_S)
    return False


def start(board, *argv):
    command = [
        "nsenter",
        f"--net=/run/netns/{board.name}",
        sys.executable,
        "-m",
        "benchmarks.programming",
        *argv,
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def tell(process, number):
    process.stdin.write(f"{number}\n")
    process.stdin.flush()


def measure(cluster, turns):
    """Seconds from the write's start to the last board, sorted; the clock is one: all boards are on this machine."""
    writer = start(cluster.leader, "write", str(cluster.leader.kubeconfig))
    address = writer.stdout.readline().strip()
    observers = [start(board, "observe", address) for board in cluster.boards]
    times = []
    try:
        for observer in observers:
            observer.stdout.readline()
        for turn in range(turns):
            number = (turn + 1) % 2
            for observer in observers:
                tell(observer, number)
            threading.Event().wait(0.02)  # they are connecting now
            tell(writer, number)
            began = float(writer.stdout.readline().split()[0])
            times.append(max(float(observer.stdout.readline()) for observer in observers) - began)
    finally:
        for process in (writer, *observers):
            process.stdin.close()
            process.wait(timeout=10)
    return sorted(times)


def rows(turns=TURNS):
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="pikube-bench-programming-")))
    try:
        cluster.open(3)
        cluster.start()
        times = measure(cluster, turns)
    finally:
        cluster.close()
    p50, p99 = (times[min(turns - 1, int(turns * share))] * 1000 for share in (0.5, 0.99))
    value = f"{p50:7.1f} ms p50, {p99:.1f} ms p99"
    return [Row("endpoint written → last of 3 boards has it", value, "p99 ≤ 100 ms")]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", kubeconfig]:
            write(kubeconfig)
        case ["observe", address]:
            observe(address)
        case given:
            for row in rows(*map(int, given)):
                print(f"{row.what}  {row.value}  target {row.target}")
