"""Shell: the API with many clients at once: eight that ask, fifty that watch.

Enter: a kubeconfig and the server's process. Leave: rows for the table of `python -m benchmarks`. Each client is a
process of its own with one kept-alive TLS connection, so that the clients do not wait for each other.
"""

import json
import multiprocessing
import statistics
import sys
import threading
import time
from dataclasses import asdict

from benchmarks.api import Client, Row, config_map, cpu_s

CLIENTS = 8
SECONDS = 4.0
WATCHERS = 50
EVENTS = 60
PATH = "/api/v1/namespaces/crowd/configmaps"
REFERENCE = {"GET": 1742, "LIST 500": 141, "CREATE": 868}
TARGET = {"GET": 1.0, "LIST 500": 4, "CREATE": 1.2}


def ask_for_a_while(kubeconfig, what, number, begin, counts):
    """One client's process: as many requests as fit."""
    client = Client(kubeconfig)
    client.ask("GET", f"{PATH}/m7")
    begin.wait()
    count, until = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        if what == "CREATE":
            client.ask("POST", PATH, config_map(f"c{number}-{count}"))
        else:
            client.ask("GET", f"{PATH}/m7" if what == "GET" else f"{PATH}?limit=500")
        count += 1
    counts.put(count)


def crowd_row(kubeconfig, pid, what):
    """Requests a second of all clients together."""
    begin, counts = multiprocessing.Barrier(CLIENTS + 1), multiprocessing.Queue()
    clients = [
        multiprocessing.Process(target=ask_for_a_while, args=(kubeconfig, what, number, begin, counts))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    begin.wait()
    before = cpu_s(pid)
    total = sum(counts.get() for _ in clients)
    cpu_ms = (cpu_s(pid) - before) / total * 1000
    for client in clients:
        client.join()
    rate = total / SECONDS
    value = f"{rate:7.0f}/s  {cpu_ms:5.2f} ms CPU  {rate / REFERENCE[what]:4.1f} ×"
    return Row(f"{what}, {CLIENTS} clients", value, f"≥ {TARGET[what]} × {REFERENCE[what]}/s")


def delete_row(kubeconfig, pid):
    """Deletes, one after the other."""
    client, count = Client(kubeconfig), 300
    before, began = cpu_s(pid), time.perf_counter()
    for number in range(count):
        client.ask("DELETE", f"{PATH}/m{number + 100}")
    rate = count / (time.perf_counter() - began)
    cpu_ms = (cpu_s(pid) - before) / count * 1000
    return Row("DELETE, 1 client", f"{rate:7.0f}/s  {cpu_ms:5.2f} ms CPU", "as CREATE")


def fan_out_row(kubeconfig):
    """From the start of a create to the moment the last of the watchers has its event."""
    seen = [threading.Event() for _ in range(EVENTS)]
    lock, left, at = threading.Lock(), [WATCHERS] * EVENTS, [0.0] * EVENTS
    ready = threading.Barrier(WATCHERS + 1)

    def watch():
        answer = Client(kubeconfig).stream(f"{PATH}?watch=true&labelSelector=seen&timeoutSeconds=120")
        ready.wait()
        for line in answer:
            name = json.loads(line)["object"]["metadata"]["name"]
            number = int(name.removeprefix("e"))
            with lock:
                left[number] -= 1
                if not left[number]:
                    at[number] = time.perf_counter()
                    seen[number].set()

    for _ in range(WATCHERS):
        threading.Thread(target=watch, daemon=True).start()
    ready.wait()
    client, times = Client(kubeconfig), []
    for number in range(EVENTS):
        body = config_map(f"e{number}", 100)
        body["metadata"]["labels"] = {"seen": "yes"}
        began = time.perf_counter()
        client.ask("POST", PATH, body)
        assert seen[number].wait(30), "an event did not reach every watcher"
        times.append((at[number] - began) * 1000)
    p99 = statistics.quantiles(times, n=100)[98]
    value = f"{statistics.median(times):7.1f} ms  p99 {p99:5.1f} ms"
    return Row(f"create → last of {WATCHERS} watchers, p50", value, "≤ 8 ms, p99 ≤ 15 ms")


def main():
    """argv: kubeconfig, the server's process. Prints the rows as JSON."""
    kubeconfig, pid = sys.argv[1], int(sys.argv[2])
    client = Client(kubeconfig)
    client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "crowd"}})
    for number in range(500):
        client.ask("POST", PATH, config_map(f"m{number}"))
    rows = [crowd_row(kubeconfig, pid, what) for what in ("GET", "LIST 500", "CREATE")]
    rows += [delete_row(kubeconfig, pid), fan_out_row(kubeconfig)]
    client.ask("DELETE", "/api/v1/namespaces/crowd")
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
