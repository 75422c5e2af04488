"""Shell: a door: one listener of the relay process, from bind to close, and what comes through it.

A door whose Service has no endpoint is bound and does not listen: the port is ours, and the kernel refuses
connections as kube-proxy does. A port that another program has is tried again and again.
"""

from __future__ import annotations

import contextlib
import ipaddress
import random
import socket
from collections.abc import Callable
from functools import partial

from pikube.netproxy.balancer import Balancer
from pikube.netproxy.engine import INCOMING
from pikube.netproxy.listening import BACKLOG, bind
from pikube.netproxy.targets import Backends, Listener
from pikube.netproxy.tcp import KEEPALIVE, RESET, Connection, Shared
from pikube.netproxy.udp import UdpRelay

RETRY_S = 2.0  # a port that another program has is tried again this often
ACCEPTS = 64  # in one turn
LINGER_S = 1.0  # what a client still sends must not make a reset of our answer
PAUSE_S = 0.1  # out of descriptors: wait for some to be closed
HEALTH = "HEALTH"  # the protocol of a healthCheckNodePort: tells a load balancer how many endpoints are here

Failed = Callable[[Listener, str], None]


class Counts:
    """Connections of the whole process, and who has them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.accepted = 0
        self.turned_away = 0
        self.open = 0
        self._by_client: dict[str, int] = {}

    def may_enter(self, client: str) -> bool:
        """One client never takes more than half: a flood from one address leaves room for the others."""
        return self.open < self.limit and self._by_client.get(client, 0) < self.limit // 2

    def enter(self, client: str) -> None:
        self.accepted += 1
        self.open += 1
        self._by_client[client] = self._by_client.get(client, 0) + 1

    def leave(self, client: str) -> None:
        self.open -= 1
        left = self._by_client[client] - 1
        if left:
            self._by_client[client] = left
        else:
            del self._by_client[client]


class Door:
    """One listener. `inherited` is the socket of a former relay, listening if it is TCP. `failed` is told why the
    port cannot be had, and '' once it can."""

    def __init__(
        self,
        shared: Shared,
        counts: Counts,
        listener: Listener,
        backends: Backends,
        failed: Failed,
        inherited: socket.socket | None = None,
    ) -> None:
        self.listener = listener
        self.backends = backends
        self.socket = inherited
        self._shared = shared
        self._engine = shared.engine
        self._counts = counts
        self._failed = failed
        self._balancer = Balancer(random.randrange)
        self._networks = _networks(backends)
        self._is_closed = False
        self._is_retrying = False
        self._why = ""
        self._open()

    def lead_to(self, backends: Backends) -> None:
        """New backends; connections that stand go on."""
        self.backends = backends
        self._balancer.keep(backends.targets)
        self._networks = _networks(backends)
        self._open()

    def close(self) -> None:
        """Nobody comes in any more."""
        self._is_closed = True
        self._shut()

    def _open(self) -> None:
        if self._is_closed:
            return
        try:
            self._ensure()
        except OSError as error:
            self._shut()
            self._tell(error.strerror or str(error))
            if not self._is_retrying:
                self._is_retrying = True
                self._engine.after(RETRY_S, self._retry)
        else:
            self._tell("")

    def _retry(self) -> None:
        self._is_retrying = False
        self._open()

    def _tell(self, why: str) -> None:
        if why != self._why:
            self._why = why
            self._failed(self.listener, why)

    def _ensure(self) -> None:
        """The socket as the backends want it. Raises OSError."""
        raise NotImplementedError

    def _shut(self) -> None:
        raise NotImplementedError


class TcpDoor(Door):
    """Accepts, and makes Connections."""

    _is_listening = False

    def _is_wanted(self) -> bool:
        return bool(self.backends.targets)

    def _ensure(self) -> None:
        if self._is_listening and not self._is_wanted():
            self._shut()
        if self.socket is None:
            self.socket = bind(self.listener)
            for option in KEEPALIVE:  # accepted sockets inherit these
                self.socket.setsockopt(*option)
        if self._is_wanted() and not self._is_listening:
            self.socket.listen(BACKLOG)
            self._engine.watch(self.socket.fileno(), self._incoming, INCOMING)
            self._is_listening = True

    def _shut(self) -> None:
        if self.socket is not None:
            self._engine.forget(self.socket.fileno())
            self.socket.close()
        self.socket, self._is_listening = None, False

    def _incoming(self, events: int) -> None:
        assert self.socket is not None
        accept = self.socket.accept
        for _ in range(ACCEPTS):
            try:
                client, address = accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError:
                self._pause()
                return
            if self._counts.may_enter(address[0]) and _is_among(address[0], self._networks):
                client.setblocking(False)
                self._serve(client, address[0])
                continue
            self._counts.turned_away += 1
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()

    def _pause(self) -> None:
        assert self.socket is not None
        self._engine.forget(self.socket.fileno())
        self._engine.after(PAUSE_S, self._resume)

    def _resume(self) -> None:
        if self._is_listening and self.socket is not None:
            self._engine.forget(self.socket.fileno())
            self._engine.watch(self.socket.fileno(), self._incoming, INCOMING)

    def _serve(self, client: socket.socket, address: str) -> None:
        self._counts.enter(address)
        Connection(self._shared, client, address, self.backends, self._balancer, self._left).begin()

    def _left(self, connection: Connection) -> None:
        self._counts.leave(connection.address)


class HealthDoor(TcpDoor):
    """Listens always and answers itself (kubernetes pkg/proxy/healthcheck/service_health.go)."""

    def _is_wanted(self) -> bool:
        return True

    def _serve(self, client: socket.socket, address: str) -> None:
        namespace, _, name = self.backends.service.partition("/")
        count = len(self.backends.targets)
        body = (
            f'{{"service": {{"namespace": "{namespace}", "name": "{name}"}}, "localEndpoints": {count}, '
            '"serviceProxyHealthy": true}'
        )
        status = "200 OK" if count else "503 Service Unavailable"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
            f"X-Load-Balancing-Endpoint-Weight: {count}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            client.send((head + body).encode())
            client.shutdown(socket.SHUT_WR)
        self._counts.enter(address)
        self._engine.after(LINGER_S, partial(self._hang_up, client, address))

    def _hang_up(self, client: socket.socket, address: str) -> None:
        client.close()
        self._counts.leave(address)


class UdpDoor(Door):
    """Bound while there are endpoints; the kernel answers for a port that is not."""

    _relay: UdpRelay | None = None

    @property
    def flows(self) -> int:
        return len(self._relay) if self._relay is not None else 0

    def _ensure(self) -> None:
        if not self.backends.targets:
            self._shut()
            return
        if self.socket is None:
            self.socket = bind(self.listener)
        if self._relay is None:
            self._relay = UdpRelay(self._engine, self.socket, lambda: self.backends, self._balancer)
        else:
            self._relay.forget_backends()

    def _shut(self) -> None:
        if self._relay is not None:
            self._relay.close()
        elif self.socket is not None:
            self.socket.close()
        self._relay = self.socket = None


DOORS: dict[str, type[Door]] = {"TCP": TcpDoor, HEALTH: HealthDoor, "UDP": UdpDoor}


Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def _networks(backends: Backends) -> Networks:
    return tuple(ipaddress.ip_network(text, strict=False) for text in backends.sources)


def _is_among(address: str, networks: Networks) -> bool:
    if not networks:
        return True
    client = ipaddress.ip_address(address)
    return any(client in network for network in networks)
