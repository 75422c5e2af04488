"""Shell: carries datagrams: one socket to a backend for each client, forgotten when it is silent.

Answers leave from the address that the client asked, also on a node port, where that is one of many. Flows that
nobody answered are short-lived and go first when there are too many: a flood of made-up addresses does not push
out those that talk. Used by the relay process for each UDP listener.

A backend whose board was lost says nothing, and so does one that only takes (syslog). At a listener where answers are
usual, who asks again and has never had one is given another backend, and the silent one rests. A flow that was
answered once stays where it is: there may be a session (WireGuard, DTLS), and those have pauses.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from pikube.netproxy.balancer import Balancer
from pikube.netproxy.engine import BROKEN, EVERYTHING, INCOMING, Engine
from pikube.netproxy.targets import Backend, Backends

UNANSWERED_S = 10.0
ASKS_AGAIN_S = 2.0  # clients ask again after that or more: resolvers after 2 to 5 s, RADIUS after 3
SILENT_S = 120.0  # as conntrack keeps a stream of datagrams (net.netfilter.nf_conntrack_udp_timeout_stream)
MAX_FLOWS = 1024  # of a listener, each a descriptor
DATAGRAM_BYTES = 65535
RECEIVE_BYTES = 1 << 20  # may wait for a busy board to give us a turn; the usual 208 KiB are 90 datagrams
SO_RCVBUFFORCE = 33  # asm-generic/socket.h: beyond net.core.rmem_max, which is for users
TURN = 64  # datagrams of one socket before others get a turn
IP_PKTINFO = 8  # linux/in.h; socket has no name for it before Python 3.14
PKTINFO = struct.Struct("=I4s4s")  # interface, local address, address in the header
ROOM = socket.CMSG_SPACE(PKTINFO.size)


class Client(NamedTuple):
    """`local`: the address that it asked, packed."""

    address: Any
    local: bytes


class UdpFlow:
    __slots__ = ("backend", "began_at", "client", "is_answered", "seen_at", "upstream")

    def __init__(self, client: Client, backend: Backend, upstream: socket.socket, now: float) -> None:
        self.client = client
        self.backend = backend
        self.upstream = upstream
        self.began_at = self.seen_at = now
        self.is_answered = False


class UdpRelay:
    """One listener's flows."""

    def __init__(
        self, engine: Engine, listener: socket.socket, backends: Callable[[], Backends], balancer: Balancer
    ) -> None:
        self._engine = engine
        self._listener = listener
        self._backends = backends
        self._balancer = balancer
        self._asked: dict[Client, UdpFlow] = {}
        self._answered: dict[Client, UdpFlow] = {}
        self._is_two_way = False  # somebody was answered here
        self._is_sweeping = False
        self._is_closed = False
        listener.setsockopt(socket.SOL_IP, IP_PKTINFO, 1)
        with contextlib.suppress(OSError):  # without CAP_NET_ADMIN
            listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        engine.watch(listener.fileno(), self._from_clients, INCOMING)

    def __len__(self) -> int:
        return len(self._asked) + len(self._answered)

    def close(self) -> None:
        """The listener and every flow."""
        self._is_closed = True
        for flow in [*self._asked.values(), *self._answered.values()]:
            self._drop(flow)
        self._engine.forget(self._listener.fileno())  # a successor may have it too: closing is not enough
        self._listener.close()

    def forget_backends(self) -> None:
        """Flows to what is no longer a target end, so that the next datagram finds another."""
        targets = set(self._backends().targets)
        for flow in [*self._asked.values(), *self._answered.values()]:
            if flow.backend not in targets:
                self._drop(flow)

    def _from_clients(self, events: int) -> None:
        for _ in range(TURN):
            try:
                data, extra, _, address = self._listener.recvmsg(DATAGRAM_BYTES, ROOM)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier answer
            self._forward(Client(address, _local_address(extra)), data)

    def _forward(self, client: Client, data: bytes) -> None:
        for _ in range(
            2
        ):  # a refusal of the last datagram is told when the next is sent: try another backend once
            flow = self._answered.get(client) or self._asked.get(client) or self._open(client)
            if flow is None:
                return
            if self._is_left_alone(flow):
                self._refused(flow)
                continue
            flow.seen_at = self._engine.now
            try:
                flow.upstream.send(data)
                return
            except BlockingIOError:
                return
            except OSError:
                self._refused(flow)

    def _is_left_alone(self, flow: UdpFlow) -> bool:
        """Its client asks again, and others are answered."""
        is_late = not flow.is_answered and self._engine.now - flow.began_at >= ASKS_AGAIN_S
        return is_late and self._is_two_way and len(self._backends().targets) > 1

    def _open(self, client: Client) -> UdpFlow | None:
        """To the first backend that can be reached at all; None: there is none."""
        backends, now = self._backends(), self._engine.now
        for backend in self._balancer.order(backends, client.address[0], now):
            upstream = self._connect(backend)
            if upstream is not None:
                break
            self._balancer.refused(backend, now, now)
        else:
            return None
        if len(self) >= MAX_FLOWS:
            self._drop(next(iter(self._asked.values() if self._asked else self._answered.values())))
        self._balancer.remember(backends, backend, client.address[0], now)
        flow = self._asked[client] = UdpFlow(client, backend, upstream, now)
        self._engine.watch(upstream.fileno(), lambda events: self._from_backend(flow, events), EVERYTHING)
        self._sweep_later()
        return flow

    @staticmethod
    def _connect(backend: Backend) -> socket.socket | None:
        family = socket.AF_INET6 if ":" in backend.address else socket.AF_INET
        try:
            upstream = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError:  # out of descriptors
            return None
        try:
            upstream.connect(backend)
        except OSError:  # no route
            upstream.close()
            return None
        return upstream

    def _from_backend(self, flow: UdpFlow, events: int) -> None:
        if events & BROKEN:
            self._refused(flow)
            return
        for _ in range(TURN):
            try:
                data = flow.upstream.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                self._refused(flow)
                return
            if not flow.is_answered:
                self._first_answer(flow)
            flow.seen_at = self._engine.now
            with contextlib.suppress(OSError):
                info = PKTINFO.pack(0, flow.client.local, flow.client.local)
                self._listener.sendmsg([data], [(socket.SOL_IP, IP_PKTINFO, info)], 0, flow.client.address)
        self._engine.again(lambda: self._from_backend(flow, 0) if flow.upstream.fileno() >= 0 else None)

    def _first_answer(self, flow: UdpFlow) -> None:
        """It lives: no more rest for it, if it had one."""
        flow.is_answered = self._is_two_way = True
        self._asked.pop(flow.client, None)
        self._answered[flow.client] = flow
        self._balancer.opened(self._backends(), flow.backend, flow.client.address[0], self._engine.now)
        self._balancer.closed(flow.backend)

    def _refused(self, flow: UdpFlow) -> None:
        if flow.backend in self._backends().targets:
            self._balancer.refused(flow.backend, flow.began_at, self._engine.now)
        self._drop(flow)

    def _drop(self, flow: UdpFlow) -> None:
        self._asked.pop(flow.client, None)
        self._answered.pop(flow.client, None)
        if flow.upstream.fileno() >= 0:
            self._engine.bury(flow.upstream)

    def _sweep_later(self) -> None:
        if not self._is_sweeping and not self._is_closed:
            self._is_sweeping = True
            self._engine.after(UNANSWERED_S, self._sweep)

    def _sweep(self) -> None:
        """Close what is silent; comes again while there is anything."""
        self._is_sweeping = False
        now = self._engine.now
        for flows, limit_s in ((self._asked, UNANSWERED_S), (self._answered, SILENT_S)):
            for flow in [f for f in flows.values() if now - f.seen_at >= limit_s]:
                self._drop(flow)
        if len(self):
            self._sweep_later()


def _local_address(extra: list[tuple[int, int, bytes]]) -> bytes:
    for level, kind, data in extra:
        if level == socket.SOL_IP and kind == IP_PKTINFO:
            return bytes(PKTINFO.unpack(data[: PKTINFO.size])[1])
    return bytes(4)
