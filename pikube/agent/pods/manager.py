"""Shell: one worker for each pod of this board, woken by the API's changes and by what a look at the runtime finds.

Enter: the informer of this node's pods. Leave: workers; sandboxes that belong to no
pod are removed. Called by the agent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

import trio
from msgspec import structs

from pikube.agent.pods.board import Board
from pikube.agent.pods.kept import KeptObjects, Ref
from pikube.agent.pods.log_rotation import OpenLog
from pikube.agent.pods.node_admission import SOURCE
from pikube.agent.pods.orphans import Orphans
from pikube.agent.pods.probes import ProbeSet
from pikube.agent.pods.static_pods import MIRROR, StaticPods
from pikube.agent.pods.worker import PodWorker
from pikube.agent.runtime.contract import Container, RuntimeFailure
from pikube.agent.usage.disk_reports import PodDisk
from pikube.api.kinds.core_pod import Pod
from pikube.informer.informer import Informer

log = logging.getLogger("pikube.pods")

RELIST_S = (
    600.0  # ends are told by the kernel at once; this finds what was started or removed behind our back
)
ORPHANS_AGAIN_S = 10.0  # Podman was away or stuck: its leftovers take memory and addresses


class PodManager:
    """Owns the workers."""

    def __init__(self, board: Board, pods: Informer[Pod], static: StaticPods, kept: KeptObjects) -> None:
        self._board = board
        self._pods = pods
        self._static = static
        self._kept = kept
        self._kept_as: dict[str, Pod] = {}
        self._writes = trio.CapacityLimiter(1)
        self._workers: dict[str, PodWorker] = {}
        self._nursery: trio.Nursery | None = None
        self._orphans = Orphans(board.runtime, board.pods_dir, self._is_known)

    def worker(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod by name: the newest, because one that is being ended may have had the name before."""
        for worker in reversed(self._workers.values()):
            meta = worker.pod.metadata
            if (meta.namespace, meta.name) == (namespace, name):
                return worker
        return None

    def workers(self) -> list[PodWorker]:
        """All of them."""
        return list(self._workers.values())

    def running(self) -> list[Container]:
        """All containers that run."""
        return [
            attempts[-1]
            for worker in self._workers.values()
            for attempts in worker.containers.values()
            if attempts and attempts[-1].state == "running"
        ]

    def pods(self) -> list[Pod]:
        return [worker.pod for worker in self._workers.values()]

    def holding(self) -> list[Pod]:
        """The pods whose requests and ports count for others."""
        return [worker.pod for worker in self._workers.values() if worker.holds_room]

    def preempt(self, pods: Iterable[Pod]) -> list[PodWorker]:
        """They make room for a critical pod; those whose end is to be waited for."""
        found = [self._workers[pod.metadata.uid] for pod in pods if pod.metadata.uid in self._workers]
        for worker in found:
            if worker.is_evictable:
                worker.preempt()
        return found

    def containers(self) -> list[tuple[Pod, Mapping[str, list[Container]]]]:
        """Each pod with its containers' attempts by name, the newest last."""
        return [(worker.pod, worker.containers) for worker in self._workers.values()]

    def probes(self) -> list[tuple[Pod, ProbeSet]]:
        """Each pod with its probes."""
        return [(worker.pod, worker.probes) for worker in self._workers.values()]

    def disks(self) -> list[tuple[Pod, PodDisk]]:
        """Each pod with where its files are."""
        return [(worker.pod, worker.disk()) for worker in self._workers.values()]

    def open_logs(self) -> list[OpenLog]:
        """The logs of all containers that run."""
        return [
            OpenLog(worker.log_dir / container.name / f"{container.attempt}.log", container.log_control)
            for worker in self._workers.values()
            for attempts in worker.containers.values()
            for container in attempts[-1:]
            if container.state == "running" and container.log_control
        ]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Workers for ever; started when leftovers of a former life are cleared up."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self._static.run, self._changed)
            are_gone = await self._orphans.remove()
            self._pods.subscribe(self._changed_in_api)
            if self._pods.revision:  # the API's list, not our own memory
                await self._write(self._kept.drop_others, Pod, [_ref(pod) for pod in self._pods.cache])
            nursery.start_soon(self._relist, are_gone)
            task_status.started()

    def _changed_in_api(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        assert pod is not None
        if MIRROR in pod.metadata.annotations:
            self._static.mirror_changed(old, new)
            behind = self._static.pod_of(pod)
            worker = self._workers.get(behind.metadata.uid) if behind is not None else None
            if worker is not None and new is not None:
                worker.changed(structs.replace(worker.pod, status=new.status))
            return
        self._keep(pod, new)
        self._changed(old, new)

    def _keep(self, pod: Pod, new: Pod | None) -> None:
        """On the card, for a board that must start without its leader; written when more than the status changes."""
        assert self._nursery is not None
        uid = pod.metadata.uid
        if new is None:
            self._kept_as.pop(uid, None)
            self._nursery.start_soon(self._write, self._kept.drop, _ref(pod))
        elif uid not in self._kept_as or _differs(self._kept_as[uid], new):
            self._kept_as[uid] = new
            self._nursery.start_soon(self._write, self._kept.write, _ref(new), new)

    async def _write(self, write: Callable[..., object], *values: object) -> None:
        await trio.to_thread.run_sync(write, *values, limiter=self._writes)

    def _changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        assert pod is not None
        worker = self._workers.get(pod.metadata.uid)
        if old is not None and new is not None and old.metadata.uid != new.metadata.uid:
            self._gone(old)
        if new is None:
            self._gone(pod)
        elif worker is not None:
            worker.changed(new)
        else:
            self._begin(new)

    def _begin(self, pod: Pod) -> None:
        assert self._nursery is not None
        is_static = pod.metadata.annotations.get(SOURCE) == "file"
        mirror = (lambda: self._static.mirror_of(pod)) if is_static else None
        uid = pod.metadata.uid
        before = self._orphans.found_at_first
        is_new = before is not None and uid not in before
        worker = self._workers[uid] = PodWorker(
            self._board, pod, mirror=mirror, is_new=is_new, neighbours=self.holding, preempt=self.preempt
        )
        self._nursery.start_soon(self._run_worker, worker)

    async def _run_worker(self, worker: PodWorker) -> None:
        await worker.run()
        uid = worker.pod.metadata.uid
        self._workers.pop(uid, None)
        self._board.references.forget(uid)

    def _gone(self, pod: Pod) -> None:
        """Deleted from the API without our consent (force): what runs must end now."""
        worker = self._workers.get(pod.metadata.uid)
        if worker is not None:
            meta = structs.replace(
                worker.pod.metadata,
                deletion_timestamp=worker.pod.metadata.deletion_timestamp or "1970-01-01T00:00:01Z",
                deletion_grace_period_seconds=min(worker.pod.metadata.deletion_grace_period_seconds or 2, 2),
            )
            worker.is_forced_away = True
            worker.changed(structs.replace(worker.pod, metadata=meta))

    def _is_known(self, uid: str) -> bool:
        return uid in self._workers or any(pod.metadata.uid == uid for pod in self._pods.cache)

    async def _relist(self, are_orphans_gone: bool) -> None:
        """Notice what no event told."""
        before: dict[str, tuple[tuple[str, str], ...]] = {}
        while True:
            with trio.move_on_after(RELIST_S):
                while not are_orphans_gone:
                    await trio.sleep(ORPHANS_AGAIN_S)
                    are_orphans_gone = await self._orphans.remove()
                await trio.sleep_forever()
            try:
                _, containers = await self._board.runtime.list_all()
            except RuntimeFailure as failure:
                log.warning("event=relist_failed why=%r", failure.message)
                continue
            now: dict[str, tuple[tuple[str, str], ...]] = {}
            for container in sorted(containers, key=lambda c: c.id):
                now[container.pod_uid] = (*now.get(container.pod_uid, ()), (container.id, container.state))
            for uid, worker in self._workers.items():
                if before.get(uid) != now.get(uid):
                    worker.look_again()
            before = now
            are_orphans_gone = await self._orphans.remove()


def _ref(pod: Pod) -> Ref:
    return Ref(Pod, pod.metadata.namespace, pod.metadata.name)


def _differs(kept: Pod, new: Pod) -> bool:
    """Whether a start without the leader would do something else with the new one."""
    over = ("Succeeded", "Failed")
    return (
        kept.spec != new.spec
        or kept.metadata.labels != new.metadata.labels
        or kept.metadata.annotations != new.metadata.annotations
        or kept.metadata.deletion_timestamp != new.metadata.deletion_timestamp
        or (kept.status.phase in over) != (new.status.phase in over)
        or bool(kept.status.start_time) != bool(new.status.start_time)
    )
