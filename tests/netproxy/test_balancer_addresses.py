"""Who has an address of the pool, and what is said about it on the link."""

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

MAC = bytes.fromhex("b827eb010203")


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
    frame = render_arp(operation, MAC, "192.168.1.240", "192.168.1.240")
    assert len(frame) == 42 and frame[:6] == b"\xff" * 6
    assert read_reply(frame) == ("192.168.1.240", MAC)


@given(st.binary(max_size=80))
def test_no_frame_does_harm(frame):
    read_reply(frame)
