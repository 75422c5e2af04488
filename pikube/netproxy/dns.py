"""Shell: the cluster's DNS on this board: UDP and TCP on the cluster DNS address, by the AnyIP route.

Enter: queries of pods and of the host. Leave: answers from the zone (kept as bytes until a Service changes), and what
the host's own resolvers say about everything else. Answers need no leader. With dns_answers and dns_forward the
only door to dnspython.
"""

from __future__ import annotations

import logging
import random
import struct
from collections.abc import Callable, Sequence

import dns.name
import dns.rcode
import dns.rdatatype
import trio

from pikube.netproxy.dns_answers import (
    Message,
    add,
    answered,
    failed,
    problem_of,
    read_query,
    size_limit,
    to_bytes,
)
from pikube.netproxy.dns_forward import PORT, Forwarder
from pikube.netproxy.listening import BACKLOG, bind
from pikube.netproxy.targets import Listener
from pikube.netproxy.zone import Answer, Record, Zone

log = logging.getLogger("pikube.dns")

MAX_QUERIES = 256  # in flight: each waits for an upstream at most
MAX_STREAMS = 64
DATAGRAM_BYTES = 4096
STREAM_BYTES = 65537
IDLE_TCP_S = 10.0
KEPT = 4096  # ready answers, each some hundred bytes
MAX_ALIASES = 8  # ExternalName after ExternalName


class DnsServer:
    """One address; `upstreams` are the host's nameservers, without our own address. Until `is_ready` names of the
    cluster are a failure."""

    def __init__(
        self,
        address: str,
        zone: Zone,
        upstreams: Sequence[str],
        *,
        port: int = PORT,
        is_ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._is_ready = is_ready
        self._address = address
        self._port = port
        self._zone = zone
        self._forwarder = Forwarder([server for server in upstreams if server != address])
        self._queries = trio.CapacityLimiter(MAX_QUERIES)
        self._streams = trio.CapacityLimiter(MAX_STREAMS)
        self._ready: dict[bytes, bytes] = {}

    @property
    def listeners(self) -> list[Listener]:
        """What the guard must let in."""
        return [Listener(protocol, self._address, self._port) for protocol in ("UDP", "TCP")]

    def forget(self) -> None:
        """A Service, an endpoint or a namespace changed: make answers anew."""
        self._ready.clear()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answers until cancelled. Raises OSError when the address cannot be bound."""
        datagrams = trio.socket.from_stdlib_socket(bind(self.listeners[0]))
        plain = bind(self.listeners[1])
        plain.listen(BACKLOG)
        connections = trio.SocketListener(trio.socket.from_stdlib_socket(plain))
        with datagrams:
            async with connections, trio.open_nursery() as nursery:
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
                ready = self._ready.get(data[2:])
                if ready is not None:
                    await _send(sock, data[:2] + ready, client)
                elif self._queries.available_tokens > 0:
                    nursery.start_soon(self._answer_datagram, sock, data, client)

    async def _answer_datagram(
        self, sock: trio.socket.SocketType, data: bytes, client: tuple[str, int]
    ) -> None:
        async with self._queries:
            answer = await self.answer(data)
        if answer is not None:
            await _send(sock, answer, client)

    async def _serve_tcp(self, stream: trio.SocketStream) -> None:
        if self._streams.available_tokens <= 0:
            await stream.aclose()
            return
        async with self._streams, stream:
            buffer = b""
            try:
                while True:
                    while len(buffer) >= 2 and len(buffer) >= 2 + struct.unpack("!H", buffer[:2])[0]:
                        size = struct.unpack("!H", buffer[:2])[0]
                        query, buffer = buffer[2 : 2 + size], buffer[2 + size :]
                        answer = await self.answer(query, is_stream=True)
                        if answer is not None:
                            await stream.send_all(struct.pack("!H", len(answer)) + answer)
                    with trio.fail_after(IDLE_TCP_S):
                        data = await stream.receive_some(STREAM_BYTES)
                    if not data:
                        return
                    buffer += data
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                return

    async def answer(self, data: bytes, *, is_stream: bool = False) -> bytes | None:
        """The bytes to send back; None for what is no query."""
        query = read_query(data)
        if query is None:
            return None
        limit = 65535 if is_stream else size_limit(query)
        problem = problem_of(query)
        if problem is not None:
            return to_bytes(failed(query, problem), limit)
        question = query.question[0]
        type_ = dns.rdatatype.to_text(question.rdtype)
        found = self._zone.answer(question.name.to_text(), type_)
        if found is None:
            return to_bytes(await self._forwarder.ask(query), limit)
        if not self._is_ready():  # "no such name" would be a lie, and be kept
            return to_bytes(failed(query, dns.rcode.SERVFAIL), limit)
        response = answered(query, _shuffled(found), self._zone.domain)
        is_alias = len(found.records) == 1 and found.records[0].type == "CNAME"
        if is_alias and type_ in ("A", "AAAA"):
            await self._follow(query, response, found.records[0], type_)
        ready = to_bytes(response, limit)
        if not is_stream and not is_alias and len(found.records) <= 1:
            if len(self._ready) >= KEPT:
                self._ready.clear()
            self._ready[data[2:]] = ready[2:]
        return ready

    async def _follow(self, query: Message, response: Message, alias: Record, type_: str) -> None:
        """Where an ExternalName leads, as resolvers in pods do not ask again."""
        for _ in range(MAX_ALIASES):
            name = dns.name.from_text(alias.data)
            found = self._zone.answer(alias.data, type_)
            if found is None:
                further = dns.message.make_query(name, type_)
                answer = await self._forwarder.ask(further)
                response.answer += answer.answer
                if answer.rcode() != dns.rcode.NOERROR:
                    response.set_rcode(answer.rcode())
                return
            for record in found.records:
                add(response.answer, record, name)
            if not found.exists:
                response.set_rcode(dns.rcode.NXDOMAIN)
            if not found.records or found.records[0].type != "CNAME":
                return
            alias = found.records[0]
        response.set_rcode(dns.rcode.SERVFAIL)


def _shuffled(found: Answer) -> Answer:
    """Clients take the first: let it be another each time."""
    if len(found.records) < 2:
        return found
    return Answer(found.exists, tuple(random.sample(found.records, len(found.records))), found.additional)


async def _send(sock: trio.socket.SocketType, data: bytes, client: tuple[str, int]) -> None:
    try:
        await sock.sendto(data, client)
    except OSError:
        return
