"""Shell: everything of netproxy on one board, in the order in which it begins.

    relay process (doors of last time) → route, guard, masquerade → DNS
    └── once the informers have listed: table → routes to other boards' pods → addresses of balancers

The first line needs no leader: doors of the last life are open at once. Enter: informers,
settings; later what the agent has. Made and started by run.py and run_agent.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.meta import Object
from pikube.config import Settings
from pikube.informer.informer import Informer, Informers
from pikube.netproxy.balancer_addresses import BalancerAddresses
from pikube.netproxy.dns import DnsServer
from pikube.netproxy.host_network import HostNetwork
from pikube.netproxy.pod_routes import PodRoutes
from pikube.netproxy.proxy import Proxy, Record
from pikube.netproxy.relay_link import RelayLink, read_table
from pikube.netproxy.service_names import ServiceNames
from pikube.netproxy.service_records import CachedRecords
from pikube.netproxy.zone import Zone
from pikube.wire.interfaces import lan_addresses


def netproxy_directory(settings: Settings) -> Path:
    """Where the relay's socket and what was last known are."""
    return settings.data / "agent"


class Netproxy:
    """`nameservers` are the host's own. `ready` is set once services and names are served."""

    def __init__(self, informers: Informers, settings: Settings, nameservers: Sequence[str]) -> None:
        directory = netproxy_directory(settings)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ready = trio.Event()
        self._directory = directory
        self._record: Record | None = None
        self._tell: Callable[[str], None] | None = None
        self._unreached = ""
        self._host = HostNetwork(settings.service_cidr, settings.cluster_cidr, directory)
        self._link = RelayLink(directory)
        networks = (settings.cluster_cidr, settings.service_cidr)
        zone = Zone(settings.cluster_domain, CachedRecords(informers), networks)
        names = [informers.of(kind) for kind in (Service, EndpointSlice, Namespace)]
        is_ready = lambda: all(informer.is_synced for informer in names)  # noqa: E731
        self._dns = DnsServer(settings.cluster_dns, zone, nameservers, is_ready=is_ready)
        for informer in names:
            informer.subscribe(lambda old, new: self._dns.forget())
        self._routes = PodRoutes(informers, settings.node_name, self._say_unreached)
        self._addresses = BalancerAddresses(informers, settings.node_name)
        self._names = (
            None
            if settings.no_discovery
            else ServiceNames(
                informers,
                settings.node_name,
                self._say,
                lambda: lan_addresses(settings.discovery_interface),
            )
        )
        self._proxy = Proxy(
            informers, self._host, self._link, settings.node_name, self._say, self._dns.listeners
        )

    def attach(self, pods: Informer[Pod], record: Record, say_unreached: Callable[[str], None]) -> None:
        """What the agent has: this board's pods, where to record events and what is wrong with the network."""
        self._record, self._tell = record, say_unreached
        if self._unreached:
            say_unreached(self._unreached)
        self._proxy.follow_pods(pods)

    async def run(self) -> None:
        """Never returns. Raises OSError when the host refuses."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._link.run)
            await trio.to_thread.run_sync(self._host.set_up)
            known = [*read_table(self._directory), *self._dns.listeners]
            await trio.to_thread.run_sync(self._host.allow_known, known)
            await nursery.start(self._dns.run)
            await nursery.start(self._proxy.run)
            await nursery.start(self._routes.run)
            nursery.start_soon(self._addresses.run)
            if self._names is not None:
                nursery.start_soon(self._names.run)
            self.ready.set()

    def _say(self, regarding: Object, type_: str, reason: str, message: str) -> None:
        if self._record is not None:
            self._record(regarding, type_, reason, message)

    def _say_unreached(self, problem: str) -> None:
        self._unreached = problem
        if self._tell is not None:
            self._tell(problem)
