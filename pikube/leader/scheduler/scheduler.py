"""Shell: the scheduler: keeps the cluster's state by informers, decides for waiting pods, binds.

Enter: pods without a node. Leave: bindings, conditions, events, preempted pods, nodes noted on claims. Run by
run.py beside the controllers. Decisions are pure (decide.py, preempt.py); a pod decided for a node counts
there at once (it is *assumed*), long before the cache shows it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ApiError, NotFound
from pikube.api.image_architecture import ANNOTATION, read_mismatch
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Binding, Pod
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.kinds.policy import PodDisruptionBudget
from pikube.api.kinds.storage import StorageClass
from pikube.api.times import render_time
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.informer import Informers
from pikube.informer.recorder import Recorder
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.controllers.pods import ENDED
from pikube.leader.controllers.volume_match import SELECTED_NODE
from pikube.leader.scheduler.decide import Bind, Unschedulable, schedule
from pikube.leader.scheduler.node_state import Cluster, PodFacts
from pikube.leader.scheduler.preempt import Preemption, preempt
from pikube.leader.scheduler.queue import PodQueue
from pikube.leader.scheduler.volumes import NO_VOLUMES, VolumeNeeds, claim_names, undecided, volume_needs

log = logging.getLogger("pikube.scheduler")

NAME = "default-scheduler"
ROUND = 64  # pods decided before their bindings are awaited: one group commit takes them all
TERMINATING_VICTIM = "not eligible due to a terminating pod on the nominated node."


@dataclass(frozen=True, slots=True)
class SchedulerStatistics:
    waiting: int
    bound: int
    failed_attempts: int


class Scheduler:
    """Places pods whose spec.schedulerName is `default-scheduler`."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: Recorder,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._informers = informers
        self._recorder = recorder
        self._now = wall_clock
        self._cluster = Cluster()
        self._queue = PodQueue()
        self._assumed: dict[ObjectKey, str] = {}  # uid of pods being bound
        self._nominated: dict[ObjectKey, tuple[PodFacts, str]] = {}
        self._wake = trio.Event()
        self._bound = 0
        self._failed = 0
        informers.of(Node).subscribe(self._node_changed)
        informers.of(Pod).subscribe(self._pod_changed)
        informers.of(Namespace).subscribe(self._namespace_changed)
        for cls in (PersistentVolumeClaim, PersistentVolume, StorageClass):
            informers.of(cls).subscribe(self._volume_changed)
        informers.of(PodDisruptionBudget)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Places pods as they come; never returns."""
        self._begin()
        task_status.started()
        while True:
            pods = self._queue.due(trio.current_time(), ROUND)
            if not pods:
                wake = self._wake = trio.Event()
                with trio.move_on_at(self._queue.next_due()):
                    await wake.wait()
                continue
            async with trio.open_nursery() as nursery:
                for pod in pods:
                    if self._queue.get(key_of(pod)) is pod:
                        self._decide(pod, nursery)
                    await trio.lowlevel.checkpoint()  # others get their turn between decisions

    def _begin(self) -> None:
        """What was under way when the Lease was lost may be done or not: it is asked once more."""
        for key in list(self._assumed):
            self._unassume(key)
        self._something_changed()

    def statistics(self) -> SchedulerStatistics:
        return SchedulerStatistics(len(self._queue), self._bound, self._failed)

    def _decide(self, pod: Pod, nursery: trio.Nursery) -> None:
        key = key_of(pod)
        facts = PodFacts(pod)
        needs = self._needs(pod)
        borrowed = self._put_nominated(facts)
        self._cluster.images.now = trio.current_time()
        try:
            decision = schedule(facts, self._cluster, needs)
            if isinstance(decision, Unschedulable):
                self._queue.failed(key, trio.current_time())
                self._failed += 1
                room = self._make_room(facts, needs, decision)
                nursery.start_soon(self._tell_unschedulable, pod, decision, room)
                return
        finally:
            for other in borrowed:
                self._cluster.drop_pod(other)
        if needs.waiting:
            self._queue.rest(key)
            claims = undecided(needs, decision.node)
            nursery.start_soon(self._select_node, claims, decision.node)
            return
        self._cluster.put_pod(facts, decision.node)
        self._assumed[key] = pod.metadata.uid
        self._queue.drop(key)
        nursery.start_soon(self._bind, facts, decision)

    def _put_nominated(self, facts: PodFacts) -> list[ObjectKey]:
        """Room made by preemption is kept for its pod against those of no higher priority."""
        borrowed = []
        for key, (other, node) in self._nominated.items():
            if key != facts.key and other.priority >= facts.priority:
                self._cluster.put_pod(other, node)
                borrowed.append(key)
        return borrowed

    def _make_room(self, facts: PodFacts, needs: VolumeNeeds, decision: Unschedulable) -> Preemption | str:
        if not decision.rejections:
            return ""
        nominated = self._cluster.nodes.get(self._nominated.get(facts.key, (facts, ""))[1])
        if nominated is not None and any(
            other.priority < facts.priority and other.pod.metadata.deletion_timestamp
            for other in nominated.pods.values()
        ):
            return TERMINATING_VICTIM
        budgets = list(self._informers.cache(PodDisruptionBudget))
        room = preempt(facts, self._cluster, needs, decision.rejections, budgets)
        if isinstance(room, Preemption):
            self._nominated[facts.key] = facts, room.node
        else:
            self._nominated.pop(facts.key, None)
        return room

    def _needs(self, pod: Pod) -> VolumeNeeds:
        if not claim_names(pod):
            return NO_VOLUMES
        claims = self._informers.cache(PersistentVolumeClaim).in_namespace(pod.metadata.namespace)
        volumes = self._informers.cache(PersistentVolume)
        classes = self._informers.cache(StorageClass)
        return volume_needs(
            pod,
            {claim.metadata.name: claim for claim in claims},
            {volume.metadata.name: volume for volume in volumes},
            {class_.metadata.name: class_ for class_ in classes},
        )

    async def _bind(self, facts: PodFacts, decision: Bind) -> None:
        meta = facts.pod.metadata
        binding = Binding(
            metadata=ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            target=ObjectReference(kind="Node", name=decision.node),
        )
        try:
            await self._client.create_subresource(Pod, meta.name, meta.namespace, "binding", binding)
        except (ApiError, ConnectionLost) as error:
            log.info("event=bind_failed pod=%s node=%s why=%r", facts.key, decision.node, str(error))
            self._unassume(facts.key)
            return
        self._bound += 1
        self._nominated.pop(facts.key, None)
        words = f"Successfully assigned {facts.key} to {decision.node}"
        self._recorder.record(NAME, facts.pod, "Normal", "Scheduled", words)

    def _unassume(self, key: ObjectKey) -> None:
        """The binding failed: the pod waits again, unless the cache knows better by now."""
        if self._assumed.pop(key, None) is None:
            return
        self._cluster.drop_pod(key)
        current = self._informers.cache(Pod).get(key)
        if current is not None:
            self._take(current)
            self._queue.failed(key, trio.current_time())
            self._stir()

    async def _select_node(self, claims: list[PersistentVolumeClaim], node: str) -> None:
        for claim in claims:
            patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
            meta = claim.metadata
            try:
                await self._client.patch(PersistentVolumeClaim, meta.name, meta.namespace, patch)
            except (ApiError, ConnectionLost) as error:
                log.info("event=select_node_failed claim=%s why=%r", key_of(claim), str(error))

    async def _tell_unschedulable(self, pod: Pod, decision: Unschedulable, room: Preemption | str) -> None:
        message = decision.message
        if isinstance(room, str) and room:
            message = f"{message} preemption: {room}"
        self._recorder.record(NAME, pod, "Warning", "FailedScheduling", message)
        node = room.node if isinstance(room, Preemption) else ""
        try:
            if isinstance(room, Preemption):
                for victim in room.victims:
                    await self._evict(victim, pod, room.node)
            await self._set_condition(pod, "Unschedulable", message, node)
        except NotFound:
            self._queue.drop(key_of(pod))
        except (ApiError, ConnectionLost) as error:
            log.info("event=tell_failed pod=%s why=%r", key_of(pod), str(error))

    async def _evict(self, victim: PodFacts, pod: Pod, node: str) -> None:
        meta = victim.pod.metadata
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{NAME}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": render_time(self._now()),
            "observedGeneration": meta.generation,
        }
        try:
            await self._patch_conditions(victim.pod, condition)
            await self._client.delete(Pod, meta.name, meta.namespace, uid=meta.uid)
        except NotFound:
            return
        words = f"Preempted by pod {pod.metadata.uid} on node {node}"
        self._recorder.record(NAME, victim.pod, "Normal", "Preempted", words)

    async def _set_condition(self, pod: Pod, reason: str, message: str, node: str) -> None:
        known = condition_of(pod.status.conditions, "PodScheduled")
        generation = pod.metadata.generation
        is_said = known is not None and (
            known.status, known.reason, known.message, known.observed_generation
        ) == ("False", reason, message, generation)  # fmt: skip
        if is_said and (not node or pod.status.nominated_node_name == node):
            return
        since = known.last_transition_time if known is not None and known.status == "False" else ""
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": reason,
            "message": message,
            "lastTransitionTime": since or render_time(self._now()),
            "observedGeneration": generation,
        }
        await self._patch_conditions(pod, condition, node)

    async def _patch_conditions(self, pod: Pod, condition: dict[str, Any], nominated: str = "") -> None:
        """A merge patch replaces the list, so it holds for exactly the revision it was made from."""
        others = [msgspec.to_builtins(c) for c in pod.status.conditions if c.type != condition["type"]]
        status: dict[str, object] = {"conditions": [*others, condition]}
        if nominated:
            status["nominatedNodeName"] = nominated
        meta = pod.metadata
        patch = {"metadata": {"resourceVersion": meta.resource_version}, "status": status}
        await self._client.patch(Pod, meta.name, meta.namespace, patch, subresource="status")

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        if new is None:
            if old is not None:
                self._cluster.drop_node(old.metadata.name)
            return
        is_same = old is not None and _offer(old) == _offer(new)
        self._cluster.images.now = trio.current_time()
        self._cluster.put_node(new)
        if not is_same:
            self._something_changed()

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new is not None:
            self._cluster.namespace_labels[new.metadata.name] = new.metadata.labels
        elif old is not None:
            self._cluster.namespace_labels.pop(old.metadata.name, None)

    def _volume_changed(self, old: object, new: object) -> None:
        self._something_changed()

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is not None and old is not None and old.metadata.uid != new.metadata.uid:
            self._forget(old)
        if new is None:
            if old is not None:
                self._forget(old)
            return
        self._take(new)
        was_placed = old is not None and old.spec.node_name
        if new.spec.node_name and (not was_placed or new.status.phase in ENDED):
            self._something_changed()

    def _take(self, pod: Pod) -> None:
        key = key_of(pod)
        if pod.spec.node_name:
            self._learn_architectures(pod)
            self._assumed.pop(key, None)
            self._nominated.pop(key, None)
            self._queue.drop(key)
            if pod.status.phase in ENDED:
                self._cluster.drop_pod(key)
            else:
                self._cluster.put_pod(PodFacts(pod), pod.spec.node_name)
            return
        if self._assumed.get(key) == pod.metadata.uid:
            return
        is_ours = pod.spec.scheduler_name in ("", NAME) and not pod.metadata.deletion_timestamp
        if not is_ours or pod.spec.scheduling_gates or pod.status.phase in ENDED:
            self._queue.drop(key)
            return
        self._queue.put(pod)
        self._stir()

    def _learn_architectures(self, pod: Pod) -> None:
        """A board that cannot run an image says so in the container's status; for a while it is believed for all
        boards of that kind. Not for ever: tags move."""
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            waiting = status.state.waiting
            said = read_mismatch(waiting.message) if waiting is not None and waiting.message else None
            if said is not None:
                self._cluster.images.now = trio.current_time()
                self._cluster.images.failed(*said)

    def _forget(self, pod: Pod) -> None:
        key = key_of(pod)
        self._assumed.pop(key, None)
        self._nominated.pop(key, None)
        self._queue.drop(key)
        self._cluster.drop_pod(key)
        if pod.spec.node_name:
            self._something_changed()

    def _something_changed(self) -> None:
        self._queue.something_changed()
        self._stir()

    def _stir(self) -> None:
        self._wake.set()


def _offer(node: Node) -> tuple[object, ...]:
    """What of a node matters to waiting pods; its heartbeats do not."""
    status, meta = node.status, node.metadata
    return node.spec, meta.labels, status.allocatable, status.images, meta.annotations.get(ANNOTATION)
