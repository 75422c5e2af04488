"""Shell: notices the end of a container by its first process: a pidfd becomes readable, nobody polls or streams.

Enter: pid, container id, control group. Leave: that it ended, and whether the kernel killed it for want of
memory: the group's own count says so also where conmon cannot watch it (hybrid hierarchies). The group lives a
moment longer than the process, until Podman cleans up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import trio

from pikube.agent.usage.cgroups import Hierarchies, container_group, find_hierarchies, keyed

COMMAND_SPEC = b"--exec-process-spec"  # an option of conmon's
RECORD_BYTES = 8192  # CONSOLE_EXT_LOG_MAX: a read gives one whole record


async def wait_ended(pid: int, identity: str) -> None:
    """Until the process has ended; at once if it is gone or is no process of that container."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if is_of(pid, identity):
            await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)


def is_of(pid: int, identity: str) -> bool:
    """Whether a process is a container's: a pid that was read a moment ago may belong to a stranger by now; unknown
    counts as ours."""
    if not is_there(pid):
        return False
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return identity in groups or "libpod" not in groups


def is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def send_signal(pid: int, identity: str, number: int) -> None:
    """To the first process of a container, if it is there."""
    if pid and is_of(pid, identity):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def end_sleeping_monitors(sandbox_id: str) -> None:
    """Of commands that people ran in a pod that goes (kubectl exec): each sleeps for five minutes after its command,
    in the pod's control group, which Podman tries for seconds to remove."""
    for entry in _monitors_of_commands():
        with suppress(OSError):
            if sandbox_id in (entry / "cgroup").read_text():
                os.kill(int(entry.name), signal.SIGKILL)


def end_monitor(command_id: str) -> None:
    """Of a command whose people have gone: it would read for ever what the command says to nobody. Without it the
    command runs on until it says something, which is SIGPIPE then, or SIGHUP at once where it has a terminal."""
    for entry in _monitors_of_commands():
        with suppress(OSError):
            if command_id.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def _monitors_of_commands() -> Iterator[Path]:
    """Their places in /proc."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if COMMAND_SPEC in (entry / "cmdline").read_bytes():
                    yield entry


class OomWatch:
    """Reads the kernel's count of kills in a container's control group."""

    def __init__(self, kernel_log: str = "/dev/kmsg") -> None:
        self._log = kernel_log
        self._hierarchies: Hierarchies | None = None

    def kills(self, group: str, identity: str) -> int:
        """How many processes of the group the kernel killed for want of memory; 0 if it cannot be told."""
        if not group:
            return 0
        if self._hierarchies is None:
            self._hierarchies = find_hierarchies(_read("/proc/self/mounts") or "", _read)
        root, name = self._hierarchies.memory, container_group(group, identity)
        file = "memory.events" if self._hierarchies.is_memory_v2 else "memory.oom_control"
        return keyed(_read(f"{root}{name}/{file}")).get("oom_kill", 0) if root else 0

    def is_in_kernel_log(self, identity: str) -> bool:
        """Whether the kernel's log tells of the container: its group may be gone before its count was read, when the
        board is busy (Linux mm/oom_kill.c:dump_oom_summary)."""
        try:
            descriptor = os.open(self._log, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            while record := os.read(descriptor, RECORD_BYTES):
                if b"oom-kill:" in record and identity.encode() in record:
                    return True
        except BlockingIOError:
            return False  # the end of the log
        except OSError:
            return False  # EPIPE: it was overwritten while we read
        finally:
            os.close(descriptor)
        return False


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except OSError:
        return None
