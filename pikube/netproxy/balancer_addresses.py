"""Shell: addresses of the pool (--lb-pool): each is on one live node, which tells the LAN so.

Enter: the informers' Services, Nodes and EndpointSlices. Leaves: addresses on the interface whose network they are
in, announced by ARP or neighbour discovery. Who has an address is a pure decision (rendezvous hashing over ready
nodes), the same on every board. Nobody waits for the leader to notice a dead board: the next in the order asks the
link every second whether the address is there, and takes it after some seconds of silence. Two that have it (a LAN
that was cut in two, or a board too busy to be in time) notice each other: the first of the order keeps it, of two
others the one with the lower hardware address. Who lets go tells the LAN who has it: the other may never have
noticed that it was not alone, and neighbours would believe for half a minute what they heard last. Run by
netproxy.py.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Sequence

import trio

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.informer.informer import Informers
from pikube.netproxy.arp import hardware_address
from pikube.netproxy.held_addresses import give_back, held_addresses, interface_for, take
from pikube.netproxy.neighbours import announce, who_has
from pikube.netproxy.table import SERVICE_NAME
from pikube.wire.interfaces import ADDRESSES, RTMGRP_LINK, open_address_changes

log = logging.getLogger("pikube.netproxy")

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
LOOK_S = 0.8
ANSWER_S = 0.3  # who has an address asks for another one so long; what comes late is seen at the next look
SILENCE_S = (
    2.2  # longer than sleeping Wi-Fi answers; the sum of the three is when a lost board's address has moved
)
LATER_S = 1.0  # silence for each place further back, so that not all take it at once
REMIND_S = 30.0  # caches of switches and phones forget
PATIENCE = (
    3  # looks at which somebody else has it: who is first in the order may have the higher hardware address
)


def candidates(address: str, nodes: Iterable[str]) -> list[str]:
    """Every node that may have an address, in the order in which they shall: each address has another order."""
    return sorted(nodes, key=lambda node: hashlib.sha256(f"{address} {node}".encode()).digest())


def lets_go(place: int, own: bytes, other: bytes, looks: int) -> bool:
    """Whether a board at this place of the order gives an address up that `other` has, too, since so many looks. Of
    two one keeps it: were both polite, both would let go and take it again, for ever."""
    return place > 0 and (other < own or looks >= PATIENCE)


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
        self._interfaces: dict[
            str, str | None
        ] = {}  # whose network an address is in: asked once, not each look
        self._reminded_at: dict[str, float] = {}
        self._contested: dict[str, int] = {}  # address → looks at which somebody else had it, too
        self._is_stale = True  # what we hold: the kernel may have lost it with an interface
        self._changed = trio.Event()

    async def run(self) -> None:
        """Without end. Costs nothing while no Service has an address of the pool."""
        for informer in (self._services, self._nodes, self._slices):
            await informer.wait_synced()
        for kind in (self._services, self._nodes, self._slices):
            kind.subscribe(lambda old, new: self._changed.set())
        async with open_address_changes(ADDRESSES | RTMGRP_LINK) as changes, trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, changes.wait)
            while True:
                self._changed = trio.Event()
                await self._look()
                if self._held or self._wanted():
                    await trio.sleep(LOOK_S)
                else:
                    await self._changed.wait()

    async def _follow(self, wait_change: Callable[[], object]) -> None:
        while True:
            await wait_change()  # type: ignore[misc]
            self._is_stale = True

    def _wanted(self) -> dict[str, Service]:
        return pool_addresses(self._services.cache, self._nodes.cache)

    async def _look(self) -> None:
        """At all addresses at once: a lost board may have had many."""
        wanted = self._wanted()
        if self._is_stale:
            self._is_stale = False
            self._interfaces.clear()
            try:
                self._held = await trio.to_thread.run_sync(held_addresses)
            except OSError as error:  # interfaces come and go just now
                self._is_stale = True
                log.info("event=addresses_unknown why=%r", str(error))
        for address in [a for a in self._held if a not in wanted]:
            await self._let_go(address)
        async with trio.open_nursery() as nursery:
            for address, service in wanted.items():
                nursery.start_soon(self._decide, address, service)

    async def _decide(self, address: str, service: Service) -> None:
        meta = service.metadata
        slices = [
            s
            for s in self._slices.cache.in_namespace(meta.namespace)
            if s.metadata.labels.get(SERVICE_NAME) == meta.name
        ]
        order = candidates(address, may_have(service, self._nodes.cache, slices))
        interface = self._held.get(address)
        try:
            if self._node not in order:
                if interface is not None:
                    await self._let_go(address)
            elif interface is None:
                await self._watch(address, order.index(self._node))
            else:
                await self._hold(address, interface, order.index(self._node))
        except OSError as error:
            log.warning("event=address_failed address=%s why=%r", address, str(error))

    async def _watch(self, address: str, place: int) -> None:
        """Take it: the first at once, the next after enough silence, each later than the last."""
        if address not in self._interfaces:
            self._interfaces[address] = await trio.to_thread.run_sync(interface_for, address)
        interface = self._interfaces[address]
        if interface is None:
            return
        if place and await who_has(interface, address, SILENCE_S + LATER_S * (place - 1)):
            return
        await trio.to_thread.run_sync(take, interface, address)
        self._held[address] = interface
        self._reminded_at[address] = trio.current_time()
        log.info("event=address_taken address=%s interface=%s", address, interface)
        await announce(interface, address)

    async def _hold(self, address: str, interface: str, place: int) -> None:
        other = await who_has(interface, address, ANSWER_S)
        looks = self._contested.pop(address, 0)
        if other is not None:
            looks += 1
            if lets_go(place, hardware_address(interface), other, looks):
                await self._let_go(address)
                await announce(interface, address, other)
                return
            self._contested[address] = looks
        is_due = trio.current_time() - self._reminded_at.get(address, -math.inf) > REMIND_S
        if looks or is_due:  # neighbours may have believed the other one
            self._reminded_at[address] = trio.current_time()
            await announce(interface, address)

    async def _let_go(self, address: str) -> None:
        interface = self._held.pop(address)
        self._reminded_at.pop(address, None)
        self._contested.pop(address, None)
        await trio.to_thread.run_sync(give_back, interface, address)
        log.info("event=address_let_go address=%s interface=%s", address, interface)
