"""Shell: what the host's own resolvers say about names that are not the cluster's.

Enter: a question. Leaves: their answer, from a bounded cache where it is fresh. Each server has its time; the same
question at the same time is asked once, so that a resolver that asks us back gets a failure and not a storm;
`.local` names go to the host's C library, which knows mDNS if the host does. Called by dns.py.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from pikube.netproxy.dns_answers import EDNS_BYTES, Message, add, failed
from pikube.netproxy.dns_upstream import Attempt
from pikube.netproxy.engine import Engine
from pikube.netproxy.host_lookups import HostLookups
from pikube.netproxy.zone import Record

PORT = 53
CACHED = 2048  # answers
MAX_CACHED_S = 30  # as CoreDNS' default Corefile
FAILED_S = 2  # a failure is not asked for again at once

Question = tuple[str, int]
Reply = Callable[[Message], None]


@dataclass(slots=True)
class Kept:
    answer: Message
    since: float
    until: float


@dataclass(slots=True)
class Asking:
    """A question on its way; `waiting`: who is told."""

    query: Message
    servers: list[str]
    waiting: list[tuple[Message, Reply]] = field(default_factory=list)


class Forwarder:
    """`servers` are asked in their order."""

    def __init__(
        self,
        engine: Engine,
        servers: Sequence[str],
        port: int = PORT,
        host: HostLookups | None = None,
        kept: int = CACHED,
    ) -> None:
        self.servers = (tuple(servers), port)
        self._engine = engine
        self._kept = kept
        self._cache: OrderedDict[Question, Kept] = OrderedDict()
        self._asking: dict[Question, Asking] = {}
        self._host = host or HostLookups(engine)

    def __len__(self) -> int:
        return len(self._cache)

    def ask(self, query: Message, reply: Reply) -> None:
        """Calls `reply`, now or later, with an answer to this query; SERVFAIL if nobody has one."""
        question = query.question[0]
        key = (question.name.to_text().lower(), int(question.rdtype))
        kept = self._cache.get(key)
        if kept is not None and kept.until > self._engine.now:
            reply(_addressed(kept.answer, query, int(self._engine.now - kept.since)))
            return
        asking = self._asking.get(key)
        if asking is not None:
            asking.waiting.append((query, reply))
            return
        asking = self._asking[key] = Asking(query, list(self.servers[0]), [(query, reply)])
        if question.name.labels[-2:-1] == (b"local",):
            self._ask_host(key, asking)
        else:
            self._ask_next(key, asking)

    def _ask_next(self, key: Question, asking: Asking) -> None:
        """The next server; none is left: a failure."""
        if not asking.servers:
            self._done(key, asking, None)
            return
        question = asking.query.question[0]
        further = dns.message.make_query(question.name, question.rdtype, use_edns=0, payload=EDNS_BYTES)
        server = asking.servers.pop(0)

        def heard(answer: Message | None) -> None:
            if answer is None or answer.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
                self._ask_next(key, asking)
            else:
                self._done(key, asking, answer)

        Attempt(self._engine, (server, self.servers[1]), further, heard)

    def _ask_host(self, key: Question, asking: Asking) -> None:
        """`printer.local`, by whatever the host has for it: nss-mdns, systemd-resolved."""
        question = asking.query.question[0]
        name, type_ = question.name, dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(
            dns.message.make_query(name, question.rdtype), recursion_available=True
        )
        text = name.to_text(omit_final_dot=True)

        def found(addresses: list[str]) -> None:
            for address in addresses:
                add(answer.answer, Record(text, type_, address), name)
            if not addresses:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._done(key, asking, answer)

        if type_ in ("A", "AAAA"):
            self._host.look_up(text, type_ == "AAAA", found)
        else:
            self._done(key, asking, answer)

    def _done(self, key: Question, asking: Asking, answer: Message | None) -> None:
        del self._asking[key]
        self._keep(key, answer)
        for query, reply in asking.waiting:
            reply(_addressed(answer, query, 0))

    def _keep(self, key: Question, answer: Message | None) -> None:
        self._cache.pop(key, None)
        if answer is None:
            return
        ttls = [rrset.ttl for section in (answer.answer, answer.authority) for rrset in section]
        keep_s = min([MAX_CACHED_S, *ttls]) if ttls else 0
        if answer.rcode() == dns.rcode.SERVFAIL:
            keep_s = FAILED_S
        if keep_s > 0:
            now = self._engine.now
            self._cache[key] = Kept(answer, now, now + keep_s)
            if len(self._cache) > self._kept:
                self._cache.popitem(last=False)


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
