"""Shell: the standard input of containers without a terminal, held open between two people who attach.

Podman's monitor closes it when the first one leaves (conmon src/conn_sock.c; kubelet does so only for stdinOnce),
so what is typed goes to the process' own pipe, of which an end is kept here. It lasts as long as this agent: after a
restart of pikube a process whose monitor has closed its own end finds the input ended. Called by the kubelet API.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

import trio

from pikube.agent.runtime.processes import is_of


class KeptInput:
    """A writing end of one process' standard input."""

    def __init__(self, descriptor: int, pid: int) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._writing = trio.Lock()  # two people who type must not cut each other's lines

    async def send(self, data: bytes) -> None:
        """All of it; the end of the process is nobody's failure."""
        async with self._writing:
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._descriptor)
                except OSError:
                    return

    def close(self) -> None:
        trio.lowlevel.notify_closing(self._descriptor)
        os.close(self._descriptor)


class KeptInputs:
    """Those of all containers of this board, by container id."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptInput] = {}

    def keep(self, identity: str, pid: int) -> KeptInput | None:
        """The input of a container's first process; None if it has none that can be written to."""
        for other, kept in list(self._kept.items()):
            if not is_of(kept.pid, other):
                self._kept.pop(other).close()
        if identity not in self._kept:
            descriptor = _open(pid) if is_of(pid, identity) else None
            if descriptor is None:
                return None
            self._kept[identity] = KeptInput(descriptor, pid)
        return self._kept[identity]


def _open(pid: int) -> int | None:
    path = f"/proc/{pid}/fd/0"
    with suppress(OSError):
        if stat.S_ISFIFO(os.stat(path).st_mode):
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return None
