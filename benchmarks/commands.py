"""Shell: how long people wait for kubectl.

Enter: a board with a running leader. Leave: rows for the table of `python -m benchmarks`.
"""

import statistics
import time

from kubectls import NEWEST

from benchmarks.api import Row

CONFIG_MAPS = "".join(
    f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: many-{number}}}\ndata: {{a: b}}\n---\n"
    for number in range(50)
)


def timed(board, *argv, **options):
    """Seconds of one kubectl."""
    began = time.perf_counter()
    board.kubectl(*argv, program=NEWEST, **options)
    return time.perf_counter() - began


def rows(board):
    """kubectl's wall times."""
    board.kubectl("get", "pods", program=NEWEST)  # discovery is in kubectl's cache then, as it is for people
    new_s = timed(board, "apply", "-f", "-", text_in=CONFIG_MAPS)
    again_s = timed(board, "apply", "-f", "-", text_in=CONFIG_MAPS)
    get_s = statistics.median(timed(board, "get", "configmaps") for _ in range(5))
    board.kubectl("delete", "-f", "-", text_in=CONFIG_MAPS, program=NEWEST)
    return [
        Row("kubectl apply -f of 50 ConfigMaps, new", f"{new_s:7.2f} s", "≤ 1 s (Kubernetes: 2.6 s)"),
        Row("kubectl apply -f of 50 ConfigMaps, unchanged", f"{again_s:7.2f} s", "≤ 1 s (Kubernetes: 7.1 s)"),
        Row("kubectl get configmaps", f"{get_s:7.2f} s", "as little as kubectl itself takes"),
    ]
