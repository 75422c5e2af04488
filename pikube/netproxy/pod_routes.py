"""Shell: the way to the pods of other boards: a host route to each node's pod range through its address.

Enter: the informer's Nodes. Leave: routes of protocol 112, ours. Boards share a LAN, so that no overlay is needed
(host-gw of flannel). Called by run_board beside the proxy.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from contextlib import suppress

import trio

from pikube.api.kinds.core_node import Node
from pikube.informer.informer import Informers

log = logging.getLogger("pikube.netproxy")

PROTOCOL = 112  # an unassigned number of rtnetlink(7): routes that are ours to change and to remove
RETRY_S = 5.0  # a gateway that no interface leads to now may be there when the cable is


def compute_routes(nodes: Iterable[Node], own: str) -> dict[str, str]:
    """Pod range → gateway, for every other node that has both."""
    found = {}
    for node in nodes:
        addresses = [a.address for a in node.status.addresses if a.type == "InternalIP"]
        if node.metadata.name != own and node.spec.pod_cidr and addresses:
            found[node.spec.pod_cidr] = addresses[0]
    return found


class PodRoutes:
    """`run` never returns."""

    def __init__(self, informers: Informers, node: str) -> None:
        self._nodes = informers.of(Node)
        self._node = node
        self._changed = trio.Event()
        self._set: dict[str, str] = {}
        self._nodes.subscribe(lambda old, new: self._changed.set())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the routes of the nodes known so far are set."""
        has_started = False
        while True:
            self._changed = trio.Event()
            wanted = compute_routes(self._nodes.cache, self._node)
            failed = wanted != self._set and await trio.to_thread.run_sync(self._apply, wanted)
            if not has_started:
                has_started = True
                task_status.started()
            with trio.move_on_after(RETRY_S if failed else float("inf")):
                await self._changed.wait()

    def _apply(self, wanted: dict[str, str]) -> bool:
        """Whether something has to be tried again."""
        from pyroute2 import IPRoute  # late: the leader alone on its board never needs it
        from pyroute2.netlink.exceptions import NetlinkError

        failed = False
        with IPRoute() as netlink:
            for network in [n for n in self._set if n not in wanted]:
                with suppress(NetlinkError, OSError):  # it may have gone with its interface
                    netlink.route("del", dst=network, proto=PROTOCOL)
                del self._set[network]
            for network, gateway in wanted.items():
                if self._set.get(network) == gateway:
                    continue
                try:
                    version = ipaddress.ip_network(network).version
                    family = {4: 2, 6: 10}[version]
                    netlink.route("replace", dst=network, gateway=gateway, proto=PROTOCOL, family=family)
                    self._set[network] = gateway
                except (NetlinkError, OSError) as error:
                    failed = True
                    log.warning(
                        "event=pod_route_failed network=%s gateway=%s why=%r", network, gateway, str(error)
                    )
        return failed
