"""Shell: carries datagrams: one socket to a backend for each client, forgotten when it is silent.

Called by the proxy for each UDP listener.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import trio

from pikube.netproxy.table import Backend

SILENT_S = 60.0  # between conntrack's 30 s for one-way and 180 s for two-way flows
MAX_FLOWS = 1024  # a flood of addresses takes no more than this many sockets of a listener
DATAGRAM_BYTES = 65535

Choose = Callable[[str], Backend | None]


async def relay_datagrams(listener: trio.socket.SocketType, choose: Choose) -> None:
    """Until cancelled; a flow's errors are its own."""
    flows: dict[Any, trio.socket.SocketType] = {}
    async with trio.open_nursery() as nursery:
        while True:
            try:
                data, client = await listener.recvfrom(DATAGRAM_BYTES)
            except OSError:
                continue  # an ICMP error of an earlier answer
            flow = flows.get(client)
            if flow is None:
                backend = choose(client[0])
                if backend is None or len(flows) >= MAX_FLOWS:
                    continue
                flow = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                await flow.connect(backend)
                flows[client] = flow
                nursery.start_soon(_answers, listener, client, flow, flows)
            try:
                await flow.send(data)
            except OSError:
                continue


async def _answers(
    listener: trio.socket.SocketType,
    client: Any,
    flow: trio.socket.SocketType,
    flows: dict[Any, trio.socket.SocketType],
) -> None:
    try:
        with flow:
            while True:
                with trio.move_on_after(SILENT_S) as silence:
                    data = await flow.recv(DATAGRAM_BYTES)
                if silence.cancelled_caught:
                    return
                await listener.sendto(data, client)
    except OSError:
        return
    finally:
        flows.pop(client, None)
