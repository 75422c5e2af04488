"""DNS messages: the reference answers, forwarding, truncation, and that no bytes whatever do harm."""

import contextlib
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netproxy.relay_bed import free_port
from netproxy.zone_objects import make_zone
from searches import examples

from pikube.netproxy.dns import Resolver
from pikube.netproxy.dns_doors import MAX_STREAMS, DnsDatagramDoor, DnsStreamDoor
from pikube.netproxy.dns_forward import Forwarder
from pikube.netproxy.doors import Counts
from pikube.netproxy.engine import Engine
from pikube.netproxy.listening import bind
from pikube.netproxy.targets import DNS_STREAM, DNS_UDP, Backends, Listener
from pikube.netproxy.tcp import Shared

ADDRESS = "127.0.0.53"
TURNS = 400


@pytest.fixture
def engine():
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def resolver(engine):
    made = Resolver(engine)
    made.learn(make_zone(), ())
    return made


def turn_until(engine, found):
    for _ in range(TURNS):
        if found():
            return
        engine.turn(0.05)
    raise AssertionError("no answer")


def wire_answer(engine, resolver, data, **options):
    got = []
    resolver.answer(data, got.append, **options)
    turn_until(engine, lambda: got)
    return got[0]


def ask(engine, resolver, name, type_="A", **options):
    query = dns.message.make_query(name, type_, **options)
    return dns.message.from_wire(wire_answer(engine, resolver, query.to_wire()))


def forwarded(engine, forwarder, query):
    got = []
    forwarder.ask(query, got.append)
    turn_until(engine, lambda: got)
    return got[0]


# Kubernetes' dns specification.md and CoreDNS' own cases (plugin/kubernetes: handler_test, kubernetes_apex_test),
# told of these objects: (name, type, code, answers). Weights are the server's to choose.
REFERENCE = [
    ("web.shop.svc.cluster.local.", "A", "NOERROR", ["10.43.0.7"]),
    ("web.shop.svc.cluster.local.", "AAAA", "NOERROR", []),
    ("web.shop.svc.cluster.local.", "TXT", "NOERROR", []),
    ("db.shop.svc.cluster.local.", "A", "NOERROR", ["10.42.0.5", "10.42.1.6"]),
    ("db-0.db.shop.svc.cluster.local.", "A", "NOERROR", ["10.42.0.5"]),
    ("10-42-1-6.db.shop.svc.cluster.local.", "A", "NOERROR", ["10.42.1.6"]),
    ("_http._tcp.web.shop.svc.cluster.local.", "SRV", "NOERROR", ["0 100 80 web.shop.svc.cluster.local."]),
    ("_sql._tcp.db.shop.svc.cluster.local.", "SRV", "NOERROR",
     ["0 50 5432 db-0.db.shop.svc.cluster.local.", "0 50 5432 10-42-1-6.db.shop.svc.cluster.local."]),
    ("10-42-0-9.shop.pod.cluster.local.", "A", "NOERROR", ["10.42.0.9"]),
    ("7.0.43.10.in-addr.arpa.", "PTR", "NOERROR", ["web.shop.svc.cluster.local."]),
    ("5.0.42.10.in-addr.arpa.", "PTR", "NOERROR", ["db-0.db.shop.svc.cluster.local."]),
    ("99.0.43.10.in-addr.arpa.", "PTR", "NXDOMAIN", []),
    ("nothing.shop.svc.cluster.local.", "A", "NXDOMAIN", []),
    ("web.nowhere.svc.cluster.local.", "A", "NXDOMAIN", []),
    ("shop.svc.cluster.local.", "A", "NOERROR", []),
    ("cluster.local.", "A", "NOERROR", []),
    ("inside.shop.svc.cluster.local.", "A", "NOERROR", ["web.shop.svc.cluster.local.", "10.43.0.7"]),
    ("inside.shop.svc.cluster.local.", "CNAME", "NOERROR", ["web.shop.svc.cluster.local."]),
    ("six.shop.svc.cluster.local.", "AAAA", "NOERROR", ["fd00::5"]),
    ("six.shop.svc.cluster.local.", "A", "NOERROR", []),
    ("web.shop.svc.cluster.local.", "SRV", "NOERROR", ["0 100 80 web.shop.svc.cluster.local."]),
    ("plain.shop.svc.cluster.local.", "SRV", "NOERROR",
     ["0 50 70 plain.shop.svc.cluster.local.", "0 50 71 plain.shop.svc.cluster.local."]),
    ("db.shop.svc.cluster.local.", "SRV", "NOERROR",
     ["0 50 5432 db-0.db.shop.svc.cluster.local.", "0 50 5432 10-42-1-6.db.shop.svc.cluster.local."]),
    ("twins.shop.svc.cluster.local.", "A", "NOERROR", ["10.42.2.4", "10.42.2.5"]),
    ("twins.shop.svc.cluster.local.", "AAAA", "NOERROR", ["fd01::1"]),
    ("dup.twins.shop.svc.cluster.local.", "A", "NOERROR", ["10.42.2.4", "10.42.2.5"]),
    ("fd01--1.twins.shop.svc.cluster.local.", "AAAA", "NOERROR", ["fd01::1"]),
    ("twins.shop.svc.cluster.local.", "SRV", "NOERROR",
     ["0 33 90 dup.twins.shop.svc.cluster.local.", "0 33 90 fd01--1.twins.shop.svc.cluster.local."]),
    (f"1.{'0.' * 27}1.0.d.f.ip6.arpa.", "PTR", "NOERROR", ["fd01--1.twins.shop.svc.cluster.local."]),
    ("_http._udp.web.shop.svc.cluster.local.", "SRV", "NXDOMAIN", []),
    ("bogus.db.shop.svc.cluster.local.", "A", "NXDOMAIN", []),
    ("x.inside.shop.svc.cluster.local.", "CNAME", "NXDOMAIN", []),
    ("empty.shop.svc.cluster.local.", "A", "NXDOMAIN", []),
    ("svc.cluster.local.", "NS", "NOERROR", []),
    ("pod.cluster.local.", "A", "NOERROR", []),
    ("shop.svc.cluster.local.", "NS", "NOERROR", []),
    ("foo.cluster.local.", "NS", "NXDOMAIN", []),
    ("foo.svc.cluster.local.", "NS", "NXDOMAIN", []),
    ("web.shop.svc.cluster.local.", "SOA", "NOERROR", []),
    ("cluster.local.", "HINFO", "NOERROR", []),
    ("cluster.local.", "SOA", "NOERROR",
     ["ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5"]),
    ("cluster.local.", "NS", "NOERROR", ["ns.dns.cluster.local."]),
    ("ns.dns.cluster.local.", "A", "NOERROR", ["10.43.0.10"]),
    ("dns-version.cluster.local.", "TXT", "NOERROR", ['"1.1.0"']),
    ("dns-version.cluster.local.", "A", "NOERROR", []),
    ("10-42-0-9.shop.pod.cluster.local.", "AAAA", "NOERROR", []),
    ("10-42-0-9.nowhere.pod.cluster.local.", "A", "NXDOMAIN", []),
    ("not-an-address.shop.pod.cluster.local.", "A", "NXDOMAIN", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "type_", "code", "answers"), REFERENCE)
def test_the_reference_answers(engine, resolver, name, type_, code, answers):
    response = ask(engine, resolver, name, type_)
    assert dns.rcode.to_text(response.rcode()) == code
    assert sorted(rdata.to_text() for rrset in response.answer for rdata in rrset) == sorted(answers)
    assert response.flags & dns.flags.AA and response.flags & dns.flags.RA
    if not answers:
        [soa] = response.authority
        assert soa.rdtype == dns.rdatatype.SOA and soa.name.to_text() == "cluster.local."


def test_hosts_of_srv_and_of_the_name_server_come_with_their_addresses(engine, resolver):
    for name, type_, addresses in (
        ("_http._tcp.web.shop.svc.cluster.local.", "SRV", {"10.43.0.7"}),
        ("twins.shop.svc.cluster.local.", "SRV", {"10.42.2.4", "10.42.2.5", "fd01::1"}),
        ("cluster.local.", "NS", {"10.43.0.10"}),
    ):
        response = ask(engine, resolver, name, type_)
        assert {rdata.to_text() for rrset in response.additional for rdata in rrset} == addresses


def test_a_stable_address_is_kept_longer_than_an_endpoints(engine, resolver):
    assert ask(engine, resolver, "web.shop.svc.cluster.local.").answer[0].ttl == 30
    assert ask(engine, resolver, "db.shop.svc.cluster.local.").answer[0].ttl == 5


def test_a_name_is_answered_in_its_own_letters_also_the_second_time(engine, resolver):
    for _ in range(2):
        response = ask(engine, resolver, "WEB.Shop.svc.cluster.local.")
        assert response.answer[0].name.to_text() == "WEB.Shop.svc.cluster.local."


def test_an_answer_that_is_ready_is_forgotten_with_its_service(engine, resolver):
    query = dns.message.make_query("web.shop.svc.cluster.local.", "A").to_wire()
    assert resolver.ready(query) is None
    made = wire_answer(engine, resolver, query)
    assert resolver.ready(b"77" + query[2:]) == b"77" + made[2:]
    resolver.forget()
    assert resolver.ready(query) is None


def test_names_of_the_cluster_are_a_failure_before_they_are_known(engine):
    response = ask(engine, Resolver(engine), "web.shop.svc.cluster.local.")
    assert response.rcode() == dns.rcode.SERVFAIL


def test_an_external_name_of_elsewhere_is_followed(engine, resolver):
    with Upstream() as up:
        resolver.learn(make_zone(), ["127.0.0.1"], up.port)
        response = ask(engine, resolver, "out.shop.svc.cluster.local.")
    assert texts(response) == ["example.org.", "192.0.2.1"]


def test_aliases_in_a_ring_end(engine, resolver):
    assert ask(engine, resolver, "ring.shop.svc.cluster.local.").rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(("change", "code"), [
    (lambda q: q.set_opcode(2), dns.rcode.NOTIMP),
    (lambda q: q.question.clear(), dns.rcode.FORMERR),
    (lambda q: q.question.append(q.question[0]), dns.rcode.FORMERR),
    (lambda q: q.use_edns(1), dns.rcode.BADVERS),
])  # fmt: skip
def test_what_is_no_plain_question_is_refused(engine, resolver, change, code):
    query = dns.message.make_query("web.shop.svc.cluster.local.", "A")
    change(query)
    assert dns.message.from_wire(wire_answer(engine, resolver, query.to_wire())).rcode() == code


class Nobody:
    """An engine that never runs: a query that is forwarded stays on its way."""

    now = 0.0

    def again(self, job):
        pass

    def after(self, seconds, job):
        pass


def harmless_resolver():
    made = Resolver(Nobody())
    made.learn(make_zone("cluster.test"), ())  # no .local: what is changed must not be asked of the host
    return made


@examples(300)
@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data):
    harmless_resolver().answer(data, bytes)


LABELS = st.sampled_from(
    ["web", "shop", "svc", "cluster", "local", "test", "_http", "_tcp", "db", "10-42-0-9", "pod", "*", "in-addr",
     "arpa", "ip6", "7", "dns-version", "ns", "dns", "ring", "inside", "WEB", "x\\.y", "\\000", "a" * 63]
)  # fmt: skip


@examples(300)
@given(st.lists(LABELS, max_size=9), st.integers(1, 300), st.sampled_from([-1, 0]), st.booleans())
def test_every_question_of_the_cluster_gets_an_answer_that_can_be_read(labels, type_, edns, is_stream):
    """Of any name and type; never longer than the client takes, and about what was asked."""
    name = ".".join([*labels, "cluster.test."])
    if len(name) > 250:
        return
    query = dns.message.make_query(name, type_, use_edns=edns)
    answers = []
    harmless_resolver().answer(query.to_wire(), answers.append, is_stream=is_stream)
    if answers:
        [wire] = answers
        response = dns.message.from_wire(wire)
        assert query.is_response(response) and (is_stream or len(wire) <= 1232)
        assert response.rcode() in {0, 2, 3, 4, 5}
    else:
        assert "inside" in labels or "out" in labels, "only what leads elsewhere may wait"


@examples(200)
@given(st.data())
def test_no_changed_query_does_harm(data):
    wire = bytearray(dns.message.make_query("web.shop.svc.cluster.test.", "A", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(1, 5))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    harmless_resolver().answer(bytes(wire), bytes)


class Upstream:
    """A resolver that answers every A query with 192.0.2.1, TTL 60; counts. `words` choose its manners; it waits for
    `gate` before it answers."""

    def __init__(self, words="", gate=None):
        self.words, self.count, self.gate = words, 0, gate
        self.port = free_port()
        self.udp = bind(Listener("UDP", "127.0.0.1", self.port))
        self.udp.setblocking(True)
        self.tcp = bind(Listener("TCP", "127.0.0.1", self.port))
        self.tcp.setblocking(True)
        self.tcp.listen()

    def __enter__(self):
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.serve, self.serve_streams)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        for sock in (self.udp, self.tcp):
            with sock, contextlib.suppress(OSError):  # a datagram socket without a peer is told this way, too
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()

    def answer(self, data, is_stream):
        self.count += 1
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        many = 40 if "large" in self.words else 1
        addresses = [f"192.0.2.{number + 1}" for number in range(many)]
        if "large" in self.words and not is_stream:
            response.flags |= dns.flags.TC
        else:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *addresses))
        return response.to_wire()

    def serve(self):
        while True:
            try:
                data, client = self.udp.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            if self.gate is not None:
                self.gate.wait(10)
            if "forge" in self.words:
                self.udp.sendto(b"\0\0" + self.answer(data, False)[2:], client)
            self.udp.sendto(self.answer(data, False), client)

    def serve_streams(self):
        while True:
            try:
                stream, _ = self.tcp.accept()
            except OSError:
                return
            with stream:
                answer = self.answer(stream.recv(4096)[2:], True)
                framed = struct.pack("!H", len(answer)) + answer
                stream.sendall(framed[:7])
                stream.sendall(framed[7:])


def texts(message):
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


def test_other_names_are_forwarded_and_kept(engine):
    with Upstream("forge") as up:
        forwarder = Forwarder(engine, ["127.0.0.1"], up.port)
        for number in range(3):
            query = dns.message.make_query("Example.org.", "A", id=number + 1)
            answer = forwarded(engine, forwarder, query)
            assert texts(answer) == ["192.0.2.1"] and answer.id == number + 1
    assert up.count == 2, "asked once; the forged answer counts, too"


def test_a_dead_server_and_a_silent_one_are_passed_over(engine):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, Upstream() as up:
        silent.bind(("127.0.0.2", up.port))
        forwarder = Forwarder(engine, ["127.0.0.3", "127.0.0.2", "127.0.0.1"], up.port)
        assert texts(forwarded(engine, forwarder, dns.message.make_query("example.org.", "A"))) == [
            "192.0.2.1"
        ]


def test_without_a_server_the_answer_is_a_failure(engine):
    answer = forwarded(engine, Forwarder(engine, []), dns.message.make_query("example.org.", "A"))
    assert answer.rcode() == dns.rcode.SERVFAIL


def test_the_same_question_at_the_same_time_is_asked_once(engine):
    """So that a resolver that asks us back makes no storm."""
    gate, answers = threading.Event(), []
    with Upstream(gate=gate) as up:
        forwarder = Forwarder(engine, ["127.0.0.1"], up.port)
        for _ in range(20):
            forwarder.ask(dns.message.make_query("example.org.", "A"), answers.append)
        gate.set()
        turn_until(engine, lambda: len(answers) == 20)
    assert up.count == 1


def test_a_resolver_that_asks_us_back_gets_a_failure(engine, free_port_number):
    """The host's resolver leads back to us: the question waits for itself, until its time is over."""
    resolver = Resolver(engine)
    resolver.learn(make_zone(), [ADDRESS], free_port_number)
    with doors(engine, resolver, free_port_number):
        response = ask(engine, resolver, "example.org.")
    assert response.rcode() == dns.rcode.SERVFAIL


def test_the_cache_is_bounded(engine):
    with Upstream() as up:
        forwarder = Forwarder(engine, ["127.0.0.1"], up.port, kept=16)
        for number in range(20):
            forwarded(engine, forwarder, dns.message.make_query(f"n{number}.example.", "A"))
        assert len(forwarder) == 16


def test_names_of_the_lan_are_asked_of_the_host(engine):
    """Without mDNS on this host there is no such name; with it there is none either."""
    forwarder = Forwarder(engine, [])
    answer = forwarded(engine, forwarder, dns.message.make_query("nobody-has-this.local.", "A"))
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert texts(forwarded(engine, forwarder, dns.message.make_query("x.local.", "TXT"))) == []


def test_what_does_not_fit_a_datagram_is_truncated_and_whole_by_stream(engine, resolver):
    with Upstream("large") as up:
        resolver.learn(make_zone(), ["127.0.0.1"], up.port)
        query = dns.message.make_query("example.org.", "A").to_wire()
        short = dns.message.from_wire(wire_answer(engine, resolver, query), raise_on_truncation=False)
        assert short.flags & dns.flags.TC and len(short.to_wire()) <= 512
        assert len(texts(dns.message.from_wire(wire_answer(engine, resolver, query, is_stream=True)))) == 40
        wide = dns.message.make_query("example.org.", "A", use_edns=0, payload=1232).to_wire()
        assert len(texts(dns.message.from_wire(wire_answer(engine, resolver, wide)))) == 40


class doors:
    """Both doors on the test's address, open until the end."""

    def __init__(self, engine, resolver, port):
        shared, counts = Shared(engine), Counts(100)
        kinds = {DNS_UDP: DnsDatagramDoor, DNS_STREAM: DnsStreamDoor}
        self.made = [
            kind(resolver, shared, counts, Listener(name, ADDRESS, port), Backends("dns", ()), print)
            for name, kind in kinds.items()
        ]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for door in self.made:
            door.close()


def framed(query):
    wire = query.to_wire()
    return struct.pack("!H", len(wire)) + wire


def test_both_doors_answer_and_streams_are_bounded(engine, resolver, free_port_number):
    query = dns.message.make_query("web.shop.svc.cluster.local.", "A")
    with doors(engine, resolver, free_port_number), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((ADDRESS, free_port_number))
        sock.settimeout(0)
        for _ in range(2):
            sock.send(query.to_wire())
            engine.turn(1.0)
            assert texts(dns.message.from_wire(sock.recv(512))) == ["10.43.0.7"]
        streams = [socket.create_connection((ADDRESS, free_port_number)) for _ in range(MAX_STREAMS + 1)]
        for stream in streams:
            stream.settimeout(0)
        wire = framed(query)
        streams[0].send(wire + wire[:5])
        got = [b""]

        def receive():
            try:
                got[0] += streams[0].recv(4096)
            except BlockingIOError:
                return False
            return len(got[0])

        turn_until(engine, lambda: receive() and len(got[0]) >= 2 + struct.unpack("!H", got[0][:2])[0])
        one = len(got[0])
        streams[0].send(wire[5:])
        turn_until(engine, lambda: receive() and len(got[0]) == 2 * one)

        def is_let_go():
            try:
                return streams[-1].recv(1) == b""
            except BlockingIOError:
                return False

        turn_until(engine, is_let_go)
        for stream in streams:
            stream.close()


@pytest.fixture
def free_port_number():
    return free_port()
