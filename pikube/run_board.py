"""Shell: what runs on every board, a leader's own or another: agent, netproxy, DNS, kubelet API, in their order.

Enter: an api Client, informers, this board's certificates and addresses. Called by run.py for the leader's own
board and by run_agent.py for the others.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

import trio

from pikube.agent.agent import Agent, open_agent, podman_place
from pikube.agent.cluster_memory import ClusterMemory
from pikube.agent.image_folder import import_images
from pikube.agent.kubelet_access import KubeletAccess
from pikube.api.client import Client
from pikube.certs.profiles import LEADER_AT_KUBELETS
from pikube.cli.failure import StartupError
from pikube.config import Settings
from pikube.informer.informer import Informers
from pikube.netproxy.netproxy import Netproxy
from pikube.wire.addresses import OwnAddress
from pikube.wire.messages import Handler
from pikube.wire.server import listen, serve


@dataclass(frozen=True, slots=True)
class BoardParts:
    """What a board needs from whoever runs it. `netproxy` runs already: services of last time are served before the
    agent is there."""

    client: Client
    informers: Informers
    settings: Settings
    address: OwnAddress
    kubelet_tls: ssl.SSLContext
    netproxy: Netproxy
    is_leader: bool
    memory: ClusterMemory


async def run_board(
    parts: BoardParts, *, task_status: trio.TaskStatus[Agent] = trio.TASK_STATUS_IGNORED
) -> None:
    """A board at work until cancelled; started when its node is Ready and its services are served.

    Raises: RuntimeMissing, StartupError.
    """
    settings = parts.settings
    async with (
        open_agent(
            parts.client,
            parts.informers,
            settings,
            parts.address,
            parts.memory,
            parts.netproxy.carries_pods,
            is_leader=parts.is_leader,
        ) as agent,
        trio.open_nursery() as nursery,
    ):
        parts.netproxy.attach(agent.pods, agent.record, agent.say_unreached)
        await parts.netproxy.ready.wait()
        guarded = KubeletAccess(agent.kubelet, parts.client, settings.node_name, LEADER_AT_KUBELETS)
        await nursery.start(serve_kubelet, settings, parts.kubelet_tls, guarded)
        task_status.started(agent)
        memory = settings.data / "agent" / "imported-images.json"
        await import_images(settings.data / "images", memory, podman_place(settings))


async def serve_kubelet(
    settings: Settings,
    tls: ssl.SSLContext,
    handler: Handler,
    *,
    task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
) -> None:
    """The kubelet API of this board. Raises StartupError when its port is busy."""
    try:
        listeners = await listen("0.0.0.0", settings.kubelet_port)
    except OSError as error:
        raise StartupError(
            f"port {settings.kubelet_port} on this board cannot be used ({error.strerror}): stop the program "
            "that has it, or choose --kubelet-port"
        ) from None
    await serve(handler, listeners, tls, task_status=task_status)
