"""Shell: everything of netproxy on one board, in the order in which it begins.

    relay process (doors and names of last time) → route, guard, masquerade
    └── once the informers have listed: names, table → routes to other boards' pods → addresses of balancers

The first line needs no leader: doors and names of the last life are served at once. Enter: informers,
settings; later what the agent has. Made and started by run.py and run_agent.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import Object
from pikube.config import Settings
from pikube.informer.informer import Informer, Informers
from pikube.netproxy.balancer_addresses import BalancerAddresses
from pikube.netproxy.host_network import HostNetwork
from pikube.netproxy.names_feed import NamesFeed
from pikube.netproxy.pod_routes import PodRoutes
from pikube.netproxy.proxy import Proxy, Record
from pikube.netproxy.relay_link import RelayLink, read_table
from pikube.netproxy.service_names import ServiceNames
from pikube.wire.interfaces import lan_addresses

KEEP_S = 60.0  # how long a reload of the host's firewall may cut pods off


def netproxy_directory(settings: Settings) -> Path:
    """Where the relay's socket and what was last known are."""
    return settings.data / "agent"


class Netproxy:
    """`nameservers` are the host's own. `ready` is set once services and names are served."""

    def __init__(self, informers: Informers, settings: Settings, nameservers: Sequence[str]) -> None:
        directory = netproxy_directory(settings)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ready = trio.Event()
        self._is_host_ready = trio.Event()
        self._directory = directory
        self._record: Record | None = None
        self._tell: Callable[[str], None] | None = None
        self._unreached = ""
        self._host = HostNetwork(settings.service_cidr, settings.cluster_cidr, directory)
        self._link = RelayLink(directory)
        networks = (settings.cluster_cidr, settings.service_cidr)
        self._feed = NamesFeed(
            informers, self._link, settings.cluster_dns, settings.cluster_domain, networks, nameservers
        )
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
            informers,
            self._host,
            self._link,
            settings.node_name,
            self._say,
            self._feed.allowed,
            self._feed.doors,
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
            self._is_host_ready.set()
            nursery.start_soon(self._keep_host)
            known = [*read_table(self._directory), *self._feed.allowed]
            await trio.to_thread.run_sync(self._host.allow_known, known)
            await nursery.start(self._feed.run)
            await nursery.start(self._proxy.run)
            await nursery.start(self._routes.run)
            nursery.start_soon(self._addresses.run)
            if self._names is not None:
                nursery.start_soon(self._names.run)
            self.ready.set()

    async def carries_pods(self) -> bool:
        """Whether the host forwards and masquerades pods' packets by our rules; waits until that is known."""
        await self._is_host_ready.wait()
        return self._host.carries_pods

    async def _keep_host(self) -> None:
        while True:
            await trio.sleep(KEEP_S)
            await trio.to_thread.run_sync(self._host.keep)

    def _say(self, regarding: Object, type_: str, reason: str, message: str) -> None:
        if self._record is not None:
            self._record(regarding, type_, reason, message)

    def _say_unreached(self, problem: str) -> None:
        self._unreached = problem
        if self._tell is not None:
            self._tell(problem)
