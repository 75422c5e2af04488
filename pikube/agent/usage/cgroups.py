"""Pure: where the kernel counts what a container uses, and how its files are read: cgroup v1, v2 and hybrid.

Enter: /proc/mounts, a function that reads a file. Leave: totals; None is unknown and never 0, as on a Raspberry Pi
that was booted without `cgroup_enable=memory`. Called by the meter. Sources: kernel Documentation
admin-guide/cgroup-v1/{cpuacct,memory}.rst and cgroup-v2.rst; cadvisor's working set (usage − inactive_file).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ReadText = Callable[[str], str | None]
"""The text of a file; None if it cannot be read."""


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Mount points; '' where the kernel does not count."""

    cpu: str = ""
    memory: str = ""
    is_cpu_v2: bool = False
    is_memory_v2: bool = False
    pids: str = ""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes, and page faults since the start."""

    usage_bytes: int
    working_set_bytes: int
    rss_bytes: int
    page_faults: int
    major_page_faults: int


def find_hierarchies(mounts: str, read: ReadText) -> Hierarchies:
    """Where CPU time and memory are counted: a v1 controller where it is mounted, else v2 where it is switched on.
    CPU time is counted by every v2 group, with or without its controller."""
    v1: dict[str, str] = {}
    v2 = ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        place, kind, options = fields[1], fields[2], fields[3].split(",")
        if kind == "cgroup2":
            v2 = v2 or place
        elif kind == "cgroup":
            for controller in ("cpuacct", "memory", "pids"):
                if controller in options:
                    v1.setdefault(controller, place)
    controllers = (read(f"{v2}/cgroup.controllers") or "").split() if v2 else []
    v2_memory = v2 if "memory" in controllers else ""
    v2_pids = v2 if "pids" in controllers else ""
    return Hierarchies(
        cpu=v1.get("cpuacct", v2),
        memory=v1.get("memory", v2_memory),
        is_cpu_v2="cpuacct" not in v1,
        is_memory_v2="memory" not in v1,
        pids=v1.get("pids", v2_pids),
    )


def container_group(path: str, identity: str) -> str:
    """The container's own group: processes may sit in groups below it (crun's `container`, a systemd inside)."""
    parts = path.strip("/").split("/")
    for index, part in enumerate(parts):
        if identity in part:
            return "/" + "/".join(parts[: index + 1])
    return path


def cpu_ns(hierarchies: Hierarchies, group: str, read: ReadText) -> int | None:
    """CPU time used since the group was made."""
    if not hierarchies.cpu or not group:
        return None
    if not hierarchies.is_cpu_v2:
        return _number(read(f"{hierarchies.cpu}{group}/cpuacct.usage"))
    used = keyed(read(f"{hierarchies.cpu}{group}/cpu.stat")).get("usage_usec")
    return used * 1000 if used is not None else None


def memory_use(hierarchies: Hierarchies, group: str, read: ReadText) -> MemoryUse | None:
    """What the group holds now."""
    if not hierarchies.memory or not group:
        return None
    is_v2 = hierarchies.is_memory_v2
    directory = f"{hierarchies.memory}{group}"
    usage = _number(read(f"{directory}/{'memory.current' if is_v2 else 'memory.usage_in_bytes'}"))
    if usage is None:
        return None
    stat = keyed(read(f"{directory}/memory.stat"))
    prefix = "" if is_v2 else "total_"
    return MemoryUse(
        usage_bytes=usage,
        working_set_bytes=max(0, usage - stat.get(f"{prefix}inactive_file", 0)),
        rss_bytes=stat.get("anon" if is_v2 else "total_rss", 0),
        page_faults=stat.get(f"{prefix}pgfault", 0),
        major_page_faults=stat.get(f"{prefix}pgmajfault", 0),
    )


def processes(hierarchies: Hierarchies, group: str, read: ReadText) -> int | None:
    """Processes and threads of the group, which v1 and v2 count in files of one name."""
    return _number(read(f"{hierarchies.pids}{group}/pids.current")) if hierarchies.pids and group else None


def board_cpu_ns(stat: str, ticks_per_s: int) -> int | None:
    """CPU time that all processes of the board used since boot, from /proc/stat: everything but idle and iowait,
    and guests once only (they are part of user and nice)."""
    fields = stat.partition("\n")[0].split()
    if len(fields) < 8 or fields[0] != "cpu":
        return None
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[1:8])
    return (user + nice + system + irq + softirq) * (1_000_000_000 // ticks_per_s)


def board_memory(meminfo: str, vmstat: str) -> tuple[MemoryUse | None, int | None]:
    """The board's memory, as cadvisor takes it for the root of v2: (use, available bytes)."""
    sizes = {name: amount * 1024 for name, amount in keyed(meminfo.replace(":", " ")).items()}
    total, free = sizes.get("MemTotal"), sizes.get("MemFree")
    if total is None or free is None:
        return None, None
    faults = keyed(vmstat)
    usage = total - free
    use = MemoryUse(
        usage_bytes=usage,
        working_set_bytes=max(0, usage - sizes.get("Inactive(file)", 0)),
        rss_bytes=sizes.get("AnonPages", 0),
        page_faults=faults.get("pgfault", 0),
        major_page_faults=faults.get("pgmajfault", 0),
    )
    return use, total - use.working_set_bytes


def network_bytes(dev: str) -> tuple[int, int]:
    """(received, sent) by all interfaces of /proc/net/dev that lead out of the namespace."""
    received = sent = 0
    for line in dev.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name.strip() != "lo" and len(fields := rest.split()) >= 9:
            received, sent = received + int(fields[0]), sent + int(fields[8])
    return received, sent


def keyed(text: str | None) -> dict[str, int]:
    """`name number …` lines."""
    found = {}
    for line in (text or "").splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdigit() else None
