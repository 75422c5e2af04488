"""Shell: three real boards, one of which has its cable pulled: how long until Services and pods have forgotten it.

Called by `make bench`. Needs root; everything it makes is removed.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from cluster import Cluster
from test_node_loss import WEB, ready_nodes, runs_in

from benchmarks.api import Row

LIMIT_S = 60
PAUSE_S = 0.1


def passed_s(condition, began):
    """Seconds from `began` until the condition holds; infinity after LIMIT_S."""
    while time.perf_counter() - began < LIMIT_S:
        if condition():
            return time.perf_counter() - began
        threading.Event().wait(PAUSE_S)
    return float("inf")


def rows():
    """Figures of one lost board, with the default settings."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="pikube-bench-lan-")))
    try:
        cluster.open(3)
        cluster.start()
        leader, lost = cluster.leader, cluster.boards[2]
        leader.kubectl("apply", "-f", "-", text_in=WEB)
        leader.kubectl("rollout", "status", "deployment/lossy", "--timeout=60s")
        lost.cut()
        began = time.perf_counter()
        dropped_s = passed_s(lambda: "b3" not in ready_nodes(leader), began)
        running_s = passed_s(lambda: runs_in(leader, {"b1", "b2"}, 3), began)
        lost.heal()
        began = time.perf_counter()
        back_s = passed_s(lambda: cluster.is_ready("b3"), began)
    finally:
        cluster.close()
    return [
        Row("board lost → endpoints dropped", f"{dropped_s:7.1f} s", "≤ 10 s (Kubernetes: 40 s)"),
        Row("board lost → replacement Running", f"{running_s:7.1f} s", "≤ 15 s (Kubernetes: 350 s)"),
        Row("board back → Ready again", f"{back_s:7.1f} s", "-"),
    ]
