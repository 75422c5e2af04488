"""Addresses of the pool that two machines have: one of them keeps it, and the LAN hears which. On real links."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack

import pytest
from netproxy.relay_bed import wait_until

from pikube.netproxy.balancer_addresses import PATIENCE, candidates, lets_go

LOW, HIGH = bytes.fromhex("020000000001"), bytes.fromhex("020000000009")
NAMES = ("one", "two", "three")
BOARD = """
import sys, trio
from pikube.api.kinds.core_node import Node, NodeAddress, NodeCondition, NodeStatus
from pikube.api.kinds.core_service import LoadBalancerIngress, LoadBalancerStatus, Service, ServiceSpec, ServiceStatus
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.informer import Informers
from pikube.netproxy.balancer_addresses import BalancerAddresses
own, names, addresses = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
informers = Informers(None)
informers.of(Node).seed([
    Node(metadata=ObjectMeta(name=name, resource_version="1"),
         status=NodeStatus(conditions=(NodeCondition(type="Ready", status="True"),)))
    for name in names])
informers.of(Service).seed([
    Service(metadata=ObjectMeta(name=f"s{number}", namespace="default", resource_version="1"),
            spec=ServiceSpec(type="LoadBalancer"),
            status=ServiceStatus(load_balancer=LoadBalancerStatus(ingress=(LoadBalancerIngress(ip=address),))))
    for number, address in enumerate(addresses)])
informers.of(EndpointSlice).seed([])
trio.run(BalancerAddresses(informers, own).run)
"""


@pytest.mark.parametrize(
    ("place", "own", "other", "looks", "expected"),
    [
        (0, HIGH, LOW, PATIENCE, False),  # the first of the order keeps it, whoever else is there
        (1, HIGH, LOW, 1, True),
        (1, LOW, HIGH, 1, False),  # of two others exactly one
        (2, LOW, HIGH, 1, False),
        (1, LOW, HIGH, PATIENCE, True),  # the other one has not let go: it is the first
    ],
)
def test_of_two_that_have_an_address_one_keeps_it(place, own, other, looks, expected):
    assert lets_go(place, own, other, looks) == expected


class Link:
    """A switch with machines: `boards` by name, and a phone."""

    def __init__(self, stack: ExitStack) -> None:
        self._prefix = f"pk{os.getpid()}c"
        self._stack = stack
        self._add("lan")
        self.run("lan", "ip link add lan type bridge forward_delay 0 mcast_snooping 0")
        self.run("lan", "ip link set lan up")
        for number, name in enumerate((*NAMES, "phone"), 1):
            self._add(name)
            self.run("lan", f"ip link add {name} type veth peer name eth0 netns {self._prefix}{name}")
            self.run("lan", f"ip link set {name} master lan up")
            self.run(name, f"ip link set eth0 address 02:00:00:00:00:0{number} up")
            self.run(name, f"ip address add 192.168.1.{number}/24 dev eth0")
            self.run(name, f"ip address add fd00:7::{number}/64 dev eth0 nodad")

    def _add(self, name):
        subprocess.run(["ip", "netns", "add", f"{self._prefix}{name}"], check=True)
        self._stack.callback(subprocess.run, ["ip", "netns", "delete", f"{self._prefix}{name}"], check=True)
        self.run(name, "ip link set lo up")

    def run(self, name, command):
        argv = ["nsenter", f"--net=/run/netns/{self._prefix}{name}", *command.split()]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def start(self, name, *addresses, environment=None):
        """What netproxy does about the addresses, on a board."""
        self.spawn(name, BOARD, name, " ".join(NAMES), " ".join(addresses), environment=environment)

    def spawn(self, name, program, *argv, environment=None):
        """A Python program on a machine."""
        command = ["nsenter", f"--net=/run/netns/{self._prefix}{name}", sys.executable, "-c", program, *argv]
        process = subprocess.Popen(command, env=environment)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def told(self, address):
        """Who has it, as the phone believes."""
        words = self.run("phone", f"ip neigh show to {address}").split()
        return (None, *NAMES)[int(words[words.index("lladdr") + 1][-1])] if "lladdr" in words else None

    def has(self, name, address):
        return f" {address}/" in self.run(name, "ip address show dev eth0")


@pytest.fixture
def link():
    if os.geteuid() != 0:
        pytest.skip("makes network namespaces")
    with ExitStack() as stack:
        yield Link(stack)


def addresses_of(*order):
    """One of each family, for which boards come in this order."""
    four = next(a for n in range(100, 250) if candidates(a := f"192.168.1.{n}", NAMES) == list(order))
    six = next(a for n in range(99) if candidates(a := f"fd00:7::2:{n:x}", NAMES) == list(order))
    return four, six


def test_who_lets_go_tells_the_lan_who_has_it_when_the_other_never_noticed(link):
    """Else neighbours would send to the wrong board until the other's next reminder, half a minute later."""
    both = addresses_of("one", "three", "two")
    link.start("three", *both)
    wait_until(lambda: all(link.has("three", address) and link.told(address) is None for address in both))
    for address in both:
        link.run("phone", f"ip neigh replace {address} lladdr 02:00:00:00:00:03 dev eth0 nud reachable")
        link.run("one", f"ip address add {address} dev eth0 {'nodad' if ':' in address else ''}")
    for address in both:
        wait_until(lambda: not link.has("three", address))  # noqa: B023
        wait_until(lambda: link.told(address) == "one", 5)  # noqa: B023


def test_two_that_were_apart_agree_and_the_phone_finds_who_keeps_it(link):
    both = addresses_of("one", "two", "three")
    link.run("lan", "ip link set two type bridge_slave isolated on")
    link.run("lan", "ip link set three type bridge_slave isolated on")
    for name in ("two", "three"):
        link.start(name, *both)
    wait_until(lambda: all(link.has(name, address) for name in ("two", "three") for address in both))
    for address in both:
        link.run("phone", f"ip neigh replace {address} lladdr 02:00:00:00:00:03 dev eth0 nud reachable")
    link.run("lan", "ip link set two type bridge_slave isolated off")
    link.run("lan", "ip link set three type bridge_slave isolated off")
    for address in both:
        wait_until(lambda: link.has("two", address) and not link.has("three", address))  # noqa: B023
        wait_until(lambda: link.told(address) == "two", 5)  # noqa: B023


HEARS_QUESTIONS = """
import socket, sys
from pikube.netproxy.arp import ETH_P_ARP
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind(("eth0", ETH_P_ARP))
    count = 0
    while count < 6:
        count += sock.recv(2048)[38:42] == socket.inet_aton(sys.argv[1])
"""


def test_a_board_that_only_watches_starts_no_program_at_each_look(link, tmp_path):
    """A look each second at each of ten addresses: an `ip` for each would be a fifth of a Pi's core."""
    four, _ = addresses_of("one", "three", "two")
    link.run("one", f"ip address add {four} dev eth0")
    started = tmp_path / "started"
    ip = tmp_path / "ip"
    ip.write_text(f'#!/bin/sh\necho >> {started}\nexec {shutil.which("ip")} "$@"\n')
    ip.chmod(0o755)
    listener = link.spawn("phone", HEARS_QUESTIONS, four)
    link.start("three", four, environment={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert listener.wait(timeout=30) == 0
    assert len(started.read_text()) <= 4, (
        "what is held, and which interface: once, or again when links change"
    )
