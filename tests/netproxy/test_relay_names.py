"""Names are answered by the relay process: also without an agent, after a crash, and while a successor takes over."""

import json
import socket
import threading
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from netproxy.relay_bed import RelayBed, free_port, wait_until

ADDRESS = "127.0.0.54"
NAME, OTHER = "web.shop.svc.cluster.local.", "new.shop.svc.cluster.local."


@pytest.fixture
def relay(tmp_path):
    bed = RelayBed(tmp_path)
    yield bed
    bed.close()


def names(**owners):
    table = {
        f"shop/{owner}": {f"{owner}.shop.svc.cluster.local": [["A", a, 30]]} for owner, a in owners.items()
    }
    return {
        "domain": "cluster.local",
        "networks": ["10.43.0.0/16"],
        "upstreams": [],
        "port": 53,
        "table": table,
    }


def open_doors(relay, port):
    entries = [[kind, ADDRESS, port, "kube-system/kube-dns", [], 0, []] for kind in ("DNS/UDP", "DNS/TCP")]
    relay.tell({"put": entries})


def query(port, name=NAME, timeout_s=5.0):
    """(code, addresses); raises TimeoutError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect((ADDRESS, port))
        asked = dns.message.make_query(name, "A")
        sock.send(asked.to_wire())
        answer = dns.message.from_wire(sock.recv(512))
    assert answer.id == asked.id
    return dns.rcode.to_text(answer.rcode()), [r.to_text() for rrset in answer.answer for r in rrset]


def test_names_follow_what_the_agent_tells_and_stay_when_it_is_gone(relay):
    port = free_port(socket.SOCK_DGRAM)
    open_doors(relay, port)
    assert query(port) == ("SERVFAIL", []), "nothing is known yet: no word about what exists"
    relay.tell({"names": names(web="10.43.0.7")})
    assert query(port) == ("NOERROR", ["10.43.0.7"])
    assert query(port, OTHER) == ("NXDOMAIN", [])
    put = names(new="10.43.0.8", web="10.43.0.9")["table"]
    statistics = relay.tell({"names_put": put, "names_drop": []})
    assert (statistics["names"], statistics["answered"]) == (2, 3)
    assert query(port) == ("NOERROR", ["10.43.0.9"]), "a ready answer is forgotten"
    relay.tell({"names_put": {}, "names_drop": ["shop/web"]})
    relay.hang_up()  # the agent is gone
    assert query(port) == ("NXDOMAIN", [])
    assert query(port, OTHER) == ("NOERROR", ["10.43.0.8"])
    relay.processes[0].terminate()
    relay.processes[0].wait()
    relay.start()


def test_a_relay_with_names_is_small(relay):
    """A board pays for it all the time; dnspython alone has cost 5 MB."""
    port = free_port(socket.SOCK_DGRAM)
    open_doors(relay, port)
    relay.tell({"names": names(web="10.43.0.7")})
    assert query(port) == ("NOERROR", ["10.43.0.7"])
    text = Path(f"/proc/{relay.pid}/smaps_rollup").read_text()
    private = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")]
    assert sum(private) < 14_000, f"{sum(private)} KiB of its own"


def test_names_of_the_last_life_are_answered_at_once(relay):
    port = free_port(socket.SOCK_DGRAM)
    relay.tell({"names": names(web="10.43.0.7")})
    open_doors(relay, port)

    def is_kept():
        path = relay.directory / "relay-names.json"
        return path.exists() and "shop/web" in json.loads(path.read_text())["table"]

    wait_until(is_kept, 15)
    wait_until(lambda: (relay.directory / "relay-table.json").exists(), 15)
    relay.hang_up()
    relay.processes[0].kill()
    relay.processes[0].wait()
    relay.start()
    assert query(port) == ("NOERROR", ["10.43.0.7"])


def test_no_query_is_lost_while_a_successor_takes_over(relay):
    port = free_port(socket.SOCK_DGRAM)
    relay.tell({"names": names(web="10.43.0.7")})
    open_doors(relay, port)
    relay.hang_up()
    wrong, is_over = [], threading.Event()

    def ask_again_and_again():
        while not is_over.is_set():
            try:
                answer = query(port)
            except (TimeoutError, ConnectionRefusedError) as error:
                answer = error
            if answer != ("NOERROR", ["10.43.0.7"]):
                wrong.append(answer)

    load = threading.Thread(target=ask_again_and_again)
    load.start()
    relay.start()
    assert query(port) == ("NOERROR", ["10.43.0.7"])
    is_over.set()
    load.join()
    assert wrong == []


def test_a_resolver_on_every_address_does_not_disturb_datagrams_and_streams_are_told(relay):
    """A Pi-hole: dnsmasq shares its port for datagrams (SO_REUSEADDR) and cannot for streams."""
    port = free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, socket.create_server(("0.0.0.0", port)):
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("0.0.0.0", port))
        relay.tell({"names": names(web="10.43.0.7")})
        open_doors(relay, port)
        assert query(port) == ("NOERROR", ["10.43.0.7"])
        assert relay.failures == {("DNS/TCP", ADDRESS, port): "Address already in use"}
    wait_until(lambda: relay.synced() and list(relay.failures.values()) == [""])
