"""Shell: the relay against HAProxy (1 thread), an nft DNAT rule and no proxy at all, printed as ratios of one run.

Run as root: `python -m benchmarks.netproxy [seconds]`. Everything happens in a network namespace of its own: HAProxy
and iperf3 are the backends on one address, wrk and iperf3 the clients; the rounds alternate between the paths.
Debian's haproxy, wrk and iperf3 are installed if missing; what cannot be had is skipped and said.
"""

import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

BACKEND = "10.42.0.2"
PATHS = {"direct": BACKEND, "nft DNAT": "10.43.0.2", "HAProxy": "10.43.0.3", "pikube": "10.43.0.4"}
HTTP, BULK, IDLE = 8080, 5201, 7000
ROUNDS = 3
IDLE_CONNECTIONS = 1000
HAPROXY = f"""\
global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen http
  bind {PATHS["HAProxy"]}:{HTTP}
  server one {BACKEND}:{HTTP}
listen bulk
  option splice-auto
  bind {PATHS["HAProxy"]}:{BULK}
  server one {BACKEND}:{BULK}
listen idle
  bind {PATHS["HAProxy"]}:{IDLE}
  server one {BACKEND}:{IDLE}
"""
BACKENDS = f"""\
global
  nbthread 1
  maxconn 4000
defaults
  timeout client 1h
  timeout server 1h
  timeout connect 2s
frontend http
  mode http
  bind {BACKEND}:{HTTP}
  http-request return status 200 content-type text/plain string "hello"
"""
DNAT = f"""\
table ip bench {{
  chain output {{
    type nat hook output priority -100;
    ip daddr {PATHS["nft DNAT"]} dnat to {BACKEND}
  }}
}}
"""


class Bed:
    """A namespace with backends, a HAProxy and a relay."""

    def __init__(self, stack, directory):
        self.name = f"pkbench{os.getpid()}"
        self.directory = directory
        self.stack = stack
        self.pids = {}
        run("ip", "netns", "add", self.name)
        stack.callback(run, "ip", "netns", "delete", self.name)
        for command in (
            "ip link set lo up", f"ip address add {BACKEND}/32 dev lo", "ip route add local 10.43.0.0/16 dev lo",
        ):  # fmt: skip
            self.run(*command.split())
        self.run("nft", "-f", "-", text_in=DNAT)
        self.start("backend", "haproxy", "-db", "-f", self.file("backend.cfg", BACKENDS))
        self.start("HAProxy", "haproxy", "-db", "-f", self.file("haproxy.cfg", HAPROXY))
        self.start("iperf3", "iperf3", "-s", "-B", BACKEND)
        self.start("idle", sys.executable, "-m", "benchmarks.netproxy", "sink")
        self.start("pikube", sys.executable, "-m", "pikube", "relay", str(directory))
        self._open_doors()

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def inside(self, *argv):
        return ["nsenter", f"--net=/run/netns/{self.name}", *argv]

    def run(self, *argv, **options):
        return run(*self.inside(*argv), **options)

    def start(self, name, *argv):
        process = subprocess.Popen(self.inside(*argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pids[name] = process.pid  # nsenter becomes the program
        self.stack.callback(end, process)

    def _open_doors(self):
        """Tell the relay where its doors lead, as an agent does."""
        path = self.directory / "relay.sock"
        wait_until(path.exists)
        self.control = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        self.control.connect(str(path))
        self.answers = self.control.makefile()
        self.put(dict.fromkeys((HTTP, BULK, IDLE), BACKEND))

    def put(self, targets):
        entries = [
            ["TCP", PATHS["pikube"], port, "bench/bench", [[address, port]], 0, []]
            for port, address in targets.items()
        ]
        self.control.sendall(json.dumps({"table": entries, "sync": 1}).encode() + b"\n")
        while "synced" not in json.loads(self.answers.readline()):
            pass


def run(*argv, text_in=None, check=True, timeout_s=120):
    return subprocess.run(argv, input=text_in, capture_output=True, text=True, check=check, timeout=timeout_s)


def end(process):
    process.terminate()
    process.wait(timeout=10)


def wait_until(condition):
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return
        pause.wait(0.025)
    raise TimeoutError(condition)


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bulk(bed, path, seconds):
    """(Gbit/s, the proxy's CPU seconds for each GB)."""
    pid = bed.pids.get(path)
    before = cpu_s(pid) if pid else 0.0
    done = bed.run("iperf3", "-c", PATHS[path], "-t", str(seconds), "-J")
    received = json.loads(done.stdout)["end"]["sum_received"]
    used_s = cpu_s(pid) - before if pid else 0.0
    return received["bits_per_second"] / 1e9, used_s / (received["bytes"] / 1e9)


def http(bed, path, seconds, *argv):
    """(requests a second, the proxy's CPU µs for each)."""
    pid = bed.pids.get(path)
    before = cpu_s(pid) if pid else 0.0
    done = bed.run("wrk", "-t1", "-c16", f"-d{seconds}s", *argv, f"http://{PATHS[path]}:{HTTP}/")
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)[1])
    assert "Non-2xx" not in done.stdout, done.stdout
    return rate, (cpu_s(pid) - before if pid else 0.0) / (rate * seconds) * 1e6


def idle(bed, path):
    """(KiB resident, descriptors) for each connection that says nothing."""
    pid = bed.pids[path]
    memory, descriptors = resident_kib(pid), len(os.listdir(f"/proc/{pid}/fd"))
    argv = bed.inside(sys.executable, "-m", "benchmarks.netproxy", "hold", PATHS[path])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        grown = resident_kib(pid) - memory
        opened = len(os.listdir(f"/proc/{pid}/fd")) - descriptors
        holder.stdin.close()
    return grown / IDLE_CONNECTIONS, opened / IDLE_CONNECTIONS


def resident_kib(pid):
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1])


def hold(address):
    """A client of many connections, each of which has said one byte and got it back."""
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (IDLE_CONNECTIONS + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    held = [socket.create_connection((address, IDLE)) for _ in range(IDLE_CONNECTIONS)]
    for sock in held:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
    print("held", flush=True)
    sys.stdin.read()


def sink():
    """A backend that echoes."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    import selectors

    selector = selectors.DefaultSelector()
    listener = socket.create_server((BACKEND, IDLE), backlog=1024)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif data := key.fileobj.recv(65536):
                key.fileobj.send(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


def print_row(what, figures, target, unit):
    ours, peer = figures["pikube"], figures.get("HAProxy")
    ratio = f"{ours / peer:5.2f} × HAProxy" if peer else ""
    shown = ", ".join(
        f"{path} {value:,.2f}" if value < 100 else f"{path} {value:,.0f}" for path, value in figures.items()
    )
    print(f"{what:<28} {ratio:<16} target {target:<8} {unit}: {shown}", flush=True)


def main(seconds):
    missing = [p for p in ("haproxy", "wrk", "iperf3", "nft") if shutil.which(p) is None]
    if missing:
        names = ["nftables" if p == "nft" else p for p in missing]
        run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *names, check=False, timeout_s=300)
        missing = [p for p in missing if shutil.which(p) is None]
    if missing:
        print(f"netproxy: skipped, {', '.join(missing)} cannot be installed here")
        return
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pikube-netproxy-")))
        bed = Bed(stack, directory)
        wait_until(lambda: all(bed.run("curl", "-sf", f"http://{a}:{HTTP}/", check=False).returncode == 0
                               for a in PATHS.values()))  # fmt: skip
        held = {
            path: idle(bed, path) for path in ("HAProxy", "pikube")
        }  # first: freed memory hides what is held
        kinds = {
            "bulk": lambda path: bulk(bed, path, seconds),
            "keep-alive": lambda path: http(bed, path, seconds),
            "new connections": lambda path: http(bed, path, seconds, "-H", "Connection: close"),
        }
        figures = {kind: {path: [] for path in PATHS} for kind in kinds}
        for turn in range(ROUNDS):
            for kind, measure in kinds.items():
                for path in list(PATHS) if turn % 2 == 0 else list(reversed(PATHS)):
                    figures[kind][path].append(measure(path))
        median = {
            kind: {
                p: [statistics.median(column) for column in zip(*rows, strict=True)]
                for p, rows in by_path.items()
            }
            for kind, by_path in figures.items()
        }
        for kind, target, unit in (
            ("bulk", "≥ 1.3", "Gbit/s"),
            ("keep-alive", "≥ 0.6", "requests/s"),
            ("new connections", "≥ 0.3", "a second"),
        ):
            print_row(kind, {path: values[0] for path, values in median[kind].items()}, target, unit)
        for kind, unit in (
            ("bulk", "CPU-s per GB"),
            ("keep-alive", "CPU µs each"),
            ("new connections", "CPU µs each"),
        ):
            print_row(f"{kind}, cost", {p: median[kind][p][1] for p in ("HAProxy", "pikube")}, "–", unit)
        print_row("idle connection, memory", {p: v[0] for p, v in held.items()}, "–", "KiB each")
        print_row("idle connection, descriptors", {p: v[1] for p, v in held.items()}, "≤ 2", "each")
        print(f"{'relay process, resident':<28} {resident_kib(bed.pids['pikube']) / 1024:5.1f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["sink"]:
        sink()
    elif sys.argv[1:2] == ["hold"]:
        hold(sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
