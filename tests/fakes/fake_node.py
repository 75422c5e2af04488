"""A board without containers: registers, sends heartbeats, and reports its pods as a kubelet would, over any Client.

For benchmarks with a hundred boards and for the soak test. Jobs' pods end after a moment; who is deleted goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import trio
from msgspec import structs

from pikube.agent.status_patch import status_patch
from pikube.api.client import STRATEGIC_MERGE_PATCH, Client, ConnectionLost
from pikube.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pikube.api.kinds.coordination import Lease, LeaseSpec
from pikube.api.kinds.core_container import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStatus,
)
from pikube.api.kinds.core_node import Node, NodeAddress, NodeCondition, NodeStatus
from pikube.api.kinds.core_pod import Pod, PodCondition, PodIP, PodStatus
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import render_micro_time, render_time
from pikube.informer.informer import Informer

HEARTBEAT_S = 2.5
RETRY_S = 0.3
FAIL = "fake/fails"  # a pod with this annotation ends as Failed, if it ends

Ends = Callable[[Pod], float | None]
"""In how many seconds a pod that has begun ends by itself; None for never."""


def jobs_end(pod: Pod) -> float | None:
    """Pods that are not to be restarted end at once."""
    return None if pod.spec.restart_policy == "Always" else 0.05


class FakeNode:
    """One board. `number` (1 … 250) gives its pods' addresses."""

    def __init__(
        self,
        client: Client,
        name: str,
        number: int,
        *,
        ends: Ends = jobs_end,
        cpu: str = "4",
        pods: str = "110",
    ) -> None:
        self.name = name
        self._client = client
        self._number = number
        self._ends = ends
        self._allocatable = {"cpu": cpu, "memory": "8Gi", "pods": pods}
        self._addresses: dict[str, str] = {}
        self._count = 0
        self._work: dict[str, Pod] = {}  # by uid, the newest of each pod
        self._workers: set[str] = set()
        self._changed: dict[str, trio.Event] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        await self._again(self._register)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._heartbeats)
            pods = Informer(self._client, Pod, field_selector=f"spec.nodeName={self.name}")
            pods.subscribe(self._pod_changed)
            await nursery.start(pods.run)
            task_status.started()

    async def _again(self, call: Any, *args: Any) -> Any:
        while True:
            try:
                return await call(*args)
            except (ConnectionLost, ApiError):
                await trio.sleep(RETRY_S)

    async def _register(self) -> None:
        node = Node(metadata=ObjectMeta(name=self.name, labels={"kubernetes.io/hostname": self.name}))
        try:
            node = await self._client.create(node)
        except AlreadyExists:
            node = await self._client.get(Node, self.name)
        await self._beat()
        condition = NodeCondition(
            type="Ready", status="True", reason="KubeletReady", message="fake", last_heartbeat_time=_now(),
            last_transition_time=_now(),
        )  # fmt: skip
        status = NodeStatus(
            capacity=self._allocatable,
            allocatable=self._allocatable,
            conditions=(condition,),
            addresses=(NodeAddress(type="InternalIP", address=f"198.51.100.{self._number}"),),
        )
        meta = structs.replace(node.metadata, resource_version="")
        await self._client.update(structs.replace(node, metadata=meta, status=status), subresource="status")

    async def _heartbeats(self) -> None:
        while True:
            await trio.sleep(HEARTBEAT_S)
            try:
                await self._beat()
            except Conflict:
                continue
            except NotFound:
                await self._again(self._register)
            except (ConnectionLost, ApiError):
                continue

    async def _beat(self) -> None:
        spec = LeaseSpec(
            holder_identity=self.name, lease_duration_seconds=8, renew_time=render_micro_time(time.time())
        )
        lease = Lease(metadata=ObjectMeta(name=self.name, namespace="kube-node-lease"), spec=spec)
        try:
            await self._client.update(lease)
        except NotFound:
            await self._client.create(lease)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        assert self._nursery is not None
        if new is None:
            assert old is not None
            self._work.pop(old.metadata.uid, None)
            self._wake(old.metadata.uid)
            return
        uid = new.metadata.uid
        self._work[uid] = new
        if uid in self._workers:
            self._wake(uid)
        else:
            self._workers.add(uid)
            self._nursery.start_soon(self._work_on, uid)

    def _wake(self, uid: str) -> None:
        event = self._changed.pop(uid, None)
        if event is not None:
            event.set()

    async def _work_on(self, uid: str) -> None:
        """One pod's life."""
        ends_at: float | None = None
        has_ended = False
        while (pod := self._work.get(uid)) is not None:
            event = self._changed[uid] = trio.Event()
            try:
                if pod.metadata.deletion_timestamp:
                    await self._remove(pod)
                elif pod.status.phase in ("", "Pending"):
                    await self._report(pod, "Running")
                    after_s = self._ends(pod)
                    ends_at = None if after_s is None else trio.current_time() + after_s
                elif pod.status.phase == "Running" and not has_ended:
                    if ends_at is None and (after_s := self._ends(pod)) is not None:
                        ends_at = trio.current_time() + after_s
                    if ends_at is not None and trio.current_time() >= ends_at:
                        failed = FAIL in pod.metadata.annotations
                        await self._report(pod, "Failed" if failed else "Succeeded")
                        has_ended, ends_at = True, None
            except NotFound:
                pass
            except (ConnectionLost, ApiError):
                with trio.move_on_after(RETRY_S):
                    await event.wait()
                continue
            with trio.move_on_at(float("inf") if ends_at is None else ends_at):
                await event.wait()
        self._workers.discard(uid)
        self._addresses.pop(uid, None)

    async def _remove(self, pod: Pod) -> None:
        meta = pod.metadata
        if pod.status.phase == "Running" and pod.spec.restart_policy != "Always":
            await self._report(pod, "Failed")
        try:
            await self._client.delete(Pod, meta.name, meta.namespace, uid=meta.uid, grace_period_s=0)
        except (NotFound, Conflict):
            return

    async def _report(self, pod: Pod, phase: str) -> None:
        meta, patch = pod.metadata, status_patch(pod, self._status(pod, phase))
        await self._client.patch(
            Pod, meta.name, meta.namespace, patch, content_type=STRATEGIC_MERGE_PATCH, subresource="status"
        )

    def _status(self, pod: Pod, phase: str) -> PodStatus:
        uid, now = pod.metadata.uid, _now()
        if uid not in self._addresses:
            self._count += 1
            self._addresses[uid] = f"10.42.{self._number}.{self._count % 250 + 2}"
        address = self._addresses[uid]
        runs = phase == "Running"
        ready = "True" if runs else "False"
        code = 1 if phase == "Failed" else 0
        state = (
            ContainerState(running=ContainerStateRunning(started_at=now))
            if runs
            else ContainerState(terminated=ContainerStateTerminated(exit_code=code, finished_at=now))
        )
        kept = tuple(
            c for c in pod.status.conditions if c.type not in ("Ready", "ContainersReady", "Initialized")
        )
        made = (
            PodCondition(type=type_, status=status, last_transition_time=now)
            for type_, status in (("Initialized", "True"), ("Ready", ready), ("ContainersReady", ready))
        )
        return PodStatus(
            phase=phase,
            conditions=(*kept, *made),
            host_ip=f"198.51.100.{self._number}",
            pod_ip=address,
            pod_ips=(PodIP(ip=address),),
            start_time=pod.status.start_time or now,
            container_statuses=tuple(
                ContainerStatus(
                    name=c.name, state=state, ready=runs, image=c.image, image_id="sha256:0", started=runs
                )
                for c in pod.spec.containers
            ),
        )


def _now() -> str:
    return render_time(time.time())
