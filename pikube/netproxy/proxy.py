"""Shell: the proxy of a board: listeners follow the Services, connections go to their endpoints.

Enter: the informers' Services and EndpointSlices. Leaves: listening sockets and relayed traffic. Called by
run.py beside the agent.
"""

from __future__ import annotations

import logging
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.informer.informer import Informers
from pikube.netproxy.balancer import Balancer
from pikube.netproxy.host_network import HostNetwork
from pikube.netproxy.listening import bind
from pikube.netproxy.relay import relay, reset
from pikube.netproxy.table import Backend, Backends, Listener, compute_table
from pikube.netproxy.udp import relay_datagrams

log = logging.getLogger("pikube.netproxy")

CONNECT_S = 3.0  # a backend in the same LAN that does not answer by then is tried no longer
MAX_CONNECTIONS = 8192  # each takes two descriptors
RETRY_S = 5.0  # a port that another program has is tried again this often
ACCEPT_ERROR_S = 0.1  # out of descriptors: wait for some to be closed


@dataclass(slots=True)
class Open:
    """A listener at work."""

    scope: trio.CancelScope
    balancer: Balancer
    backends: Backends


class Proxy:
    """`run` never returns."""

    def __init__(
        self, informers: Informers, host: HostNetwork, node: str, allowed: Sequence[Listener] = ()
    ) -> None:
        self._services = informers.of(Service)
        self._slices = informers.of(EndpointSlice)
        self._host = host
        self._node = node
        self._allowed = tuple(allowed)  # what else on service addresses is let in: the DNS
        self._open: dict[Listener, Open] = {}
        self._changed = trio.Event()
        self._limit = trio.CapacityLimiter(MAX_CONNECTIONS)
        self._services.subscribe(lambda old, new: self._changed.set())
        self._slices.subscribe(lambda old, new: self._changed.set())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the listeners of all services known so far are open."""
        await trio.to_thread.run_sync(self._host.set_up)
        async with trio.open_nursery() as nursery:
            await self._update(nursery)
            task_status.started()
            while True:
                await self._changed.wait()
                await self._update(nursery)

    async def _update(self, nursery: trio.Nursery) -> None:
        self._changed = trio.Event()
        table = compute_table(self._services.cache, self._slices.cache, self._node)
        for listener in [known for known in self._open if known not in table]:
            self._open.pop(listener).scope.cancel()
        for listener, backends in table.items():
            known = self._open.get(listener)
            if known is not None:
                known.backends = backends
                continue
            opened = Open(trio.CancelScope(), Balancer(random.randrange), backends)
            self._open[listener] = opened
            await nursery.start(self._listen, listener, opened)
        await trio.to_thread.run_sync(self._host.allow, [*table, *self._allowed])

    async def _listen(
        self,
        listener: Listener,
        opened: Open,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """One listener until its service is gone; a port that is taken is tried again."""
        is_told = False
        with opened.scope:
            while True:
                try:
                    sock = bind(listener)
                except OSError as error:
                    if not is_told:
                        is_told = True
                        log.warning(
                            "event=listen_failed service=%s address=%s port=%d why=%r",
                            opened.backends.service, listener.address, listener.port, error.strerror,
                        )  # fmt: skip
                        task_status.started()
                    await trio.sleep(RETRY_S)
                    continue
                if not is_told:
                    task_status.started()
                with sock:
                    if listener.protocol == "UDP":
                        await relay_datagrams(sock, _chooser(opened))
                    else:
                        await self._accept(sock, opened)

    async def _accept(self, sock: trio.socket.SocketType, opened: Open) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    client, address = await sock.accept()
                except OSError as error:
                    log.warning("event=accept_failed why=%r", error.strerror)
                    await trio.sleep(ACCEPT_ERROR_S)
                    continue
                if self._limit.available_tokens <= 0:
                    reset(client)
                    continue
                nursery.start_soon(self._serve, client, address[0], opened)

    async def _serve(self, client: trio.socket.SocketType, address: str, opened: Open) -> None:
        async with self._limit:
            backends, balancer = opened.backends, opened.balancer
            for backend in balancer.order(backends, address, trio.current_time()):
                upstream = await _connect(backend)
                if upstream is None:
                    balancer.refused(backend, trio.current_time())
                    continue
                balancer.opened(backends, backend, address, trio.current_time())
                try:
                    with client, upstream:
                        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        await relay(client, upstream)
                finally:
                    balancer.closed(backend)
                return
            reset(client)  # no endpoint answers: what kube-proxy rejects, we reset


async def _connect(backend: Backend) -> trio.socket.SocketType | None:
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with trio.move_on_after(CONNECT_S):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await sock.connect(backend)
        except OSError:
            sock.close()
            return None
        return sock
    sock.close()
    return None


def _chooser(opened: Open) -> Callable[[str], Backend | None]:
    def choose(client: str) -> Backend | None:
        order = opened.balancer.order(opened.backends, client, trio.current_time())
        return order[0] if order else None

    return choose
