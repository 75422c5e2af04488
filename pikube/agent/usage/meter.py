"""Shell: measures what this board and its containers use, when somebody asks and never else.

Enter: the running containers. Leave: the samples from which rates are taken. Reading the kernel's files costs some
50 µs a container; Podman's own stats stream costs it a goroutine and a JSON document a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import trio

from pikube.agent.runtime.contract import Container
from pikube.agent.usage import cgroups
from pikube.agent.usage.samples import FRESH_S, SHORT_S, ContainerTotals, Sample, keep, wants_second


class Meter:
    """`running` gives the containers that run now."""

    def __init__(
        self,
        running: Callable[[], Iterable[Container]],
        *,
        read: cgroups.ReadText | None = None,
        wall_clock: Callable[[], float] = time.time,
        ticks_per_s: int = os.sysconf("SC_CLK_TCK"),
    ) -> None:
        self._running = running
        self._read = read or read_text
        self._now = wall_clock
        self._ticks_per_s = ticks_per_s
        self._samples: tuple[Sample, ...] = ()
        self._lock = trio.Lock()  # who asks at the same time gets the same answer
        self._hierarchies: cgroups.Hierarchies | None = None

    async def samples(self) -> tuple[Sample, ...]:
        """Samples, oldest first, the last one of this moment. Takes SHORT_S when nobody asked for long, or something
        has just begun."""
        async with self._lock:
            await self._refresh()
            if wants_second(self._samples):
                await trio.sleep(SHORT_S)
                self._samples = (*self._samples, await self._sample())
            return self._samples

    async def latest(self) -> Sample:
        """The totals of this moment, for who takes differences himself (Prometheus)."""
        async with self._lock:
            await self._refresh()
            return self._samples[-1]

    async def _refresh(self) -> None:
        if not self._samples or trio.current_time() - self._samples[-1].at >= FRESH_S:
            self._samples = keep(self._samples, await self._sample())

    async def _sample(self) -> Sample:
        containers = list(self._running())
        return await trio.to_thread.run_sync(self._take, containers, trio.current_time())

    def _take(self, containers: list[Container], at: float) -> Sample:
        read = self._read
        if self._hierarchies is None:
            self._hierarchies = cgroups.find_hierarchies(read("/proc/mounts") or "", read)
        memory, available = cgroups.board_memory(read("/proc/meminfo") or "", read("/proc/vmstat") or "")
        return Sample(
            at=at,
            wall_at=self._now(),
            board_cpu_ns=cgroups.board_cpu_ns(read("/proc/stat") or "", self._ticks_per_s),
            board_memory=memory,
            available_bytes=available,
            containers={c.id: self._totals(self._hierarchies, c) for c in containers},
        )

    def _totals(self, hierarchies: cgroups.Hierarchies, container: Container) -> ContainerTotals:
        group = cgroups.container_group(container.cgroup, container.id)
        return ContainerTotals(
            id=container.id,
            started_at=container.started_at,
            cpu_ns=cgroups.cpu_ns(hierarchies, group, self._read),
            memory=cgroups.memory_use(hierarchies, group, self._read),
            processes=cgroups.processes(hierarchies, group, self._read),
        )


def read_text(path: str) -> str | None:
    """A small file of the kernel; None where there is none (the container has just ended)."""
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return None
