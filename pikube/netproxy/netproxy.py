"""Shell: everything of netproxy on one board, in the order in which it begins.

    relay process (doors of last time) → route and guard → routes to other boards' pods → table → DNS

Enter: informers, settings, where to record events. Called by run_board.py; `take_away` by those who remove pikube.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trio

from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.config import Settings
from pikube.informer.informer import Informer, Informers
from pikube.netproxy.dns import DnsServer
from pikube.netproxy.host_network import HostNetwork
from pikube.netproxy.pod_routes import PodRoutes
from pikube.netproxy.proxy import Proxy, Record
from pikube.netproxy.relay_link import RelayLink
from pikube.netproxy.service_records import CachedRecords
from pikube.netproxy.zone import Zone


def relay_directory(settings: Settings) -> Path:
    """Where the relay's socket and its last table are."""
    return settings.data / "agent"


class Netproxy:
    """`nameservers` are the host's own."""

    def __init__(
        self, informers: Informers, settings: Settings, record: Record, nameservers: Sequence[str]
    ) -> None:
        directory = relay_directory(settings)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._host = HostNetwork(settings.service_cidr, settings.cluster_cidr)
        self._link = RelayLink(directory)
        networks = (settings.cluster_cidr, settings.service_cidr)
        zone = Zone(settings.cluster_domain, CachedRecords(informers), networks)
        self._dns = DnsServer(settings.cluster_dns, zone, nameservers)
        self._routes = PodRoutes(informers, settings.node_name)
        for kind in (Service, EndpointSlice, Namespace):
            informers.of(kind).subscribe(lambda old, new: self._dns.forget())
        self._proxy = Proxy(
            informers, self._host, self._link, settings.node_name, record, self._dns.listeners
        )

    def follow_pods(self, pods: Informer[Pod]) -> None:
        """This board's pods, once the agent knows them."""
        self._proxy.follow_pods(pods)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when services and names are served. Raises OSError when the host refuses."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._link.run)
            await trio.to_thread.run_sync(self._host.set_up)
            await nursery.start(self._routes.run)
            await nursery.start(self._proxy.run)
            await nursery.start(self._dns.run)
            task_status.started()
