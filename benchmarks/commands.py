"""Shell: how long people wait for kubectl.

Enter: a board with a running leader. Leave: rows for the table of `python -m benchmarks`.
"""

import resource
import statistics
import time

from kubectls import NEWEST

from benchmarks.api import Row

CONFIG_MAPS = "".join(
    f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: many-{number}}}\ndata: {{a: b}}\n---\n"
    for number in range(50)
)


ROUNDS = 5


def timed(board, *argv, **options):
    """Seconds of one kubectl: on the clock, and of its own processor time (it parses OpenAPI for each object)."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    board.kubectl(*argv, program=NEWEST, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(times):
    """The medians of `timed`'s pairs."""
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def rows(board):
    """kubectl's wall times, each the median of some rounds."""
    board.kubectl("get", "pods", program=NEWEST)  # discovery is in kubectl's cache then, as it is for people
    new, again = [], []
    for _ in range(ROUNDS):
        new.append(timed(board, "apply", "-f", "-", text_in=CONFIG_MAPS))
        again.append(timed(board, "apply", "-f", "-", text_in=CONFIG_MAPS))
        get = [timed(board, "get", "configmaps") for _ in range(ROUNDS)]
        board.kubectl("delete", "-f", "-", text_in=CONFIG_MAPS, program=NEWEST)
    return [
        Row(f"kubectl {what}", "{:7.2f} s ({:.2f} s CPU of kubectl)".format(*medians(times)), target)
        for what, times, target in (
            ("apply -f of 50 ConfigMaps, new", new, "≤ 1 s (Kubernetes: 2.6 s)"),
            ("apply -f of 50 ConfigMaps, unchanged", again, "≤ 1 s (Kubernetes: 7.1 s)"),
            ("get configmaps", get, "as little as kubectl itself takes"),
        )
    ]
