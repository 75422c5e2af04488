"""Shell: the proxy of a board: the relay process's table follows the Services, their endpoints and host ports.

Enter: the informers' Services, EndpointSlices and Nodes, and this board's pods. Leave: the table for the relay, the
guard's ports, and events on Services whose port somebody else has. Only what changed is computed again. Run
by netproxy.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import trio

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.meta import Object
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.informer import Informer, Informers
from pikube.netproxy.host_network import HostNetwork
from pikube.netproxy.merged_table import MergedTable, Owner
from pikube.netproxy.relay_link import RelayLink
from pikube.netproxy.service_records import service_of
from pikube.netproxy.table import CARRIED, SERVICE_NAME, Here, age, pod_table, service_table
from pikube.netproxy.targets import ANY, DNS_STREAM, DNS_UDP, Listener, Table

log = logging.getLogger("pikube.netproxy")

ZONE = "topology.kubernetes.io/zone"
BY_SERVICE = "service"
DNS_SERVICE = ObjectKey("kube-system", "kube-dns")

Record = Callable[[Object, str, str, str], None]
"""(regarding, Normal or Warning, reason, message)"""


class Proxy:
    """`run` never returns. `own`: doors at which the relay itself answers, and `allowed` what the guard lets in for
    them: the DNS."""

    def __init__(
        self,
        informers: Informers,
        host: HostNetwork,
        link: RelayLink,
        node: str,
        record: Record,
        allowed: Sequence[Listener] = (),
        own: Table | None = None,
    ) -> None:
        self._services = informers.of(Service)
        self._slices = informers.of(EndpointSlice)
        self._nodes = informers.of(Node)
        self._slices.cache.add_index(BY_SERVICE, service_of)
        self._host = host
        self._link = link
        self._record = record
        self._allowed = tuple(allowed)
        self._here = Here(node)
        self._table = MergedTable()
        self._table.claim(Owner("Relay", DNS_SERVICE), ("",), own or {})
        self._pods: Informer[Pod] | None = None
        self._dirty: set[Owner] = set()
        self._told: set[tuple[str, int]] = set()
        self._changed = trio.Event()
        link.failed = self._failed

    def follow_pods(self, pods: Informer[Pod]) -> None:
        """This board's pods, for their host ports."""
        self._pods = pods
        pods.subscribe(self._pod_changed)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the doors of all services known so far are open."""
        for informer in (self._services, self._slices, self._nodes):
            await informer.wait_synced()
        self._nodes.subscribe(self._node_changed)
        self._services.subscribe(self._service_changed)
        self._slices.subscribe(self._slice_changed)
        await self._update(is_first=True)
        await self._link.sync()
        task_status.started()
        while True:
            await self._changed.wait()
            await self._update()

    # -- what changed --------------------------------------------------------------------------

    def _mark(self, owner: Owner) -> None:
        self._dirty.add(owner)
        self._changed.set()

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        for service in (old, new):
            if service is not None:
                self._mark(Owner("Service", key_of(service)))

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for slice_ in (old, new):
            if slice_ is not None and (name := slice_.metadata.labels.get(SERVICE_NAME)):
                self._mark(Owner("Service", ObjectKey(slice_.metadata.namespace, name)))

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        for pod in (old, new):
            if pod is not None and any(p.host_port for c in pod.spec.containers for p in c.ports):
                self._mark(Owner("Pod", key_of(pod)))

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        """A board that moves to another zone sees all hints anew."""
        if new is None or new.metadata.name != self._here.node:
            return
        here = Here(self._here.node, new.metadata.labels.get(ZONE, ""))
        if here != self._here:
            self._here = here
            for service in self._services.cache:
                self._service_changed(None, service)

    # -- what follows --------------------------------------------------------------------------

    async def _update(self, *, is_first: bool = False) -> None:
        self._changed = trio.Event()
        dirty, self._dirty = self._dirty, set()
        for owner in dirty:
            self._claim(owner)
        changed, dropped = self._table.take_changes()
        if changed or dropped or is_first:
            await self._link.put(changed, dropped)
        doors = [door for door in self._table.listeners() if door.protocol not in (DNS_UDP, DNS_STREAM)]
        await trio.to_thread.run_sync(self._host.allow, [*doors, *self._allowed])

    def _claim(self, owner: Owner) -> None:
        if owner.kind == "Pod":
            pod = self._pods.cache.get(owner.key) if self._pods is not None else None
            self._table.claim(owner, age(pod) if pod else None, pod_table(pod) if pod else {})
            return
        service = self._services.cache.get(owner.key)
        slices = self._slices.cache.indexed(BY_SERVICE, str(owner.key))
        claims = service_table(service, slices, self._here) if service else {}
        if service is not None:
            self._say_what_is_not_carried(service)
        for listener in self._table.claim(owner, age(service) if service else None, claims):
            other = self._table.owner(listener)
            if service is not None and other is not None:
                self._taken(service, listener, f"{other.kind} {other.key} has it")

    def _say_what_is_not_carried(self, service: Service) -> None:
        for port in service.spec.ports:
            told = (service.metadata.uid, port.port)
            if port.protocol not in (*CARRIED, "") and told not in self._told:
                self._told.add(told)
                words = f"port {port.port}/{port.protocol} is not served: pikube carries TCP and UDP"
                self._record(service, "Warning", "ProtocolNotSupported", words)

    def _failed(self, listener: Listener, why: str) -> None:
        """The relay cannot have a port."""
        owner = self._table.owner(listener)
        if owner is None or not why:
            return
        cache = self._pods and self._pods.cache if owner.kind == "Pod" else self._services.cache
        regarding = cache.get(owner.key) if cache else None
        if regarding is not None:
            self._taken(regarding, listener, why)

    def _taken(self, regarding: Object, listener: Listener, why: str) -> None:
        address = "" if listener.address == ANY else f" on {listener.address}"
        protocol = listener.transport
        words = f"port {listener.port}/{protocol}{address} cannot be opened on node {self._here.node}: {why}"
        self._record(regarding, "Warning", "PortNotOpened", words)
