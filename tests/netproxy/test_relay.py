"""What the relay process promises, on the real process: bytes, refusals, resets, bounds, restarts."""

import os
import select
import signal
import socket
import struct
import threading
import time

import pytest
from netproxy.relay_bed import RelayBed, Server, ask, echo, free_port, named, wait_until

from pikube.netproxy.targets import Backend, Backends, Listener, encode_entry
from pikube.netproxy.udp import ASKS_AGAIN_S, RECEIVE_BYTES, SO_RCVBUFFORCE

RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def relay(tmp_path):
    bed = RelayBed(tmp_path)
    yield bed
    bed.close()


@pytest.fixture
def servers():
    """Makes servers that are closed at the end."""
    made = []

    def make(serve=echo, port=0):
        made.append(Server(serve, port))
        return made[-1]

    yield make
    for server in made:
        server.close()


def door():
    return ("TCP", "127.0.0.1", free_port())


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


@pytest.mark.parametrize("size", [1, 16 * 1024, 70_000, 5_000_000])
def test_bytes_arrive_whole_both_ways_and_a_half_close_is_passed_on(relay, servers, size):
    def answer_after_the_end(sock):
        asked = b""
        while chunk := sock.recv(65536):
            asked += chunk
        sock.sendall(asked[::-1])

    listener = door()
    relay.put(listener, servers(answer_after_the_end).target)
    sent = bytes(range(256)) * (size // 256 + 1)
    got = []
    client = socket.create_connection(listener[1:], timeout=20)

    def send():
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    while chunk := client.recv(65536):
        got.append(chunk)
    sender.join()
    client.close()
    assert b"".join(got) == sent[::-1]


def test_a_server_may_speak_first(relay, servers):
    listener = door()
    relay.put(listener, servers(named("first")).target)
    assert ask(listener[1:]) == b"first"


def test_no_connect_fails_while_one_endpoint_lives(relay, servers):
    """Two of three refuse, one does not answer at all (RFC 5737): every client reaches the third."""
    listener, alive = door(), servers(named("alive"))
    dead = [("127.0.0.1", free_port()), ("127.0.0.1", free_port()), ("192.0.2.1", 9)]
    relay.put(listener, *dead, alive.target)
    began = time.monotonic()
    answers = [ask(listener[1:]) for _ in range(50)]
    assert answers == [b"alive"] * 50
    assert time.monotonic() - began < 5, "a backend that does not answer must rest"


def swallowing():
    """A listener whose queue is full: as a board without power it answers no SYN. (its socket, what fills it)"""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = []
    while True:
        filler = socket.socket()
        filler.settimeout(0.1)
        fillers.append(filler)
        try:
            filler.connect(listener.getsockname())
        except TimeoutError:
            return listener, fillers


def test_backends_that_swallow_connects_hold_up_a_client_for_a_moment_only(relay, servers):
    listener, alive = door(), servers(named("alive"))
    silent = [swallowing() for _ in range(3)]
    relay.put(listener, *(sock.getsockname() for sock, _ in silent), alive.target)
    times = []
    for _ in range(30):
        began = time.monotonic()
        assert ask(listener[1:]) == b"alive"
        times.append(time.monotonic() - began)
    assert max(times) < 2, "a quarter of a second for each that says nothing"
    assert sum(time_s > 0.2 for time_s in times) <= 3, "and they rest"
    for sock, fillers in silent:
        for each in (sock, *fillers):
            each.close()


def test_a_slow_backend_is_waited_for_while_others_are_tried(relay):
    """The only one that lives answers late, after all others were asked: the client is not lost."""
    listener, (slow, fillers) = door(), swallowing()
    never, others = swallowing()
    relay.put(listener, slow.getsockname(), never.getsockname(), ("127.0.0.1", free_port()))
    before = relay.descriptors()
    with socket.create_connection(listener[1:], timeout=20) as client:
        client.sendall(b"x")
        wait_until(lambda: relay.descriptors() >= before + 3)  # both are being asked
        slow.settimeout(0.05)
        for filler in fillers:  # room: its next SYN is answered
            filler.close()

        def accepted():
            try:
                sock = slow.accept()[0]
            except TimeoutError:
                return None
            with sock:
                sock.settimeout(20)  # fillers have closed: only the relay's own connection is waited for
                try:
                    return sock.recv(1) == b"x" and sock.sendall(b"late") is None
                except (TimeoutError, ConnectionError):
                    return None

        wait_until(accepted)
        assert client.recv(4) == b"late"
    wait_until(lambda: relay.synced()["open"] == 0)
    wait_until(lambda: relay.descriptors() <= before)
    for sock in (slow, never, *others):
        sock.close()


def test_a_port_without_endpoints_refuses_and_opens_when_there_is_one(relay, servers):
    listener = door()
    relay.put(listener)
    with pytest.raises(ConnectionRefusedError):
        ask(listener[1:])
    server = servers(named("here"))
    relay.put(listener, server.target)
    assert ask(listener[1:]) == b"here"
    relay.put(listener)
    with pytest.raises(ConnectionRefusedError):
        ask(listener[1:])


def test_with_only_dead_endpoints_the_client_is_reset(relay):
    listener = door()
    relay.put(listener, ("127.0.0.1", free_port()))
    with pytest.raises(ConnectionResetError):
        ask(listener[1:], b"x")


def test_a_reset_of_either_side_resets_the_other(relay, servers):
    ends = []
    told = threading.Event()

    def serve(sock):
        if sock.recv(1) == b"s":  # the server's turn to break
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        sock.sendall(b"k")
        try:
            sock.recv(1)
            ends.append("end")
        except ConnectionResetError:
            ends.append("reset")
        told.set()

    listener = door()
    relay.put(listener, servers(serve).target)
    with socket.create_connection(listener[1:], timeout=20) as client:
        client.sendall(b"s")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    client = socket.create_connection(listener[1:], timeout=20)
    client.sendall(b"c")
    assert client.recv(1) == b"k"
    reset(client)
    assert told.wait(5) and ends == ["reset"]
    wait_until(lambda: relay.synced()["open"] == 0)


def test_ten_thousand_resets_end_nothing_but_themselves(relay, servers):
    listener = door()
    relay.put(listener, servers().target)
    other = socket.create_connection(listener[1:], timeout=20)
    before = relay.descriptors()
    for turn in range(10_000):
        sock = socket.create_connection(listener[1:], timeout=20)
        if turn % 2:
            sock.send(b"x")
        reset(sock)
    other.sendall(b"still here")
    assert other.recv(100) == b"still here"
    wait_until(lambda: relay.synced()["open"] == 1)
    wait_until(lambda: relay.descriptors() <= before + 2)
    other.close()


def test_a_peer_that_does_not_read_holds_up_nobody_and_costs_little(relay, servers):
    listener = door()
    relay.put(listener, servers().target)
    slow = [socket.create_connection(listener[1:], timeout=20) for _ in range(50)]
    for sock in slow:  # push until nothing goes any more; nobody reads the echo
        sock.setblocking(False)
        try:
            while True:
                sock.send(b"x" * 65536)
        except BlockingIOError:
            continue
    began = time.monotonic()
    assert ask(listener[1:], b"y" * 1_000_000) == b"y" * 1_000_000
    assert time.monotonic() - began < 5
    for sock in slow:
        sock.close()


def test_clients_that_say_nothing_leave_room_for_others(tmp_path, servers):
    """As many silent connections as a bound of descriptors lets in; another client still gets through."""
    relay = RelayBed(tmp_path, descriptors=1024 + 400)
    try:
        listener = ("TCP", "0.0.0.0", free_port())
        relay.put(listener, servers().target)
        silent = [socket.socket() for _ in range(300)]
        for sock in silent:  # those who are turned away see it now or later
            sock.connect_ex(("127.0.0.1", listener[2]))
        wait_until(lambda: relay.synced()["turned_away"] >= 100)
        statistics = relay.synced()
        assert statistics["open"] <= 200
        other = socket.create_connection(
            ("127.0.0.1", listener[2]), timeout=20, source_address=("127.0.0.2", 0)
        )
        other.sendall(b"hello")
        assert other.recv(10) == b"hello"
        for sock in [*silent, other]:
            sock.close()
    finally:
        relay.close()


def test_five_thousand_idle_connections_take_two_descriptors_and_little_memory_each(relay):
    listener, backend = door(), socket.create_server(("127.0.0.1", 0), backlog=4096)
    backend.settimeout(10)
    accepted, clients = [], []
    relay.put(listener, backend.getsockname())
    before, descriptors = resident_kib(relay.pid), relay.descriptors()
    for turn in range(5000):
        source = (f"127.0.0.{turn % 4 + 1}", 0)
        clients.append(socket.create_connection(listener[1:], timeout=10, source_address=source))
        accepted.append(backend.accept()[0])
    wait_until(lambda: relay.descriptors() - descriptors == 10_000)
    assert (resident_kib(relay.pid) - before) / 5000 < 4
    for sock in (*clients, *accepted, backend):
        sock.close()
    wait_until(lambda: relay.synced()["open"] == 0)
    wait_until(lambda: relay.descriptors() <= descriptors + 2)


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def test_a_port_that_another_program_has_is_told_and_taken_when_it_is_free(relay, servers):
    listener = door()
    blocker = socket.create_server(listener[1:])
    relay.put(listener, servers(named("now")).target)
    assert relay.failures[listener] == "Address already in use"
    blocker.close()
    wait_until(lambda: relay.synced() and relay.failures[listener] == "")
    assert ask(listener[1:]) == b"now"


def test_an_entry_that_cannot_be_served_keeps_no_other_out(relay, servers):
    first, last = door(), door()
    target = Backend(*servers(named("good")).target)
    wrong = encode_entry(Listener(*door()), Backends("a/b", (target,), sources=("nonsense",)))
    good = [encode_entry(Listener(*key), Backends("a/c", (target,))) for key in (first, last)]
    for message in ({"put": [good[0], wrong, good[1]]}, {"table": [wrong, *good]}):
        relay.tell(message)
        assert ask(first[1:]) == ask(last[1:]) == b"good"
        relay.tell({"table": []})


def test_only_clients_of_the_source_ranges_are_let_in(relay, servers):
    listener = ("TCP", "0.0.0.0", free_port())
    relay.put(listener, servers(named("ok")).target, sources=("127.0.0.2/32", "127.1.0.0/16"))
    with pytest.raises(ConnectionResetError):
        ask(("127.0.0.1", listener[2]), b"x")
    with socket.create_connection(("127.0.0.1", listener[2]), source_address=("127.0.0.2", 0)) as sock:
        assert sock.recv(10) == b"ok"


def test_a_client_with_affinity_stays_with_its_backend(relay, servers):
    listener = door()
    targets = [servers(named(name)).target for name in "abcd"]
    relay.put(listener, *targets, affinity_s=60)
    assert len({ask(listener[1:]) for _ in range(20)}) == 1


def test_a_health_port_tells_how_many_endpoints_are_here(relay):
    listener = ("HEALTH", "0.0.0.0", free_port())
    relay.put(listener, ("10.42.0.1", 0), ("10.42.0.2", 0))
    answer = ask(("127.0.0.1", listener[2]), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").decode()
    assert answer.startswith("HTTP/1.1 200 OK") and '"localEndpoints": 2' in answer
    relay.put(listener)
    answer = ask(("127.0.0.1", listener[2]), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").decode()
    assert answer.startswith("HTTP/1.1 503") and '"namespace": "shop", "name": "web"' in answer


def test_a_flood_at_a_health_port_stays_within_the_bound_of_connections(tmp_path):
    bed = RelayBed(tmp_path, descriptors=1200)
    try:
        listener = ("HEALTH", "127.0.0.1", free_port())
        bed.put(listener, ("10.42.0.1", 0))
        clients = [socket.socket() for _ in range(300)]
        for client in clients:
            client.connect_ex(listener[1:])  # some are reset before this is over
        wait_until(lambda: bed.synced()["turned_away"] > 0)
        for client in clients:
            client.close()
        wait_until(lambda: bed.synced()["open"] == 0)
        assert ask(listener[1:], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    finally:
        bed.close()


def test_a_successor_takes_over_though_the_table_cannot_be_written(relay, servers):
    """The disk is full."""
    (relay.directory / "relay-table.new").mkdir()
    listener = door()
    relay.put(listener, servers(named("kept")).target)
    relay.hang_up()
    relay.start()
    assert relay.processes[0].wait(timeout=10) == 0
    relay.put(listener, servers(named("later")).target)
    assert ask(listener[1:]) == b"later" and not relay.failures


def test_doors_outlive_the_agent_and_a_successor_takes_over_without_a_refusal(relay, servers):
    listener = door()
    relay.put(listener, servers().target)
    kept = socket.create_connection(listener[1:], timeout=20)
    kept.sendall(b"1")
    assert kept.recv(1) == b"1"
    relay.hang_up()  # the agent is gone
    assert ask(listener[1:], b"alone") == b"alone"
    failures, is_over = [], threading.Event()

    def connect_again_and_again():
        while not is_over.is_set():
            try:
                assert ask(listener[1:], b"x") == b"x"
            except OSError as error:
                failures.append(error)

    load = threading.Thread(target=connect_again_and_again)
    load.start()
    relay.start()
    assert ask(listener[1:], b"new") == b"new"
    is_over.set()
    load.join()
    assert failures == []
    kept.sendall(b"2")
    assert kept.recv(1) == b"2", "the old connection goes on in the old process"
    kept.close()
    relay.processes[0].wait(timeout=10)
    assert relay.synced()["doors"] == 1


def test_a_relay_begins_with_the_table_of_its_last_life(relay, servers):
    listener = door()
    relay.put(listener, servers(named("kept")).target)
    wait_until(lambda: (relay.directory / "relay-table.json").exists(), 15)
    relay.hang_up()
    relay.processes[0].kill()
    relay.processes[0].wait()
    relay.start()
    assert ask(listener[1:]) == b"kept"


def test_datagrams_find_their_way_and_back_from_the_address_that_was_asked(relay):
    backend = udp_echo()
    listener = ("UDP", "0.0.0.0", free_port(socket.SOCK_DGRAM))
    relay.put(listener, backend.getsockname())
    for address in ("127.0.0.1", "127.0.0.5"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect((address, listener[2]))  # connected: an answer from elsewhere would be dropped
            for word in (b"one", b"two"):
                client.send(word)
                assert client.recv(100) == word
    backend.close()


def udp_echo(port=0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))

    def run():
        while True:
            try:
                data, client = sock.recvfrom(65536)
            except OSError:
                return
            if not data:
                return
            sock.sendto(data, client)

    threading.Thread(target=run, daemon=True).start()
    return sock


def test_a_dead_datagram_backend_is_left_for_one_that_answers(relay):
    backend = udp_echo()
    listener = ("UDP", "127.0.0.1", free_port(socket.SOCK_DGRAM))
    relay.put(listener, ("127.0.0.1", free_port(socket.SOCK_DGRAM)), backend.getsockname())
    for _ in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(listener[1:])
            client.settimeout(0.2)
            assert any(answers(client) for _ in range(5))
    backend.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs CAP_NET_ADMIN")
def test_datagrams_wait_for_a_relay_that_gets_no_turn(relay):
    taker = silent_datagrams()
    taker.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
    listener = ("UDP", "127.0.0.1", free_port(socket.SOCK_DGRAM))
    relay.put(listener, taker.getsockname())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(listener[1:])
        os.kill(relay.pid, signal.SIGSTOP)
        try:
            for number in range(300):
                client.send(number.to_bytes(2) + bytes(1200))
        finally:
            os.kill(relay.pid, signal.SIGCONT)
        assert [int.from_bytes(taker.recv(2000)[:2]) for _ in range(300)] == list(range(300))
    taker.close()


def silent_datagrams():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def asked_again(address):
    """Whether a client that gets no answer gets one when it asks again, as resolvers do; None: it got one at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(address)
        client.settimeout(0.8)
        if answers(client):
            return None
        client.settimeout(ASKS_AGAIN_S + 0.1)
        assert not answers(client), "it is given its time"
        client.settimeout(5)
        return answers(client)


def test_who_asks_again_is_given_another_backend_where_others_are_answered(relay):
    """A lost board sends no refusals."""
    backend, lost = udp_echo(), silent_datagrams()
    listener = ("UDP", "127.0.0.1", free_port(socket.SOCK_DGRAM))
    relay.put(listener, backend.getsockname())
    assert asked_again(listener[1:]) is None
    relay.put(listener, backend.getsockname(), lost.getsockname())
    found = next(again for _ in range(50) if (again := asked_again(listener[1:])) is not None)
    assert found is True
    assert {asked_again(listener[1:]) for _ in range(20)} == {None}, "and the silent one rests"
    backend.close()
    lost.close()


def test_datagrams_that_nobody_answers_stay_with_their_backend(relay):
    """Syslog: what only takes is no lost board."""
    takers = [silent_datagrams(), silent_datagrams()]
    listener = ("UDP", "127.0.0.1", free_port(socket.SOCK_DGRAM))
    relay.put(listener, *(taker.getsockname() for taker in takers))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(listener[1:])
        client.settimeout(ASKS_AGAIN_S + 0.1)
        assert not answers(client)
        client.settimeout(0.2)
        assert not answers(client)
        client.send(b"last")
    [chosen], _, _ = select.select(takers, [], [], 5)
    assert [chosen.recv(10) for _ in range(3)] == [b"x", b"x", b"last"]
    for taker in takers:
        taker.close()


def test_datagrams_are_carried_for_addresses_of_the_other_family(relay):
    backend = udp_echo()
    listener = ("UDP", "::1", free_port(socket.SOCK_DGRAM))
    relay.put(listener, backend.getsockname())
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(listener[1:])
        client.send(b"six")
        assert client.recv(10) == b"six"
    backend.close()


def answers(client):
    client.send(b"x")
    try:
        return client.recv(10) == b"x"
    except TimeoutError:
        return False


def test_a_flood_of_datagrams_from_many_clients_stays_within_bounds(relay):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    talking = udp_echo()
    listener, other = (("UDP", "127.0.0.1", free_port(socket.SOCK_DGRAM)) for _ in range(2))
    relay.put(listener, silent.getsockname())
    relay.put(other, talking.getsockname())
    before = relay.descriptors()
    for turn in range(3000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((f"127.0.{turn // 250}.{turn % 250 + 1}", 0))
            client.sendto(b"flood", listener[1:])
    assert relay.synced()["flows"] <= 1024
    assert relay.descriptors() <= before + 1024 + 64 + 8, "a turn closes what it replaced at its end"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(other[1:])
        client.send(b"calm")
        assert client.recv(10) == b"calm"
    silent.close()
    talking.close()


def test_a_dropped_door_is_closed_and_its_connections_go_on(relay, servers):
    listener = door()
    relay.put(listener, servers().target)
    with socket.create_connection(listener[1:], timeout=20) as kept:
        kept.sendall(b"a")
        assert kept.recv(1) == b"a"
        relay.drop(listener)
        with pytest.raises(ConnectionRefusedError):
            ask(listener[1:])
        kept.sendall(b"b")
        assert kept.recv(1) == b"b"
