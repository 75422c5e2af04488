"""Parts of the relay process on an engine of the test's own: timers, isolation, rest of datagram backends."""

import os
import resource
import select
import socket
import struct
import time

import pytest
from netproxy.relay_bed import free_port

from pikube.netproxy.balancer import Balancer
from pikube.netproxy.dns import Resolver
from pikube.netproxy.dns_doors import DnsStreamDoor
from pikube.netproxy.doors import Counts, TcpDoor
from pikube.netproxy.engine import Engine
from pikube.netproxy.targets import DNS_STREAM, Backend, Backends, Listener
from pikube.netproxy.tcp import Shared
from pikube.netproxy.udp import UdpRelay


class CountingEngine(Engine):
    """Counts jobs that were put off."""

    def __init__(self):
        super().__init__()
        self.put_off = 0

    def after(self, seconds, job):
        self.put_off += 1
        super().after(seconds, job)


@pytest.fixture
def engine():
    engine = CountingEngine()
    yield engine
    engine.close()


def turn_until(engine, condition, turns=100):
    for _ in range(turns):
        if condition():
            return
        engine.turn(0.05)
    raise AssertionError("the condition did not come true")


def bound(kind=socket.SOCK_DGRAM):
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def test_a_port_that_is_taken_is_tried_by_one_timer_however_often_its_backends_change(engine):
    with bound(socket.SOCK_STREAM) as other:
        other.listen()
        told = []
        listener = Listener("TCP", *other.getsockname())
        door = TcpDoor(
            Shared(engine), Counts(10), listener, Backends("a/b", ()), lambda key, why: told.append(why)
        )
        for number in range(1, 51):
            door.lead_to(Backends("a/b", (Backend("127.0.0.1", number),)))
        assert engine.put_off == 1
        assert told == ["Address already in use"]
        door.close()


def test_a_connection_that_fails_oddly_does_not_end_the_patience_for_all_others(engine):
    class Waits:
        def __init__(self, error=None):
            self.error, self.went_on = error, 0

        def go_on(self):
            shared.answered(self)
            self.went_on += 1
            if self.error:
                raise self.error

    shared = Shared(engine)
    odd, plain, later = Waits(ValueError("odd")), Waits(), Waits()
    for connection in (odd, plain):
        shared.expect(connection, 0.0)
    turn_until(engine, lambda: plain.went_on)
    shared.expect(later, 0.0)
    turn_until(engine, lambda: later.went_on)
    assert (odd.went_on, plain.went_on) == (1, 1)


def test_a_datagram_backend_that_answers_has_rested_enough(engine):
    """Else it would get one client each five seconds for ever."""
    with bound() as server, bound() as other, bound() as client:
        lives, rests = Backend(*server.getsockname()), Backend(*other.getsockname())
        backends = Backends("a/b", (lives, rests))
        choice = 0
        balancer = Balancer(lambda count: min(choice, count - 1))
        for backend in (lives, rests):
            balancer.refused(backend, engine.now, engine.now)
        listener = bound()
        address = listener.getsockname()
        listener.setblocking(False)
        relay = UdpRelay(engine, listener, lambda: backends, balancer)
        client.sendto(b"x", address)
        engine.turn(5.0)
        _, asker = server.recvfrom(10)
        server.sendto(b"y", asker)
        turn_until(engine, lambda: select.select([client], [], [], 0)[0])
        assert client.recv(10) == b"y"
        choice = 1
        assert [balancer.order(backends, "192.0.2.1", engine.now)[0] for _ in range(3)] == [lives] * 3
        relay.close()


def test_names_by_stream_wait_when_descriptors_have_run_out(engine):
    """And ask for no turn meanwhile."""
    with socket.socket() as client:
        listener = Listener(DNS_STREAM, "127.0.0.1", free_port())
        door = DnsStreamDoor(
            Resolver(engine), Shared(engine), Counts(10), listener, Backends("a/b", ()), lambda key, why: None
        )
        client.connect(listener[1:])
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            engine.turn(5.0)
            began = time.monotonic()
            engine.turn(0.05)
            assert time.monotonic() - began > 0.04
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        client.sendall(struct.pack("!H", 12) + bytes(12))  # a query without a question
        turn_until(engine, lambda: select.select([client], [], [], 0)[0])
        assert client.recv(2) == struct.pack("!H", 12)
        door.close()
        engine.turn(0.0)
