"""Shell: `make bench`: the figures of one board, each beside its target, in one run.

Starts a board of its own (network namespace, Podman storage, leader), measures, and removes it. Needs root.
Targets come from a real Kubernetes measured on a 2-core x86-64 machine; ratios to a peer in the same run
(Podman alone) hold on any machine.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from board import Board

from benchmarks import commands, joining, node_loss, programming
from benchmarks.api import Row, cpu_s
from benchmarks.pods import cost_rows as pod_costs
from benchmarks.pods import start_rows as pod_starts
from benchmarks.scale import rows as scale_rows

SETTLE_S = (
    80  # a board that just became Ready still sweeps up after its last life, and Podman's service, which
)
# ends a minute after the last question, leaves us what it wrote: Linux counts a child's as its parent's
IDLE_S = 60


def resident_mb(pid):
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def written_kib(pid):
    io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(io["write_bytes"]) / 1024


def idle_rows(pid):
    threading.Event().wait(SETTLE_S)
    cpu, written = cpu_s(pid), written_kib(pid)
    threading.Event().wait(IDLE_S)
    a_minute = 60 / IDLE_S
    return [
        Row("resident, idle, leader with agent", f"{resident_mb(pid):7.1f} MB", "≤ 110 MB"),
        Row("CPU, idle", f"{(cpu_s(pid) - cpu) * a_minute:7.2f} s a minute", "≤ 0.25 s a minute"),
        Row("written to disk, idle", f"{(written_kib(pid) - written) * a_minute:7.0f} KiB a minute", "0"),
    ]


def rows_of(board, module, *argv):
    """Measured from inside the board's network namespace."""
    done = board.run(
        sys.executable, "-m", f"benchmarks.{module}", str(board.kubeconfig), *map(str, argv), timeout_s=600
    )
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


def end(number, _frame):
    """Who is ended removes its board first."""
    raise SystemExit(128 + number)


def main():
    if sys.argv[1:]:
        raise SystemExit("the bench takes no arguments: it measures everything, ten minutes long")
    signal.signal(signal.SIGTERM, end)
    board = Board(Path(tempfile.mkdtemp(prefix="pikube-bench-")))
    try:
        board.open()
        began = time.perf_counter()
        board.start()
        started_s = time.perf_counter() - began
        # the board is started through nsenter, which becomes the program
        pid = board.process.pid
        rows = [Row("start → node Ready, first start", f"{started_s:7.2f} s", "≤ 1.5 s to API ready")]
        board.kill()
        began = time.perf_counter()
        board.start()
        pid = board.process.pid
        rows.append(
            Row("start → node Ready, again", f"{time.perf_counter() - began:7.2f} s", "≤ 1.5 s to API ready")
        )
        rows += idle_rows(pid)
        rows += rows_of(board, "api", pid)
        rows += rows_of(board, "crowd", pid)
        rows += commands.rows(board)
        rows += pod_starts(board) + pod_costs(board, [10, 50])
    finally:
        board.close()
    rows += node_loss.rows()
    rows += programming.rows()
    rows += joining.rows()
    print("a hundred boards without containers, up to 3,000 pods:", flush=True)
    rows += scale_rows()
    print("HTTP server against a bare h11 loop, target ≥ 0.6 × its rate:", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.http_server", "2"], check=True)
    print("Services and names:", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.netproxy", "2"], check=True)
    subprocess.run([sys.executable, "-m", "benchmarks.names", "2"], check=True)
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:<{width}}  {row.value:<60}  target {row.target}")


if __name__ == "__main__":
    main()
