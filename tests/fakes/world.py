"""A cluster in one thread: controllers, a scheduler and boards on the fake API, with a clock that is moved by hand.

It does what pikube.informer.loop does, but synchronously and in a fixed order, so that a test can cut any
procedure after any action (`cuts`), restart, and ask whether everything converges all the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from fakes.fake_api import START_AT, FakeApi
from msgspec import structs

from pikube.api.errors import ApiError, Conflict, NotFound
from pikube.api.kinds.core_container import ContainerState, ContainerStateRunning, ContainerStatus
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod, PodCondition, PodIP
from pikube.api.times import render_time
from pikube.informer.actions import (
    Action,
    Create,
    Delete,
    DeleteAll,
    PatchObject,
    RecordEvent,
    Remember,
    RequeueAfter,
    Update,
)
from pikube.informer.cache import Cache, ObjectKey
from pikube.informer.controller import Controller
from pikube.leader.controllers.conditions import with_condition
from pikube.leader.scheduler.decide import Bind, schedule
from pikube.leader.scheduler.node_state import Cluster, PodFacts

ENDED = ("Succeeded", "Failed")


class World:
    """`events` are those recorded, as (reason, message). Boards run pods unless `has_boards` is False."""

    def __init__(
        self,
        controllers: Sequence[Controller[Any, Any]],
        *,
        cuts: Iterable[int] = (),
        has_boards: bool = True,
    ) -> None:
        self.now = START_AT
        self.api = FakeApi(lambda: self.now)
        self.controllers = tuple(controllers)
        self.events: list[tuple[str, str]] = []
        self.has_boards = has_boards
        self.dead: set[str] = set()  # boards that no longer act
        self._cuts = list(cuts)
        self._addresses = 0
        self._start()

    def cut_after(self, cuts: Iterable[int]) -> None:
        """Of the next decisions, perform only so many actions each and restart."""
        self._cuts = list(cuts)

    def clock(self) -> float:
        """The same clock, as controllers take it."""
        return self.now

    def cache(self, cls: type[Any]) -> Cache[Any]:
        """What `observe` reads (Lister)."""
        return self._caches.setdefault(cls, Cache(cls))

    def settle(self, rounds: int = 60) -> int:
        """Work until nobody has anything to do; the number of rounds, which may not pass `rounds`."""
        for number in range(rounds):
            self._refresh()
            if self.has_boards:
                self._run_boards()
            todo = [(c, key) for c in self.controllers for key in sorted(self._pending[c.name])]
            if not todo:
                return number
            for controller, key in todo:
                self._pending[controller.name].discard(key)
                self._work(controller, key)
        raise AssertionError(f"not settled after {rounds} rounds: {self._pending}")

    def advance(self, seconds: float, rounds: int = 60) -> None:
        """Let time pass, stopping wherever a controller wanted to look again."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, controller, key = heapq.heappop(self._timers)
            if self._due.get((controller.name, key)) != due:
                continue
            del self._due[controller.name, key]
            self.now = max(self.now, due)
            self._pending[controller.name].add(key)
            self.settle(rounds)
        self.now = end
        self.settle(rounds)

    def pods(self, *, active: bool = True) -> list[Pod]:
        """Pods, without those that are going or have ended."""
        found: list[Pod] = self.api.all_of(Pod)
        if not active:
            return found
        return [p for p in found if not p.metadata.deletion_timestamp and p.status.phase not in ENDED]

    def restart(self) -> None:
        """The leader starts anew: caches are listed, every object is looked at, timers are gone."""
        self._start()

    def _start(self) -> None:
        self._position = 0
        self._caches: dict[type[Any], Cache[Any]] = {}
        self._pending: dict[str, set[ObjectKey]] = {c.name: set() for c in self.controllers}
        self._timers: list[tuple[float, int, Controller[Any, Any], ObjectKey]] = []
        self._due: dict[tuple[str, ObjectKey], float] = {}
        self._count = 0
        for controller in self.controllers:
            for index in controller.indexes:
                self.cache(index.cls).add_index(index.name, index.indexer)

    def _refresh(self) -> None:
        for type_, obj in self.api.changes_since(self._position):
            cache = self.cache(type(obj))
            key = ObjectKey(obj.metadata.namespace, obj.metadata.name)
            old = cache.drop(key) if type_ == "DELETED" else cache.put(obj)
            self._tell(type(obj), [old, None if type_ == "DELETED" else obj])
        self._position = self.api.revision

    def _tell(self, cls: type[Any], objects: Sequence[Any]) -> None:
        for controller in self.controllers:
            for watch in controller.watches:
                if watch.cls is cls:
                    for obj in objects:
                        if obj is not None:
                            self._pending[controller.name].update(watch.keys(self, obj))

    def _work(self, controller: Controller[Any, Any], key: ObjectKey) -> None:
        self._refresh()  # the loop's promise: the caches hold what was written before
        seen = controller.observe(self, key)
        if seen is None:
            return
        desired, observed = seen
        actions = controller.reconcile(desired, observed, self.now)
        cut = self._cuts.pop() if self._cuts else None
        for index, action in enumerate(actions):
            if cut is not None and index >= cut:
                self.restart()
                return
            try:
                self.perform(controller, key, action)
            except Conflict:
                self._pending[controller.name].add(key)
                return
            except ApiError as error:
                if controller.on_failure is not None:
                    for word in controller.on_failure(desired, observed, action, error, self.now):
                        self.perform(controller, key, word)
                self._later(1.0, controller, key)
                return

    def perform(self, controller: Controller[Any, Any], key: ObjectKey, action: Action) -> None:
        """Do one action."""
        match action:
            case Create(obj, said):
                self._say(said, self.api.create_nowait(obj))
            case Update(obj, subresource, said):
                self._say(said, self.api.update_nowait(obj, subresource))
            case PatchObject(cls, target, patch, _, subresource):
                try:
                    self.api.patch_nowait(cls, target.name, target.namespace, patch, subresource)
                except NotFound:
                    return
            case Delete():
                self._delete(action)
            case DeleteAll(classes, namespace):
                found = [obj for cls in classes for obj in self.api.all_of(cls, namespace)]
                for obj in found:
                    self.api.delete_nowait(type(obj), obj.metadata.name, obj.metadata.namespace)
                if found:
                    raise Conflict("something was left")
            case RecordEvent(_, _, reason, message):
                self.events.append((reason, message))
            case RequeueAfter(seconds):
                self._later(seconds, controller, key)
            case Remember(book, value):
                book[key] = value

    def _delete(self, action: Delete) -> None:
        for cls, key, uid in action.unless:
            try:
                if uid in ("", self.api.get_nowait(cls, key.name, key.namespace).metadata.uid):
                    return
            except NotFound:
                continue
        try:
            gone = self.api.delete_nowait(
                action.cls, action.key.name, action.key.namespace,
                uid=action.uid, grace_period_s=action.grace_period_s, propagation=action.propagation,
            )  # fmt: skip
        except (NotFound, Conflict):
            return
        self._say(action.said, gone)

    def _say(self, said: RecordEvent | None, obj: Any) -> None:
        if said is not None:
            self.events.append((said.reason, said.message.replace("{name}", obj.metadata.name)))

    def _later(self, seconds: float, controller: Controller[Any, Any], key: ObjectKey) -> None:
        """Of several wishes the earliest counts, as in the work queue."""
        due = self.now + seconds
        if self._due.get((controller.name, key), float("inf")) <= due:
            return
        self._due[controller.name, key] = due
        self._count += 1
        heapq.heappush(self._timers, (due, self._count, controller, key))

    def _run_boards(self) -> None:
        """Schedule, start and end pods, as the scheduler and the agents would."""
        cluster = Cluster()
        for node in self.api.all_of(Node):
            cluster.put_node(node)
        pods = self.api.all_of(Pod)
        for pod in pods:
            if pod.spec.node_name and pod.status.phase not in ENDED:
                cluster.put_pod(PodFacts(pod), pod.spec.node_name)
        for pod in pods:
            meta = pod.metadata
            if pod.spec.node_name in self.dead:
                continue
            if meta.deletion_timestamp:
                self.api.delete_nowait(Pod, meta.name, meta.namespace, grace_period_s=0)
            elif not pod.spec.node_name:
                decision = schedule(PodFacts(pod), cluster)
                if isinstance(decision, Bind):
                    self.api.bind_nowait(meta.name, meta.namespace, decision.node)
                    cluster.put_pod(PodFacts(pod), decision.node)
            elif not pod.status.phase or pod.status.phase == "Pending":
                self.set_running(pod)
        self._refresh()

    def set_running(self, pod: Pod, *, is_ready: bool = True) -> None:
        """What an agent reports of a pod whose containers run."""
        self._addresses += 1
        now = render_time(self.now)
        ready = PodCondition(type="Ready", status=str(is_ready), last_transition_time=now)
        address = pod.status.pod_ip or f"10.42.{self._addresses // 250}.{self._addresses % 250 + 1}"
        containers = tuple(
            ContainerStatus(
                name=c.name,
                ready=is_ready,
                state=ContainerState(running=ContainerStateRunning(started_at=now)),
            )
            for c in pod.spec.containers
        )
        status = structs.replace(
            pod.status,
            phase="Running",
            pod_ip=address,
            pod_ips=(PodIP(ip=address),),
            start_time=pod.status.start_time or now,
            conditions=with_condition(pod.status.conditions, ready),
            container_statuses=containers,
        )
        self.api.update_nowait(
            structs.replace(pod, status=status, metadata=structs.replace(pod.metadata, resource_version="")),
            "status",
        )
