"""Shell: the nursery tree of a board that has joined: a connection to the leader, informers, the board.

    connection
    └── netproxy, informers
        └── agent: runtime → node, pods, kubelet API

`main_agent` is what the command line calls.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import trio
from msgspec import structs

from pikube.agent.agent import read_resolv_conf
from pikube.agent.cluster_memory import ClusterMemory
from pikube.agent.machine import read_machine
from pikube.agent.membership import Member, Membership
from pikube.agent.standing import Revoked, Standing, StandingParts
from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import Forbidden
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_config import ConfigMap
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import Object
from pikube.certs.authority import fingerprint, split_bundle
from pikube.certs.clock import BoardClock, last_write
from pikube.certs.contexts import client_context, server_context
from pikube.certs.enrolment import HEARD_ADDRESS, HEARD_MACHINE, HEARD_SESSION
from pikube.certs.profiles import LEADER_NAME, PROXY_USER
from pikube.cli.failure import NO_MEMBER, StartupError
from pikube.config import Settings
from pikube.heap import give_back
from pikube.informer.informer import Informer, Informers
from pikube.netproxy.netproxy import Netproxy
from pikube.notify import notify
from pikube.program import cancel_on_signal, check_root, run_until_signal
from pikube.run_board import BoardParts, run_board
from pikube.watchdog import answers_on, feed_watchdog
from pikube.wire.addresses import OwnAddress
from pikube.wire.client import ApiConnection, open_api_connection
from pikube.wire.interfaces import lan_addresses
from pikube.wire.typed_client import TypedClient

log = logging.getLogger("pikube")

PULSE_S = 3.0  # a heartbeat is answered from memory, in milliseconds
PATIENCE_S = 10.0  # then a board that has been ready before starts its pods without the leader

K = TypeVar("K", bound=Object)


def main_agent(settings: Settings) -> None:
    """Run the agent until SIGTERM or SIGINT. Raises StartupError."""
    check_root("the agent runs pods on this board and must be root for that: use sudo")
    try:
        run_until_signal(agent_while_member, settings, (Revoked, CardCopied))
    except StartupError as failure:
        if isinstance(failure.__cause__, Revoked):
            raise StartupError(str(failure), NO_MEMBER) from None
        raise  # another board with the same card may go away: systemd tries again


async def agent_while_member(settings: Settings) -> None:
    """The agent; a board whose node was deleted or replaced takes its pods down. Raises as `agent`."""
    try:
        await agent(settings)
    except* Revoked:
        from pikube.removal import leave_cluster  # late: few boards ever need it

        left = await trio.to_thread.run_sync(leave_cluster, settings)
        if left:
            log.error("event=not_left why=%r", "; ".join(left))
        raise


async def agent(settings: Settings) -> None:
    """Everything an agent is, inside out; returns when told to stop. Raises Revoked, StartupError."""
    membership = Membership(settings.membership)
    member = load_member(membership)
    settings = as_member(settings, member)
    address = OwnAddress(settings.node_ip)
    clock = BoardClock(last_write((membership.ca_file, membership.member_file)))
    tls = client_context(membership.ca_file, membership.client_file, server_name=LEADER_NAME)
    kubelet_tls = server_context(membership.serving_file, membership.ca_file)
    servers = known_servers(settings.server, member)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel_on_signal, nursery.cancel_scope)
        nursery.start_soon(give_back)
        async with open_api_connection(servers, tls) as connection:
            look = partial(look_for_leader, settings, membership, member)
            parts = StandingParts(membership, connection, tls, kubelet_tls, clock, address, look)
            standing = Standing(parts, member)
            await nursery.start(address.run)
            address.subscribe(standing.poke)
            memory = ClusterMemory(settings.data / "agent" / "kept")
            patience_s = PATIENCE_S if memory.node(settings.node_name) else float("inf")
            is_away = not await _start_within(patience_s, nursery, standing.run)
            client = PulsingClient(connection, address)
            address.subscribe(
                connection.abandon
            )  # what was dialled from the old address hears nothing any more
            informers = Informers(client, memory.remembered if is_away else None)
            netproxy = Netproxy(informers, settings, read_resolv_conf()[0])
            nursery.start_soon(netproxy.run)
            async with trio.open_nursery() as inner:
                await inner.start(informers.run)
                inner.start_soon(follow_cluster, client, standing)
                board = BoardParts(client, informers, settings, address, kubelet_tls, netproxy, False, memory)
                await inner.start(run_board, board)
                inner.start_soon(feed_watchdog, answers_on("", settings.kubelet_port))
                notify("READY=1")
    notify("STOPPING=1")


def known_servers(named: str, member: Member) -> tuple[str, ...]:
    """Where the leader may be: where a person said when the board joined, and where it said itself that it is since
    then."""
    return tuple(dict.fromkeys(url for url in (named, *member.cluster.servers) if url))


async def _start_within(
    patience_s: float, nursery: trio.Nursery, run: Callable[..., Awaitable[None]]
) -> bool:
    """Start a daemon that may take for ever to be ready; whether it was ready within the time. It goes on."""
    ready = trio.Event()

    async def start() -> None:
        async with trio.open_nursery() as inner:
            await inner.start(run)
            ready.set()

    nursery.start_soon(start)
    with trio.move_on_after(patience_s):
        await ready.wait()
    return ready.is_set()


async def look_for_leader(settings: Settings, membership: Membership, member: Member) -> list[str]:
    """Where leaders of our cluster say on the LAN that they are."""
    from pikube.wire.mdns import MdnsUnusable, find_leader  # late: zeroconf is for a leader that moved

    try:
        authorities = split_bundle(membership.ca_file.read_bytes())
        found = await find_leader(
            lan_addresses(settings.discovery_interface),
            ca_fingerprint=fingerprint(authorities[0]),
            cluster_id=member.cluster.id,
        )
    except (MdnsUnusable, OSError, ValueError) as error:
        log.info("event=lookup_failed why=%r", str(error))
        return []
    return list(found.urls) if found is not None else []


async def follow_cluster(client: Client, standing: Standing) -> None:
    """Hear of a new address or authority of the cluster as soon as the leader writes it."""
    informer = Informer(client, ConfigMap, "kube-public", field_selector="metadata.name=cluster-info")
    informer.subscribe(lambda old, new: standing.poke())  # the first, too: it may have changed since we asked
    await informer.run()


class CardCopied(Exception):
    """Another machine has the same card; the message names both."""


class PulsingClient(TypedClient):
    """Heartbeats say which machine sends them. One that gets no answer in time says that the leader is gone, or has
    moved: its connections are ended, so that whoever waits on one of them begins anew. Raises CardCopied."""

    def __init__(self, connection: ApiConnection, address: Callable[[], str]) -> None:
        super().__init__(connection, {Node: PROXY_USER})
        self._pulse = connection
        self._session = secrets.token_hex(8)
        self._address = address
        self._machine = str(structs.replace(read_machine(address()), address=""))

    async def create(self, obj: K) -> K:
        """See Client."""
        return await super().create(self._marked(obj) if isinstance(obj, Lease) else obj)

    def _marked(self, lease: K) -> K:
        marks = {HEARD_SESSION: self._session, HEARD_MACHINE: self._machine, HEARD_ADDRESS: self._address()}
        return structs.replace(lease, metadata=structs.replace(lease.metadata, annotations=marks))

    async def update(self, obj: K, *, subresource: str = "") -> K:
        """See Client."""
        if not isinstance(obj, Lease):
            return await super().update(obj, subresource=subresource)
        with trio.move_on_after(PULSE_S):
            try:
                return await super().update(self._marked(obj), subresource=subresource)
            except Forbidden as refusal:
                raise CardCopied(refusal.message) from None
        lost = ConnectionLost(f"the leader did not answer a heartbeat within {PULSE_S:g} s")
        self._pulse.abandon()
        self._pulse.on_trouble(lost)
        raise lost


def load_member(membership: Membership) -> Member:
    """What this board joined. Raises StartupError."""
    try:
        member = membership.load()
    except (OSError, ValueError) as error:
        raise StartupError(
            f"{error}: remove it with `pikube join --reset`, and join again with a token"
        ) from None
    if member is None:
        raise StartupError(
            "this board has not joined a cluster: run `pikube token create` on the leader, and "
            "`pikube join --token TOKEN` here"
        )
    return member


def as_member(settings: Settings, member: Member) -> Settings:
    """Settings with what the cluster decides: the node's name, and what all boards have in common."""
    common = member.cluster.settings
    return replace(
        settings,
        node_name=member.node,
        cluster_cidr=common.cluster_cidr,
        service_cidr=common.service_cidr,
        cluster_dns=common.cluster_dns,
        cluster_domain=common.cluster_domain,
    )
