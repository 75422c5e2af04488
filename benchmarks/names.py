"""Shell: the cluster's DNS: answers a second and their delay, and how soon a change of endpoints reaches the relay.

Run: `python -m benchmarks.names [seconds]`. The relay process answers over a thousand Services; a client on loopback
asks one question after the other, of names in turn, then many at once.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dns.message

from benchmarks.api import cpu_s
from pikube.api.kinds.core_service import Service, ServicePort, ServiceSpec
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.merged_table import MergedTable, Owner
from pikube.netproxy.service_records import service_entries
from pikube.netproxy.table import SERVICE_NAME, Here, service_table
from pikube.netproxy.targets import DNS_UDP, Backends, Listener, encode_entry

ADDRESS, PORT = "127.0.0.54", 5354
DOMAIN = "cluster.local"
SERVICES = 1000
CROWD = 16
CHANGES = 300


class Relay:
    """A relay process and the agent's end of its socket."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="pikube-names-")
        path = Path(self._directory.name) / "relay.sock"
        argv = [sys.executable, "-m", "pikube", "relay", self._directory.name]
        self.process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        while not path.exists():
            time.sleep(0.02)
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(str(path))
        self._answers = self._control.makefile()
        self._number = 0
        return self

    def __exit__(self, *_):
        self._answers.close()
        self._control.close()
        self.process.terminate()
        self.process.wait()
        self._directory.cleanup()

    def tell(self, message):
        """Until the relay has done it."""
        self._number += 1
        self._control.sendall(json.dumps({**message, "sync": self._number}).encode() + b"\n")
        while f'"synced": {self._number},' not in self._answers.readline():
            pass


def a_service(number):
    address = f"10.43.{number // 250}.{number % 250 + 1}"
    port = ServicePort(name="http", protocol="TCP", port=80)
    return Service(
        metadata=ObjectMeta(name=f"s{number}", namespace="bench"),
        spec=ServiceSpec(type="ClusterIP", cluster_ip=address, cluster_ips=(address,), ports=(port,)),
    )


def open_names(relay):
    """A thousand Services, and the door where they are asked for."""
    table = {f"bench/s{number}": service_entries(a_service(number), [], DOMAIN) for number in range(SERVICES)}
    relay.tell({"names": {"domain": DOMAIN, "networks": [], "upstreams": [], "port": 53, "table": table}})
    relay.tell({"put": [encode_entry(Listener(DNS_UDP, ADDRESS, PORT), Backends("dns", ()))]})


def ask(seconds):
    """Delays in seconds, sorted; the first time a name is asked, and again."""
    queries = [
        dns.message.make_query(f"s{n}.bench.svc.cluster.local.", "A").to_wire() for n in range(SERVICES)
    ]
    first, again = [], []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((ADDRESS, PORT))
        sock.settimeout(5)
        end, count = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            began = time.perf_counter()
            sock.send(queries[count % SERVICES])
            sock.recv(512)
            (first if count < SERVICES else again).append(time.perf_counter() - began)
            count += 1
    return sorted(first), sorted(again)


def crowd(seconds):
    """Answers a second when CROWD clients ask at the same time, by one process."""
    queries = [
        dns.message.make_query(f"s{n}.bench.svc.cluster.local.", "A").to_wire() for n in range(SERVICES)
    ]
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(CROWD)]
    for sock in socks:
        sock.connect((ADDRESS, PORT))
        sock.settimeout(5)
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        for sock in socks:
            sock.send(queries[count % SERVICES])
            count += 1
        for sock in socks:
            sock.recv(512)
    for sock in socks:
        sock.close()
    return count / seconds


def reprogramming(relay):
    """Seconds from an endpoint's change in the informer to its answer by the relay, without the API's own way."""
    return sorted(_change(relay, turn) for turn in range(CHANGES))


TABLE = MergedTable()
DOOR = Service(
    metadata=ObjectMeta(name="s0", namespace="bench"),
    spec=ServiceSpec(
        cluster_ip="127.0.0.55", cluster_ips=("127.0.0.55",), ports=(ServicePort(protocol="TCP", port=15080),)
    ),
)


def _change(relay, turn):
    endpoint = Endpoint(addresses=(f"10.42.0.{turn % 250 + 1}",), conditions=EndpointConditions(ready=True))
    slice_ = EndpointSlice(
        metadata=ObjectMeta(name="s0-1", namespace="bench", labels={SERVICE_NAME: "s0"}),
        address_type="IPv4",
        endpoints=(endpoint,),
        ports=(EndpointPort(name="", protocol="TCP", port=8080),),
    )
    began = time.perf_counter()
    TABLE.claim(Owner("Service", ("bench", "s0")), ("x",), service_table(DOOR, [slice_], Here("n")))
    changed, _ = TABLE.take_changes()
    relay.tell({"put": [encode_entry(*item) for item in changed.items()]})
    return time.perf_counter() - began


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def main(seconds):
    with Relay() as relay:
        open_names(relay)
        first, again = ask(seconds)
        before = cpu_s(relay.process.pid)
        together = crowd(seconds)
        each_us = (cpu_s(relay.process.pid) - before) / (together * seconds) * 1e6
        changes = reprogramming(relay)
    for words, values in (("DNS, a name asked first", first), ("DNS, asked again", again)):
        rate = len(values) / sum(values)
        print(
            f"{words:<34} {rate:8,.0f} answers/s, p50 {percentile(values, 0.5) * 1e6:5.0f} µs, "
            f"p99 {percentile(values, 0.99) * 1e6:5.0f} µs (one client, {SERVICES} Services)"
        )
    print(f"{f'DNS, {CROWD} clients':<34} {together:8,.0f} answers/s, {each_us:5.0f} µs of CPU each")
    print(
        f"{'endpoint changed → relay changed':<34} p50 {percentile(changes, 0.5) * 1e3:.2f} ms, "
        f"p99 {percentile(changes, 0.99) * 1e3:.2f} ms  target p99 ≤ 100 ms (with the watch event on its way)"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
