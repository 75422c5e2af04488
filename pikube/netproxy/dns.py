"""Shell: the cluster's DNS on this board: UDP and TCP on the cluster DNS address, by the AnyIP route.

Enter: queries of pods and of the host. Leave: answers from the zone, and what the host's own resolvers say
about everything else. The only door to dnspython.
"""

from __future__ import annotations

import logging
import random
import socket
import struct
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import trio

from pikube.netproxy.listening import BACKLOG, bind
from pikube.netproxy.targets import Listener
from pikube.netproxy.zone import TTL_S, Record, Zone

log = logging.getLogger("pikube.dns")

PORT = 53
UPSTREAM_S = 2.0  # then the next resolver; resolv.conf's own default is 5
MAX_QUERIES = 256  # in flight: each waits for an upstream at most
UDP_BYTES = 512  # without EDNS (RFC 1035 §4.2.1)
DATAGRAM_BYTES = 4096
IDLE_TCP_S = 10.0


class DnsServer:
    """One address; `upstreams` are the host's nameservers, without our own address."""

    def __init__(self, address: str, zone: Zone, upstreams: Sequence[str]) -> None:
        self._address = address
        self._zone = zone
        self._upstreams = [server for server in upstreams if server != address]
        self._queries = trio.CapacityLimiter(MAX_QUERIES)

    @property
    def listeners(self) -> list[Listener]:
        """What the guard must let in."""
        return [Listener(protocol, self._address, PORT) for protocol in ("UDP", "TCP")]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answers until cancelled. Raises OSError when the address cannot be bound."""
        datagrams = trio.socket.from_stdlib_socket(bind(Listener("UDP", self._address, PORT)))
        plain = bind(Listener("TCP", self._address, PORT))
        plain.listen(BACKLOG)
        connections = trio.SocketListener(trio.socket.from_stdlib_socket(plain))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve_udp, datagrams)
            nursery.start_soon(trio.serve_listeners, self._serve_tcp, [connections])
            task_status.started()

    async def _serve_udp(self, sock: trio.socket.SocketType) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    data, client = await sock.recvfrom(DATAGRAM_BYTES)
                except OSError:
                    continue
                if self._queries.available_tokens > 0:
                    nursery.start_soon(self._answer_datagram, sock, data, client)

    async def _answer_datagram(
        self, sock: trio.socket.SocketType, data: bytes, client: tuple[str, int]
    ) -> None:
        async with self._queries:
            answer = await self.answer(data)
        if answer is None:
            return
        limit = _payload_limit(data)
        if len(answer) > limit:
            answer = _truncated(data)
        try:
            await sock.sendto(answer, client)
        except OSError:
            return

    async def _serve_tcp(self, stream: trio.SocketStream) -> None:
        buffer = b""
        try:
            while True:
                with trio.move_on_after(IDLE_TCP_S) as idle:
                    data = await stream.receive_some(DATAGRAM_BYTES)
                if idle.cancelled_caught or not data:
                    return
                buffer += data
                while len(buffer) >= 2 and len(buffer) >= 2 + struct.unpack("!H", buffer[:2])[0]:
                    size = struct.unpack("!H", buffer[:2])[0]
                    query, buffer = buffer[2 : 2 + size], buffer[2 + size :]
                    answer = await self.answer(query, is_stream=True)
                    if answer is not None:
                        await stream.send_all(struct.pack("!H", len(answer)) + answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def answer(self, data: bytes, *, is_stream: bool = False) -> bytes | None:
        """The bytes to send back; None for what is no query."""
        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        question = query.question[0]
        found = self._zone.answer(question.name.to_text(), dns.rdatatype.to_text(question.rdtype))
        if found is None:
            return await self._forward(query, data, is_stream)
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if not found.exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.answer = [_rrset(record) for record in found.records]
        response.additional = [_rrset(record) for record in found.additional]
        return bytes(response.to_wire())

    async def _forward(self, query: dns.message.Message, data: bytes, is_stream: bool) -> bytes:
        """What the host's resolvers say, each in turn."""
        for server in self._upstreams:
            with trio.move_on_after(UPSTREAM_S):
                try:
                    answer = await (_ask_stream if is_stream else _ask_datagram)(server, data)
                except OSError:
                    continue
                if answer:
                    return answer
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(dns.rcode.SERVFAIL)
        return bytes(response.to_wire())


async def _ask_datagram(server: str, data: bytes) -> bytes:
    identity = struct.pack("!H", random.randrange(1 << 16))
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.connect((server, PORT))
        await sock.send(identity + data[2:])
        while True:
            answer = await sock.recv(65535)
            if answer[:2] == identity:
                return data[:2] + answer[2:]


async def _ask_stream(server: str, data: bytes) -> bytes:
    async with await trio.open_tcp_stream(server, PORT) as stream:
        await stream.send_all(struct.pack("!H", len(data)) + data)
        buffer = b""
        while len(buffer) < 2 or len(buffer) < 2 + struct.unpack("!H", buffer[:2])[0]:
            more = await stream.receive_some(65535)
            if not more:
                return b""
            buffer += more
        return buffer[2:]


def _rrset(record: Record) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{record.name}.", TTL_S, "IN", record.type, record.data)


def _payload_limit(data: bytes) -> int:
    try:
        query = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return UDP_BYTES
    return max(UDP_BYTES, query.payload) if query.edns >= 0 else UDP_BYTES


def _truncated(data: bytes) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
    response.flags |= dns.flags.TC
    return bytes(response.to_wire())
