"""Shell: what this process itself uses, by the names that every Prometheus client library gives it.

Leaves: families of metrics, read from /proc when asked for.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from pikube.wire.prometheus import Family

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def process_families() -> list[Family]:
    """process_cpu_seconds_total, process_resident_memory_bytes and their like."""
    cpu = Family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.")
    resident = Family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.")
    virtual = Family("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.")
    started = Family(
        "process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds."
    )
    files = Family("process_open_fds", "gauge", "Number of open file descriptors.")
    limit = Family("process_max_fds", "gauge", "Maximum number of open file descriptors.")
    # field 2 is the name in brackets, which may hold anything (proc(5) /proc/pid/stat)
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    boot = next(
        int(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime")
    )
    cpu.add((int(stat[11]) + int(stat[12])) / TICKS_PER_S)
    started.add(boot + int(stat[19]) / TICKS_PER_S)
    virtual.add(int(stat[20]))
    resident.add(int(stat[21]) * PAGE_BYTES)
    files.add(len(os.listdir("/proc/self/fd")))
    limit.add(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return [cpu, started, virtual, resident, files, limit]
