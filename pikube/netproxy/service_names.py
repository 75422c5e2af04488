"""Shell: Services that people reach by a name of the LAN: the annotation `pikube.io/mdns: NAME` makes NAME.local.

Enter: the informers' Services and Nodes. Leaves: host names, each answered by one ready board, the same for all who
decide. A name that cannot be had is an event on the Service. Run by netproxy.py; costs nothing while no Service has
the annotation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import trio

from pikube.api import names
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_service import Service
from pikube.informer.informer import Informers
from pikube.netproxy.balancer_addresses import candidates
from pikube.netproxy.proxy import Record
from pikube.wire.mdns import MdnsUnusable
from pikube.wire.mdns_names import HostName, NameShower

log = logging.getLogger("pikube.mdns")

ANNOTATION = "pikube.io/mdns"
RETRY_S = 30.0  # a name that somebody else has, or a LAN without multicast
GOODBYE_S = 2.0

Wanted = dict[str, tuple[HostName, Service]]


def compute_names(services: Iterable[Service], nodes: Iterable[Node], own: str) -> Wanted:
    """What this board answers for; of two Services that want a name the older has it."""
    ready = {
        node.metadata.name: next((a.address for a in node.status.addresses if a.type == "InternalIP"), "")
        for node in nodes
        if any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)
    }
    found: Wanted = {}
    for service in sorted(services, key=lambda s: (s.metadata.creation_timestamp, s.metadata.name)):
        name = service.metadata.annotations.get(ANNOTATION, "").lower().removesuffix(".local")
        host = _host_name(service, tuple(sorted(address for address in ready.values() if address)))
        if not name or host is None or name in found or names.dns1123_label(name):
            continue
        if candidates(name, ready)[:1] == [own]:
            found[name] = (host, service)
    return found


def _host_name(service: Service, nodes: tuple[str, ...]) -> HostName | None:
    """Where the Service is reached from the LAN; None: nowhere, yet."""
    spec = service.spec
    if not spec.ports:
        return None
    port = spec.ports[0]
    is_web = port.name.startswith("http") or port.port in (80, 8080) or port.app_protocol == "http"
    balanced = tuple(i.ip for i in service.status.load_balancer.ingress if i.ip)
    if spec.type == "LoadBalancer" and balanced:
        return HostName(balanced, port.port, is_web)
    if spec.type in ("NodePort", "LoadBalancer") and port.node_port and nodes:
        return HostName(nodes, port.node_port, is_web)
    return None


class ServiceNames:
    """`run` never returns."""

    def __init__(
        self,
        informers: Informers,
        node: str,
        record: Record,
        interfaces: Callable[[], tuple[str, ...]],
    ) -> None:
        self._services = informers.of(Service)
        self._nodes = informers.of(Node)
        self._node = node
        self._record = record
        self._interfaces = interfaces
        self._shower = NameShower()
        self._told: set[tuple[str, str]] = set()
        self._changed = trio.Event()

    async def run(self) -> None:
        """Shows names until cancelled, then says goodbye."""
        await self._services.wait_synced()
        await self._nodes.wait_synced()
        self._services.subscribe(self._service_changed)
        self._nodes.subscribe(lambda old, new: self._changed.set())
        shown: Wanted = {}
        try:
            while True:
                self._changed = trio.Event()
                wanted = compute_names(self._services.cache, self._nodes.cache, self._node)
                failed = False
                if {n: w[0] for n, w in wanted.items()} != {n: w[0] for n, w in shown.items()}:
                    failed = await self._show(wanted)
                    shown = {} if failed else wanted
                with trio.move_on_after(RETRY_S if failed else float("inf")):
                    await self._changed.wait()
        finally:
            with trio.move_on_after(GOODBYE_S, shield=True):
                await trio.to_thread.run_sync(self._shower.close)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        if any(service is not None and ANNOTATION in service.metadata.annotations for service in (old, new)):
            self._changed.set()

    async def _show(self, wanted: Wanted) -> bool:
        """Whether something has to be tried again."""
        hosts = {name: host for name, (host, _) in wanted.items()}
        try:
            failed = await trio.to_thread.run_sync(lambda: self._shower.show(hosts, self._interfaces()))
        except MdnsUnusable as error:
            log.warning("event=mdns_unusable why=%r", str(error))
            return True
        for name, why in failed.items():
            service = wanted[name][1]
            if (service.metadata.uid, why) not in self._told:
                self._told.add((service.metadata.uid, why))
                self._record(
                    service, "Warning", "NameNotShown", f"the name {name}.local is not answered: {why}"
                )
        return bool(failed)
