"""Who has an address of the pool, and what is said about it on the link."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.kinds.core_node import Node, NodeAddress, NodeCondition, NodeStatus
from pikube.api.kinds.core_service import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServiceSpec,
    ServiceStatus,
)
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.arp import REPLY, REQUEST, read_reply, render_arp
from pikube.netproxy.balancer_addresses import candidates, may_have, pool_addresses
from pikube.netproxy.ndp import (
    read_advertisement,
    render_advertisement,
    render_solicitation,
    solicited_group,
)

MAC, OWN = bytes.fromhex("b827eb010203"), bytes.fromhex("b827eb040506")


def node(name, ready="True", **labels):
    return Node(
        metadata=ObjectMeta(name=name, labels={k.replace("__", "/"): v for k, v in labels.items()}),
        status=NodeStatus(
            conditions=(NodeCondition(type="Ready", status=ready),),
            addresses=(NodeAddress(type="InternalIP", address=f"192.168.1.{len(name)}"),),
        ),
    )


def balancer(*ips, policy="Cluster"):
    status = LoadBalancerStatus(ingress=tuple(LoadBalancerIngress(ip=ip) for ip in ips))
    return Service(
        metadata=ObjectMeta(name="web", namespace="shop"),
        spec=ServiceSpec(type="LoadBalancer", external_traffic_policy=policy),
        status=ServiceStatus(load_balancer=status),
    )


@given(st.sets(st.text("abc", min_size=1, max_size=4), min_size=2, max_size=6))
def test_every_board_decides_alike_and_a_loss_moves_only_what_was_lost(names):
    for address in ("192.168.1.240", "192.168.1.241"):
        order = candidates(address, names)
        assert order == candidates(address, sorted(names)) and set(order) == names
        for lost in names:
            assert candidates(address, names - {lost}) == [n for n in order if n != lost]


def test_addresses_spread_over_the_boards():
    firsts = {candidates(f"192.168.1.{number}", ["one", "two", "three"])[0] for number in range(240, 250)}
    assert len(firsts) == 3


def test_nodes_own_addresses_are_not_announced():
    nodes = [node("one")]
    found = pool_addresses([balancer("192.168.1.240"), balancer("192.168.1.3")], nodes)
    assert list(found) == ["192.168.1.240"]


def test_only_ready_nodes_and_for_a_local_policy_those_with_an_endpoint():
    label = {"node.kubernetes.io__exclude-from-external-load-balancers": ""}
    nodes = [node("one"), node("two"), node("sick", ready="Unknown"), node("out", **label)]
    assert may_have(balancer("192.168.1.240"), nodes, []) == ["one", "two"]
    ready = Endpoint(addresses=("10.42.0.1",), node_name="two", conditions=EndpointConditions(ready=True))
    slice_ = EndpointSlice(endpoints=(ready,))
    assert may_have(balancer("192.168.1.240", policy="Local"), nodes, [slice_]) == ["two"]


@pytest.mark.parametrize("operation", [REQUEST, REPLY])
def test_arp_packets_name_their_sender(operation):
    frame = render_arp(operation, OWN, MAC, "192.168.1.240", "192.168.1.240")
    assert len(frame) == 42 and frame[:12] == b"\xff" * 6 + OWN
    assert read_reply(frame) == ("192.168.1.240", MAC)


def test_neighbour_discovery_names_its_sender():
    assert solicited_group("fd00::12:3456") == "ff02::1:ff12:3456"
    assert render_solicitation("fd00::7", MAC)[0] == 135 and render_solicitation("fd00::7", MAC).endswith(MAC)
    assert read_advertisement(render_advertisement("fd00::7", MAC)) == ("fd00::7", MAC)
    assert read_advertisement(render_solicitation("fd00::7", MAC)) is None


@given(st.binary(max_size=80))
def test_no_frame_does_harm(frame):
    read_reply(frame)
    read_advertisement(frame)


ON_A_LINK = """
import sys, trio
from pikube.netproxy.held_addresses import give_back, held_addresses, interface_for, run, take
from pikube.netproxy.leftovers import list_leftovers
from pikube.netproxy.neighbours import announce, who_has
other, address, network = sys.argv[1:]
there = ("nsenter", f"--net=/run/netns/{other}")
run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other)
for where, own in (((), 1), (there, 2)):
    run(*where, "ip", "link", "set", "lo", "up")
    run(*where, "ip", "link", "set", "eth0", "up")
    run(*where, "ip", "address", "add", network.format(own), "dev", "eth0", *(["nodad"] if ":" in address else []))
assert interface_for(address) == "eth0"
assert not trio.run(who_has, "eth0", address, 0.6), "nobody has it"
take("eth0", address); take("eth0", address)
try:
    take("gone0", address)
except OSError:
    pass
else:
    raise AssertionError("an interface that has gone is an OSError")
assert held_addresses() == {address: "eth0"}, held_addresses()
assert [words for words in list_leftovers(__import__("pathlib").Path("/nowhere")) if address in words]
assert not trio.run(who_has, "eth0", address, 0.6), "oneself is nobody else"
run(*there, "busybox", "ping", "-c1", "-W2", address)
def believed():
    return run(*there, "ip", "neigh", "show", "to", address).stdout
mine = run("ip", "-br", "link", "show", "eth0").stdout.split()[2]
assert mine in believed(), believed()
run(*there, "ip", "neigh", "replace", address, "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "reachable")
trio.run(announce, "eth0", address)
assert mine in believed(), f"an announcement is believed: {believed()}"
give_back("eth0", address)
assert held_addresses() == {}
run(*there, "ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
assert trio.run(who_has, "eth0", address, 5.0), "the other one answers"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")
@pytest.mark.parametrize(
    ("address", "network"), [("192.168.1.240", "192.168.1.{}/24"), ("fd00:7::240", "fd00:7::{}/64")]
)
def test_an_address_is_asked_for_taken_and_announced_on_a_real_link(address, network):
    names = [f"pk{os.getpid()}link{number}" for number in (1, 2)]
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        argv = ["nsenter", f"--net=/run/netns/{names[0]}", sys.executable, "-c", ON_A_LINK]
        done = subprocess.run([*argv, names[1], address, network], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=True)
