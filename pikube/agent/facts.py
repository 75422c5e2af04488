"""Shell: what this board is: memory, CPUs, model, addresses, its identity. Read from /proc and /sys.

Leaves: `BoardFacts`, from which pikube.agent.node_object makes the Node.
"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

CAP_SYS_RESOURCE = 24
OCI_RUNTIMES = ("crun", "crun-vm", "crun-wasm", "krun", "ocijail", "runc", "runsc", "youki")
GROUP_FILES = ("memory.oom.group", "memory.swap.max")
MODEL_FILE = "/proc/device-tree/model"


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """Bytes and counts; texts are '' when unknown."""

    memory_bytes: int
    available_bytes: int
    cpus: int
    disk_bytes: int
    disk_free_bytes: int
    kernel: str
    architecture: str
    model: str
    machine_id: str
    boot_id: str
    pid_limit: int
    swap_bytes: int
    processes: int = 0
    inodes: int = 0
    inodes_free: int = 0


def oci_runtimes() -> frozenset[str]:
    """The OCI runtimes of this board that Podman knows by the names of their programs (its [engine.runtimes]):
    what a RuntimeClass may have as its handler."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    return frozenset(name for name in OCI_RUNTIMES if shutil.which(name, path=path))


def has_apparmor() -> bool:
    """Whether the kernel enforces AppArmor's profiles."""
    return _text("/sys/module/apparmor/parameters/enabled").startswith("Y")


def loaded_profiles() -> frozenset[str]:
    """The names of AppArmor's profiles that the kernel has, as lines `name (mode)`."""
    lines = _text("/sys/kernel/security/apparmor/profiles").splitlines()
    return frozenset(line.rpartition("(")[0].strip() for line in lines)


def group_files() -> frozenset[str]:
    """Which of GROUP_FILES the control groups of this board have: none with cgroups v1, or without the memory
    controller; the second needs swap accounting."""
    return frozenset(name for name in GROUP_FILES if any(Path("/sys/fs/cgroup").glob(f"*/{name}")))


def has_selinux() -> bool:
    """Whether the kernel enforces, or at least knows, SELinux' labels."""
    return Path("/sys/fs/selinux/enforce").exists()


def lowest_oom_score() -> int:
    """The lowest score that this process may give to a container: any with CAP_SYS_RESOURCE, else none below its own.
    So it is on a board that is itself a container (Linux fs/proc/base.c:__set_oom_adj)."""
    for line in _text("/proc/self/status").splitlines():
        if line.startswith("CapEff:") and int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1:
            return -1000
    return int(_text("/proc/self/oom_score_adj") or 0)


def read_facts(data_dir: Path) -> BoardFacts:
    """The board as it is now."""
    memory = _meminfo()
    disk = shutil.disk_usage(data_dir)
    nodes = os.statvfs(data_dir)
    machine = platform.machine()
    return BoardFacts(
        memory_bytes=memory.get("MemTotal", 0),
        available_bytes=memory.get("MemAvailable", 0),
        cpus=os.cpu_count() or 1,
        disk_bytes=disk.total,
        disk_free_bytes=disk.free,
        kernel=platform.release(),
        architecture={"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}.get(machine, machine),
        model=_text(MODEL_FILE).rstrip("\0"),
        machine_id=_text("/etc/machine-id"),
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        pid_limit=int(_text("/proc/sys/kernel/pid_max") or 32768),
        swap_bytes=memory.get("SwapTotal", 0),
        processes=_processes(),
        inodes=nodes.f_files,
        inodes_free=nodes.f_favail,
    )


def _processes() -> int:
    """Processes and threads that exist (the fourth field of /proc/loadavg, running/all)."""
    fields = _text("/proc/loadavg").split()
    return int(fields[3].partition("/")[2]) if len(fields) > 3 else 0


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _meminfo() -> dict[str, int]:
    found = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        parts = rest.split()
        if parts and parts[0].isdigit():
            found[name] = int(parts[0]) * 1024
    return found
