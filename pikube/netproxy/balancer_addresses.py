"""Shell: addresses of the pool (--lb-pool): each is on one live node, which tells the LAN so.

Enter: the informers' Services, Nodes and EndpointSlices. Leaves: addresses labelled `pikube` on the interface whose
network they are in, announced by ARP or neighbour discovery. Who has an address is a pure decision (rendezvous
hashing over ready nodes), the same on every board. Nobody waits for the leader to notice a dead board: the next in
the order asks the link every second whether the address is there, and takes it when nobody answers three times. Two
that have it (a LAN that was cut in two) notice each other, and the one that comes later in the order lets go. Run by
netproxy.py.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import math
from collections.abc import Iterable, Sequence

import trio

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.informer.informer import Informers
from pikube.netproxy.arp import announce, who_has
from pikube.netproxy.host_network import run
from pikube.netproxy.table import SERVICE_NAME

log = logging.getLogger("pikube.netproxy")

LABEL = "pikube"  # of the addresses: eth0:pikube
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
LOOK_S = 1.0
HURRY_S = 0.3  # after a silent answer
MISSES = 3  # silent answers in a row: with the times above and an answer's, taken over within 4 s
REMIND_S = 30.0  # caches of switches and phones forget


def candidates(address: str, nodes: Iterable[str]) -> list[str]:
    """Every node that may have an address, in the order in which they shall: each address has another order."""
    return sorted(nodes, key=lambda node: hashlib.sha256(f"{address} {node}".encode()).digest())


def pool_addresses(services: Iterable[Service], nodes: Iterable[Node]) -> dict[str, Service]:
    """Addresses of balancers that are no node's own."""
    own = {a.address for node in nodes for a in node.status.addresses}
    return {
        ingress.ip: service
        for service in services
        if service.spec.type == "LoadBalancer"
        for ingress in service.status.load_balancer.ingress
        if ingress.ip and ingress.ip_mode != "Proxy" and ingress.ip not in own
    }


def may_have(service: Service, nodes: Iterable[Node], slices: Sequence[EndpointSlice]) -> list[str]:
    """Names of ready nodes; where traffic must stay on its node, of those with an endpoint."""
    ready = [
        node.metadata.name
        for node in nodes
        if any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)
        and EXCLUDED not in node.metadata.labels
        and not node.metadata.deletion_timestamp
    ]
    if service.spec.external_traffic_policy != "Local":
        return ready
    serving = {e.node_name for s in slices for e in s.endpoints if e.conditions.ready is not False}
    return [name for name in ready if name in serving]


class BalancerAddresses:
    """`run` never returns."""

    def __init__(self, informers: Informers, node: str) -> None:
        self._services = informers.of(Service)
        self._nodes = informers.of(Node)
        self._slices = informers.of(EndpointSlice)
        self._node = node
        self._held: dict[str, str] = {}  # address → interface
        self._misses: dict[str, int] = {}
        self._reminded_at = 0.0
        self._changed = trio.Event()

    async def run(self) -> None:
        """Without end. Costs nothing while no Service has an address of the pool."""
        for informer in (self._services, self._nodes, self._slices):
            await informer.wait_synced()
        self._held = dict(await trio.to_thread.run_sync(held_addresses))
        for kind in (self._services, self._nodes, self._slices):
            kind.subscribe(lambda old, new: self._changed.set())
        while True:
            self._changed = trio.Event()
            wanted = pool_addresses(self._services.cache, self._nodes.cache)
            for address in [a for a in self._held if a not in wanted]:
                await self._let_go(address)
            for address, service in sorted(wanted.items()):
                try:
                    await self._decide(address, service)
                except OSError as error:
                    log.warning("event=address_failed address=%s why=%r", address, str(error))
            if wanted:
                await trio.sleep(HURRY_S if self._misses else LOOK_S)
            else:
                with trio.move_on_after(math.inf):
                    await self._changed.wait()

    async def _decide(self, address: str, service: Service) -> None:
        meta = service.metadata
        slices = [
            s
            for s in self._slices.cache.in_namespace(meta.namespace)
            if s.metadata.labels.get(SERVICE_NAME) == meta.name
        ]
        order = candidates(address, may_have(service, self._nodes.cache, slices))
        interface = self._held.get(address)
        if self._node not in order:
            if interface is not None:
                await self._let_go(address)
            return
        place = order.index(self._node)
        if interface is None:
            await self._watch(address, place)
        elif place and await _is_elsewhere(interface, address):
            await self._let_go(address)
        elif trio.current_time() - self._reminded_at > REMIND_S:
            self._reminded_at = trio.current_time()
            await announce(interface, address)

    async def _watch(self, address: str, place: int) -> None:
        """Take it: the first at once, the next when nobody answers for long enough, each later than the last."""
        interface = await trio.to_thread.run_sync(interface_for, address)
        if interface is None:
            return
        if place and await _is_elsewhere(interface, address):
            self._misses.pop(address, None)
            return
        misses = self._misses[address] = self._misses.get(address, 0) + 1
        if place and misses < MISSES + 2 * (place - 1):
            return
        self._misses.pop(address, None)
        prefix = 32 if ipaddress.ip_address(address).version == 4 else 128
        label = () if prefix == 128 else ("label", f"{interface[:8]}:{LABEL}")
        done = await trio.to_thread.run_sync(
            lambda: run("ip", "address", "add", f"{address}/{prefix}", "dev", interface, *label)
        )
        if done.returncode and "exists" not in done.stderr:
            raise OSError(done.stderr.strip())
        self._held[address] = interface
        log.info("event=address_taken address=%s interface=%s", address, interface)
        await announce(interface, address)

    async def _let_go(self, address: str) -> None:
        interface = self._held.pop(address)
        prefix = 32 if ipaddress.ip_address(address).version == 4 else 128
        await trio.to_thread.run_sync(run, "ip", "address", "del", f"{address}/{prefix}", "dev", interface)
        log.info("event=address_let_go address=%s interface=%s", address, interface)


async def _is_elsewhere(interface: str, address: str) -> bool:
    """Whether another machine answers for it. IPv6 is not asked: there the kernel's duplicate detection decides."""
    return ipaddress.ip_address(address).version == 4 and await who_has(interface, address) is not None


def interface_for(address: str) -> str | None:
    """The interface in whose network an address is."""
    wanted = ipaddress.ip_address(address)
    done = run("ip", "-j", "address", "show", "up")
    for interface in json.loads(done.stdout or "[]"):
        for known in interface.get("addr_info", ()):
            network = ipaddress.ip_interface(f"{known['local']}/{known['prefixlen']}").network
            if network.prefixlen < network.max_prefixlen and wanted in network:
                return str(interface["ifname"])
    return None


def held_addresses() -> list[tuple[str, str]]:
    """(address, interface) of what a former life of this agent took."""
    done = run("ip", "-j", "address", "show")
    return [
        (str(known["local"]), str(interface["ifname"]))
        for interface in json.loads(done.stdout or "[]")
        for known in interface.get("addr_info", ())
        if known.get("label", "").endswith(f":{LABEL}")
    ]
