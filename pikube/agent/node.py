"""Shell: registers this board as a Node, keeps its status true and its Lease fresh.

The Lease is the heartbeat and costs the leader some bytes of memory; the status is written only when it
says something new. Called by the agent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

import trio
from msgspec import structs

from pikube.agent.facts import BoardFacts, oci_runtimes, read_facts
from pikube.agent.node_images import NodeImages
from pikube.agent.node_object import has_other_resources, new_node, node_status
from pikube.agent.runtime.contract import Runtime, RuntimeInfo
from pikube.agent.status_patch import status_patch
from pikube.api.client import STRATEGIC_MERGE_PATCH, Client, ConnectionLost
from pikube.api.errors import AlreadyExists, ApiError, Conflict, NotFound, Unauthorized
from pikube.api.image_architecture import ANNOTATION
from pikube.api.kinds.coordination import Lease, LeaseSpec
from pikube.api.kinds.core_node import Node, NodeStatus
from pikube.api.kinds.meta import ObjectMeta, OwnerReference
from pikube.api.times import render_micro_time
from pikube.config import Settings

log = logging.getLogger("pikube.node")

LEASE_S = 8  # how long the leader believes a heartbeat: a lost board is known after that
HEARTBEAT_S = 2.5  # three may be lost on a bad Wi-Fi before a board counts as lost
STATUS_S = 10.0  # how often the board looks at itself
RETRY_S = 1.0
LEASE_NAMESPACE = "kube-node-lease"


class NodeAgent:
    """This board's Node. `pod_cidr` is known once the leader has allocated it."""

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        settings: Settings,
        address: Callable[[], str],
        *,
        is_leader: bool,
        remembered: Node | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._runtime = runtime
        self._settings = settings
        self._address = address
        self._is_leader = is_leader
        self._now = wall_clock
        self._info: RuntimeInfo | None = None
        self._handlers = oci_runtimes()
        self.facts: BoardFacts = read_facts(Path(settings.data_dir))
        self.node = Node()
        self._must_report = trio.Event()
        self._remembered = remembered
        self.pressures: Callable[[], AbstractSet[str]] = frozenset
        self.images = NodeImages(runtime)
        self.not_ready_because = "the pod network is not there yet"
        self.unreached = ""

    async def register(self) -> Node:
        """Make or adopt the Node; the remembered one, if the leader is away, or refuses certificates that are about
        to be renewed (ConnectionLost, Unauthorized without)."""
        self._info = await self._runtime.info()  # once a life: half a second of CPU on a small board
        try:
            return await self._register()
        except (ConnectionLost, Unauthorized):
            if self._remembered is None:
                raise
            log.warning("event=node_not_registered why='the leader is away: pods start as they were'")
            self.node = self._remembered
            return self.node

    @property
    def runtime_warning(self) -> str:
        """What is wrong with how Podman is set up, though it works; '' when nothing is."""
        if self._info is not None and self._info.storage_driver == "vfs":
            return (
                "podman's storage driver is vfs, which copies every layer for every container: ten times slower, and "
                'it fills the card; set driver = "overlay" in /etc/containers/storage.conf, then podman system reset'
            )
        return ""

    async def _register(self) -> Node:
        wanted = new_node(self.facts, self._settings, is_leader=self._is_leader)
        try:
            self.node = await self._client.create(wanted)
        except AlreadyExists:
            patch = {"metadata": {"labels": wanted.metadata.labels}}
            self.node = await self._client.patch(Node, self._settings.node_name, "", patch)
            await (
                self._beat()
            )  # its pods run on: a restart of pikube is no reason to call the board not ready
        else:
            await self._beat()
            await self.report()
        return self.node

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Heartbeats and status for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heartbeats)
            nursery.start_soon(self._reports)
            nursery.start_soon(self.images.run, self.report_soon)
            task_status.started()

    def seen(self, old: Node | None, new: Node | None) -> None:
        """What the leader has of this node, as watches bring it: a leader that heard nothing for a while calls the
        board Unknown, and only the board can say otherwise."""
        if new is not None and new.metadata.name == self._settings.node_name:
            self.node = new
            is_unknown = any(condition.status == "Unknown" for condition in new.status.conditions)
            if is_unknown or has_other_resources(new.status):
                self.report_soon()

    async def _heartbeats(self) -> None:
        while True:
            try:
                await self._beat()
            except (ApiError, ConnectionLost) as error:
                log.debug("event=heartbeat_lost why=%r", str(error))
            await trio.sleep(HEARTBEAT_S)

    def report_soon(self) -> None:
        """Something that the status says has changed."""
        self._must_report.set()

    async def _reports(self) -> None:
        while True:
            with trio.move_on_after(STATUS_S):
                await self._must_report.wait()
            self._must_report = trio.Event()
            try:
                await self.report()
                if self._runtime.trouble():  # an answer is told at once; one that is well is not woken up
                    await self._runtime.ping()
            except (ApiError, ConnectionLost) as error:
                log.warning("event=node_status_failed why=%r", str(error))
                await trio.sleep(RETRY_S)
                self._must_report.set()  # an address that the leader does not know yet cuts its way to our pods

    def image_pulled(self) -> None:
        """The scheduler should know soon what the board has, and that an image is not for all."""
        self.images.note()

    def say_unreached(self, problem: str) -> None:
        """Boards whose pods cannot be reached from here, in words; ''."""
        self.unreached = problem
        self.report_soon()

    async def report(self) -> None:
        """Write the status if it changed or has not been written for long."""
        self.facts = read_facts(Path(self._settings.data_dir))
        if self._runtime.problem():  # perhaps no more
            await self._runtime.ping()
        trouble, problem = self._runtime.trouble(), self._runtime.problem()
        down = f"container runtime is down: {problem}" if problem else ""
        assert self._info is not None
        status = node_status(
            self.facts, self._info, self._settings, self._address(), self.node.status, self._now(),
            not_ready_because=self.not_ready_because or down, trouble=trouble, pressures=self.pressures(),
            images=self.images.latest if self.images.is_known else self.node.status.images,
            unreached=self.unreached, handlers=self._handlers,
        )  # fmt: skip
        meta, told = self.node.metadata, self.images.architectures
        is_told = not self.images.is_known or meta.annotations.get(ANNOTATION) == told
        if is_told and _same(status, self.node.status):
            return  # the Lease is the heartbeat: an idle board writes nothing
        patch = status_patch(self.node, status)
        if not is_told:
            patch["metadata"] = {"uid": meta.uid, "annotations": {ANNOTATION: told}}
        try:
            self.node = await self._client.patch(
                Node, self.node.metadata.name, "", patch,
                content_type=STRATEGIC_MERGE_PATCH, subresource="status",
            )  # fmt: skip
        except NotFound:
            self.node = await self._client.create(
                new_node(self.facts, self._settings, is_leader=self._is_leader)
            )
            return

    async def _beat(self) -> None:
        name = self._settings.node_name
        spec = LeaseSpec(
            holder_identity=name, lease_duration_seconds=LEASE_S, renew_time=render_micro_time(self._now())
        )
        owner = OwnerReference(api_version="v1", kind="Node", name=name, uid=self.node.metadata.uid)
        meta = ObjectMeta(name=name, namespace=LEASE_NAMESPACE, owner_references=(owner,))
        lease = Lease(metadata=meta, spec=spec)
        try:
            await self._client.update(lease)
        except NotFound:
            await self._client.create(lease)
        except Conflict:
            return


def _same(new: NodeStatus, old: NodeStatus) -> bool:
    """Whether two statuses say the same, heartbeat times apart."""

    def bare(status: NodeStatus) -> NodeStatus:
        conditions = tuple(structs.replace(c, last_heartbeat_time="") for c in status.conditions)
        return structs.replace(status, conditions=conditions)

    return bare(new) == bare(old)
