"""Shell: the nursery tree of a board that has joined: a connection to the leader, informers, the board.

    connection
    └── informers
        └── agent: runtime → node, pods, netproxy, kubelet API

`main_agent` is what the command line calls.
"""

from __future__ import annotations

import logging
import random
from dataclasses import replace

import trio

from pikube.agent.enrolling import ask_cluster
from pikube.agent.membership import Member, Membership
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError
from pikube.certs.contexts import client_context, server_context
from pikube.certs.profiles import LEADER_NAME
from pikube.cli.failure import StartupError
from pikube.config import Settings
from pikube.informer.informer import Informers
from pikube.notify import notify
from pikube.program import cancel_on_signal, check_root, run_until_signal
from pikube.run_board import BoardParts, run_board
from pikube.watchdog import answers_on, feed_watchdog
from pikube.wire.addresses import primary_address
from pikube.wire.client import open_api_connection
from pikube.wire.typed_client import TypedClient

log = logging.getLogger("pikube")

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 10.0


def main_agent(settings: Settings) -> None:
    """Run the agent until SIGTERM or SIGINT. Raises StartupError."""
    check_root("the agent runs pods on this board and must be root for that: use sudo")
    run_until_signal(agent, settings)


async def agent(settings: Settings) -> None:
    """Everything an agent is, inside out; returns when told to stop."""
    membership = Membership(settings.membership)
    member = load_member(membership)
    settings = as_member(settings, member)
    tls = client_context(membership.ca_file, membership.client_file, server_name=LEADER_NAME)
    kubelet_tls = server_context(membership.serving_file, membership.ca_file, requires_client=True)
    servers = (settings.server,) if settings.server else member.cluster.servers
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel_on_signal, nursery.cancel_scope)
        async with open_api_connection(servers, tls) as connection:
            await _wait_for_leader(servers, tls)
            client = TypedClient(connection)
            informers = Informers(client)
            async with trio.open_nursery() as inner:
                await inner.start(informers.run)
                parts = BoardParts(
                    client,
                    informers,
                    settings,
                    lambda: settings.node_ip or primary_address(),
                    kubelet_tls,
                    is_leader=False,
                )
                await inner.start(run_board, parts)
                inner.start_soon(feed_watchdog, answers_on("", settings.kubelet_port))
                notify("READY=1")
    notify("STOPPING=1")


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


async def _wait_for_leader(servers: tuple[str, ...], tls: object) -> None:
    pause_s = FIRST_RETRY_S
    while True:
        try:
            await ask_cluster(servers, tls)  # type: ignore[arg-type]
            return
        except (ConnectionLost, ApiError) as error:
            log.warning("event=leader_away retry_s=%.1f why=%r", pause_s, str(error))
        await trio.sleep(pause_s * random.uniform(0.5, 1.0))
        pause_s = min(MAX_RETRY_S, pause_s * 2)
