"""Shell: answers DNS queries in the relay process, which outlives pikube: names are there while it restarts.

Enter: bytes of queries, from dns_doors. Leave: answers from the zone (kept as bytes until a name changes), and what
the host's own resolvers say about everything else. Answers need no leader and no agent. With dns_answers and
dns_forward the only door to dnspython.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

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
from pikube.netproxy.engine import Engine
from pikube.netproxy.host_lookups import HostLookups
from pikube.netproxy.zone import Answer, Record, Zone

MAX_WAITING = (
    256  # queries that wait for an upstream; more are not answered, and asked again by who needs them
)
KEPT = 4096  # ready answers, each some hundred bytes
MAX_ALIASES = 8  # ExternalName after ExternalName
STREAM_BYTES = 65535

Reply = Callable[[bytes], None]


class Resolver:
    """Until `learn` names of the cluster are a failure: "no such name" would be a lie, and be kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._zone: Zone | None = None
        self._host = HostLookups(engine)
        self._forwarder = Forwarder(engine, (), host=self._host)
        self._ready: dict[bytes, bytes] = {}
        self._waiting = 0
        self.answered = 0

    def learn(self, zone: Zone | None, upstreams: Sequence[str], port: int = PORT) -> None:
        """Another zone, and the host's nameservers, without our own address."""
        self._zone = zone
        if self._forwarder.servers != (tuple(upstreams), port):
            self._forwarder = Forwarder(self._engine, upstreams, port, self._host)
        self.forget()

    def forget(self) -> None:
        """The zone changed: make answers anew."""
        self._ready.clear()

    def ready(self, data: bytes) -> bytes | None:
        """An answer that is made already."""
        rest = self._ready.get(data[2:])
        if rest is None:
            return None
        self.answered += 1
        return data[:2] + rest

    def answer(self, data: bytes, reply: Reply, *, is_stream: bool = False) -> None:
        """Calls `reply` with the bytes to send back, now or later; never for what deserves no answer."""
        query = read_query(data)
        if query is None:
            return
        self.answered += 1
        limit = STREAM_BYTES if is_stream else size_limit(query)
        problem = problem_of(query)
        if problem is not None:
            reply(to_bytes(failed(query, problem), limit))
            return
        question = query.question[0]
        if self._zone is None:
            reply(to_bytes(failed(query, dns.rcode.SERVFAIL), limit))
            return
        type_ = dns.rdatatype.to_text(question.rdtype)
        found = self._zone.answer(question.name.to_text(), type_)
        if found is None:
            self._ask(query, lambda message: reply(to_bytes(message, limit)))
            return
        response = answered(query, _shuffled(found), self._zone)
        alias = found.records[0] if len(found.records) == 1 and found.records[0].type == "CNAME" else None
        if alias is not None and type_ in ("A", "AAAA"):
            self._follow(query, response, alias, type_, lambda: reply(to_bytes(response, limit)))
            return
        made = to_bytes(response, limit)
        if not is_stream and len(found.records) <= 1:
            if len(self._ready) >= KEPT:
                self._ready.clear()
            self._ready[data[2:]] = made[2:]
        reply(made)

    def _ask(self, query: Message, reply: Callable[[Message], None]) -> None:
        """The host's resolvers."""
        if self._waiting >= MAX_WAITING:
            return

        def done(message: Message) -> None:
            self._waiting -= 1
            reply(message)

        self._waiting += 1
        self._forwarder.ask(query, done)

    def _follow(
        self, query: Message, response: Message, alias: Record, type_: str, done: Callable[[], None]
    ) -> None:
        """Where an ExternalName leads, as resolvers in pods do not ask again."""
        assert self._zone is not None
        for _ in range(MAX_ALIASES):
            name = dns.name.from_text(alias.data)
            found = self._zone.answer(alias.data, type_)
            if found is None:
                self._ask(dns.message.make_query(name, type_), lambda answer: _join(response, answer, done))
                return
            for record in found.records:
                add(response.answer, record, name)
            if not found.exists:
                response.set_rcode(dns.rcode.NXDOMAIN)
            if not found.records or found.records[0].type != "CNAME":
                done()
                return
            alias = found.records[0]
        response.set_rcode(dns.rcode.SERVFAIL)
        done()


def _join(response: Message, answer: Message, done: Callable[[], None]) -> None:
    response.answer += answer.answer
    if answer.rcode() != dns.rcode.NOERROR:
        response.set_rcode(answer.rcode())
    done()


def _shuffled(found: Answer) -> Answer:
    """Clients take the first: let it be another each time."""
    if len(found.records) < 2:
        return found
    return Answer(found.exists, tuple(random.sample(found.records, len(found.records))), found.additional)
