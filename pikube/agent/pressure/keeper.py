"""Shell: keeps a board alive when memory, disk or processes run short: removes images, evicts pods, says so.

Enter: the kernel's numbers, every ten seconds (kubelet's monitoring interval), the pods. Leave: evictions, images
removed, the conditions of the node. An idle board with room costs some reads of /proc. Called by the agent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from pikube.agent.facts import BoardFacts
from pikube.agent.pods.node_admission import is_critical
from pikube.agent.pods.worker import PodWorker
from pikube.agent.pressure import images as image_rules
from pikube.agent.pressure import signals, storage
from pikube.agent.runtime.contract import Runtime, RuntimeFailure
from pikube.agent.usage.disk import disk_bytes, inodes_below
from pikube.agent.usage.meter import Meter
from pikube.agent.usage.samples import ContainerTotals
from pikube.api.kinds.core_pod import Pod
from pikube.api.quantity import parse

log = logging.getLogger("pikube.pressure")

LOOK_S = 10.0
IMAGES_S = 300.0  # kubelet's ImageGCPeriod

Warn = Callable[[str, str], None]
"""(reason, message): an event of the node."""


@dataclass(frozen=True, slots=True)
class KeeperParts:
    """What the keeper sees and acts on."""

    workers: Callable[[], Iterable[PodWorker]]
    runtime: Runtime
    meter: Meter
    facts: Callable[[], BoardFacts]
    thresholds: Mapping[str, signals.Threshold]
    transition_s: float
    warn: Warn
    collection: image_rules.Collection


class Keeper:
    """One a board; `pressures` are the conditions in force."""

    def __init__(self, parts: KeeperParts) -> None:
        self._parts = parts
        self._since: dict[str, float] = {}
        self._image_used_at: dict[str, float] = {}
        self._images_at = 0.0

    @property
    def pressures(self) -> frozenset[str]:
        """MemoryPressure, DiskPressure, PIDPressure."""
        return frozenset(self._since)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Looks for ever."""
        task_status.started()
        while True:
            await trio.sleep(LOOK_S)
            try:
                await self.look()
            except RuntimeFailure as failure:
                log.warning("event=pressure_not_relieved why=%r", failure.message)

    async def look(self) -> None:
        """One look, one step: at most one pod is evicted, then the board is measured again."""
        await self._enforce_storage_limits()
        facts = self._parts.facts()
        rooms = rooms_of(facts)
        now = trio.current_time()
        signals_met = signals.met(self._parts.thresholds, rooms)
        self._since = signals.conditions(signals_met, self._since, now, self._parts.transition_s)
        await self._collect_images(rooms[signals.DISK], now, force=signals.DISK in signals_met)
        if not signals_met:
            return
        signal = signals_met[0]
        if signal in (signals.DISK, signals.INODES):
            rooms = rooms_of(self._parts.facts())
            if signal not in signals.met(self._parts.thresholds, rooms):
                return  # the images were enough
        await self._evict_one(signal, rooms[signal])

    async def _evict_one(self, signal: str, room: signals.Room) -> None:
        threshold = self._parts.thresholds[signal].of(room.capacity)
        name = signals.RESOURCES[signal]
        self._parts.warn("EvictionThresholdMet", f"Attempting to reclaim {name}")
        workers = {w.pod.metadata.uid: w for w in self._parts.workers() if w.is_evictable}
        used = await self._use(signal, workers.values())
        order = signals.ranked(pod_use(w.pod, signal, used.get(uid, {})) for uid, w in workers.items())
        if not order:
            return
        worker = workers[order[0].uid]
        containers = used.get(order[0].uid, {})
        uses = [(c.name, containers.get(c.name, 0), requested(c, signal)) for c in worker.pod.spec.containers]
        words = signals.eviction_words(signal, threshold, room, uses)
        meta = worker.pod.metadata
        log.warning("event=pod_evicted pod=%s/%s why=%r", meta.namespace, meta.name, words)
        worker.evict(words, by_board=True)

    async def _use(self, signal: str, workers: Iterable[PodWorker]) -> dict[str, dict[str, int]]:
        """What each container uses of what is short, by pod uid."""
        if signal in (signals.MEMORY, signals.PIDS):
            sample = await self._parts.meter.latest()
            found: dict[str, dict[str, int]] = {}
            for worker in workers:
                for name, attempts in worker.containers.items():
                    totals = sample.containers.get(attempts[-1].id) if attempts else None
                    amount = _amount_of(signal, totals)
                    if amount is not None:
                        found.setdefault(worker.pod.metadata.uid, {})[name] = amount
            return found
        places = [(w.pod.metadata.uid, _disk_places(w)) for w in workers]
        count = inodes_below if signal == signals.INODES else disk_bytes
        return await trio.to_thread.run_sync(_measure_all, places, count)

    async def _enforce_storage_limits(self) -> None:
        limited = [w for w in self._parts.workers() if w.is_evictable and storage.has_limits(w.pod)]
        for worker in limited:
            places = worker.storage_places()
            containers = await trio.to_thread.run_sync(_measure, places, disk_bytes)
            volumes = await trio.to_thread.run_sync(_measure, worker.volume_places(), disk_bytes)
            words = storage.exceeded(worker.pod, volumes, containers)
            if words:
                worker.evict(words)

    async def _collect_images(self, room: signals.Room, now: float, *, force: bool) -> None:
        rules = self._parts.collection
        wanted = rules.bytes_to_free(room.available, room.capacity)
        if not force and (wanted == 0 or now - self._images_at < IMAGES_S):
            return
        self._images_at = now
        images, in_use = await self._parts.runtime.images()
        for image in images:
            if image.id in in_use or image.id not in self._image_used_at:
                self._image_used_at[image.id] = now
        free = image_rules.unused(images, in_use, self._image_used_at, now, rules.min_age_s)
        picked = free if force else image_rules.chosen(free, wanted)
        freed = 0
        for image in picked:
            try:
                await self._parts.runtime.remove_image(image.id)
            except RuntimeFailure as failure:  # others may go all the same
                log.warning("event=image_not_removed image=%s why=%r", image.id, failure.message)
                continue
            self._image_used_at.pop(image.id, None)
            freed += image.size_bytes
            log.info("event=image_removed image=%s bytes=%d", ",".join(image.names), image.size_bytes)
        if freed < wanted:
            words = f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, "
            self._parts.warn("FreeDiskSpaceFailed", f"{words}but only found {freed} bytes eligible to free.")


def rooms_of(facts: BoardFacts) -> dict[str, signals.Room]:
    """What is left of what."""
    return {
        signals.MEMORY: signals.Room(facts.available_bytes, facts.memory_bytes),
        signals.DISK: signals.Room(facts.disk_free_bytes, facts.disk_bytes),
        signals.INODES: signals.Room(facts.inodes_free, facts.inodes),
        signals.PIDS: signals.Room(max(0, facts.pid_limit - facts.processes), facts.pid_limit),
    }


def pod_use(pod: Pod, signal: str, used: Mapping[str, int]) -> signals.PodUse:
    """A pod's use of what is short."""
    return signals.PodUse(
        uid=pod.metadata.uid,
        priority=pod.spec.priority or 0,
        used=sum(used.values()),
        requested=sum(requested(container, signal) for container in pod.spec.containers),
        is_critical=is_critical(pod),
    )


def requested(container: Any, signal: str) -> int:
    """What a container asked for."""
    amount = container.resources.requests.get(signals.RESOURCES[signal])
    return parse(amount).nano // 10**9 if amount is not None else 0


def _disk_places(worker: PodWorker) -> dict[str, list[Path]]:
    """What a pod has on the disk: by container, and its volumes by names that no container has."""
    volumes = {f"volume {name}": paths for name, paths in worker.volume_places().items()}
    return worker.storage_places() | volumes


def _amount_of(signal: str, totals: ContainerTotals | None) -> int | None:
    """Bytes of memory that a container works with, or its processes; None if the kernel does not count them."""
    if totals is None:
        return None
    if signal == signals.PIDS:
        return totals.processes
    return totals.memory.working_set_bytes if totals.memory is not None else None


def _measure_all(
    pods: list[tuple[str, dict[str, list[Path]]]], count: Callable[[Path], int]
) -> dict[str, dict[str, int]]:
    return {uid: _measure(places, count) for uid, places in pods}


def _measure(places: Mapping[str, list[Path]], count: Callable[[Path], int]) -> dict[str, int]:
    """What `count` finds below each name's places (a worker thread's)."""
    return {name: sum(count(path) for path in paths) for name, paths in places.items()}
