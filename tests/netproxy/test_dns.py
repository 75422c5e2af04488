"""DNS messages: the reference answers, forwarding, truncation, and that no bytes whatever do harm."""

import socket
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trio
import trio.lowlevel
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from netproxy.zone_objects import make_zone

from pikube.netproxy.dns import DnsServer
from pikube.netproxy.dns_forward import CACHED, Forwarder
from pikube.netproxy.listening import bind
from pikube.netproxy.targets import Listener

ADDRESS = "127.0.0.53"


def server(upstreams=(), port=53):
    return DnsServer(ADDRESS, make_zone(), upstreams, port=port)


async def ask(dns_server, name, type_="A", **options):
    query = dns.message.make_query(name, type_, **options)
    answer = await dns_server.answer(query.to_wire())
    return dns.message.from_wire(answer)


# What CoreDNS 1.11 answers for the same objects: (name, type, code, answers).
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
]  # fmt: skip


@pytest.mark.parametrize(("name", "type_", "code", "answers"), REFERENCE)
async def test_the_reference_answers(name, type_, code, answers):
    response = await ask(server(), name, type_)
    assert dns.rcode.to_text(response.rcode()) == code
    assert sorted(rdata.to_text() for rrset in response.answer for rdata in rrset) == sorted(answers)
    assert response.flags & dns.flags.AA and response.flags & dns.flags.RA
    if not answers:
        [soa] = response.authority
        assert soa.rdtype == dns.rdatatype.SOA and soa.name.to_text() == "cluster.local."


async def test_a_name_is_answered_in_its_own_letters_also_the_second_time():
    own = server()
    for _ in range(2):
        response = await ask(own, "WEB.Shop.svc.cluster.local.")
        assert response.answer[0].name.to_text() == "WEB.Shop.svc.cluster.local."


async def test_an_external_name_of_elsewhere_is_followed():
    async with upstream(b"out") as port:
        own = server(["127.0.0.1"])
        own._forwarder._port = port
        response = await ask(own, "out.shop.svc.cluster.local.")
    assert [r.to_text() for s in response.answer for r in s] == ["example.org.", "192.0.2.1"]


async def test_aliases_in_a_ring_end():
    response = await ask(server(), "ring.shop.svc.cluster.local.")
    assert response.rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(("change", "code"), [
    (lambda q: q.set_opcode(2), dns.rcode.NOTIMP),
    (lambda q: q.question.clear(), dns.rcode.FORMERR),
    (lambda q: q.question.append(q.question[0]), dns.rcode.FORMERR),
])  # fmt: skip
async def test_what_is_no_plain_question_is_refused(change, code):
    query = dns.message.make_query("web.shop.svc.cluster.local.", "A")
    change(query)
    answer = await server().answer(query.to_wire())
    assert dns.message.from_wire(answer).rcode() == code


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data):
    trio.run(server().answer, data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_changed_query_does_harm(data):
    wire = bytearray(dns.message.make_query("web.shop.svc.cluster.local.", "A", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(1, 5))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    trio.run(server().answer, bytes(wire))


class upstream:
    """A resolver that answers every A query with 192.0.2.1, `TTL 60`; counts. `words` choose its manners."""

    def __init__(self, words=b"", delay=None):
        self.words, self.count, self.delay = words, 0, delay
        self.udp = bind(Listener("UDP", "127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        tcp = bind(Listener("TCP", "127.0.0.1", self.port))
        tcp.listen()
        self.tcp = trio.SocketListener(trio.socket.from_stdlib_socket(tcp))

    async def __aenter__(self):
        self.manager = trio.open_nursery()
        self.nursery = await self.manager.__aenter__()
        self.nursery.start_soon(self.serve)
        self.nursery.start_soon(trio.serve_listeners, self.serve_stream, [self.tcp])
        return self.port

    async def __aexit__(self, *exc):
        self.nursery.cancel_scope.cancel()
        await self.manager.__aexit__(*exc)

    def answer(self, data, is_stream):
        self.count += 1
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        many = 40 if b"large" in self.words else 1
        texts = [f"192.0.2.{number + 1}" for number in range(many)]
        if b"large" in self.words and not is_stream:
            response.flags |= dns.flags.TC
        else:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *texts))
        return response.to_wire()

    async def serve(self):
        sock = trio.socket.from_stdlib_socket(self.udp)
        with sock:
            while True:
                data, client = await sock.recvfrom(4096)
                if self.delay is not None:
                    await self.delay.wait()
                if b"forge" in self.words:
                    await sock.sendto(b"\0\0" + self.answer(data, False)[2:], client)
                await sock.sendto(self.answer(data, False), client)

    async def serve_stream(self, stream):
        data = await stream.receive_some(4096)
        answer = self.answer(data[2:], True)
        await stream.send_all(struct.pack("!H", len(answer)) + answer)


def texts(message):
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


async def test_other_names_are_forwarded_and_kept():
    up = upstream(b"forge")
    async with up as port:
        forwarder = Forwarder(["127.0.0.1"], port)
        for number in range(3):
            query = dns.message.make_query("Example.org.", "A", id=number + 1)
            answer = await forwarder.ask(query)
            assert texts(answer) == ["192.0.2.1"] and answer.id == number + 1
    assert up.count < 6, "asked once (a forged answer counts, too), or again when the machine was slow"


async def test_a_dead_server_is_passed_over():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        async with upstream() as port:
            silent.bind(("127.0.0.2", port))
            with trio.fail_after(6):
                answer = await Forwarder(["127.0.0.2", "127.0.0.1"], port).ask(
                    dns.message.make_query("example.org.", "A")
                )
    assert texts(answer) == ["192.0.2.1"]


async def test_without_a_server_the_answer_is_a_failure():
    answer = await Forwarder([]).ask(dns.message.make_query("example.org.", "A"))
    assert answer.rcode() == dns.rcode.SERVFAIL


async def test_the_same_question_at_the_same_time_is_asked_once():
    gate = trio.Event()
    up = upstream(delay=gate)
    async with up as port:
        forwarder = Forwarder(["127.0.0.1"], port)
        answers = []

        async def one():
            answers.append(await forwarder.ask(dns.message.make_query("example.org.", "A")))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(one)
            await trio.testing.wait_all_tasks_blocked(0.05)
            gate.set()
    assert up.count == 1 and len(answers) == 20


async def test_the_cache_is_bounded():
    async with upstream() as port:
        forwarder = Forwarder(["127.0.0.1"], port)
        for number in range(20):
            await forwarder.ask(dns.message.make_query(f"n{number}.example.", "A"))
        assert len(forwarder) == 20 and CACHED < 10_000


async def test_what_does_not_fit_a_datagram_is_truncated_and_whole_by_stream():
    async with upstream(b"large") as port:
        own = server(["127.0.0.1"])
        own._forwarder._port = port
        query = dns.message.make_query("example.org.", "A").to_wire()
        short = dns.message.from_wire(await own.answer(query), raise_on_truncation=False)
        assert short.flags & dns.flags.TC and len(short.to_wire()) <= 512
        assert len(texts(dns.message.from_wire(await own.answer(query, is_stream=True)))) == 40
        wide = dns.message.make_query("example.org.", "A", use_edns=0, payload=1232).to_wire()
        assert len(texts(dns.message.from_wire(await own.answer(wide)))) == 40


async def test_both_transports_answer_and_a_silent_stream_is_let_go(free_port_number):
    own = server(port=free_port_number)
    query = dns.message.make_query("web.shop.svc.cluster.local.", "A")
    async with trio.open_nursery() as nursery:
        await nursery.start(own.run)
        sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        await sock.connect((ADDRESS, free_port_number))
        for _ in range(2):
            await sock.send(query.to_wire())
            assert texts(dns.message.from_wire(await sock.recv(512))) == ["10.43.0.7"]
        sock.close()
        stream = await trio.open_tcp_stream(ADDRESS, free_port_number)
        wire = query.to_wire()
        framed = struct.pack("!H", len(wire)) + wire
        await stream.send_all(framed + framed[:5])
        await trio.lowlevel.checkpoint()
        await stream.send_all(framed[5:])
        got = b""
        while len(got) < 2 * (2 + struct.unpack("!H", got[:2])[0] if got else 1):
            got += await stream.receive_some(4096)
        await stream.aclose()
        nursery.cancel_scope.cancel()


@pytest.fixture
def free_port_number():
    with socket.socket() as sock:
        sock.bind((ADDRESS, 0))
        return sock.getsockname()[1]
