"""Shell: what the host's own resolvers say about names that are not the cluster's.

Enter: a question. Leaves: their answer, from a bounded cache where it is fresh. Each server has its time; the same
question at the same time is asked once, so that a resolver that asks us back gets a failure and not a storm;
`.local` names go to the host's C library, which knows mDNS if the host does. Called by dns.py.
"""

from __future__ import annotations

import random
import socket
import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import trio

from pikube.netproxy.dns_answers import EDNS_BYTES, Message, add, failed
from pikube.netproxy.zone import Record

PORT = 53
UPSTREAM_S = 2.0  # then the next resolver; resolv.conf's own default is 5
CACHED = 2048  # answers
MAX_CACHED_S = 30  # as CoreDNS' default Corefile
FAILED_S = 2.0  # a failure is not asked for again at once
MAX_HOST_LOOKUPS = 8  # threads

Question = tuple[str, int]


@dataclass(slots=True)
class Kept:
    answer: Message
    since: float
    until: float


@dataclass(slots=True)
class Asking:
    """A question on its way."""

    done: trio.Event = field(default_factory=trio.Event)
    answer: Message | None = None


class Forwarder:
    """`servers` are asked in their order."""

    def __init__(self, servers: Sequence[str], port: int = PORT) -> None:
        self._servers = tuple(servers)
        self._port = port
        self._cache: OrderedDict[Question, Kept] = OrderedDict()
        self._asking: dict[Question, Asking] = {}
        self._host = trio.CapacityLimiter(MAX_HOST_LOOKUPS)

    def __len__(self) -> int:
        return len(self._cache)

    async def ask(self, query: Message) -> Message:
        """An answer to this query; SERVFAIL if nobody has one."""
        question = query.question[0]
        key = (question.name.to_text().lower(), int(question.rdtype))
        kept = self._cache.get(key)
        if kept is None or kept.until <= trio.current_time():
            answer = await self._once(key, question.name, question.rdtype)
            kept = self._cache.get(key)
            if kept is None or answer is not kept.answer:
                return _addressed(answer, query, 0)
        return _addressed(kept.answer, query, int(trio.current_time() - kept.since))

    async def _once(
        self, key: Question, name: dns.name.Name, type_: dns.rdatatype.RdataType
    ) -> Message | None:
        """The answer of one asking, however many wait for it."""
        asking = self._asking.get(key)
        if asking is not None:
            await asking.done.wait()
            return asking.answer
        asking = self._asking[key] = Asking()
        try:
            if name.labels[-2:-1] == (b"local",):
                asking.answer = await self._of_host(name, type_)
            else:
                asking.answer = await self._of_servers(name, type_)
            self._keep(key, asking.answer)
            return asking.answer
        finally:
            del self._asking[key]
            asking.done.set()

    def _keep(self, key: Question, answer: Message | None) -> None:
        self._cache.pop(key, None)
        if answer is None:
            return
        ttls = [rrset.ttl for section in (answer.answer, answer.authority) for rrset in section]
        keep_s = min([MAX_CACHED_S, *ttls]) if ttls else 0
        if answer.rcode() == dns.rcode.SERVFAIL:
            keep_s = int(FAILED_S)
        if keep_s > 0:
            now = trio.current_time()
            self._cache[key] = Kept(answer, now, now + keep_s)
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)

    async def _of_servers(self, name: dns.name.Name, type_: dns.rdatatype.RdataType) -> Message | None:
        query = dns.message.make_query(name, type_, use_edns=0, payload=EDNS_BYTES)
        for server in self._servers:
            with trio.move_on_after(UPSTREAM_S):
                try:
                    answer = await self._ask_datagram(server, query)
                    if answer.flags & dns.flags.TC:
                        answer = await self._ask_stream(server, query)
                except (OSError, trio.BrokenResourceError, dns.exception.DNSException, ValueError):
                    continue
                if answer.rcode() not in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
                    return answer
        return None

    async def _ask_datagram(self, server: str, query: Message) -> Message:
        query.id = random.randrange(1 << 16)
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with trio.socket.socket(family, socket.SOCK_DGRAM) as sock:
            await sock.connect(
                (server, self._port)
            )  # a port of chance: with the id, what a forger must guess
            await sock.send(query.to_wire())
            while True:
                data = await sock.recv(65535)
                try:
                    answer = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
                except (dns.exception.DNSException, ValueError):
                    continue
                if query.is_response(answer):
                    return answer

    async def _ask_stream(self, server: str, query: Message) -> Message:
        data = query.to_wire()
        async with await trio.open_tcp_stream(server, self._port) as stream:
            await stream.send_all(struct.pack("!H", len(data)) + data)
            buffer = b""
            while len(buffer) < 2 or len(buffer) < 2 + struct.unpack("!H", buffer[:2])[0]:
                more = await stream.receive_some(65535)
                if not more:
                    raise OSError("the server hung up")
                buffer += more
        answer = dns.message.from_wire(buffer[2:])
        if not query.is_response(answer):
            raise ValueError("another question's answer")
        return answer

    async def _of_host(self, name: dns.name.Name, type_: dns.rdatatype.RdataType) -> Message:
        """`printer.local`, by whatever the host has for it: nss-mdns, systemd-resolved."""
        answer = dns.message.make_response(dns.message.make_query(name, type_), recursion_available=True)
        families = {dns.rdatatype.A: socket.AF_INET, dns.rdatatype.AAAA: socket.AF_INET6}
        family = families.get(type_)
        text = name.to_text(omit_final_dot=True)
        if family is None:
            return answer
        found: list[str] = []
        with trio.move_on_after(UPSTREAM_S * 2):
            found = await trio.to_thread.run_sync(
                _look_up, text, family, limiter=self._host, abandon_on_cancel=True
            )
        for address in found:
            add(answer.answer, Record(text, dns.rdatatype.to_text(type_), address), name)
        if not found:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


def _look_up(name: str, family: int) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def _addressed(answer: Message | None, query: Message, age_s: int) -> Message:
    """A kept answer as the one to this query: its id, its letters, its EDNS, what is left of the TTLs."""
    if answer is None:
        return failed(query, dns.rcode.SERVFAIL)
    response = dns.message.make_response(query, recursion_available=True, our_payload=EDNS_BYTES)
    response.set_rcode(answer.rcode())
    for mine, theirs in ((response.answer, answer.answer), (response.authority, answer.authority)):
        for rrset in theirs:
            mine.append(dns.rrset.from_rdata_list(rrset.name, max(0, rrset.ttl - age_s), list(rrset)))
    return response
