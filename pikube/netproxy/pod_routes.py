"""Shell: the way to the pods of other boards: a host route to each node's pod range through its address.

Enter: the informer's Nodes; word of the kernel that links, addresses or routes changed. Leave: routes of protocol
112, ours, compared with what the kernel has at every change, so that those of a former life go and those that went
with a cable come back. Boards share a LAN, so that no overlay is needed (host-gw of flannel); a board that is not on
the same link is told to the node's condition. Run by netproxy.py.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import socket
from collections.abc import Callable, Iterable, Mapping

import trio

from pikube.api.kinds.core_node import Node
from pikube.informer.informer import Informers
from pikube.netproxy.host_network import PROTOCOL, run
from pikube.netproxy.netlink import open_netlink
from pikube.wire.interfaces import LINKS_AND_ROUTES, open_address_changes

log = logging.getLogger("pikube.netproxy")

RETRY_S = 5.0  # a gateway that no interface leads to now may be there when the cable is

Routes = Mapping[str, str]
"""Pod range → gateway"""


def compute_routes(nodes: Iterable[Node], own: str) -> dict[str, str]:
    """Pod range → gateway, for every other node that has both."""
    found = {}
    for node in nodes:
        addresses = [a.address for a in node.status.addresses if a.type == "InternalIP"]
        if node.metadata.name != own and node.spec.pod_cidr and addresses:
            found[node.spec.pod_cidr] = addresses[0]
    return found


def compute_changes(wanted: Routes, present: Routes) -> tuple[dict[str, str], list[str]]:
    """(to set, to remove)."""
    changed = {network: gateway for network, gateway in wanted.items() if present.get(network) != gateway}
    return changed, sorted(network for network in present if network not in wanted)


def words_for(failed: Routes, nodes: Iterable[Node]) -> str:
    """What users read in the node's condition; '' when every board is reached."""
    names = {node.spec.pod_cidr: node.metadata.name for node in nodes}
    parts = [
        f"{names.get(network, network)} ({gateway})"
        for network, gateway in sorted(failed.items(), key=lambda item: names.get(item[0], item[0]))
    ]
    return (
        f"not on one link with this node, so that its pods cannot be reached: {', '.join(parts)}"
        if parts
        else ""
    )


class PodRoutes:
    """`run` never returns. `tell(problem)` is called when the problem changes, '' for none."""

    def __init__(self, informers: Informers, node: str, tell: Callable[[str], None]) -> None:
        self._nodes = informers.of(Node)
        self._node = node
        self._tell = tell
        self._problem = ""
        self._changed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the routes of the nodes known so far are set."""
        await self._nodes.wait_synced()
        self._nodes.subscribe(self._node_changed)
        has_started = False
        may_have = await trio.to_thread.run_sync(has_routes)
        async with open_address_changes(LINKS_AND_ROUTES) as changes, trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, changes.wait)
            while True:
                self._changed = trio.Event()
                wanted = compute_routes(self._nodes.cache, self._node)
                wait_s = await self._follow_once(wanted) if wanted or may_have else math.inf
                may_have = bool(wanted)
                if not has_started:
                    has_started = True
                    task_status.started()
                with trio.move_on_after(wait_s):
                    await self._changed.wait()

    async def _follow_once(self, wanted: Routes) -> float:
        """Make the routes these; after how many seconds to look again."""
        try:
            failed = await trio.to_thread.run_sync(_apply, wanted)
        except OSError as error:  # interfaces come and go just now
            log.info("event=pod_routes_unknown why=%r", str(error))
            return RETRY_S
        self._say(words_for(failed, self._nodes.cache))
        return RETRY_S if failed else math.inf

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        """A heartbeat changes no route."""
        if compute_routes([old] if old else [], self._node) != compute_routes(
            [new] if new else [], self._node
        ):
            self._changed.set()

    async def _follow(self, wait_change: Callable[[], object]) -> None:
        while True:
            await wait_change()  # type: ignore[misc]
            self._changed.set()

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            if problem:
                log.warning("event=boards_apart words=%r", problem)
            self._tell(problem)


def has_routes() -> bool:
    """Whether a former life left any: asked of ip(8), because a board that is alone never needs netlink's library."""
    return " via " in run("ip", "route", "show", "proto", str(PROTOCOL)).stdout


def _apply(wanted: Routes) -> dict[str, str]:
    """Make the kernel's routes these; what it refused. Raises OSError when they cannot be read."""
    from pyroute2.netlink.exceptions import NetlinkError  # late: the leader alone on its board never needs it

    failed: dict[str, str] = {}
    with open_netlink() as netlink:
        present = _present(netlink)
        changed, gone = compute_changes(wanted, present)
        for network in gone:
            try:
                netlink.route("del", dst=network, proto=PROTOCOL)
            except (NetlinkError, OSError) as error:  # it may have gone with its interface
                log.info("event=pod_route_gone network=%s why=%r", network, str(error))
        for network, gateway in changed.items():
            family = socket.AF_INET6 if ipaddress.ip_network(network).version == 6 else socket.AF_INET
            try:
                netlink.route("replace", dst=network, gateway=gateway, proto=PROTOCOL, family=family)
            except (NetlinkError, OSError) as error:
                failed[network] = gateway
                log.debug("event=pod_route_failed network=%s gateway=%s why=%r", network, gateway, str(error))
    return failed


def _present(netlink: object) -> dict[str, str]:
    """Our routes with a gateway, as the kernel has them."""
    found: dict[str, str] = {}
    for message in netlink.get_routes(proto=PROTOCOL):  # type: ignore[attr-defined]
        if message["proto"] != PROTOCOL:
            continue
        gateway = message.get_attr("RTA_GATEWAY")
        if gateway:
            found[f"{message.get_attr('RTA_DST')}/{message['dst_len']}"] = gateway
    return found
